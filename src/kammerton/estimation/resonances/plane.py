"""One resonance in the complex plane, over a cable's delay and a background that may slope."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from kammerton.estimation.numeric.poles import ALONE, fit_poles
from kammerton.estimation.numeric.prepare import Batch
from kammerton.estimation.numeric.solver import Solution, replaced
from kammerton.estimation.resonances.nulls import careful_nulls, smooth_nulls
from kammerton.estimation.resonances.seeds import Start, resonance_starts
from kammerton.estimation.verdict.evidence import Mask, delta_cost, gain_of, limits, structured
from kammerton.estimation.verdict.nulls import Nulls
from kammerton.estimation.verdict.traits import autocorrelation

Array = NDArray[np.float64]

DEGREES = 1  # highest power of f in the background: more would eat into the line
BENDS = 8.0  # gain in chi-square for which a slope of the background is believed
STEEP = 0.5  # of the background, across the window: one standard deviation of what is usual
NEARLY = 1.0  # of that which may lie on the slope's other side
HINT = 5.0  # of its estimate, for which it is fitted
WHOLE, HALF = (-1.0, 1.0), (-0.5, 0.5)  # turns by which a resonance may mislead the delay's seed
DOUBTFUL = 150.0  # chi-square below which "no resonance" is tried with care
CLUMPED, POOR = 5.0, 1.3  # lag-1 correlation in sigmas, and chi-square, that ask for other starts
LEFT = 0.02  # chance of a chi-square that asks for that care, too
WIDE = 0.25  # linewidth, in windows, from which it is too
WOUND, PLAIN = 0.9, 1000.0  # |a/b| from which a resonance turns the phase once; size that shows it
CLEARLY = 1.0  # in chi-square, by which another delay is better
LOST = 30.0  # size of a resonance that may be somewhere else altogether


@dataclass(frozen=True, eq=False)
class Plane:
    """Fits of N traces; `sign` (N,) is -1 where the conjugate was fitted, `turned` the batch so.

    delay: (N,) its seed, in turns of the turned trace.
    """

    turned: Batch
    sign: Array
    fit: Solution
    delay: Array

    def nulls(self) -> Nulls:
        """Return the costs of no resonance, with care where there is doubt."""
        plain = smooth_nulls(self.turned, self.delay)
        noise = np.ones(len(self.sign))
        if not self.turned.known_noise:
            noise = self.fit.cost / np.maximum(self.turned.rows - self.fit.free, 1)
        wide = self.fit.p[:, 1] > WIDE
        doubt = (plain.flat[0] - self.fit.cost < DOUBTFUL * noise) | wide
        doubt |= _size(self.fit) < DOUBTFUL * noise  # the seed's delay may be no good for a null
        jumps = self._like_a_jump()
        which = (doubt | jumps).nonzero()[0]
        if len(which) == 0:
            return plain
        careful = careful_nulls(
            self.turned.take(which), self.delay[which], jumps[which], wide[which]
        )
        return plain.replaced(which, plain.take(which).least(careful))

    def _like_a_jump(self) -> Mask:
        """Return where a resonance may follow a jump (N,): its background slopes, or noise is left.

        It follows a jump well with a slope on its other side; without one, not as noise allows.
        """
        sloping = self.fit.theta[:, 7:].any(axis=1)
        if not self.turned.known_noise:
            return np.asarray(sloping | structured(self.turned, self.fit))
        freedom = np.maximum(self.turned.rows - self.fit.free, 1)
        return np.asarray(sloping | (self.fit.cost > limits(freedom, LEFT)))


def _size(fit: Solution) -> Array:
    """Return the square of the resonance's amplitude a in its own sigmas (N,)."""
    variance = fit.cov[:, 5, 5] + fit.cov[:, 6, 6]
    return np.asarray(2.0 * (fit.theta[:, 5:7] ** 2).sum(axis=1) / np.maximum(variance, 1e-300))


