"""Traces whose weights a first fit has changed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kammerton.estimation.numeric.prepare import Batch
from kammerton.estimation.numeric.weights import MATTERS, counted, learned

Array = NDArray[np.float64]


def weighed_again(batch: Batch, curve: NDArray[Any]) -> tuple[NDArray[np.intp], Batch] | None:
    """Return the traces whose weights a fit has changed, and their batch; None for nothing.

    curve: fitted y as the batch holds it. Only for real traces whose sigma was given and varies.
    """
    if batch.variance is None or batch.apart is None or batch.parts == 2:
        return None
    told = Told(batch.variance, batch.apart, batch.shots)
    again = weights_of(told, batch.w, curve, batch.level[:, None])
    if again is None:
        return None
    which, w = again
    part = batch if len(which) == batch.traces else batch.take(which)
    return which, replace(part, w=w)


def may_weigh(batch: Batch) -> bool:
    """Return whether a curve may change any weights, before there is one."""
    if batch.variance is None or batch.apart is None or batch.parts == 2:
        return False
    return batch.shots is not None or not _alike(batch.variance)


def _alike(variance: Array) -> bool:
    """Return whether each trace has one variance everywhere; one that varies is seen first."""
    return bool((variance[0] == variance[0, 0]).all() and (variance == variance[:, :1]).all())


@dataclass(frozen=True, eq=False)
class Told:
    """What was told of the noise, all (N, R): see `prepare.Batch`."""

    variance: Array
    apart: NDArray[np.bool_]
    shots: Array | None

    def take(self, which: NDArray[np.intp]) -> Told:
        """Return that of some traces only."""
        shots = None if self.shots is None else self.shots[which]
        return Told(self.variance[which], self.apart[which], shots)


def weights_of(
    told: Told, w: Array, curve: Array, level: Array | float = 0.0
) -> tuple[NDArray[np.intp], Array] | None:
    """Return the traces that a curve (N, R) about `level` (N, 1) weighs anew, and their weights.

    None where it changes nothing. w: the weights of now, 0 where a point is missing.
    """
    variance = told.variance
    if told.shots is not None:
        better = counted(curve + level, told.shots)
        matters = _changed_much(w, better)
    elif _alike(variance):
        return None
    else:
        better, matters = learned(variance, w, told.apart, curve)
    which = np.flatnonzero(matters)
    if len(which) == 0:
        return None
    anew = np.where(w[which] > 0, 1.0 / np.sqrt(better[which]), 0.0)
    return which, np.ascontiguousarray(anew)


def _changed_much(w: Array, variance: Array) -> NDArray[np.bool_]:
    """Return which traces (N,) are worth another fit: weights w (N, M) differ much from those."""
    there = w > 0.0
    ratio = np.log(np.where(there, w * w * variance, 1.0))
    count = there.sum(axis=1)
    middle = ratio.sum(axis=1) / count
    square = (ratio * ratio).sum(axis=1) / count
    return np.asarray(square - middle * middle > MATTERS * MATTERS)
