"""A block of the record that is written again from one trace into the next."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from kammerton.estimation.numeric.kernels import careful_kernel
from kammerton.estimation.verdict.evidence import Mask
from kammerton.estimation.verdict.stuck import CHANCE, LEAST, SHARE, fill_stuck

PROBES, TWINS = 8, 2  # pairs of points of the first trace, and how many may be in the next


def read_again(y: NDArray[Any], w: NDArray[np.float64]) -> Mask:
    """Return which records (N, 2, M) hold one block again and again, beyond a single trace."""
    again = np.zeros(len(y), dtype=np.bool_)
    which = _suspect(y).nonzero()[0]
    if len(which):
        joined, flags = y[which].reshape(len(which), -1), again[which]
        parts = [joined.real, joined.imag] if np.iscomplexobj(y) else [joined]
        weights = np.ascontiguousarray(w[which].reshape(len(which), -1))
        fill_stuck(np.stack(parts, axis=1), weights, LEAST, SHARE, CHANCE, flags)
        again[which] = flags
    return again


def _suspect(y: NDArray[Any]) -> Mask:
    """Return where pairs of points of the first trace are found in the second, too (N,)."""
    twins = np.zeros(len(y), dtype=np.intp)
    fill_twins(y, twins)
    return np.asarray(twins > TWINS)


@careful_kernel
def fill_twins(y: NDArray[Any], twins: NDArray[np.intp]) -> None:
    """Fill twins (N,) with how many of PROBES pairs of points of y (N, 2, M) are there again."""
    last = y.shape[2] - 1
    for n in range(y.shape[0]):
        for k in range(PROBES):
            i, j = (2 * k + 1) * last // (2 * PROBES), 0
            one, two = y[n, 0, i], y[n, 0, i + 1]
            while j < last and not (y[n, 1, j] == one and y[n, 1, j + 1] == two):
                j += 1
            twins[n] += j < last and one != two
