"""Which cell of a grid each shot lies in, and which of some centres is next to it, in numba."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kammerton.estimation.numeric.compiling import kernel, piece

Array = NDArray[np.float64]
Edges = tuple[Array, Array]


@piece
def place_among(edges: Array, value: float) -> int:
    """Return between which inner edges a value lies: a guess as if they were even, mended."""
    last = edges.size - 2
    low, high = edges[1], edges[last]
    k = int(min(max((value - low) / (high - low), 0.0), 1.0) * (last - 1))
    while k > 0 and edges[k] >= value:
        k -= 1
    while k < last and edges[k + 1] < value:
        k += 1
    return k


@kernel
def fill_cells(z: NDArray[np.complex128], edges: Edges, cells: NDArray[np.intp]) -> None:
    """Fill the number of the cell of each shot (M,)."""
    across = edges[1].size - 1
    for m in range(z.size):
        x, y = place_among(edges[0], z[m].real), place_among(edges[1], z[m].imag)
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
def fill_joint(cells: NDArray[np.intp], labels: NDArray[np.intp], both: Array) -> None:
    """Add to both (C, L) how many shots (M,) lie in each cell and have each label."""
    for m in range(cells.size):
        both[cells[m], labels[m]] += 1.0
