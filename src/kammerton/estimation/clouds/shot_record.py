"""What is wrong with a record of single shots, whatever the qubit does."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import chdtrc

from kammerton.estimation.clouds.record_kernels import at_ends, fill_means, moments, trend

Array = NDArray[np.float64]
Complex = NDArray[np.complex128]

FEW = 0.01  # share of different values below which a digitizer is stuck
ALIKE = 0.1  # share of shots with one and the same I and Q, coarse as the values may be
SUSPECT = 0.005  # share of shots whose I some other shot has, too, from where on it is looked at
RUN, FEWEST = 8, 20  # shots in a row that occurred before, and how often until it is no accident
MULTIPLIER = np.uint64(6364136223846793005)  # of Knuth's MMIX
RAILED, TIMES = 0.005, 3  # share of shots at a rail, and how many more than at the next value
BLOCKS = 20
CHANCE = 1e-6
MOVED = 0.15  # of the width: movements of the clouds that matter


def repeats(z: Complex) -> int:
    """Return how many shots (M,) have an I that an earlier one has, too."""
    ordered = np.sort(z.real)
    return int(np.count_nonzero(ordered[1:] == ordered[:-1]))


def stuck(z: Complex) -> bool:
    """Whether shots (M,) in their order hold few values, or a block of them comes again."""
    if repeats(z) < SUSPECT * z.size:
        return False
    values, inverse, counts = np.unique(z, return_inverse=True, return_counts=True)
    if values.size <= FEW * z.size or counts.max() > ALIKE * z.size:
        return True
    return _again(inverse) >= FEWEST


def _again(values: NDArray[np.intp]) -> int:
    """Return how many spans of shots occurred before in the record, RUN shots after one another.

    One shot may come again by chance, as coarse as values may be; so many in a row do not. Spans
    are compared by a polynomial of their values modulo 2^64.
    """
    span = np.zeros(values.size - RUN + 1, dtype=np.uint64)
    for k in range(RUN):
        span = span * MULTIPLIER + values[k : k + span.size].astype(np.uint64)
    return int(span.size - np.unique(span).size)


def railed(z: Complex) -> bool:
    """Whether many shots (M,) have exactly the largest or smallest I or Q."""
    count, ends = np.empty(4, np.intp), np.empty(4)
    at_ends(z, count, ends)
    parts = z.real, z.real, z.imag, z.imag
    return any(
        there > RAILED * z.size and _piled(part, float(end), int(there))
        for part, end, there in zip(parts, ends, count, strict=True)
    )


def _piled(values: Array, end: float, there: int) -> bool:
    """Whether a value at an end is there much more often than the one next to it."""
    rest = values[values != end]
    if rest.size == 0:
        return True
    beside = rest[np.abs(rest - end).argmin()]
    return there > TIMES * int(np.count_nonzero(rest == beside))


def spread(z: Complex) -> tuple[float, float]:
    """Return the variances of I and of Q of shots (M,)."""
    return moments(z)[2:]


def moved(sets: list[Complex]) -> float:
    """Return how far the mean of each set moves through the record, beyond chance.

    sets: shots in the order they were taken, in widths of a cloud. 0 where it may be chance.
    """
    found = 0.0
    for z in sets:
        i, q, *variances = moments(z)
        means = np.empty((2, BLOCKS))
        fill_means(z, means)
        for variance, mean, part in zip(variances, (i, q), means, strict=True):
            noise, total = variance * BLOCKS / z.size, float((part - mean) @ (part - mean))
            if noise > 0 and chdtrc(BLOCKS - 1, total / noise) < CHANCE:
                found = max(found, float(np.sqrt(max(total / BLOCKS - noise, 0.0))))
    return found


def drifted(sets: list[Complex], times: list[Array]) -> float:
    """Return how far the shots drift steadily, rms over the record, beyond chance.

    times: 0 to 1 in the record, of each shot. Preparations that were taken one after the other are
    each seen for a part of it only; what was prepared later lies elsewhere all the same.
    """
    slope, known = 0j, 0.0
    for z, t in zip(sets, times, strict=True):
        i, q, far = trend(z, t)
        weight = 2.0 / max(sum(spread(z)), 1e-300)
        slope += weight * complex(i, q)
        known += weight * far
    if known <= 0 or chdtrc(2, abs(slope) ** 2 / known) > CHANCE:
        return 0.0
    return abs(slope) / known / float(np.sqrt(12.0))
