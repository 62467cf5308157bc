"""What is wrong with a record of single shots, whatever the qubit does."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import chdtrc

Array = NDArray[np.float64]
Complex = NDArray[np.complex128]

FEW = 0.01  # share of different values below which a digitizer is stuck
REPEATED, SUSPECT = 0.08, 0.05  # share of shots that come again at one distance; in one quadrature
RAILED, TIMES = 0.005, 3  # share of shots at a rail, and how many more than at the next value
BLOCKS = 20
CHANCE = 1e-6
MOVED = 0.15  # of the width: movements of the clouds that matter


def stuck(z: Complex) -> bool:
    """Whether shots (M,) hold few values, or a block of them that is written again."""
    ordered = np.sort(z.real)
    distinct = 1 + np.count_nonzero(np.diff(ordered))
    if distinct > (1 - SUSPECT) * z.size:
        return False
    values, inverse = np.unique(z, return_inverse=True)
    if values.size <= FEW * z.size:
        return True
    order = np.argsort(inverse, kind="stable")
    same = inverse[order[1:]] == inverse[order[:-1]]
    apart = np.diff(order)[same]
    return apart.size > 0 and int(np.bincount(apart).max()) > REPEATED * z.size


def railed(z: Complex) -> bool:
    """Whether many shots (M,) have exactly the largest or smallest I or Q."""
    parts = np.ascontiguousarray(z.real), np.ascontiguousarray(z.imag)
    return any(_piled(part, end) for part in parts for end in (part.max(), part.min()))


def _piled(values: Array, end: float) -> bool:
    """Whether a value at an end is there much more often than the one next to it."""
    there = int(np.count_nonzero(values == end))
    if there <= RAILED * values.size:
        return False
    rest = values[values != end]
    if rest.size == 0:
        return True
    beside = rest[np.abs(rest - end).argmin()]
    return there > TIMES * int(np.count_nonzero(rest == beside))


def moved(sets: list[Complex]) -> float:
    """Return how far the mean of each set moves through the record, beyond chance.

    sets: shots in the order they were taken, in widths of a cloud. 0 where it may be chance.
    """
    found = 0.0
    for z in sets:
        blocks = np.array_split(z, BLOCKS)
        means = np.array([block.mean() for block in blocks])
        for part, mean in ((z.real, means.real), (z.imag, means.imag)):
            noise = float(part.var()) * BLOCKS / z.size
            total = float(((mean - part.mean()) ** 2).sum())
            if noise > 0 and chdtrc(BLOCKS - 1, total / noise) < CHANCE:
                found = max(found, float(np.sqrt(max(total / BLOCKS - noise, 0.0))))
    return found
