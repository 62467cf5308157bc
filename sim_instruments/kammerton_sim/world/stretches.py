"""What changes seldom: where it does, so that each value is worked out once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def stretches(values: NDArray[np.generic]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Of rows (N, ...): which begin a stretch of equal ones (S,), and to which each belongs (N,).

    A value that comes back begins a stretch of its own.
    """
    new = np.ones(len(values), dtype=bool)
    differ = values[1:] != values[:-1]
    new[1:] = differ if differ.ndim == 1 else differ.any(axis=1)
    return np.flatnonzero(new), np.cumsum(new) - 1
