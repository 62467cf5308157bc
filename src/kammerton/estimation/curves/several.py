"""Several lines in one wide scan, found one after the other and fitted in turn.

Lines that stand apart hardly know of each other: each is fitted to what the others leave, round
after round, until nothing changes (backfitting), and its errors are those of that fit.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.typing import NDArray

from kammerton.estimation.numeric import kernels
from kammerton.estimation.numeric.lines_in_turn import fill_another, take_turns
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
AT_FIRST = 1.6  # the same of a line beside others that are not found yet: they feign a background
WIDEST = 0.5  # full width, in windows
SIZE = kernels.NONLINEAR[kernels.LINE] + kernels.LINEAR[kernels.LINE]


@dataclass(frozen=True, eq=False)
class Several:
    """Up to K lines of N traces.

    p (N, K, 2): centre and half width, with cov (N, K, 2, 2); height (N, K); shapes (N, K, R): each
    alone; base (N, R): the background. count (N,): how many there are.
    """

    p: Array
    cov: Array
    height: Array
    shapes: Array
    base: Array
    count: NDArray[np.intp]

    @property
    def there(self) -> Mask:
        """Which lines there are (K, N)."""
        return np.asarray(np.arange(self.p.shape[1])[:, None] < self.count)

    @property
    def curve(self) -> Array:
        """All lines over the background (N, R)."""
        return np.asarray(self.shapes.sum(axis=1) + self.base)

    def narrow(self, batch: Batch) -> Mask:
        """Return of which traces a line but the first is no wider than two points (N,)."""
        width = np.where(self.there.T, 2.0 * self.p[:, :, 1], np.inf)[:, 1:]
        return np.asarray((width * (batch.points - 1) <= NARROWEST).any(axis=1))

    def residual(self, batch: Batch) -> Array:
        """Return what all lines leave (N, R), weighted."""
        return np.asarray((batch.y - self.curve) * batch.w)

    def ordered(self) -> Several:
        """Return the lines of each trace with the strongest first."""
        size = np.where(self.there.T, -np.abs(self.height), np.inf)
        order = (np.arange(len(size))[:, None], np.argsort(size, axis=1, kind="stable"))
        names = ("p", "cov", "height", "shapes")
        return replace(self, **{name: getattr(self, name)[order] for name in names})

    def main(self, batch: Batch, pick: NDArray[np.intp]) -> Solution:
        """Return line `pick` (N,) of each trace, judged by what all lines together leave."""
        n, residual = np.arange(len(pick)), self.residual(batch)
        theta, cov = np.zeros((len(n), SIZE)), np.zeros((len(n), SIZE, SIZE))
        theta[:, :2], theta[:, 2], cov[:, :2, :2] = (
            self.p[n, pick], self.height[n, pick], self.cov[n, pick],
        )  # fmt: skip
        cost = (residual**2).sum(axis=1)
        return Solution(kernels.LINE, theta, cov, cost, residual, 4 * self.count + 2)

    def others(self, main: NDArray[np.intp], at: Array, unit: Array) -> tuple[Array, Array]:
        """Return values `at` (K, N) of all lines but one, in their order, and their errors.

        unit: (N,), what a centre's unit-weight standard error is to be multiplied with.
        """
        rest = np.where(np.arange(len(at))[:, None] == main, np.nan, at)
        order = np.argsort(np.isnan(rest), axis=0, kind="stable")
        errors = unit * np.sqrt(self.cov[:, :, 0, 0].T)
        rest, errors = (np.take_along_axis(each, order, axis=0) for each in (rest, errors))
        return rest, np.where(np.isnan(rest), np.nan, errors)

    def centres(self) -> Array:
        """Return the centres (K, N) in windows, NaN where there is no such line."""
        return np.where(self.there, self.p[:, :, 0].T, np.nan)


def several_lines(
    batch: Batch, first: Solution, fit_line: FitsLine, ends: tuple[Array, Array]
) -> Several:
    """Add lines to the first one as long as they are worth it.

    fit_line(batch, start) fits one line over a background, from centre and half width (N, 2);
    ends: their bounds.
    """
    lines = _found(batch, first, fit_line, ends, AT_FIRST)
    narrow = np.flatnonzero(lines.narrow(batch))
    if len(narrow):
        anew = _found(batch.take(narrow), first.take(narrow), fit_line, ends, NARROWEST)
        for each in fields(lines):
            getattr(lines, each.name)[narrow] = getattr(anew, each.name)
    return lines.ordered()


def _found(
    batch: Batch, first: Solution, fit_line: FitsLine, ends: tuple[Array, Array], least: float
) -> Several:  # fmt: skip
    """Return the lines that stand apart and were wider than `least` points when they were added."""
    lines = _one(batch, first)
    cost = first.cost.copy()
    noise = np.ones_like(cost)
    if not batch.known_noise:
        noise = cost / np.maximum(batch.rows - first.free, 1)
    which = np.arange(batch.traces)
    for k in range(1, MOST):
        part = batch.take(which)
        rest = part.with_y(part.y - lines.shapes[which].sum(axis=1))
        new = fit_line(rest, search(rest, "lines", 1))
        worth = cost[which] - new.cost > WORTH * noise[which]
        worth &= _is_another(part, new, lines.p[which, :k], least)
        which, new, rest = which[worth], new.take(worth), rest.take(worth)
        if len(which) == 0:
            break
        lines.count[which] += 1
        lines.p[which, k], lines.shapes[which, k] = new.p, line_alone(rest, new)
        take_turns(
            batch.x, batch.y, batch.w, which, lines.count, *ends, ROUNDS, lines.p, lines.height,
            lines.cov, lines.shapes, lines.base,
        )  # fmt: skip
        cost[which] = (lines.residual(batch)[which] ** 2).sum(axis=1)
        if not batch.known_noise:
            noise[which] = cost[which] / np.maximum(batch.rows[which] - 5 * (k + 1), 1)
    return lines


def line_alone(batch: Batch, fit: Solution) -> Array:
    """Return a line (N, R) without its background."""
    bare = fit.theta.copy()
    bare[:, 4:] = 0.0
    return Solution(fit.law, bare, fit.cov, fit.cost, fit.residual, fit.free).curve(batch)


def _one(batch: Batch, first: Solution) -> Several:
    """Return room for several lines, with the first."""
    n = batch.traces
    p, cov, height = np.zeros((n, MOST, 2)), np.zeros((n, MOST, 2, 2)), np.zeros((n, MOST))
    shapes = np.zeros((n, MOST, batch.points))
    p[:, 0], cov[:, 0], height[:, 0] = first.p, first.cov[:, :2, :2], first.c[:, :2].sum(axis=1)
    shapes[:, 0] = line_alone(batch, first)
    base = first.curve(batch) - shapes[:, 0]
    return Several(p, cov, height, shapes, base, np.ones(n, dtype=np.intp))


def _is_another(batch: Batch, new: Solution, lines: Array, least: float) -> Mask:
    """Return where a line is one: inside the window, wide enough, and not seen before.

    lines (N, K, 2): those that there are. least: full width, in points.
    """
    there = np.empty(batch.traces, dtype=np.bool_)
    fill_another(new.p, lines, least / (batch.points - 1), WIDEST, there)
    return there
