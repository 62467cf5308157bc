"""What a given sigma is worth: those of one sweep know of each other.

A sigma from a few blocks, or from the counts of one point, fluctuates with y and would give lucky
points too much weight (an exact 0 or 1 of a population even has sigma 0). At first, variances are
therefore averaged over neighbours. Once there is a fit, they are taken as a smooth function of the
fitted y, a + b y + c y^2, if that describes them better: the noise of counts is p (1 - p), and no
function of the delay (variance function estimation, Carroll and Ruppert 1988, ch. 3). Where the
shots are known it is that of the fitted p. Only a point far noisier than its neighbours, one with
fewer shots, keeps its own.

Compiled in a file of its own, see `kammerton.estimation.numeric.kernels`.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kammerton.estimation.numeric.arrays import demand_no_bool, numbers
from kammerton.estimation.numeric.kernels import careful_kernel, kernel, making_piece, piece
from kammerton.model import TraceError

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

HALF = 4  # neighbours on each side over which variances are averaged
UNLIKE = 3.5  # a variance so many times its neighbours' is believed to be the point's own
LEAST = 0.02  # of the typical variance: what a point may have at least
MOST_SHOTS = 1e12  # of a point: a year at 30 kHz
LEAST_COUNT = 0.75  # counts off 0 and all: at a half bars are too short there, at one too long
MATTERS = 0.08  # scatter of the logarithm of the weights' change that asks for another fit


def valid(sigma: Array) -> Array:
    """Return variances (N, M), 0 where sigma says nothing (0, NaN, infinite).

    1 where it says nothing at all: such a trace is fitted without sigma (`families`).
    """
    variance = np.empty(sigma.shape)
    fill_squares(np.ascontiguousarray(sigma), variance)
    return variance


@careful_kernel
def fill_squares(sigma: Array, variance: Array) -> None:
    """Fill variance (N, M)."""
    for n in range(sigma.shape[0]):
        useful = False
        for i in range(sigma.shape[1]):
            good = 0.0 < sigma[n, i] < math.inf
            variance[n, i] = sigma[n, i] * sigma[n, i] if good else 0.0
            useful = useful or good
        if not useful:
            variance[n, :] = 1.0


def of_counts(y: ArrayLike, shots: object) -> Array:
    """Return sigma of populations y that are counts of so many shots (one number, or as y).

    The estimate (k + 1)/(n + 2) of the population keeps it off 0 and 1 (Laplace's rule).

    Raises
    ------
    TraceError
        y is no population, or the shots are no positive numbers.
    """
    p = numbers(y, "y")
    if np.iscomplexobj(p) or (p < 0).any() or (p > 1).any():
        real = p.real[np.isfinite(p.real)]
        ends = f": it goes from {real.min():.4g} to {real.max():.4g}" if real.size else ""
        raise TraceError(
            f"shots are given, but y is not a population between 0 and 1{ends}; counts are "
            "divided by their shots first"
        )
    n = shots_of(shots, p.shape)
    likely = (p * n + 1) / (n + 2)
    result: Array = np.sqrt(likely * (1 - likely) / n)
    return result


def shots_of(shots: object, shape: tuple[int, ...]) -> Array:
    """Return the shots of every point.

    Raises
    ------
    TraceError
        They are no numbers from 1 to MOST_SHOTS, or it is not clear of which points.
    """
    demand_no_bool("shots", shots)
    try:
        told = np.asarray(shots, dtype=np.float64)
        each = told[:, None] if len(shape) == 2 and told.shape == shape[:1] else told
        n = np.broadcast_to(each, shape)
    except (TypeError, ValueError) as error:
        raise TraceError("shots must be one number, or shaped as y") from error
    _demand_plain(told, shape)
    if not (np.isfinite(n) & (n >= 1)).all():
        raise TraceError("shots must be 1 or more")
    if (n > MOST_SHOTS).any():
        raise TraceError(f"shots are {n.max():g}; nobody takes more than {MOST_SHOTS:g} of a point")
    return n


def counted(p: Array, shots: Array) -> Array:
    """Return the variance of counts at populations p, which a law may put beyond 0 and 1.

    Never less than that of `LEAST_COUNT`.
    """
    kept = np.clip(p, LEAST_COUNT / shots, 1.0 - LEAST_COUNT / shots)
    return np.asarray(kept * (1.0 - kept) / shots)


def _demand_plain(shots: Array, shape: tuple[int, ...]) -> None:
    """Refuse as many numbers of shots as there are traces and points: nobody knows of which."""
    if len(shape) == 2 and shots.shape == shape[:1] == shape[1:] and np.ptp(shots) > 0:
        raise TraceError(
            f"{shots.size} numbers of shots may be those of the traces, (N, 1), or of the points, "
            "(1, M): give them in one of these shapes"
        )


def smoothed(variance: Array) -> tuple[Array, Mask]:
    """Return variances (N, M) averaged over neighbours, and which points stand apart from them.

    Those are far noisier than what is around them, and keep their own.
    """
    near, apart = np.empty_like(variance), np.zeros(variance.shape, dtype=np.bool_)
    fill_near(variance, near, apart)
    return near, apart


def learned(variance: Array, w: Array, apart: Mask, curve: Array) -> tuple[Array, Mask]:
    """Return variances as a function of the fitted y (N, M), where another fit is worth it.

    And which traces (N,) those are: the function describes them better, and changes them much.
    w: the weights (N, M) of now, 0 where a point is missing. Elsewhere their 1/w^2 is returned,
    and the trace's typical one for a missing point, which says nothing about the others.
    """
    found, matters = np.empty_like(variance), np.empty(len(variance), dtype=np.bool_)
    fill_learned(variance, w, apart, np.ascontiguousarray(curve), found, matters)
    return found, matters


@kernel
def fill_near(variance: Array, near: Array, apart: Mask) -> None:
    """Fill near (N, M) with the averages of neighbours; set apart the points that are unlike."""
    rows, m = variance.shape
    bound, sums = np.empty(m), np.empty(m)
    for n in range(rows):
        v, total, count, low, high, least = variance[n], 0.0, 0, math.inf, 0.0, math.inf
        for i in range(m):
            total += v[i]
            count += v[i] > 0.0
            least, high = min(least, v[i]), max(high, v[i])
            low = min(low, v[i] if v[i] > 0.0 else math.inf)
        if least == high:
            for i in range(m):  # an array put into another takes seconds to compile
                near[n, i] = v[i]
            continue
        typical = total / count
        if count == m and plainly_near(v, high, sums, near[n]):
            continue
        if high > UNLIKE * low:
            typical = np.median(v[v > 0.0])
            slide(v, apart[n], UNLIKE * typical, False, typical, bound)
            for i in range(m):
                apart[n, i] = v[i] > UNLIKE * bound[i]
        slide(v, apart[n], math.inf, True, typical, near[n])
        for i in range(m):
            if apart[n, i]:
                near[n, i] = v[i]


@piece
def add(sums: Array, values: Array) -> None:
    """Add values: slices from zero are what the compiler makes quick."""
    for i in range(values.size):
        sums[i] += values[i]


@making_piece
def plainly_near(v: Array, high: float, sums: Array, near: Array) -> bool:
    """Fill near (M,) with the means of neighbours; False where a point may stand apart."""
    m, many, alone, whole = v.size, 0, False, 2 * HALF + 1
    for i in range(m):
        sums[i] = 0.0
        many += UNLIKE * v[i] >= high
    for k in range(-HALF, HALF + 1):  # not from running sums: a small variance would drown in them
        add(sums[max(-k, 0) : m - max(k, 0)], v[max(k, 0) : m + min(k, 0)])
    for i in range(HALF, m - HALF):
        near[i] = sums[i] / whole
        alone |= v[i] * (whole - 1) > UNLIKE * (sums[i] - v[i])
    for end in range(2):
        for i in range(0 if end == 0 else max(m - HALF, HALF), min(HALF, m) if end == 0 else m):
            some = min(i + HALF + 1, m) - max(i - HALF, 0)
            near[i] = sums[i] / some
            alone |= v[i] * (some - 1) > UNLIKE * (sums[i] - v[i])
    if alone:
        return False
    return bool(2 * many > m + 1 or high <= UNLIKE * np.median(v))


@piece
def slide(v: Array, apart: Mask, most: float, own: bool, otherwise: float, out: Array) -> None:
    """Fill out (M,) with the means of what is near each point, not apart and not above `most`."""
    total, count, m = 0.0, 0, v.size
    for i in range(-HALF, m):
        new, old = i + HALF, i - HALF - 1
        if new < m and 0.0 < v[new] <= most and not apart[new]:
            total += v[new]
            count += 1
        if old >= 0 and 0.0 < v[old] <= most and not apart[old]:
            total -= v[old]
            count -= 1
        if i < 0:
            continue
        s, k = total, count
        if not own and 0.0 < v[i] <= most and not apart[i]:
            s, k = total - v[i], count - 1
        out[i] = max(s, 0.0) / k if k > 0 and s > 0.0 else otherwise


@kernel
def fill_learned(
    variance: Array, w: Array, apart: Mask, curve: Array, found: Array, matters: Mask
) -> None:
    """Fill found (N, M) and matters (N,)."""
    rows, m = variance.shape
    law = np.empty(m)
    for n in range(rows):
        near = found[n]
        total, count = 0.0, 0
        for i in range(m):
            own = 1.0 / (w[n, i] * w[n, i])
            near[i] = own if w[n, i] > 0.0 else 0.0
            total += near[i]
            count += w[n, i] > 0.0
        for i in range(m if count < m else 0):
            near[i] = near[i] if w[n, i] > 0.0 else total / max(count, 1)
        of_curve(variance[n], near, apart[n], curve[n], law)
        small = LEAST * mean(near)
        matters[n] = changed(variance[n], near, apart[n], small, law)
        for i in range(m if matters[n] else 0):
            near[i] = near[i] if apart[n, i] else law[i]


@piece
def mean(values: Array) -> float:
    """Return the mean: that of numpy is slower when compiled."""
    total = 0.0
    for i in range(values.size):
        total += values[i]
    return total / values.size


@piece
def changed(v: Array, near: Array, apart: Mask, small: float, law: Array) -> bool:
    """Raise law to what is believed; return whether it changes much, and describes v better."""
    m, ratios, inverse = v.size, 0.0, 0.0
    for i in range(m):
        law[i] = max(law[i], small)
        ratio = law[i] / max(near[i], small)
        ratio = ratio if (v[i] > 0.0) & (not apart[i]) else 1.0
        ratios += ratio
        inverse += 1.0 / ratio
    # |log u| <= |u - 1|/sqrt(u), with u in parts of the best middle: mostly no need of logarithms
    if 2.0 * (math.sqrt(ratios * inverse) / m - 1.0) <= MATTERS * MATTERS:
        return False
    change = square = off = by_law = 0.0
    for i in range(m):
        if v[i] > 0.0 and not apart[i]:
            size = max(v[i], small)
            from_near, from_law = math.log(size / max(near[i], small)), math.log(size / law[i])
            step = from_near - from_law
            change, square = change + step, square + step * step
            off, by_law = off + from_near * from_near, by_law + from_law * from_law
    return square / m - (change / m) ** 2 > MATTERS * MATTERS and by_law < off


@piece
def of_curve(v: Array, near: Array, apart: Mask, curve: Array, law: Array) -> None:
    """Fit variance = a + b u + c u^2 by weighted least squares; u is the curve, scaled."""
    middle, size = mean(curve), 1e-300
    for i in range(curve.size):
        size = max(size, abs(curve[i] - middle))
    s0 = s1 = s2 = s3 = s4 = r0 = r1 = r2 = 0.0
    for i in range(curve.size):
        u, w = (curve[i] - middle) / size, 1.0 / (near[i] * near[i])
        w = w if (v[i] > 0.0) & (not apart[i]) else 0.0
        wu, wv = w * u, w * v[i]
        s0, s1, s2, s3, s4 = s0 + w, s1 + wu, s2 + wu * u, s3 + wu * u * u, s4 + wu * u * u * u
        r0, r1, r2 = r0 + wv, r1 + wv * u, r2 + wv * u * u
    ridge = 1e-9 * (s0 + s2 + s4) + 1e-300
    s0, m2, m4 = s0 + ridge, s2 + ridge, s4 + ridge
    a, b, c = m2 * m4 - s3 * s3, s2 * s3 - s1 * m4, s1 * s3 - m2 * s2
    whole = s0 * a + s1 * b + s2 * c
    d, e, f = s0 * m4 - s2 * s2, s1 * s2 - s0 * s3, s0 * m2 - s1 * s1
    k0 = (a * r0 + b * r1 + c * r2) / whole
    k1 = (b * r0 + d * r1 + e * r2) / whole
    k2 = (c * r0 + e * r1 + f * r2) / whole
    for i in range(curve.size):
        u = (curve[i] - middle) / size
        law[i] = k0 + u * (k1 + u * k2)
