"""From points measured several times at the same x to their means, with errors from the scatter."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from kammerton.estimation.numeric.kernels import careful_kernel, careful_piece
from kammerton.estimation.numeric.prepare import ROUNDING, Batch
from kammerton.estimation.numeric.weights import UNLIKE

Array = NDArray[np.float64]

ENOUGH = 10  # repetitions beyond the first, over all x, from which the scatter is a sigma
BORROWED = 6.0  # repetitions' worth of trust in the smooth model of the scatter
DRIFT = 3.0  # autocorrelation from point to point, in sigmas, that is not chance
FLOOR = 1e-3  # least variance a weight believes, in parts of the typical one
BENDS = 3  # parameters of the smooth model
STUDENT = 4.0  # 2 of Student's variance f/(f - 2), times the 2 of `_unsure`
RIDGE = 1e-6  # repetitions that stand for a parabola of nothing, where lengths are too few for one


@dataclass(frozen=True, eq=False)
class Means:
    """Means over repeated x, and the batch they came from.

    batch: the means (N, J), weighted by a smooth model of their scatter. variance (N, J): of each
    mean, mostly from its own scatter; None where that is not known. group (K, M): which mean a
    point of the original belongs to. drifting: points of one x follow each other (N,).
    """

    original: Batch
    batch: Batch
    variance: Array | None
    group: NDArray[np.intp]
    drifting: NDArray[np.bool_]

    def spread(self, curve: Array) -> Array:
        """Return a curve (N, J) at every point of the original (N, M)."""
        groups = np.broadcast_to(self.group, (len(curve), self.group.shape[1]))
        return np.take_along_axis(curve, groups, axis=1)


def means(batch: Batch, *, trust: bool = False) -> Means:
    """Average what was measured at the same x, for traces that are not `unlike`.

    Random sequences of one length differ by more than their shots: the error of a mean is the
    scatter between them. Where too little is repeated, sigma as given counts, or none; with
    `trust`, sigma counts wherever it is given.
    """
    group = _groups(batch.x)
    count = int(group.max()) + 1
    present = (batch.w > 0).astype(np.float64)
    number = _sums(present, group, count)
    safe, freedom = np.maximum(number, 1.0), np.maximum(number - 1.0, 0.0)
    y, apart = _taken_apart(batch, present, group, number)
    squares = _sums(apart**2, group, count)
    merged = replace(
        batch, x=_axis(batch.x, group, count), step=np.zeros(len(batch.x)), y=y,
        w=_weights_as_given(batch, present, group, number),
        shots=None if batch.shots is None else _sums(present * batch.shots, group, count),
    )  # fmt: skip
    if not _tell(batch, apart, freedom).all() or (trust and batch.known_noise):
        return _of_sigma(batch, merged, group, number, trust=trust)
    own = squares / np.maximum(freedom, 1.0)
    noisier = _noisier(merged, number, squares)
    smooth = noisier * _smooth(own / noisier, freedom, merged.x)
    w = np.where(number > 0, np.sqrt(safe / smooth), 0.0)
    variance = (freedom * own + BORROWED * smooth) / (freedom + BORROWED) / safe
    variance = _unsure(variance, freedom.sum(axis=1))
    told = replace(merged, w=w, known_noise=True, variance=None)  # whatever sigma was given
    return Means(batch, told, variance, group, _drifting(apart, group))


def _of_sigma(
    batch: Batch, merged: Batch, group: NDArray[np.intp], number: Array, *, trust: bool
) -> Means:
    """Return means whose errors follow from sigma as given, if it is.

    Unless it is trusted to be the shots', it may change much from one length to the next, as the
    scatter of sequences does; then the average over neighbours is no model of it.
    """
    calm = np.zeros(batch.traces, dtype=bool)
    if batch.variance is None or trust or (batch.variance == batch.variance[0, 0]).all():
        return Means(batch, merged, None, group, calm)
    own = _variance_of_means(batch, batch.variance, group, number)
    smooth = _smooth(own, np.minimum(number, 1.0), merged.x)
    ratio = own / smooth
    alone = ratio > UNLIKE
    alike = (own > 0) ^ alone
    ratio[~alike] = 0.0
    size = ratio.sum(axis=1) / np.maximum(alike.sum(axis=1), 1)
    smooth *= np.where(size > 0, size, 1.0)[:, None]
    smooth[alone] = own[alone]
    w = np.where(number > 0, 1.0 / np.sqrt(smooth), 0.0)
    variance = _unsure(own, _freedom(own / smooth, alike))
    return Means(batch, replace(merged, w=w), variance, group, calm)


def _variance_of_means(
    batch: Batch, variance: Array, group: NDArray[np.intp], number: Array
) -> Array:
    """Return that of each mean (N, J) by sigma, a neighbour's where it says nothing."""
    there = batch.w > 0
    each = variance
    if not (there.all() and variance.all()):
        near = 1.0 / np.where(there, batch.w, 1.0) ** 2
        each = np.where(there, np.where(variance > 0, variance, near), 0.0)
    if number.shape == each.shape:
        return each
    return np.asarray(_sums(each, group, number.shape[1]) / np.maximum(number, 1.0) ** 2)


