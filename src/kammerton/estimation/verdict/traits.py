"""What a trace and its residuals look like, whatever the law.

Compiled in a file of its own, see `kammerton.estimation.numeric.kernels`.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from kammerton.estimation.numeric.kernels import kernel, piece
from kammerton.estimation.numeric.prepare import Batch

Array = NDArray[np.float64]

LAGS = 8
PROBES = 8
EXTENT, FARTHEST, RAILED, HELD, TWINS = range(LAGS, LAGS + 5)
COLUMNS = LAGS + 5
WHITE, WHITE_SUM = 2.5, 20.0  # lag-1 correlation in sigmas, and Ljung-Box sum, of white noise
SELDOM, SMOOTH = 1.0, 6  # sigmas below the sign changes of noise, and those of a smooth misfit
BEYOND = 4.0  # scatters beyond which a point is not like the others
DIES = 3.5  # standard errors by which the first half scatters more than the second


def traits(batch: Batch, residual: Array, curve: Array) -> Array:
    """Look at residuals (N, R), weighted, and at the curve (N, R); return (N, COLUMNS).

    The first LAGS columns: autocorrelation of the residuals. EXTENT: peak to peak of the curve in
    typical sigmas. FARTHEST: largest squared distance of a point from the mean, in sigmas; in the
    plane, where a cable turns everything, from the middle of its neighbours.
    RAILED: points at exactly the largest or the smallest value, whichever are more. HELD: longest
    run of points of exactly the same value. TWINS: of some pairs of points, how many are found
    elsewhere too.
    """
    out = np.empty((batch.traces, COLUMNS))
    fill_traits(batch.y, batch.w, residual, curve, batch.parts, out)
    return out


def autocorrelation(batch: Batch, residual: Array) -> Array:
    """Return the autocorrelation of residuals (N, R) at lags 1 ... LAGS, (N, LAGS)."""
    out = np.empty((batch.traces, LAGS))
    fill_lags(residual, batch.parts, out)
    return out


def clumped(batch: Batch, residual: Array, sigmas: float, most: float) -> NDArray[np.bool_]:
    """Return whether residuals (N, R) are related (N,): at lag 1, or over all lags together."""
    out = np.empty(batch.traces, dtype=np.bool_)
    fill_clumped(residual, batch.rows, batch.parts, sigmas, most, out)
    return out


def like_noise(batch: Batch, residual: Array, among: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return where residuals (N, R) of some traces look like white noise, of whatever size (N,).

    Neighbours are not related, no point is far beyond the others, and signs change about as often
    as those of noise, (R - 1)/2 times: what a smooth law leaves of another one changes its sign no
    more often than the law has parameters, and few points tell no correlation.
    """
    result = among.copy()
    which = among.nonzero()[0]
    if len(which):
        some = batch.take(which)
        square = np.where(some.w > 0, residual[which], 0.0) ** 2
        mean = square.sum(axis=1) / np.maximum(some.rows, 1)
        alone = square.max(axis=1) > BEYOND**2 * mean
        swings = _sign_changes(residual[which], some.w > 0)
        usual = 0.5 * (some.rows - 1.0) - SELDOM * 0.5 * np.sqrt(some.rows - 1.0)
        result[which] = ~(alone | clumped(some, residual[which], WHITE, WHITE_SUM))
        result[which] &= swings > np.maximum(usual, SMOOTH)
    return result


