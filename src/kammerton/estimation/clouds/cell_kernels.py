"""The cell of each shot, the centre next to it, and sums over cells, in numba."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from kammerton.estimation.numeric.compiling import kernel, piece

Array = NDArray[np.float64]
Edges = tuple[Array, Array]

LEAST = 0.3  # of a group of shots, from which on it counts
SAMPLE, ABOUT = 48, 9  # values that say where a median is, to 2.6 of its standard deviations
FEW = 100  # values of which the median is looked for without


@piece
def place_among(edges: Array, value: float, low: float, per: float) -> int:
    """Return between which inner edges a value lies: a guess as if they were even, mended.

    low: the lowest of them; per: how many there are to a unit.
    """
    last = edges.size - 2
    k = int(min(max((value - low) * per, 0.0), last - 1.0))
    while k > 0 and edges[k] >= value:
        k -= 1
    while k < last and edges[k + 1] < value:
        k += 1
    return k


@kernel
def fill_cells(z: NDArray[np.complex128], edges: Edges, cells: NDArray[np.intp]) -> None:
    """Fill the number of the cell of each shot (M,)."""
    across, (i, q) = edges[1].size - 1, edges
    low_i, per_i = i[1], (i.size - 3) / (i[-2] - i[1])
    low_q, per_q = q[1], (q.size - 3) / (q[-2] - q[1])
    for m in range(z.size):
        x, y = place_among(i, z[m].real, low_i, per_i), place_among(q, z[m].imag, low_q, per_q)
        cells[m] = x * across + y


@kernel
def fill_nearest(
    z: NDArray[np.complex128], centres: NDArray[np.complex128], labels: NDArray[np.intp]
) -> None:
    """Fill the number of the centre that each shot (M,) is nearest to, the first of equals."""
    for m in range(z.size):
        best, least = 0, np.inf
        for s in range(centres.size):
            away = z[m] - centres[s]
            far = away.real * away.real + away.imag * away.imag
            if far < least:
                best, least = s, far
        labels[m] = best


@kernel
def middle_of_nine(
    z: NDArray[np.complex128], cells: NDArray[np.intp], across: int, place: tuple[int, int]
) -> complex:
    """Return the medians of the shots (M,) in a cell (X, Y) of a grid and those around it."""
    i, q, near, n = np.empty(z.size), np.empty(z.size), np.empty(z.size), 0
    for m in range(z.size):
        i[n], q[n] = z[m].real, z[m].imag
        x = cells[m] // across
        n += int((abs(x - place[0]) <= 1) & (abs(cells[m] - x * across - place[1]) <= 1))
    return complex(middle_of(i, n, near), middle_of(q, n, near))


@kernel
def fill_called(
    cells: NDArray[np.intp], labels: NDArray[np.intp], seen: Array, scores: Array, parts: Array,
    beyond: Array,
) -> None:  # fmt: skip
    """Fill which part of the shots (M,) has each label (L,), and what scores it is more than that.

    seen: (C,) shots in each cell; scores (T, C); beyond: (T, L) sum of the scores of what is called
    so, but for the part of all that is.
    """
    both = np.zeros((parts.size, seen.size))
    parts[:] = 0.0
    for m in range(cells.size):
        both[labels[m], cells[m]] += 1.0
        parts[labels[m]] += 1.0
    for k in range(parts.size):
        parts[k] /= cells.size
        for c in range(seen.size):
            both[k, c] -= seen[c] * parts[k]
        for t in range(scores.shape[0]):
            total = 0.0
            for c in range(seen.size):
                total += scores[t, c] * both[k, c]
            beyond[t, k] = total


@piece
def select(values: Array, n: int, rank: int) -> float:
    """Return the value of some rank among the first n, with those below it before it (Hoare)."""
    low, high = 0, n - 1
    while low < high:
        pivot, i, j = values[(low + high) // 2], low, high
        while i <= j:
            while values[i] < pivot:
                i += 1
            while values[j] > pivot:
                j -= 1
            if i <= j:
                values[i], values[j] = values[j], values[i]
                i, j = i + 1, j - 1
        if rank <= j:
            high = j
        elif rank >= i:
            low = i
        else:
            break
    return values[rank]  # type: ignore[no-any-return]  # a float


@piece
def about_middle(values: Array, n: int, near: Array) -> tuple[int, int]:
    """Gather in near what lies about the median of n values; return how many, and how many below.

    A sample says where that is. The processor needs to guess nothing here, as it does in select.
    """
    for m in range(SAMPLE):
        v, k = values[m * n // SAMPLE], m
        while k > 0 and near[k - 1] > v:
            near[k] = near[k - 1]
            k -= 1
        near[k] = v
    low, high, k, below = near[SAMPLE // 2 - ABOUT], near[SAMPLE // 2 + ABOUT], 0, 0
    for m in range(n):
        near[k] = values[m]
        k += int((values[m] >= low) & (values[m] <= high))
        below += int(values[m] < low)
    return k, below


@piece
def middle_of(values: Array, n: int, near: Array) -> float:
    """Return the median of the first n values; near: (n,) to work in."""
    half, there, below = n // 2, 0, 0
    if n > FEW:
        there, below = about_middle(values, n, near)
    if not below < half < below + there:
        there, below = n, 0
        for m in range(n):
            near[m] = values[m]
    upper = select(near, there, half - below)
    if n % 2:
        return upper
    lower = near[0]
    for k in range(1, half - below):
        lower = max(lower, near[k])
    return 0.5 * (lower + upper)  # type: ignore[no-any-return]  # a float


@kernel
def middle(values: Array) -> float:
    """Return the median; np.median looks for NaN, which takes longer than it does to find it."""
    return middle_of(values, values.size, np.empty(values.size))


@kernel
def scatter(values: Array) -> float:
    """Return the median of how far values are from their median."""
    near, away = np.empty(values.size), np.empty(values.size)
    centre = middle_of(values, values.size, near)
    for m in range(values.size):
        away[m] = abs(values[m] - centre)
    return middle_of(away, values.size, near)


@kernel
def settle_middles(
    z: NDArray[np.complex128], centres: NDArray[np.complex128], labels: NDArray[np.intp],
    rounds: int,
) -> None:  # fmt: skip
    """Move each centre (S,) to the medians of the shots (M,) next to it until none changes sides.

    labels: (M,) the number of the centre next to each, at first none.
    """
    i, q, near = np.empty(z.size), np.empty(z.size), np.empty(z.size)
    for _ in range(rounds):
        before = labels.copy()
        fill_nearest(z, centres, labels)
        if (before == labels).all():
            return
        for s in range(centres.size):
            n = 0
            for m in range(z.size):  # without a branch, which nothing could foresee
                i[n], q[n] = z[m].real, z[m].imag
                n += int(labels[m] == s)
            if n > 0:
                centres[s] = complex(middle_of(i, n, near), middle_of(q, n, near))


@kernel
def fill_sums(a: Array, w: Array, b: Array, out: Array) -> None:
    """Fill out (T, V) with a (P, T, C) times w (P, C) times b (P, V, C), summed over cells."""
    row, there = np.empty(w.shape[1]), np.empty(b.shape[1])
    out[:] = 0.0
    for i in range(w.shape[0]):
        for v in range(b.shape[1]):  # preparations do not depend on all that there is
            there[v] = np.abs(b[i, v]).max()
        for t in range(a.shape[1]):
            for c in range(row.size):
                row[c] = a[i, t, c] * w[i, c]
            some = np.abs(row).max() > 0.0
            for v in range(b.shape[1]):
                if not some or there[v] == 0.0:
                    continue
                total = 0.0
                for c in range(row.size):
                    total += row[c] * b[i, v, c]
                out[t, v] += total


@kernel
def fill_squares(a: Array, w: Array, out: Array) -> None:
    """Fill out (T, T) with a (P, T, C) times w (P, C) times a, summed over cells."""
    row = np.empty(w.shape[1])
    out[:] = 0.0
    for i in range(w.shape[0]):
        for t in range(a.shape[1]):
            for c in range(row.size):
                row[c] = a[i, t, c] * w[i, c]
            if np.abs(row).max() == 0.0:  # preparations do not depend on all that there is
                continue
            for u in range(t + 1):
                total = 0.0
                for c in range(row.size):
                    total += row[c] * a[i, u, c]
                out[t, u] += total
    for t in range(out.shape[0]):
        for u in range(t):
            out[u, t] = out[t, u]


@kernel
def fill_shares(z: NDArray[np.complex128], centres: NDArray[np.complex128], share: Array) -> None:
    """Fill share (S,) with the part of the shots (M,) that is nearest to each centre."""
    labels = np.empty(z.size, np.intp)
    fill_nearest(z, centres, labels)
    share[:] = 0.0
    for m in range(z.size):
        share[labels[m]] += 1.0
    for s in range(share.size):
        share[s] /= z.size


@kernel
def pearson(expected: Array, counts: Array, group: float) -> tuple[float, int]:
    """Return chi-square of counts (P, C) and how many groups of about `group` shots it is of.

    Cells with few shots are taken together with those that follow.
    """
    total, groups = 0.0, 0
    for i in range(counts.shape[0]):
        mean = there = upto = number = 0.0
        for c in range(counts.shape[1] + 1):
            last = c == counts.shape[1]
            upto += 0.0 if last else expected[i, c]
            if last or math.floor(upto / group) != number:
                if mean > LEAST * group:
                    total += (there - mean) ** 2 / mean
                    groups += 1
                mean = there = 0.0
                number = math.floor(upto / group)
            if not last:
                mean += expected[i, c]
                there += counts[i, c]
    return total, groups
