"""The mean distance of AllXY's pairs from perfect ones: a number that holds the noise, too.

No law bounds it. Its truth is what it is on average, its spread how it scatters: every distance is
the size of a Gaussian number, whose mean and variance are known (Leone et al., Technometrics 3, 543
(1961)); all of them miss what the fit of perfect pulses took up.
"""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import erf

from tests.catalogue.truth import Array, Parameters, Traces, Truth

PERFECT = np.repeat([0.0, 0.5, 1.0], [5, 12, 4])
NAME = "allxy_deviation"
X = np.column_stack([PERFECT, np.ones(21)])
LEFT = np.eye(21) - X @ np.linalg.pinv(X)  # of 21 pairs, what perfect ones do not take up


class AllXY(Truth):
    """A truth whose fit gives the deviation besides."""

    def aside(self) -> Truth | None:
        """Return the same law with what stands besides, and the deviation, as its values."""
        aside = super().aside()
        return aside and _Deviating(**{f.name: getattr(aside, f.name) for f in fields(aside)})


class _Deviating(Truth):
    def measured(
        self, rng: np.random.Generator, p: Parameters, snr: float | Array | None = None,
        y: NDArray[Any] | None = None,
    ) -> Traces:  # fmt: skip
        traces = super().measured(rng, p, snr, y)
        more = {NAME: _sizes(self.clean(p), traces.sigma)[0]}
        return replace(traces, low=traces.low | more, high=traces.high | more)

    def spreads(self, p: Parameters, sigma: Array) -> dict[str, Array]:
        return {NAME: _sizes(self.clean(p), sigma)[1]}


def _sizes(clean: Array, sigma: Array) -> tuple[Array, Array]:
    """Return mean and standard deviation of the deviation (N,)."""
    middle, contrast = clean @ LEFT, np.abs(clean @ np.linalg.pinv(X)[0])
    own = sigma * np.sqrt(np.diagonal(LEFT))
    sign = erf(middle / own / np.sqrt(2))
    size = own * np.sqrt(2 / np.pi) * np.exp(-0.5 * (middle / own) ** 2) + middle * sign
    alike = np.einsum("nj,jk,nk->n", sign * sigma, LEFT, sign * sigma)
    variance = (own**2 + middle**2 - size**2 - (sign * own) ** 2).sum(axis=1) + alike
    return size.mean(axis=1) / contrast, np.sqrt(variance) / 21 / contrast