def _freedom(ratio: Array, alike: NDArray[np.bool_]) -> Array:
    """Return the repetitions (N,) that variances come from which scatter so about a smooth model.

    ratio: (N, J) of them to the model; only those that are `alike` count. The logarithm of a
    variance from f repetitions has a variance of 2/f itself.
    """
    off = np.log(np.where(alike, ratio, 1.0))
    square, many = (off * off).sum(axis=1), alike.sum(axis=1)
    return np.asarray(2.0 * many * np.maximum(many - BENDS, 1) / np.maximum(square, 1e-9))


def _unsure(variance: Array, freedom: Array) -> Array:
    """Return variances (N, J) that are larger by what they are unsure of.

    An error bar from an estimated variance is one of Student's t, wider than a Gaussian's, with
    half the repetitions (N,) in all: a parabola takes as much from those that tell of the decay.
    """
    known = np.maximum(freedom, ENOUGH)
    return np.asarray(variance * (known / (known - STUDENT))[:, None])


def unlike(batch: Batch) -> NDArray[np.intp]:
    """Return a number (N,) that differs where as many x, or what repetitions tell, do not match."""
    group, present = _groups(batch.x), (batch.w > 0).astype(np.float64)
    different = np.broadcast_to(group[:, -1], (batch.traces,))
    number = _sums(present, group, int(group.max()) + 1)
    _, apart = _taken_apart(batch, present, group, number)
    enough = _tell(batch, apart, np.maximum(number - 1.0, 0.0))
    return np.asarray(2 * different + enough, dtype=np.intp)


def _taken_apart(
    batch: Batch, present: Array, group: NDArray[np.intp], number: Array
) -> tuple[Array, Array]:
    """Return the means (N, J), and what is left of every point (N, M)."""
    y = _sums(present * batch.y, group, number.shape[1]) / np.maximum(number, 1.0)
    own = np.take_along_axis(y, np.broadcast_to(group, batch.y.shape), 1)
    return y, present * (batch.y - own)


def _tell(batch: Batch, apart: Array, freedom: Array) -> NDArray[np.bool_]:
    """Return whether repetitions are enough, and scatter by more than rounding (N,)."""
    size = np.abs(batch.level) + np.abs(batch.y).max(axis=1)
    scatter = np.sqrt((apart**2).sum(axis=1) / np.maximum(freedom.sum(axis=1), 1.0))
    return np.asarray((freedom.sum(axis=1) >= ENOUGH) & (scatter > ROUNDING * size))


def _groups(x: Array) -> NDArray[np.intp]:
    """Return for each sorted x (K, M) how many different ones are before it."""
    new = np.diff(x, axis=1) > 1e-9
    return np.hstack([np.zeros((len(x), 1), dtype=np.intp), np.cumsum(new, axis=1)])


def _axis(x: Array, group: NDArray[np.intp], count: int) -> Array:
    axis = np.repeat(x[:, -1:], count, axis=1)
    np.put_along_axis(axis, group, x, axis=1)
    return axis


def _sums(values: Array, group: NDArray[np.intp], count: int) -> Array:
    """Sum (N, M) over groups (K, M) -> (N, J)."""
    n = len(values)
    place = group + count * np.arange(n)[:, None]
    sums = np.bincount(place.ravel(), values.ravel(), n * count)
    return np.asarray(sums.reshape(n, count), dtype=np.float64)


def _weights_as_given(
    batch: Batch, present: Array, group: NDArray[np.intp], number: Array
) -> Array:
    variance = np.where(present > 0, 1.0 / np.where(batch.w > 0, batch.w, 1.0) ** 2, 0.0)
    total = _sums(variance, group, number.shape[1])
    return np.where(number > 0, number / np.sqrt(np.where(total > 0, total, 1.0)), 0.0)