def fit_plane(batch: Batch) -> Plane:
    """Fit every trace from two starts, and from more where what is left is not noise."""
    first, second = resonance_starts(batch)
    delay, sign = first.p[:, 2] * first.sign, first.sign.copy()
    differ = _apart(first, second).nonzero()[0]
    if len(differ) == 0:
        fit = _fitted(turned(batch, sign), first.p)
    else:
        fit = _of_both(batch, sign, first, differ, second.take(differ))
    begun, poor = fit, _poor(batch, fit)
    worse = poor.nonzero()[0]
    doubtful = worse if poor.all() else (poor | _faint(fit)).nonzero()[0]
    tries = _tried(batch, delay, (doubtful, WHOLE), (worse, HALF))
    whole, half = tries[: len(WHOLE)], tries[len(WHOLE) :]
    fit, better = _of_tries(batch, sign, fit, delay, whole)
    onward = (better != delay).nonzero()[0]  # the way back was tried
    if len(onward):
        beyond = _tried(batch, 2.0 * better - delay, (onward, (0.0,)))
        fit, _ = _of_tries(batch, sign, fit, delay, beyond)
    if len(worse):
        if fit is not begun:
            still = _poor(batch.take(worse), fit.take(worse))
            half = [each.take(still) for each in half]
        fit, _ = _of_tries(batch, sign, fit, delay, half)
    return Plane(turned(batch, sign), sign, fit, delay * sign)


def _of_both(
    batch: Batch, sign: Array, first: Start, differ: NDArray[np.intp], second: Start
) -> Solution:
    """Return the better of two fits where starts differ; `sign` follows.

    All are fitted at once: for few traces, calls cost more than fits.
    """
    every = np.arange(batch.traces)
    part = batch.take(np.concatenate([every, differ]))
    signs = np.concatenate([sign, second.sign])
    both = _fitted(turned(part, signs), np.concatenate([first.p, second.p]))
    fit, other = both.take(slice(len(every))), both.take(slice(len(every), None))
    return _better(batch, sign, fit, differ, other, second.sign)


def _faint(fit: Solution) -> Mask:
    """Return where a faint resonance may have turned the phase, and misled the delay's seed."""
    level, size = np.hypot(*fit.theta[:, 3:5].T), np.hypot(*fit.theta[:, 5:7].T)
    faint = _size(fit)
    return np.asarray((faint < LOST) | ((size > WOUND * level) & (faint < PLAIN)))


def turned(batch: Batch, sign: Array) -> Batch:
    """Conjugate the traces whose phase convention is the other one."""
    if (sign > 0).all():
        return batch
    y = batch.y.copy()
    y[:, batch.points :] *= sign[:, None]
    return batch.with_y(y)


def _apart(first: Start, second: Start) -> NDArray[np.bool_]:
    """Return where two starts may lead to different resonances."""
    wide = np.maximum(first.p[:, 1], second.p[:, 1])
    narrow = np.minimum(first.p[:, 1], second.p[:, 1])
    near = np.abs(first.p[:, 0] - second.p[:, 0]) < 0.5 * wide
    return np.asarray(~near | (wide > 3.0 * narrow) | (first.sign != second.sign))


def _better(
    batch: Batch, sign: Array, fit: Solution, which: NDArray[np.intp], other: Solution, turn: Array
) -> Solution:
    """Return the better of `fit` and `other`, which has the sign `turn`, for the traces `which`.

    A background that slopes in one of them only must pay for it there too.
    """
    better = gain_of(batch, which, fit, other) > BENDS * np.sign(other.free - fit.free[which])
    sign[which[better]] = turn[better]
    return replaced(fit, which, other, better)


@dataclass(frozen=True, eq=False)
class _Try:
    """Fits of the traces `which` (B,) from another delay (B,), with the signs (B,) they have."""

    which: NDArray[np.intp]
    delay: Array
    sign: Array
    fit: Solution

    def take(self, some: Mask) -> _Try:
        """Return the fits of some of those traces only."""
        return _Try(self.which[some], self.delay[some], self.sign[some], self.fit.take(some))


