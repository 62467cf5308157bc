"""Sums over a record of single shots, in numba: numpy makes several passes for each."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kammerton.estimation.numeric.compiling import kernel

Array = NDArray[np.float64]
Complex = NDArray[np.complex128]


@kernel
def moments(z: Complex) -> tuple[float, float, float, float]:
    """Return the means of I and of Q of shots (M,), and their variances."""
    i = q = ii = qq = 0.0
    for m in range(z.size):
        i += z[m].real
        q += z[m].imag
    i, q = i / z.size, q / z.size
    for m in range(z.size):
        ii += (z[m].real - i) ** 2
        qq += (z[m].imag - q) ** 2
    return i, q, ii / z.size, qq / z.size


@kernel
def fill_order(
    there: NDArray[np.bool_], prepared: NDArray[np.intp], first: NDArray[np.intp],
    order: NDArray[np.intp],
) -> None:  # fmt: skip
    """Fill the numbers of the shots (M,) that are there, by what was prepared.

    first: (S + 1,) where those of each state begin in order (M,), and where the last end.
    """
    first[:] = 0
    for m in range(there.size):
        first[prepared[m] + 1] += int(there[m])
    for s in range(1, first.size):
        first[s] += first[s - 1]
    place = first.copy()
    for m in range(there.size):
        if there[m]:
            order[place[prepared[m]]] = m
            place[prepared[m]] += 1


@kernel
def fill_means(z: Complex, means: Array) -> None:
    """Fill the means of I and of Q (2, B) of as many equal spans of shots (M,)."""
    blocks = means.shape[1]
    for b in range(blocks):
        first, last = b * z.size // blocks, (b + 1) * z.size // blocks
        i = q = 0.0
        for m in range(first, last):
            i += z[m].real
            q += z[m].imag
        means[0, b], means[1, b] = i / (last - first), q / (last - first)


@kernel
def trend(z: Complex, t: Array) -> tuple[float, float, float]:
    """Return the sums of I, Q and t (M,), each times how far t is from its mean."""
    middle = 0.0
    for m in range(t.size):
        middle += t[m]
    middle /= t.size
    i = q = known = 0.0
    for m in range(t.size):
        away = t[m] - middle
        i += away * z[m].real
        q += away * z[m].imag
        known += away * away
    return i, q, known


@kernel
def at_ends(z: Complex, count: NDArray[np.intp], ends: Array) -> None:
    """Fill the largest and the smallest I and Q (4,), and how many shots (M,) have exactly it."""
    for k in range(4):
        part, up = k // 2, k % 2 == 0
        end, there = z[0].imag if part else z[0].real, 0
        for m in range(z.size):
            value = z[m].imag if part else z[m].real
            end = max(end, value) if up else min(end, value)
        for m in range(z.size):
            there += (z[m].imag if part else z[m].real) == end
        ends[k], count[k] = end, there
