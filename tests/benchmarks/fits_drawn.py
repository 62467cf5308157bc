"""Traces with their truth and bounds, and which of their values are right."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kammerton.estimation import FitBatch
from tests.catalogue.bound import bound
from tests.catalogue.truth import Array, Parameters, Traces, Truth

Mask = NDArray[np.bool_]

NEAR = 0.05  # relative error that counts as right, and bound below which a value is identifiable
TOLD = 0.1  # relative bound below which a value that is not given is wrong
SURE = 3.0  # bounds within which it is right anyway


@dataclass(frozen=True, eq=False)
class Set:
    """Traces with their truth and bounds."""

    truth: Truth
    hidden: Parameters
    traces: Traces
    best: dict[str, Array]

    @property
    def scored(self) -> list[str]:
        """The names of the values that this truth has."""
        return [name for name, v in self.traces.low.items() if np.isfinite(v).any()]

    def size(self, name: str) -> Array:
        """Return what 5 % is a part of (N,)."""
        default = self.traces.low[name]
        return np.abs(self.truth.scale(self.hidden).get(name, default))

    def known(self, name: str) -> Array:
        """Return where a value can be told (N,)."""
        return np.asarray(self.best[name] < NEAR * self.size(name))

    def told(self, name: str) -> Array:
        """Return where a value must be given (N,)."""
        return np.asarray(self.best[name] < TOLD * self.size(name))

    def off(self, name: str, value: Array) -> Array:
        """Return how far a value is from the truth (N,); a decay time's by its rate, T^2 d(1/T).

        A rate's error is Gaussian where T is longer than the window; the bound of T is then so
        large that even a negative T would be within it.
        """
        true = self.traces.low[name]
        if name not in self.truth.times:
            return np.abs(value - true)
        with np.errstate(divide="ignore"):
            return np.abs(true * (true / value - 1.0))

    def right(self, values: dict[str, Array], alike: dict[str, Array]) -> Array:
        """Return where every value is near enough (N,).

        alike: what another law gives that no trace rules out, NaN elsewhere; that near the truth,
        a value is right, too. Where a value is hardly told, none is right. The fit's own error bars
        do not count.
        """
        ok = np.ones(len(self.traces), dtype=bool)
        for name in self.scored:
            room = np.maximum(NEAR * self.size(name), SURE * self.best[name])
            room = np.fmax(room, self.off(name, alike[name]))
            with np.errstate(invalid="ignore"):
                near = self.off(name, values[name]) <= room
            ok &= near | np.isnan(values[name]) & ~self.told(name)
        return ok


def drawn(truth: Truth, seed: int, n: int, snr: float | None) -> Set:
    """Return n traces of one signal-to-noise ratio, or of many."""
    rng = np.random.default_rng([seed, 2])
    p = truth.draw(rng, n)
    traces = truth.measured(rng, p, snr)
    return Set(truth, p, traces, bound(truth, p, traces))


def fitted(held: Set) -> FitBatch:
    """Fit, and insist that every scored value has its name."""
    found = held.truth.fit(held.traces)
    missing = set(held.scored) - set(found.values)
    if missing:
        raise KeyError(f"{held.truth.name}: the fit gives no {', '.join(sorted(missing))}")
    return found
