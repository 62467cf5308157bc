"""The hot loops of the bench: adding records up, and integrating them.

Serial and without the interpreter lock: they run in the digitizer's thread, and BLAS with its own
threads was measured four times slower there whenever another process used the cores.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, TypeVar, cast

import numpy as np
from numba import njit
from numba.core.caching import FunctionCache
from numpy.typing import NDArray

log = logging.getLogger(__name__)

F = TypeVar("F", bound=Callable[..., Any])

RAIL_LOW, RAIL_HIGH = 16, 0xFFF0
"""Codes below and from here on are the rails of a converter of 12 bits or more, in uint16."""


def _compiled(*signatures: str, **how: Any) -> Callable[[F], F]:
    """Compile now, or read what is kept on the disk; where that is of no use, for this process."""
    how |= {"signature_or_function": list(signatures), "nogil": True}

    def compiled(function: F) -> F:
        try:
            return cast("F", njit(cache=True, **how)(function))
        except Exception as problem:  # noqa: BLE001 - torn, full, read-only: numba has many words
            log.warning("what numba keeps of %s is of no use: %r", function.__name__, problem)
            _forget(function)
            return cast("F", njit(**how)(function))

    return compiled


def _forget(function: Callable[..., Any]) -> None:
    """Let the next process begin anew what numba keeps of a function."""
    try:
        FunctionCache(function).flush()  # type: ignore[no-untyped-call]
    except (OSError, RuntimeError) as problem:
        log.warning("nor can it be kept anew: %s", problem)


@_compiled("int64(uint16[:, ::1], int32[:, ::1])")
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


@_compiled("int64(uint16[:, ::1])")
def count_rails(records: NDArray[np.uint16]) -> int:
    """Return the number of samples at a rail."""
    clipped = 0
    for r in range(records.shape[0]):
        row = records[r]
        for s in range(row.size):
            clipped += (row[s] < RAIL_LOW) | (row[s] >= RAIL_HIGH)
    return clipped


@_compiled(
    "void(uint16[:, ::1], int32, float32[:, :, ::1], float64[:, ::1])",
    "void(int32[:, ::1], int32, float32[:, :, ::1], float64[:, ::1])",
    fastmath=True,
)
def integrate(
    codes: NDArray[np.uint16] | NDArray[np.int32],
    zero: int,
    weights: NDArray[np.float32],
    out: NDArray[np.float64],
) -> None:
    """Write the sums over samples of (code - zero) weight of each record to out (R, K).

    codes: (R, samples), records of points 0, 1, ... M - 1, 0, ... weights: (1 or M, K, samples).
    """
    samples = codes.shape[1]
    centred = np.empty(samples, np.float32)
    for r in range(codes.shape[0]):
        row, rows = codes[r], weights[r % weights.shape[0]]
        for s in range(samples):
            centred[s] = np.float32(np.int32(row[s]) - zero)
        for k in range(rows.shape[0]):
            weight, total = rows[k], np.float32(0)
            for s in range(samples):
                total += centred[s] * weight[s]
            out[r, k] = total
