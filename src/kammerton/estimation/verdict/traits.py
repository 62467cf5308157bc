"""What a trace and its residuals look like, whatever the law.

Compiled in a file of its own, see `kammerton.estimation.numeric.kernels`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kammerton.estimation.numeric.kernels import kernel
from kammerton.estimation.numeric.prepare import Batch

Array = NDArray[np.float64]

LAGS = 8
PROBES = 8


@dataclass(frozen=True, eq=False)
class Traits:
    """Of N traces (N,).

    lags (N, LAGS): autocorrelation of the weighted residuals. extent: peak to peak of the curve
    in typical sigmas. farthest: largest squared distance of a point from the mean, in sigmas.
    worst: largest residual, in sigmas. railed: points at exactly the largest or the smallest
    value, whichever are more. held: longest run of points of exactly the same value. twins: of
    some pairs of points, how many are found elsewhere too.
    """

    lags: Array
    extent: Array
    farthest: Array
    worst: Array
    railed: Array
    held: Array
    twins: Array


def traits(batch: Batch, residual: Array, curve: Array) -> Traits:
    """Look at residuals (N, R), weighted, and at the curve (N, R)."""
    out = np.empty((batch.traces, LAGS + 6))
    fill_traits(batch.y, batch.w, residual, curve, batch.parts, out)
    columns = np.ascontiguousarray(out[:, LAGS:].T)
    return Traits(out[:, :LAGS], *columns)


def autocorrelation(batch: Batch, residual: Array) -> Array:
    """Return the autocorrelation of residuals (N, R) at lags 1 ... LAGS, (N, LAGS)."""
    out = np.empty((batch.traces, LAGS))
    fill_lags(residual, batch.parts, out)
    return out


@kernel
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


@kernel
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


@kernel
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


@kernel
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


@kernel
def same_values(y: Array, w: Array) -> tuple[int, int]:
    """Return the longest run of one value, and how many probes have a twin elsewhere."""
    run = longest = twins = 0
    for i in range(y.size):
        run = run + 1 if i > 0 and y[i] == y[i - 1] and w[i] > 0.0 else 1
        longest = max(longest, run)
    for k in range(
        PROBES
    ):  # two points in a row, elsewhere too: counts repeat, pairs of them hardly
        i = (2 * k + 1) * (y.size - 1) // (2 * PROBES)
        equal = 0
        for j in range(y.size - 1):
            equal += y[j] == y[i] and y[j + 1] == y[i + 1]
        twins += equal > 1 and y[i] != y[i + 1]
    return longest, twins


@kernel
def fill_traits(y: Array, w: Array, r: Array, curve: Array, parts: int, out: Array) -> None:
    """Fill out (N, LAGS + 6)."""
    rows = y.shape[1]
    for n in range(y.shape[0]):
        lag_sums(r[n], parts, out[n, :LAGS])
        weight, mean, count, worst = 0.0, 0.0, 0, 0.0
        for i in range(rows):
            weight += w[n, i]
            mean += w[n, i] * y[n, i]
            count += w[n, i] > 0.0
            worst = max(worst, abs(r[n, i]))
        mean, weight, farthest = mean / max(weight, 1e-300), weight / max(count, 1), 0.0
        for i in range(rows):  # a point that is known very well is not far for that
            farthest = max(farthest, (min(w[n, i], weight) * (y[n, i] - mean)) ** 2)
        out[n, LAGS] = extent(curve[n], parts) * weight
        out[n, LAGS + 1], out[n, LAGS + 2] = farthest, worst
        out[n, LAGS + 3] = at_extremes(y[n], w[n]) if parts == 1 else 0.0
        out[n, LAGS + 4], out[n, LAGS + 5] = same_values(y[n, : rows // parts], w[n])
