"""A pair at rest: what is bare and what is measured.

f01 of a qubit is what is measured with its neighbour in |0>: an eigenstate of the coupled pair.
From the two of them and g follow the bare frequencies (the block 01, 10 is undone exactly), the
nine eigenstates, and the ZZ shift, E11 - E10 - E01. A ZZ shift that is given instead is made up
by an energy of the bare state 11.

Anharmonicities are taken as bare: those of the pair differ from them by some g^2 / detuning.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kammerton_sim.world.pairs.basis import FIRST, LOWERING_FIRST, LOWERING_SECOND, PLACE, SECOND

FloatArray = NDArray[np.float64]

_EXCHANGE = LOWERING_FIRST.T @ LOWERING_SECOND + LOWERING_SECOND.T @ LOWERING_FIRST
_BOTH = int(PLACE[1, 1])


class Rest(NamedTuple):
    """first, second: bare detunings in rad/s; alphas, g and zz (an energy of 11) in rad/s.

    energies (9,): rad/s of the eigenstates. states (9, 9): their columns in the bare basis, each
    in the place of the bare state that it resembles.
    """

    first: float
    second: float
    alpha_first: float
    alpha_second: float
    g: float
    zz: float
    energies: FloatArray
    states: FloatArray

    @property
    def shift(self) -> float:
        """ZZ shift in rad/s."""
        e = self.energies
        return float(e[_BOTH] - e[PLACE[1, 0]] - e[PLACE[0, 1]])


def hamiltonian(
    first: float, second: float, alpha_first: float, alpha_second: float, g: float, zz: float
) -> FloatArray:
    """(9, 9) in rad/s, in the bare basis."""
    diagonal = first * FIRST + second * SECOND
    diagonal = diagonal + alpha_first * (FIRST == 2) + alpha_second * (SECOND == 2)
    diagonal[_BOTH] += zz
    return np.diag(diagonal) + g * _EXCHANGE


def at_rest(
    first: float,
    second: float,
    alpha_first: float,
    alpha_second: float,
    g: float,
    shift: float | None = None,
) -> Rest:
    """A pair whose qubits are measured at `first` and `second`, in rad/s from a common frame.

    shift: a given ZZ shift in rad/s, or None for the one that follows from g.
    """
    apart = first - second
    bare = math.copysign(math.sqrt(max(apart**2 - 4 * g**2, 0.0)), apart)
    middle = (first + second) / 2
    numbers = middle + bare / 2, middle - bare / 2, alpha_first, alpha_second, g
    pair = _solved(*numbers, 0.0)
    for _ in range(20 if shift is not None else 0):
        pair = _solved(*numbers, pair.zz + (shift or 0.0) - pair.shift)
    return pair


def _solved(
    first: float, second: float, alpha_first: float, alpha_second: float, g: float, zz: float
) -> Rest:
    h = hamiltonian(first, second, alpha_first, alpha_second, g, zz)
    energies, states = np.zeros(9), np.zeros((9, 9))
    for low, high in ((0, 1), (1, 3), (3, 6), (6, 8), (8, 9)):
        e, v = np.linalg.eigh(h[low:high, low:high])
        order = _labelled(v)
        v = v[:, order] * np.sign(np.diag(v[:, order]))
        energies[low:high], states[low:high, low:high] = e[order], v
    return Rest(first, second, alpha_first, alpha_second, g, zz, energies, states)


def _labelled(v: FloatArray) -> list[int]:
    """Column that resembles each bare state most, the clearest cases first."""
    weights = v**2
    order = [-1] * v.shape[0]
    for _ in order:
        row, column = np.unravel_index(int(np.argmax(weights)), weights.shape)
        order[int(row)] = int(column)
        weights[row, :] = weights[:, column] = -1
    return order
