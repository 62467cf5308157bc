"""The nine states of a pair, ordered by their number of excitations.

Exchange keeps that number, so without microwaves the Hamiltonian falls into blocks of one, two,
three, two and one states. Density matrices are 9 x 9; kernels without microwaves keep only their
upper half up to date, elements |i><j| with no more excitations in i than in j, and relaxation
never leaves it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

IndexArray = NDArray[np.int64]

LABELS = ((0, 0), (0, 1), (1, 0), (0, 2), (1, 1), (2, 0), (1, 2), (2, 1), (2, 2))
"""Levels (first, second) of every state."""

BLOCKS = np.array([0, 1, 3, 6, 8, 9])
"""Where the blocks begin, and the end of the last."""

FIRST = np.array([a for a, _ in LABELS])
SECOND = np.array([b for _, b in LABELS])
PLACE = np.array([[LABELS.index((a, b)) for b in range(3)] for a in range(3)])

LOWERING_FIRST = np.zeros((9, 9))
LOWERING_SECOND = np.zeros((9, 9))
for _state, (_a, _b) in enumerate(LABELS):
    if _a:
        LOWERING_FIRST[PLACE[_a - 1, _b], _state] = np.sqrt(_a)
    if _b:
        LOWERING_SECOND[PLACE[_a, _b - 1], _state] = np.sqrt(_b)


def _element(left: tuple[int, int], right: tuple[int, int]) -> int:
    return int(9 * PLACE[left] + PLACE[right])


def _groups(second: bool) -> tuple[IndexArray, IndexArray, IndexArray]:
    """Flat indices of what relaxation of one qubit couples, in the upper half.

    populations (6, 3), neighbouring coherences (11, 2), the outer coherence (10,).
    """
    populations, neighbours, outer = [], [], []
    for left in range(3):
        for right in range(3):

            def of(i: int, j: int, left: int = left, right: int = right) -> int:
                mine = (i, left), (j, right)
                return _element(*(x[::-1] for x in mine)) if second else _element(*mine)

            rest = left - right
            if rest <= 0:
                populations.append([of(n, n) for n in range(3)])
            for sign in (-1, 1):
                if rest + sign <= 0:
                    pair = ((0, 1), (1, 2)) if sign < 0 else ((1, 0), (2, 1))
                    neighbours.append([of(*x) for x in pair])
                if rest + 2 * sign <= 0:
                    outer.append(of(0, 2) if sign < 0 else of(2, 0))
    return np.array(populations), np.array(neighbours), np.array(outer)


FIRST_POPULATIONS, FIRST_NEIGHBOURS, FIRST_OUTER = _groups(second=False)
SECOND_POPULATIONS, SECOND_NEIGHBOURS, SECOND_OUTER = _groups(second=True)
