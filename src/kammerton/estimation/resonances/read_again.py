"""A block of the record that is written again from one trace into the next."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from kammerton.estimation.verdict.evidence import Mask
from kammerton.estimation.verdict.stuck import CHANCE, LEAST, SHARE, fill_stuck

PROBES, TWINS = 8, 2  # pairs of points of the first trace, and how many may be in the next


def read_again(y: NDArray[Any], w: NDArray[np.float64]) -> Mask:
    """Return which records (N, 2, M) hold one block again and again, beyond a single trace."""
    again = np.zeros(len(y), dtype=np.bool_)
    which = np.flatnonzero(_suspect(y))
    if len(which):
        joined, flags = y[which].reshape(len(which), -1), again[which]
        parts = [joined.real, joined.imag] if np.iscomplexobj(y) else [joined]
        weights = np.ascontiguousarray(w[which].reshape(len(which), -1))
        fill_stuck(np.stack(parts, axis=1), weights, LEAST, SHARE, CHANCE, flags)
        again[which] = flags
    return again


def _suspect(y: NDArray[Any]) -> Mask:
    """Return where pairs of points of the first trace are found in the second, too (N,)."""
    first, second = y[:, 0], y[:, 1]
    twins = np.zeros(len(y), dtype=np.intp)
    for k in range(PROBES):
        i = (2 * k + 1) * (y.shape[2] - 1) // (2 * PROBES)
        same = second.real[:, :-1] == first.real[:, i, None]
        if same.any():  # of noise, none is
            same &= second[:, :-1] == first[:, i, None]
            same &= second[:, 1:] == first[:, i + 1, None]
            twins += same.any(axis=1) & (first[:, i] != first[:, i + 1])
    return np.asarray(twins > TWINS)
