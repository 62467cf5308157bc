"""Traces whose weights a first fit has changed."""

from __future__ import annotations

from dataclasses import replace
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
    variance = batch.variance
    apart = batch.apart
    if variance is None or apart is None or batch.parts == 2:
        return None
    if batch.shots is not None:
        better = counted(curve + batch.level[:, None], batch.shots)
        matters = _changed_much(batch.w, better)
    elif (variance[0] == variance[0, 0]).all() and (variance == variance[:, :1]).all():
        return None
    else:
        better, matters = learned(variance, batch.w, apart, curve)
    which = np.flatnonzero(matters)
    if len(which) == 0:
        return None
    part = batch if len(which) == batch.traces else batch.take(which)
    w = np.where(part.w > 0, 1.0 / np.sqrt(better[which]), 0.0)
    return which, replace(part, w=np.ascontiguousarray(w))


def _changed_much(w: Array, variance: Array) -> NDArray[np.bool_]:
    """Return which traces (N,) are worth another fit: weights w (N, M) differ much from those."""
    there = w > 0.0
    ratio = np.log(np.where(there, w * w * variance, 1.0))
    count = there.sum(axis=1)
    middle = ratio.sum(axis=1) / count
    square = (ratio * ratio).sum(axis=1) / count
    return np.asarray(square - middle * middle > MATTERS * MATTERS)
