"""Several lines in one wide scan, found one after the other and fitted in turn.

Lines that stand apart hardly know of each other: each is fitted to what the others leave, round
after round, until nothing changes (backfitting), and its errors are those of that fit.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from kammerton.estimation.numeric import kernels
from kammerton.estimation.numeric.prepare import Batch
from kammerton.estimation.numeric.seeds import search
from kammerton.estimation.numeric.solver import Solution

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]
FitsLine = Callable[[Batch, Array], Solution]

MOST = 6  # lines
WORTH = 30.0  # gain in chi-square for which another line is believed
ROUNDS = 3
NARROWEST = 2.0  # full width, in points
WIDEST = 0.5  # full width, in windows


@dataclass(frozen=True, eq=False)
class Several:
    """Lines of N traces, strongest first: fits (K of them), and which there are (K, N).

    curve: (N, R) of all lines and the background. cost, residual, free: as of a Solution.
    """

    fits: list[Solution]
    there: Mask
    curve: Array
    cost: Array
    residual: Array
    free: NDArray[np.intp]

    def main(self, pick: NDArray[np.intp]) -> Solution:
        """Return line `pick` (N,) of each trace, judged by what all lines together leave."""
        n = np.arange(len(pick))
        theta, cov = (np.stack([getattr(f, name) for f in self.fits])[pick, n]
                      for name in ("theta", "cov"))  # fmt: skip
        return Solution(kernels.LINE, theta, cov, self.cost, self.residual, self.free)

    def others(self, main: NDArray[np.intp], at: Array, unit: Array) -> tuple[Array, Array]:
        """Return values `at` (K, N) of all lines but one, in their order, and their errors.

        unit: (N,), what a centre's unit-weight standard error is to be multiplied with.
        """
        rest = np.where(np.arange(len(at))[:, None] == main, np.nan, at)
        order = np.argsort(np.isnan(rest), axis=0, kind="stable")
        errors = unit * np.sqrt(np.stack([fit.cov[:, 0, 0] for fit in self.fits]))
        rest, errors = (np.take_along_axis(each, order, axis=0) for each in (rest, errors))
        return rest, np.where(np.isnan(rest), np.nan, errors)

    def centres(self) -> Array:
        """Return the centres (K, N) in windows, NaN where there is no such line."""
        return np.where(self.there, np.stack([fit.p[:, 0] for fit in self.fits]), np.nan)


def several_lines(batch: Batch, first: Solution, fit_line: FitsLine) -> Several:
    """Add lines to the first one as long as they are worth it.

    fit_line(batch, start) fits one line over a background, from centre and half width (N, 2).
    """
    fits, there = [first], np.ones((1, batch.traces), dtype=bool)
    noise = first.cost / np.maximum(batch.rows - first.free, 1)
    noise = np.ones_like(noise) if batch.known_noise else noise
    cost = first.cost
    while len(fits) < MOST:
        rest = batch.with_y(batch.y - _all(batch, fits, there))
        new = fit_line(rest, search(rest, "lines", 1))
        worth = (cost - new.cost > WORTH * noise) & _is_another(batch, new, fits, there)
        if not worth.any():
            break
        fits, there = [*fits, new], np.vstack([there, worth])
        fits = _in_turn(batch, fits, there, fit_line)
        cost = np.where(worth, _cost(batch, fits, there), cost)
        noise = noise if batch.known_noise else cost / np.maximum(batch.rows - 5 * len(fits), 1)
    return _ordered(batch, fits, there)


def line_alone(batch: Batch, fit: Solution) -> Array:
    """Return a line (N, R) without its background."""
    bare = replace(fit, theta=np.hstack([fit.theta[:, :4], np.zeros((batch.traces, 2))]))
    return bare.curve(batch)


def _all(batch: Batch, fits: list[Solution], there: Mask, but: int = -1) -> Array:
    """Return the sum of the lines that are there, but one."""
    total = np.zeros_like(batch.y)
    for k, fit in enumerate(fits):
        if k != but:
            total += np.where(there[k, :, None], line_alone(batch, fit), 0.0)
    return total


def _in_turn(batch: Batch, fits: list[Solution], there: Mask, fit_line: FitsLine) -> list[Solution]:
    for _ in range(ROUNDS):
        for k, fit in enumerate(fits):
            rest = batch.with_y(batch.y - _all(batch, fits, there, k))
            fits[k] = fit_line(rest, fit.p)
    return fits


def _is_another(batch: Batch, new: Solution, fits: list[Solution], there: Mask) -> Mask:
    """Return where a line is one: inside the window, wider than a point, and not seen before."""
    centre, half = new.p.T
    step = 1.0 / (batch.points - 1)
    good = (centre > 0.0) & (centre < 1.0) & (2 * half > NARROWEST * step) & (2 * half < WIDEST)
    for k, fit in enumerate(fits):
        apart = np.abs(centre - fit.p[:, 0]) > half + fit.p[:, 1]
        good &= apart | ~there[k]
    return np.asarray(good)


def _cost(batch: Batch, fits: list[Solution], there: Mask) -> Array:
    return np.asarray((_residual(batch, fits, there) ** 2).sum(axis=1))


def _residual(batch: Batch, fits: list[Solution], there: Mask) -> Array:
    """Return the weighted residuals, over the background that the first line was fitted with."""
    result: Array = (batch.y - _all(batch, fits, there) - _background(batch, fits[0])) * batch.w
    return result


def _background(batch: Batch, fit: Solution) -> Array:
    return fit.curve(batch) - line_alone(batch, fit)


def _ordered(batch: Batch, fits: list[Solution], there: Mask) -> Several:
    """Put the strongest line of each trace first."""
    height = np.stack([np.abs(f.c[:, 0] + f.c[:, 1]) for f in fits])
    order = np.argsort(np.where(there, -height, np.inf), axis=0, kind="stable")
    n = np.arange(batch.traces)
    residual = _residual(batch, fits, there)
    curve = _all(batch, fits, there) + _background(batch, fits[0])
    ranked = [
        replace(fits[0], **{
            name: np.stack([getattr(f, name) for f in fits])[rank, n] for name in ("theta", "cov")
        })
        for rank in order
    ]  # fmt: skip
    count = there.sum(axis=0)
    return Several(
        ranked, np.take_along_axis(there, order, axis=0), curve, (residual**2).sum(axis=1),
        residual, np.asarray(4 * count + 2),
    )  # fmt: skip
