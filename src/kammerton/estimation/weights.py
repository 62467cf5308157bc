"""What a given sigma is worth: those of one sweep know of each other.

A sigma from a few blocks, or from the counts of one point, fluctuates with y and would give lucky
points too much weight (an exact 0 or 1 of a population even has sigma 0). At first, variances are
therefore averaged over neighbours. Once there is a fit, they are taken as a smooth function of the
fitted y, a + b y + c y^2, if that describes them better: the noise of counts is p (1 - p), and no
function of the delay (variance function estimation, Carroll and Ruppert 1988, ch. 3). Only a point
far noisier than its neighbours, one with fewer shots, keeps its own.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kammerton.model import TraceError

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

NEIGHBOURS = 9  # points over which variances are averaged
UNLIKE = 3.5  # a variance so many times its neighbours' is believed to be the point's own
LEAST = 0.02  # of the typical variance: what a point may have at least


def valid(sigma: Array) -> Array:
    """Return variances (N, M), NaN where sigma says nothing (0, NaN, infinite).

    A trace without any valid sigma gets the others' typical one.
    """
    good = np.isfinite(sigma) & (sigma > 0)
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


def apart(variance: Array) -> Mask:
    """Return which points (N, M) are far noisier than those around them."""
    near, count = _around(variance, np.isfinite(variance))
    result: Mask = variance > UNLIKE * np.where(count > 0, near, np.inf)
    return result


def smoothed(variance: Array) -> Array:
    """Return variances averaged over neighbours; points apart keep their own."""
    if (variance == variance[:, :1]).all():
        return variance
    out = apart(variance)
    near = _near(variance, np.isfinite(variance) & ~out)
    return np.where(out, variance, near)


def learned(variance: Array, curve: Array) -> Array:
    """Return variances as a function of the fitted y (N, M), where that describes them better."""
    out = apart(variance)
    good = np.isfinite(variance) & ~out
    near = _near(variance, good)
    function = _of_curve(np.where(good, variance, 0.0), good, curve, near)
    off = [_misfit(variance, good, law) for law in (near, function)]
    best = np.where((off[1] < off[0])[:, None], function, near)
    return np.where(out, variance, best)


def _misfit(variance: Array, good: Mask, law: Array) -> Array:
    """How far variances are from a law, in logarithms; an exact 0 counts as a small one."""
    small = LEAST * np.median(law, axis=1, keepdims=True)
    logs = np.log(np.where(good, np.maximum(variance, small), law) / law)
    result: Array = (logs**2).sum(axis=1)
    return result


def _of_curve(variance: Array, good: Mask, curve: Array, near: Array) -> Array:
    """Fit variance = a + b y + c y^2 by weighted least squares, trace by trace."""
    middle = curve.mean(axis=1, keepdims=True)
    size = np.maximum(np.abs(curve - middle).max(axis=1, keepdims=True), 1e-300)
    u = (curve - middle) / size
    columns = np.stack([np.ones_like(u), u, u * u], axis=2)
    weight = good / near
    normal = np.einsum("nmi,nm,nmj->nij", columns, weight**2, columns)
    normal += 1e-9 * np.trace(normal, axis1=1, axis2=2)[:, None, None] * np.eye(3)
    right = np.einsum("nmi,nm,nm->ni", columns, weight**2, variance)
    found = np.linalg.solve(normal, right[:, :, None])
    law = (columns @ found)[:, :, 0]
    typical = np.median(near, axis=1, keepdims=True)
    result: Array = np.clip(law, LEAST * typical, None)
    return result


def _near(variance: Array, good: Mask) -> Array:
    """Average over neighbours; the whole trace's mean where there are none."""
    total, count = _sums(variance, good)
    whole = np.where(good, variance, 0.0).sum(axis=1, keepdims=True)
    mean = whole / np.maximum(good.sum(axis=1, keepdims=True), 1)
    mean = np.where(mean > 0, mean, np.nanmedian(variance, axis=1, keepdims=True))
    result: Array = np.where(count > 0, total / np.maximum(count, 1.0), mean)
    return result


def _around(variance: Array, good: Mask) -> tuple[Array, Array]:
    """Average over neighbours without the point itself; the largest of them do not count."""
    typical = np.nanmedian(variance, axis=1, keepdims=True)
    calm = good & (variance <= UNLIKE * typical)
    total, count = _sums(variance, calm)
    total = total - np.where(calm, variance, 0.0)
    count = count - calm
    return total / np.maximum(count, 1.0), count


def _sums(values: Array, good: Mask) -> tuple[Array, Array]:
    return _sliding(np.where(good, values, 0.0)), _sliding(good.astype(np.float64))


def _sliding(values: Array) -> Array:
    half = NEIGHBOURS // 2
    sums = np.cumsum(np.pad(values, ((0, 0), (half + 1, half))), axis=1)
    result: Array = np.maximum(sums[:, NEIGHBOURS:] - sums[:, :-NEIGHBOURS], 0.0)
    return result