def _noisier(merged: Batch, number: Array, squares: Array) -> Array:
    """Return how much more the points of one x scatter than those of all (N, J), by their sigma.

    Where shots were lost, some x have more of the noisy points than others. Scatter that sigma does
    not explain, as between random sequences, is alike everywhere.
    """
    if not merged.known_noise:
        return np.ones_like(squares)
    told = number / np.where(merged.w > 0, merged.w, 1.0) ** 2  # merged.w is that of means
    freedom = np.maximum(number - 1.0, 0.0)
    typical = (freedom * told).sum(axis=1, keepdims=True)
    whole = freedom.sum(axis=1, keepdims=True)
    explained = np.minimum(typical / squares.sum(axis=1, keepdims=True), 1.0)
    return np.where(number > 0, 1.0 - explained + explained * told * whole / typical, 1.0)


def _drifting(apart: Array, group: NDArray[np.intp]) -> NDArray[np.bool_]:
    """Return whether what is left of the means is correlated from point to point (N,)."""
    same = np.diff(group, axis=1) == 0
    power = np.maximum((apart**2).mean(axis=1), 1e-300)
    found = (apart[:, 1:] * apart[:, :-1] * same).sum(axis=1) / power
    error = np.sqrt(np.maximum(np.count_nonzero(same, axis=1), 1))
    return np.asarray(found > DRIFT * error)


def _smooth(own: Array, freedom: Array, x: Array) -> Array:
    """Return variances (N, J) as exp of a parabola in log x.

    Weights from each mean's own scatter would follow its luck; a survival near its bound scatters
    less the nearer it is, so they would also bias the mean towards the bound.
    """
    result = np.empty_like(own)
    fill_smooth(own, freedom, x, result)
    return result


@careful_kernel
def fill_smooth(own: Array, freedom: Array, x: Array, out: Array) -> None:
    """Fill out (N, J); x (K, J) with K = 1 or N."""
    t = np.empty(x.shape[1])
    for n in range(own.shape[0]):
        typical, whole = 0.0, 0.0
        for i in range(t.size):
            typical += own[n, i] * freedom[n, i]
            whole += freedom[n, i]
        typical = typical / whole if typical > 0.0 else 1.0
        scaled_log(x[n if x.shape[0] > 1 else 0], t)
        parabola(own[n], freedom[n], t, math.log(FLOOR * typical), out[n])
        for i in range(t.size):
            out[n, i] = math.exp(min(max(out[n, i], math.log(FLOOR * typical)),
                                     math.log(typical / FLOOR)))  # fmt: skip


@careful_piece
def scaled_log(x: Array, t: Array) -> None:
    """Fill t (J,) with the logarithms of lengths, about 0 and 1 wide."""
    middle, low, high = 0.0, math.inf, -math.inf
    for i in range(x.size):
        t[i] = math.log(max(x[i], 0.0) + 0.01)
        middle, low, high = middle + t[i] / x.size, min(low, t[i]), max(high, t[i])
    for i in range(x.size):
        t[i] = (t[i] - middle) / max(high - low, 1e-9)


@careful_piece
def parabola(own: Array, freedom: Array, t: Array, least: float, out: Array) -> None:
    """Fill out (J,) with the parabola through log variances; each weighs as its freedom."""
    s0, s1, s2, s3, s4 = RIDGE, 0.0, 0.0, 0.0, 0.0
    r0 = r1 = r2 = 0.0
    for i in range(t.size):
        if freedom[i] > 0.0 and own[i] > 0.0:
            u, w = t[i], freedom[i]
            y = w * max(math.log(own[i]) + 1.0 / max(w, 1.0), least)
            s0, s1, s2 = s0 + w, s1 + w * u, s2 + w * u * u
            s3, s4 = s3 + w * u * u * u, s4 + w * u * u * u * u
            r0, r1, r2 = r0 + y, r1 + y * u, r2 + y * u * u
    m2, m4 = s2 + RIDGE, s4 + RIDGE
    by_1, by_2, more = s1 / s0, s2 / s0, s3 - s1 * s2 / s0  # elimination: one length is nearly none
    own_1 = m2 - by_1 * s1
    own_2 = m4 - by_2 * s2 - more * more / own_1
    r1 -= by_1 * r0
    k2 = (r2 - by_2 * r0 - more / own_1 * r1) / own_2
    k1 = (r1 - more * k2) / own_1
    k0 = (r0 - s1 * k1 - s2 * k2) / s0
    for i in range(t.size):
        out[i] = k0 + t[i] * (k1 + t[i] * k2)