def _tried(
    batch: Batch, delay: Array, *asked: tuple[NDArray[np.intp], tuple[float, ...]]
) -> list[_Try]:
    """Fit traces from delays (N,) some turns off; asked: which traces, and their turns.

    All are fitted at once: for few traces, calls cost more than fits.
    """
    pairs = [(which, turns) for which, shifts in asked for turns in shifts]
    rows = np.concatenate([which for which, _ in pairs])
    if len(rows) == 0:
        return []
    part = batch.take(rows)
    tried = np.concatenate([delay[which] + turns for which, turns in pairs])
    (start,) = resonance_starts(part, tried, slopes=1)
    fit = _fitted(turned(part, start.sign), start.p)
    tries, first = [], 0
    for which, _ in pairs:
        mine = slice(first, first + len(which))
        tries.append(_Try(which, tried[mine], start.sign[mine], fit.take(mine)))
        first += len(which)
    return tries


def _of_tries(
    batch: Batch, sign: Array, fit: Solution, delay: Array, tries: list[_Try]
) -> tuple[Solution, Array]:
    """Return the best of `fit` and the tries, and `delay` (N,), where the best began.

    A delay changes where its fit is clearly better; `sign` follows.
    """
    best = delay.copy()
    for each in tries:
        which = each.which
        if len(which) == 0:
            continue
        old, fit = fit, _better(batch, sign, fit, which, each.fit, each.sign)
        if fit is old:
            continue
        moved = gain_of(batch, which, old, fit.take(which)) > CLEARLY
        best[which[moved]] = each.delay[moved]
    return fit, best


def bounds(batch: Batch) -> tuple[Array, Array]:
    """Return between what centre, width and delay of a resonance may be (3,); not to be changed."""
    return _ends(batch.points)


@lru_cache(maxsize=16)
def _ends(points: int) -> tuple[Array, Array]:
    turns = 0.6 * points
    return np.array([-0.3, 0.6 / points, -turns]), np.array([1.3, 5.0, turns])


def _fitted(batch: Batch, start: Array) -> Solution:
    low, high = bounds(batch)
    plain, gain = fit_poles(ALONE, batch, start, low, high)

    hints = gain > HINT
    if not hints.all():
        hints |= structured(batch, plain)

    def bent(part: Batch, p: Array) -> Solution:
        return fit_poles(ALONE, part, p, low, high, slope=True)[0]

    return over_background(batch, plain, hints, 2, bent)


def _poor(batch: Batch, fit: Solution) -> NDArray[np.bool_]:
    """Return where the residuals are so far from noise that another start may be better."""
    poor, rows = np.zeros(batch.traces, dtype=bool), batch.rows
    if batch.known_noise:
        poor = fit.cost > POOR * np.maximum(rows - fit.free, 1)
    if not poor.all():
        ratio = autocorrelation(batch, fit.residual)
        poor |= np.abs(ratio[:, 0]) * np.sqrt(rows) > CLUMPED
        poor |= (ratio**2).sum(axis=1) * rows > 42.0
    return poor


def over_background(
    batch: Batch, plain: Solution, hints: Mask, each: int, bent: Callable[[Batch, Array], Solution],
    worth: float = BENDS,
) -> Solution:  # fmt: skip
    """Let the background slope where `hints` (N,) ask for it; `each` coefficients a power of f.

    bent: fits those traces over a background that slopes, from the p of `plain`. worth: gain in
    chi-square for which that is believed. All solutions come back with their coefficients, 0
    where there is no slope.
    """
    best = padded(plain, plain.theta.shape[1] + DEGREES * each)
    which = hints.nonzero()[0]
    if len(which) == 0:
        return best
    part = batch.take(which)
    level, other = plain.take(which), bent(part, plain.p[which])
    gain = delta_cost(part, level, other)
    nearly = ((gain <= worth) & (gain > worth - NEARLY)).nonzero()[0]
    if len(nearly):  # a slope and a delay do much the same: there may be a minimum on either side
        beyond = bent(part.take(nearly), (2.0 * level.p - other.p)[nearly])
        other = replaced(other, nearly, beyond, beyond.cost < other.cost[nearly])
        gain = delta_cost(part, level, other)
    return replaced(best, which, other, gain > worth)


def padded(fit: Solution, size: int) -> Solution:
    """Return the same solution with background coefficients of 0 up to `size` parameters."""
    n, own = fit.theta.shape
    theta, cov = np.zeros((n, size)), np.zeros((n, size, size))
    theta[:, :own], cov[:, :own, :own] = fit.theta, fit.cov
    return Solution(fit.law, theta, cov, fit.cost, fit.residual, fit.free)
