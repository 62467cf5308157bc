"""The one hot loop of the bench: adding up records as they stream in."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from kammerton.bench.acquire import RAIL_HIGH, RAIL_LOW


@njit("int64(uint16[:, ::1], int32[:, ::1])", cache=True, nogil=True)
def add_turns(records: NDArray[np.uint16], sums: NDArray[np.int32]) -> int:
    """Add whole turns of records (turns x M, samples) to sums (M, samples), in place.

    Returns the number of samples at a rail. 32 bits hold 32767 turns.
    """
    points, samples = sums.shape
    clipped = 0
    for r in range(records.shape[0]):
        row, total = records[r], sums[r % points]
        for s in range(samples):
            code = row[s]
            total[s] += code
            clipped += (code < RAIL_LOW) | (code >= RAIL_HIGH)
    return clipped