def dying(batch: Batch, residual: Array, among: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return where residuals (N, R) of some traces scatter more in the first half than after (N,).

    Shots and amplifiers are as noisy at the end of a sweep as where it begins.
    """
    result = among.copy()
    for n in among.nonzero()[0]:
        square = residual[n][batch.w[n] > 0] ** 2
        first, second = square[: len(square) // 2], square[len(square) // 2 :]
        unsure = math.sqrt(2.0 / max(len(first), 1) + 2.0 / max(len(second), 1))
        result[n] = first.sum() > math.exp(DIES * unsure) * second.sum()
    return result


def _sign_changes(residual: Array, there: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Return how often the signs of residuals (N, R) change from one point to the next (N,)."""
    changes = np.empty(len(residual), dtype=np.intp)
    for n, (row, seen) in enumerate(zip(residual, there, strict=True)):
        changes[n] = np.count_nonzero(np.diff(row[seen] > 0))
    return changes


@kernel
def fill_clumped(
    r: Array, rows: NDArray[np.intp], parts: int, sigmas: float, most: float,
    out: NDArray[np.bool_],
) -> None:  # fmt: skip
    """Fill out (N,)."""
    lags = np.empty(LAGS)
    for n in range(r.shape[0]):
        lag_sums(r[n], parts, lags)
        total = 0.0
        for i in range(LAGS):
            total += lags[i] * lags[i]
        out[n] = abs(lags[0]) * math.sqrt(rows[n]) > sigmas or total * rows[n] > most


@piece
def lag_sums(r: Array, parts: int, out: Array) -> None:
    """Fill out (LAGS,) with correlations within each of the parts."""
    m = r.size // parts
    power = 1e-300
    for i in range(r.size):
        power += r[i] * r[i]
    for lag in range(1, LAGS + 1):
        s = 0.0
        for q in range(parts):
            s += inner(r[q * m : max(q * m, (q + 1) * m - lag)], r[q * m + lag : (q + 1) * m])
        out[lag - 1] = s / power


@piece
def inner(a: Array, b: Array) -> float:
    """Return the inner product: slices from zero are what the compiler makes quick."""
    s = 0.0
    for i in range(a.size):
        s += a[i] * b[i]
    return s


@kernel
def fill_lags(r: Array, parts: int, out: Array) -> None:
    """Fill out (N, LAGS)."""
    for n in range(r.shape[0]):
        lag_sums(r[n], parts, out[n])


@piece
def extent(curve: Array, parts: int) -> float:
    """Return the peak to peak, in the plane where there are two parts."""
    m = curve.size // parts
    total = 0.0
    for q in range(parts):
        part = curve[q * m : (q + 1) * m]
        low, high = part[0], part[0]
        for i in range(m):
            low, high = min(low, part[i]), max(high, part[i])
        total += (high - low) * (high - low)
    return math.sqrt(total)


@piece
def at_extremes(y: Array, w: Array) -> float:
    """Return how many points have exactly the largest value, or the smallest if those are more."""
    low, high = 1e300, -1e300
    for i in range(y.size):
        low = min(low, y[i] if w[i] > 0.0 else low)
        high = max(high, y[i] if w[i] > 0.0 else high)
    lows = highs = 0
    for i in range(y.size):
        lows += y[i] == low and w[i] > 0.0
        highs += y[i] == high and w[i] > 0.0
    return float(max(lows, highs))


@piece
def same_values(y: Array, w: Array) -> tuple[int, int]:
    """Return the longest run of one value, and how many probes have a twin elsewhere."""
    run = longest = twins = equal = 0
    for i in range(1, y.size):
        equal += (y[i] == y[i - 1]) & (w[i] > 0.0)
    for i in range(y.size if equal > 0 else 1):
        run = run + 1 if i > 0 and y[i] == y[i - 1] and w[i] > 0.0 else 1
        longest = max(longest, run)
    for k in range(PROBES):  # two points in a row, elsewhere too: counts repeat, pairs hardly
        i = (2 * k + 1) * (y.size - 1) // (2 * PROBES)
        first, second, equal = y[i], y[i + 1], 0
        for j in range(y.size - 1):
            equal += (y[j] == first) & (y[j + 1] == second)
        twins += equal > 1 and first != second
    return longest, twins


@piece
def off_its_neighbours(y: Array, w: Array, most: float) -> float:
    """Return the largest squared distance of a point in the plane from its neighbours' middle.

    In sigmas, of which `most` count at most to a unit. Points that are missing are passed over.
    """
    m, farthest = y.size // 2, 0.0
    for i in range(m):
        before, after = i - 1, i + 1
        while before >= 0 and w[before] == 0.0:
            before -= 1
        while after < m and w[after] == 0.0:
            after += 1
        if w[i] == 0.0 or (before < 0 and after >= m):
            continue
        a, b = after if before < 0 else before, before if after >= m else after
        away = 0.0
        for part in (0, m):
            off = y[part + i] - 0.5 * (y[part + a] + y[part + b])
            away += (min(w[part + i], most) * off) ** 2
        farthest = max(farthest, away)
    return farthest


@kernel
def fill_traits(y: Array, w: Array, r: Array, curve: Array, parts: int, out: Array) -> None:
    """Fill out (N, COLUMNS)."""
    rows = y.shape[1]
    for n in range(y.shape[0]):
        lag_sums(r[n], parts, out[n, :LAGS])
        weight, mean, count = 0.0, 0.0, 0
        for i in range(rows):
            weight += w[n, i]
            mean += w[n, i] * y[n, i]
            count += w[n, i] > 0.0
        mean, weight, farthest = mean / max(weight, 1e-300), weight / max(count, 1), 0.0
        for i in range(rows):  # a point that is known very well is not far for that
            farthest = max(farthest, (min(w[n, i], weight) * (y[n, i] - mean)) ** 2)
        if parts == 2:
            farthest = off_its_neighbours(y[n], w[n], weight)
        out[n, EXTENT], out[n, FARTHEST] = extent(curve[n], parts) * weight, farthest
        out[n, RAILED] = at_extremes(y[n], w[n]) if parts == 1 else 0.0
        out[n, HELD], out[n, TWINS] = same_values(y[n, : rows // parts], w[n])
