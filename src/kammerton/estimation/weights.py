"""What a given sigma is worth: those of one sweep know of each other.

A sigma from a few blocks, or from the counts of one point, fluctuates with y and would give lucky
points too much weight (an exact 0 or 1 of a population even has sigma 0). At first, variances are
therefore averaged over neighbours. Once there is a fit, they are taken as a smooth function of the
fitted y, a + b y + c y^2, if that describes them better: the noise of counts is p (1 - p), and no
function of the delay (variance function estimation, Carroll and Ruppert 1988, ch. 3). Only a point
far noisier than its neighbours, one with fewer shots, keeps its own.

Compiled in a file of its own, see `kammerton.estimation.kernels`.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kammerton.estimation.kernels import kernel
from kammerton.model import TraceError

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

HALF = 4  # neighbours on each side over which variances are averaged
UNLIKE = 3.5  # a variance so many times its neighbours' is believed to be the point's own
LEAST = 0.02  # of the typical variance: what a point may have at least
MATTERS = 0.2  # scatter of the logarithm of the weights' change that asks for another fit


def valid(sigma: Array) -> Array:
    """Return variances (N, M), NaN where sigma says nothing (0, NaN, infinite).

    A trace without any valid sigma gets the others' typical one.
    """
    good = np.isfinite(sigma) & (sigma > 0)
    if good.all():
        return np.ascontiguousarray(sigma * sigma)
    variance = np.where(good, np.where(good, sigma, 1.0) ** 2, np.nan)
    usable = good.any(axis=1)
    variance[~usable] = np.nanmedian(variance[usable])
    return variance


def of_counts(y: ArrayLike, shots: object) -> Array:
    """Return sigma of populations y that are counts of so many shots (one number, or as y).

    The estimate (k + 1)/(n + 2) of the population keeps it off 0 and 1 (Laplace's rule).

    Raises
    ------
    TraceError
        y is no population, or the shots are no positive numbers.
    """
    p = np.asarray(y)
    if np.iscomplexobj(p) or (p < 0).any() or (p > 1).any():
        raise TraceError("shots are given, but y is not a population between 0 and 1")
    try:
        n = np.broadcast_to(np.asarray(shots, dtype=np.float64), p.shape)
    except (TypeError, ValueError) as error:
        raise TraceError("shots must be one number, or shaped as y") from error
    if not (np.isfinite(n) & (n >= 1)).all():
        raise TraceError("shots must be 1 or more")
    likely = (p * n + 1) / (n + 2)
    result: Array = np.sqrt(likely * (1 - likely) / n)
    return result


def smoothed(variance: Array) -> Array:
    """Return variances (N, M) averaged over neighbours; points apart keep their own."""
    near = np.empty_like(variance)
    fill_near(_plain(variance), near, np.empty(variance.shape, dtype=np.bool_))
    return near


def apart(variance: Array) -> Mask:
    """Return which points (N, M) are far noisier than those around them."""
    out = np.empty(variance.shape, dtype=np.bool_)
    fill_near(_plain(variance), np.empty_like(variance), out)
    return out


def _plain(variance: Array) -> Array:
    """Return variances with 0 for what is not known: compiled code knows no NaN."""
    return np.ascontiguousarray(np.where(np.isfinite(variance), variance, 0.0))


def learned(variance: Array, curve: Array) -> tuple[Array, Mask]:
    """Return variances as a function of the fitted y (N, M), where that describes them better.

    And which traces (N,) they change so much that another fit is worth it.
    """
    found, matters = np.empty_like(variance), np.empty(len(variance), dtype=np.bool_)
    near, out = np.empty_like(variance), np.empty(variance.shape, dtype=np.bool_)
    variance = _plain(variance)
    fill_near(variance, near, out)
    fill_learned(variance, near, out, np.ascontiguousarray(curve), found, matters)
    return found, matters


@kernel
def fill_near(variance: Array, near: Array, out: Mask) -> None:
    """Fill near (N, M) with the averages of neighbours, out with the points that stand apart."""
    rows, m = variance.shape
    for n in range(rows):
        v, same, total, count = variance[n], True, 0.0, 0
        for i in range(m):
            same = same and v[i] == v[0]
            if v[i] > 0.0:
                total += v[i]
                count += 1
        out[n, :] = False
        if same or count == 0:
            near[n, :] = v
            continue
        typical = np.median(v[v > 0.0])
        for i in range(m):
            s, k = around(v, out[n], i, UNLIKE * typical, False)
            out[n, i] = False
            near[n, i] = UNLIKE * s / k if k > 0 else math.inf
        for i in range(m):
            out[n, i] = v[i] > near[n, i]
        for i in range(m):
            s, k = around(v, out[n], i, math.inf, True)
            near[n, i] = s / k if k > 0 else typical
            if out[n, i]:
                near[n, i] = v[i]


@kernel
def around(v: Array, out: Mask, i: int, most: float, own: bool) -> tuple[float, int]:
    """Sum what is near point i and not apart; with its own, or without."""
    total, count = 0.0, 0
    for j in range(max(0, i - HALF), min(v.size, i + HALF + 1)):
        if v[j] > 0.0 and v[j] <= most and not out[j] and (own or j != i):
            total += v[j]
            count += 1
    return total, count


@kernel
def fill_learned(
    variance: Array, near: Array, out: Mask, curve: Array, found: Array, matters: Mask
) -> None:
    """Fill found (N, M) and matters (N,)."""
    rows, m = variance.shape
    law = np.empty(m)
    for n in range(rows):
        of_curve(variance[n], near[n], out[n], curve[n], law)
        small = LEAST * np.median(near[n])
        off = by_law = change = square = 0.0
        for i in range(m):
            law[i] = max(law[i], small)
            step = math.log(law[i] / near[n, i])
            if variance[n, i] > 0.0 and not out[n, i]:
                v = max(variance[n, i], small)
                off += math.log(v / near[n, i]) ** 2
                by_law += math.log(v / law[i]) ** 2
                change += step
                square += step * step
        better = by_law < off
        matters[n] = better and square / m - (change / m) ** 2 > MATTERS * MATTERS
        for i in range(m):
            found[n, i] = law[i] if better and not out[n, i] else near[n, i]


@kernel
def of_curve(v: Array, near: Array, out: Mask, curve: Array, law: Array) -> None:
    """Fit variance = a + b u + c u^2 by weighted least squares; u is the curve, scaled."""
    middle, size = curve.mean(), 1e-300
    for i in range(curve.size):
        size = max(size, abs(curve[i] - middle))
    normal, right = np.zeros((3, 3)), np.zeros(3)
    for i in range(curve.size):
        if not v[i] > 0.0 or out[i]:
            continue
        u, w = (curve[i] - middle) / size, 1.0 / (near[i] * near[i])
        powers = (1.0, u, u * u)
        for j in range(3):
            right[j] += w * powers[j] * v[i]
            for k in range(3):
                normal[j, k] += w * powers[j] * powers[k]
    ridge = 1e-9 * (normal[0, 0] + normal[1, 1] + normal[2, 2]) + 1e-300
    for j in range(3):
        normal[j, j] += ridge
    a = np.linalg.solve(normal, right)
    for i in range(curve.size):
        u = (curve[i] - middle) / size
        law[i] = a[0] + a[1] * u + a[2] * u * u
