"""How well a law explains a trace: against simpler laws, against the noise, and by itself."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import chdtri

from kammerton.estimation.numeric.arrays import all_of
from kammerton.estimation.numeric.derived import Derived, Formulas, derive
from kammerton.estimation.numeric.kernels import careful_kernel, careful_piece
from kammerton.estimation.numeric.prepare import Batch
from kammerton.estimation.numeric.solver import Solution
from kammerton.estimation.verdict.nulls import Nulls
from kammerton.estimation.verdict.ties import beyond_chance
from kammerton.estimation.verdict.traits import (
    EXTENT,
    FARTHEST,
    HELD,
    LAGS,
    RAILED,
    TWINS,
    clumped,
    dying,
    like_noise,
    traits,
)

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]
Counts = NDArray[np.intp]
Ranges = Mapping[int, tuple[float, float]]  # of parameters, by their place

NO_RANGES: Ranges = {}

UNLIKELY = 1e-3  # chance of a chi-square this large that we take for a wrong model
FAITHFUL = 0.025  # what a law leaves, in parts of the signal: no walk is followed so closely
IN_PLANE = 8.0  # extent of a resonance that is seen, in parts of its mean size
JUMPED = 1.5  # reduced chi-square up to which a jump is an explanation
DISPROVED = 0.01  # chance of a chi-square that disproves a given sigma
WORSE = 2.0  # reduced chi-square from which errors are said to be too small
FEW = 8  # traces, of which each limit is asked for by itself
SLACK = 1.07  # given variances are themselves estimates
RELATED_KNOWN, RELATED = 3.5, 3.1  # lag-1 autocorrelation, in sigmas, that is not chance
PORTMANTEAU = 42.0  # Ljung-Box sum over 8 lags that is not chance (p = 1e-6)
SMALL_KNOWN, SMALL = 0.015, 0.06  # structure in the residuals we let pass, in parts of the signal


@dataclass(frozen=True, eq=False)
class Evidence:
    """What is known about each fit (N,).

    noise: variance of a row of weight 1, for error bars. gain_flat, ..._line, ..._step, ..._walk:
    delta-BIC over no signal, a straight line, a single jump, a random walk. related: residuals
    show structure. misfit: so much of it that the law is wrong. stray: one point alone makes most
    of the signal. dull: what the law leaves is noise, so if it gains nothing there is nothing.
    railed: points at exactly the largest or the smallest value, 0 where counts are there by
    chance. jumped: a single jump explains the trace. copied: several points have exactly the same
    value. chi2_reduced: NaN where sigma was not given. even: sigma was given and is too small,
    for what looks like noise all the same. dying: even, and yet less and less along the sweep.
    """

    noise: Array
    chi2_reduced: Array
    gain_flat: Array
    gain_line: Array
    gain_step: Array
    gain_walk: Array
    related: Mask
    misfit: Mask
    stray: Mask
    dull: Mask
    railed: Array
    jumped: Mask
    copied: Mask
    even: Mask
    dying: Mask

    def stderr(self, variance: Array) -> Array:
        """Return standard errors from unit-weight variances."""
        result: Array = np.sqrt(np.maximum(variance, 0.0) * self.noise)
        return result

    def take(self, which: NDArray[Any]) -> Evidence:
        """Return that of some traces only."""
        if all_of(which, len(self.noise)):
            return self
        return Evidence(**{name: getattr(self, name)[which] for name in self.__dataclass_fields__})

    def replaced(self, which: NDArray[np.intp], part: Evidence) -> Evidence:
        """Return this evidence with that of the traces `which` from `part`."""
        if all_of(which, len(self.noise)):
            return part
        fields = {name: getattr(self, name).copy() for name in self.__dataclass_fields__}
        for name, values in fields.items():
            values[which] = getattr(part, name)
        return Evidence(**fields)


def weigh(batch: Batch, fit: Solution, curve: Array, nulls: Nulls) -> Evidence:
    """Compare a solution with simpler laws, with the noise, and with itself."""
    n, seen, rows = batch.traces, traits(batch, fit.residual, curve), batch.rows
    freedom = np.maximum(rows - fit.free, 1)
    laws = (nulls.flat, nulls.line, nulls.step, nulls.walk)
    noise, reduced = np.empty(n), np.empty(n)
    gains, flags = np.empty((5, n)), np.empty((6, n), dtype=np.bool_)
    compare(
        fit.cost, fit.free, rows, seen,
        nulls.flat[0], nulls.line[0], nulls.step[0], nulls.walk[0],
        np.array([parameters for _, parameters in laws]),
        batch.parts == 2, batch.known_noise, SLACK * limits(freedom, UNLIKELY),
        limits(freedom, DISPROVED), noise, reduced, gains, flags,
    )  # fmt: skip
    unlike = ~flags[0] & (reduced > WORSE) & batch.known_noise
    even = like_noise(batch, fit.residual, unlike)
    return Evidence(
        noise, reduced if batch.known_noise else np.full(n, np.nan),
        gains[0], gains[1], gains[2], gains[3], flags[0], flags[1], flags[2], flags[3],
        beyond_chance(batch, gains[4]), flags[4], flags[5],
        even, dying(batch, fit.residual, even),
    )  # fmt: skip


@careful_kernel
def compare(
    cost: Array, free: Counts, rows: Counts, seen: Array, flat: Array, line: Array, step: Array,
    walk: Array, parameters: Counts, plane: bool, known: bool, unlikely: Array,
    disproved: Array, noise: Array, reduced: Array, gains: Array, flags: Mask,
) -> None:  # fmt: skip
    """Fill noise and reduced chi-square (N,), gains (5, N) and flags (6, N).

    gains: over the four laws; the points that are railed. flags: related, misfit, stray, dull,
    jumped, copied. seen: see `traits`. unlikely, disproved (1 or N,): limits of cost. In the
    plane a cable turns everything, so the curve's extent is not the signal's.
    """
    for n in range(cost.size):
        freedom, size = max(rows[n] - free[n], 1), seen[n, EXTENT]
        some = cost[n] / freedom
        worse = known and cost[n] > unlikely[n if unlikely.size > 1 else 0]
        share, total = share_of(seen[n], rows[n], RELATED_KNOWN if known else RELATED)
        if plane:
            size = IN_PLANE * math.sqrt(max(flat[n] - cost[n], 0.0) / rows[n])
        size = max(size, 1e-300)
        related, hidden = share > 0.0, math.sqrt(share * some) / size
        misfit = hidden > (SMALL_KNOWN if known else SMALL)
        misfit = misfit or (worse and math.sqrt(max(some - 1.0, 0.0)) / size > SMALL_KNOWN)
        trusted = known and not cost[n] > disproved[n if disproved.size > 1 else 0]
        noise[n] = (1.0 if trusted else some) * (max(1.0, 1.0 + 2.0 * total) if related else 1.0)
        reduced[n] = some
        gains[0, n] = gained(cost[n], flat[n], free[n] - parameters[0], rows[n], freedom, known)
        gains[1, n] = gained(cost[n], line[n], free[n] - parameters[1], rows[n], freedom, known)
        gains[2, n] = gained(cost[n], step[n], free[n] - parameters[2], rows[n], freedom, known)
        gains[3, n] = gained(cost[n], walk[n], free[n] - parameters[3], rows[n], freedom, False)
        if known:  # a walk's cost is a likelihood already
            gains[3, n] = walk[n] - cost[n] - (free[n] - parameters[3]) * math.log(rows[n])
        if math.sqrt(some) < FAITHFUL * size:
            gains[3, n] = math.inf
        flags[0, n], flags[1, n], flags[3, n] = related, misfit, not (worse or related)
        flags[2, n] = seen[n, FARTHEST] > 0.6 * max(flat[n] - cost[n], 0.4 * flat[n])
        gains[4, n], flags[5, n] = seen[n, RAILED], seen[n, HELD] > 3 or seen[n, TWINS] > 2
        flags[4, n] = not known or step[n] < JUMPED * max(rows[n] - parameters[2], 1)


@careful_piece
def share_of(lags: Array, rows: int, sigmas: float) -> tuple[float, float]:
    """Return the share of the residual variance that is not noise, and the sum of all lags.

    The share is 0 where it may be chance.
    """
    total = square = 0.0
    for i in range(LAGS):
        total += lags[i]
        square += lags[i] * lags[i]
    share = abs(lags[0]) if abs(lags[0]) * math.sqrt(rows) > sigmas else 0.0
    if square * rows > PORTMANTEAU:
        share = max(share, math.sqrt(square / 4.0))
    return share, total


@careful_piece
def gained(cost: float, other: float, more: int, rows: int, freedom: int, known: bool) -> float:
    """Return delta-BIC over another law with `more` parameters less."""
    ratio = max(other, 1e-300) / max(cost, 1e-300 + 1e-14 * other)
    gain = freedom * math.log(ratio)  # not rows: few points overfit easily
    if known:
        gain = min(gain, other - cost)
    return gain - more * math.log(rows)


def delta_bic(batch: Batch, simple: Solution, rich: Solution) -> Array:
    """Return how much better the richer law is, its extra parameters paid for."""
    return _gain(batch, rich, simple.cost, simple.free)


def delta_cost(batch: Batch, simple: Solution, rich: Solution) -> Array:
    """Return twice the logarithm of the likelihood ratio of two laws.

    Of the rich one there may be several fits (S N,), as from several starts of `solve`.
    """
    return _gain(batch, rich, simple.cost, rich.free)


def gain_of(batch: Batch, which: Counts, simple: Solution, rich: Solution) -> Array:
    """Return the same (B,) where `rich` fits the traces `which` (B,) only."""
    result = np.empty(len(which))
    cost, rows = simple.cost[which], batch.rows[which]
    fill_gain(rich.cost, rich.free, cost, rich.free, rows, batch.known_noise, result)
    return result


def gain_over(batch: Batch, fit: Solution, cost: Array, parameters: int) -> Array:
    """Return delta-BIC (N,) over a law of that cost (N,) and so many parameters."""
    return _gain(batch, fit, cost, np.full(batch.traces, parameters))


def _gain(batch: Batch, fit: Solution, cost: Array, parameters: Counts) -> Array:
    result = np.empty(len(fit.cost))
    fill_gain(fit.cost, fit.free, cost, parameters, batch.rows, batch.known_noise, result)
    return result


@careful_kernel
def fill_gain(
    cost: Array, free: Counts, other: Array, parameters: Counts, rows: Counts, known: bool,
    out: Array,
) -> None:  # fmt: skip
    """Fill out (S N,) with delta-BIC over other laws (N,)."""
    for n in range(cost.size):
        k = n % rows.size
        freedom, more = max(rows[k] - free[n], 1), free[n] - parameters[n]
        out[n] = gained(cost[n], other[k], more, rows[k], freedom, known)


def structured(batch: Batch, fit: Solution, sigmas: float = 2.5, chance: float = DISPROVED) -> Mask:
    """Return whether the residuals hint at more than the law: cheap, and easily alarmed.

    chance: of a chi-square so large that it does.
    """
    result: Mask = clumped(batch, fit.residual, sigmas, 20.0)
    if batch.known_noise:
        result |= fit.cost > limits(np.maximum(batch.rows - fit.free, 1), chance)
    return result


def limits(freedom: Counts, chance: float) -> Array:
    """Return the chi-square (1 or N,) that is exceeded with a chance, for freedom (N,)."""
    if len(freedom) <= FEW:
        return np.array([_limit(int(each), chance) for each in freedom])
    first = freedom[0]
    if (freedom == first).all():
        return np.array([_limit(int(first), chance)])
    different, back = np.unique(freedom, return_inverse=True)
    result: Array = np.array([_limit(int(each), chance) for each in different])[back]
    return result


@lru_cache(maxsize=4096)
def _limit(freedom: int, chance: float) -> float:
    return float(chdtri(freedom, chance))


def propagate(
    formulas: Formulas, fit: Solution, evidence: Evidence, ranges: Ranges = NO_RANGES
) -> Derived:
    """Return numbers derived from theta (..., N, P + L), with errors from the full covariance.

    ranges: of parameters which are no less known than by that, all of it as likely. What a trace
    hardly depends on has an endless error else, which a linear law of errors mixes with others.
    """
    cov = fit.cov * evidence.noise[:, None, None]
    for k, (low, high) in ranges.items():
        column = cov[:, :, k]
        share = 1.0 / ((high - low) ** 2 / 12.0 + column[:, k])
        cov = cov - share[:, None, None] * column[:, :, None] * column[:, None, :]
    return derive(formulas, fit.theta, cov, fit.p.shape[1])


def with_part(
    batch: Batch, which: NDArray[np.intp], fit: Solution, formulas: Callable[[Batch], Formulas],
    nulls: Nulls, curve: Array, found: Derived, evidence: Evidence, ranges: Ranges = NO_RANGES,
) -> tuple[Derived, Evidence]:  # fmt: skip
    """Put another law's results in place for the traces `which`, in the curve too.

    fit: of those traces; formulas: of their batch.
    """
    if len(which) == 0:
        return found, evidence
    part = batch.take(which)
    curve[which] = fit.curve(part)
    own = weigh(part, fit, curve[which], nulls.take(which))
    return (
        found.replaced(which, propagate(formulas(part), fit, own, ranges)),
        evidence.replaced(which, own),
    )
