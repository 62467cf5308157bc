"""A pair at rest between pulses, for any time, in closed form.

The master equation at rest falls into sectors of elements |i><j| with equal differences of
levels in both qubits: jumps move within them, a frozen extra detuning turns each as a whole.
Every sector is diagonalised once a play.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kammerton_sim.world.evolution import Evolution
from kammerton_sim.world.jit import kernel
from kammerton_sim.world.pairs.basis import FIRST, PLACE, SECOND
from kammerton_sim.world.propagate import ComplexArray, FloatArray

IndexArray = NDArray[np.int64]


class Sectors(NamedTuple):
    """S sectors of the upper half, each of sizes[s] elements at flat indices elements[s].

    turns (S, 2): by how many quanta a sector turns in the first and in the second qubit.
    rates (S, 9), vectors (S, 9, 9), inverse (S, 9, 9): eigensystems.
    """

    sizes: IndexArray
    elements: IndexArray
    turns: FloatArray
    rates: ComplexArray
    vectors: ComplexArray
    inverse: ComplexArray


def sectors(energies: FloatArray, first: Evolution, second: Evolution) -> Sectors:
    """Sectors of a pair with eigenstates at `energies` (9,) in rad/s."""
    generator = liouvillian(energies, first, second)
    left, right = (x.ravel() for x in np.indices((9, 9)))
    a, b = FIRST[right] - FIRST[left], SECOND[right] - SECOND[left]
    kinds = [(x, y) for x in range(-2, 3) for y in range(-2, 3) if x + y >= 0]
    room = len(kinds), 9, 9
    sizes, elements = np.zeros(room[0], np.int64), np.zeros(room[:2], np.int64)
    rates: ComplexArray = np.zeros(room[:2], np.complex128)
    vectors: ComplexArray = np.zeros(room, np.complex128)
    inverse: ComplexArray = np.zeros(room, np.complex128)
    for s, (x, y) in enumerate(kinds):
        members = np.flatnonzero((a == x) & (b == y))
        n = sizes[s] = members.size
        elements[s, :n] = members
        rates[s, :n], v = np.linalg.eig(generator[np.ix_(members, members)])
        vectors[s, :n, :n], inverse[s, :n, :n] = v, np.linalg.inv(v)
    return Sectors(sizes, elements, np.array(kinds, float), rates, vectors, inverse)


def liouvillian(energies: FloatArray, first: Evolution, second: Evolution) -> ComplexArray:
    """(81, 81) in 1/s, of density matrices in rows: turns, losses and jumps of both ladders."""
    total = np.diag((-1j * (energies[:, None] - energies[None, :])).ravel())
    for at in range(81):
        i, j = divmod(at, 9)
        left, right = (FIRST[i], SECOND[i]), (FIRST[j], SECOND[j])
        for qubit, moving in enumerate((first, second)):
            a, b = int(left[qubit]), int(right[qubit])
            total[at, at] -= _loss(moving, a, b)
            for step, rate in ((-1, moving.down), (1, moving.up)):
                if 0 <= a + step <= 2 and 0 <= b + step <= 2:
                    top = max(a, a + step) * max(b, b + step)
                    to = 9 * _moved(left, qubit, step) + _moved(right, qubit, step)
                    total[to, at] += rate / np.sqrt(2) * np.sqrt(top)
    return np.asarray(total, np.complex128)


def _loss(moving: Evolution, a: int, b: int) -> float:
    """Decay in 1/s of |a><b| of one qubit."""
    if a != b:
        return float(moving.decay[{1: 0, 2: 1, 3: 2}[a + b]])
    down, up = moving.down / np.sqrt(2), moving.up / np.sqrt(2)
    return float((up, down + 2 * up, 2 * down)[a])


def _moved(levels: tuple[int, int], qubit: int, step: int) -> int:
    a, b = levels
    return int(PLACE[a + step, b] if qubit == 0 else PLACE[a, b + step])


@kernel
def rest(states: ComplexArray, detunings: FloatArray, seconds: float, s: Sectors) -> None:
    """Let states (R, 81) with frozen detunings (R, 2) in rad/s rest for any time."""
    m = np.empty((9, 9), np.complex128)
    new = np.empty(9, np.complex128)
    for k in range(s.sizes.size):
        n = s.sizes[k]
        filled = False
        for r in range(states.shape[0]):
            for i in range(n):
                filled = filled or states[r, s.elements[k, i]] != 0
        if not filled:
            continue
        for i in range(n):
            for j in range(n):
                m[i, j] = 0
                for h in range(n):
                    factor = np.exp(s.rates[k, h] * seconds)
                    m[i, j] += s.vectors[k, i, h] * factor * s.inverse[k, h, j]
        for r in range(states.shape[0]):
            turn = s.turns[k, 0] * detunings[r, 0] + s.turns[k, 1] * detunings[r, 1]
            phase = complex(np.cos(turn * seconds), np.sin(turn * seconds))
            for i in range(n):
                new[i] = 0
                for j in range(n):
                    new[i] += m[i, j] * states[r, s.elements[k, j]]
            for i in range(n):
                states[r, s.elements[k, i]] = new[i] * phase
