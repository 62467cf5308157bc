"""Kernels: density matrices of a pair through pulses.

Per step the Hamiltonian part is two exact unitaries; relaxation and the frozen extra detunings act
at the ends and between them with Simpson's weights, as for a single qubit (`propagate`).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kammerton_sim.world.evolution import Evolution
from kammerton_sim.world.jit import inline, kernel
from kammerton_sim.world.pairs.basis import (
    BLOCKS,
    FIRST,
    FIRST_NEIGHBOURS,
    FIRST_OUTER,
    FIRST_POPULATIONS,
    SECOND,
    SECOND_NEIGHBOURS,
    SECOND_OUTER,
    SECOND_POPULATIONS,
)
from kammerton_sim.world.pairs.exchange import exchange
from kammerton_sim.world.propagate import ComplexArray, FloatArray

IndexArray = NDArray[np.int64]


@inline
def _block(
    s: ComplexArray, u: ComplexArray, w: ComplexArray, x: int, nx: int, y: int, ny: int
) -> None:
    """Turn the block of rows x.. and columns y..; sizes are literals, so the loops unroll."""
    for i in range(nx):
        for j in range(ny):
            total = 0j
            for k in range(nx):
                total += u[x + i, x + k] * s[9 * (x + k) + y + j]
            w[3 * i + j] = total
    for i in range(nx):
        for j in range(ny):
            total = 0j
            for k in range(ny):
                total += w[3 * i + k] * u[y + j, y + k].conjugate()
            s[9 * (x + i) + y + j] = total


@kernel
def rotate(s: ComplexArray, u: ComplexArray, w: ComplexArray) -> None:
    """Turn the upper half of a state s (81,) into u s u^dag, block by block; w (9,): room."""
    _block(s, u, w, 0, 1, 0, 1)
    _block(s, u, w, 0, 1, 1, 2)
    _block(s, u, w, 0, 1, 3, 3)
    _block(s, u, w, 0, 1, 6, 2)
    _block(s, u, w, 0, 1, 8, 1)
    _block(s, u, w, 1, 2, 1, 2)
    _block(s, u, w, 1, 2, 3, 3)
    _block(s, u, w, 1, 2, 6, 2)
    _block(s, u, w, 1, 2, 8, 1)
    _block(s, u, w, 3, 3, 3, 3)
    _block(s, u, w, 3, 3, 6, 2)
    _block(s, u, w, 3, 3, 8, 1)
    _block(s, u, w, 6, 2, 6, 2)
    _block(s, u, w, 6, 2, 8, 1)
    _block(s, u, w, 8, 1, 8, 1)


@kernel
def mirror(s: ComplexArray) -> None:
    """Fill the lower half, of which blocks know nothing, from the upper."""
    for x in range(BLOCKS.size - 1):
        for i in range(BLOCKS[x + 1], 9):
            for j in range(BLOCKS[x], BLOCKS[x + 1]):
                s[9 * i + j] = s[9 * j + i].conjugate()


@kernel
def rotate_whole(s: ComplexArray, u: ComplexArray) -> None:
    """Turn a whole state s (81,) into u s u^dag, of a u without blocks."""
    mirror(s)
    turned = np.dot(np.dot(u, s.reshape(9, 9)), u.conj().T)
    s[:] = turned.ravel()


class Losses(NamedTuple):
    """Relaxation of both qubits in every part of a step, without what kernels need not pass on.

    p (3, 3, 3), c (3, 2, 2), o (3,) of each: see `Evolution`.
    """

    p: FloatArray
    c: FloatArray
    o: FloatArray
    q: FloatArray
    d: FloatArray
    n: FloatArray


@kernel
def _relax_one(
    s: ComplexArray,
    p: FloatArray,
    c: FloatArray,
    o: FloatArray,
    part: int,
    populations: IndexArray,
    neighbours: IndexArray,
    outer: IndexArray,
) -> None:
    for n in range(populations.shape[0]):
        i, j, k = populations[n, 0], populations[n, 1], populations[n, 2]
        x, y, z = s[i], s[j], s[k]
        s[i] = p[part, 0, 0] * x + p[part, 0, 1] * y + p[part, 0, 2] * z
        s[j] = p[part, 1, 0] * x + p[part, 1, 1] * y + p[part, 1, 2] * z
        s[k] = p[part, 2, 0] * x + p[part, 2, 1] * y + p[part, 2, 2] * z
    for n in range(neighbours.shape[0]):
        i, j = neighbours[n, 0], neighbours[n, 1]
        x, y = s[i], s[j]
        s[i] = c[part, 0, 0] * x + c[part, 0, 1] * y
        s[j] = c[part, 1, 0] * x + c[part, 1, 1] * y
    for n in range(outer.size):
        s[outer[n]] *= o[part]


@kernel
def _relax(s: ComplexArray, losses: Losses, part: int) -> None:
    """Let both qubits relax for a part of a step."""
    _relax_one(
        s, losses.p, losses.c, losses.o, part, FIRST_POPULATIONS, FIRST_NEIGHBOURS, FIRST_OUTER
    )
    _relax_one(
        s, losses.q, losses.d, losses.n, part, SECOND_POPULATIONS, SECOND_NEIGHBOURS, SECOND_OUTER
    )


@kernel
def _turn(s: ComplexArray, phases: ComplexArray, r: int, part: int) -> None:
    """Turn the states by the phases of member r; those of one block need both halves."""
    for i in range(9):
        for j in range(9):
            s[9 * i + j] *= phases[r, part, i] * phases[r, part, j].conjugate()


@kernel
def _losses(both: tuple[Evolution, Evolution]) -> Losses:
    first, second = both
    return Losses(first.p, first.c, first.o, second.p, second.c, second.o)


@kernel
def turning(detunings: FloatArray, e: Evolution) -> ComplexArray:
    """(R, 3, 9): what frozen detunings (R, 2) turn in each part of a step; empty if none does."""
    if np.abs(detunings).max() == 0:
        return np.empty((detunings.shape[0], 3, 0), np.complex128)
    out = np.empty((detunings.shape[0], 3, 9), np.complex128)
    for r in range(detunings.shape[0]):
        for part in range(3):
            for i in range(9):
                angle = detunings[r, 0] * FIRST[i] + detunings[r, 1] * SECOND[i]
                angle *= e.step * e.parts[part]
                out[r, part, i] = complex(np.cos(angle), -np.sin(angle))
    return out


@kernel
def flux(
    states: ComplexArray,
    detunings: FloatArray,
    shifts: FloatArray,
    base: FloatArray,
    zz: float,
    both: tuple[Evolution, Evolution],
) -> None:
    """Take states (R, 81), bare, through a flux pulse; a step is a sample.

    shifts (N, 5), added to base (5,): delta and alpha of the first and of the second qubit, and
    g, in rad/s. detunings (R, 2).
    """
    phases, losses = turning(detunings, both[0]), _losses(both)
    dt = 0.5 * both[0].step
    u = np.zeros((9, 9), np.complex128)
    w = np.empty(9, np.complex128)
    x = np.empty(5)
    turned = phases.size > 0
    for r in range(states.shape[0]):
        _relax(states[r], losses, 0)
        if turned:
            _turn(states[r], phases, r, 0)
    last = 2 * shifts.shape[0] - 1
    for n in range(last + 1):
        at = n // 2
        new = n == 0
        for m in range(5):
            new = new or shifts[at, m] != shifts[(n - 1) // 2, m]
        if new:
            for m in range(5):
                x[m] = base[m] + shifts[at, m]
            exchange(x[0], x[2], x[1], x[3], x[4], zz, dt, u)
        part = 1 if n % 2 == 0 else (2 if n < last else 0)
        for r in range(states.shape[0]):
            rotate(states[r], u, w)
            _relax(states[r], losses, part)
            if turned:
                _turn(states[r], phases, r, part)


@kernel
def driven(
    states: ComplexArray,
    detunings: FloatArray,
    halves: ComplexArray,
    both: tuple[Evolution, Evolution],
) -> None:
    """Take states (R, 81), bare, through steps of two unitaries each: halves (2 N, 9, 9)."""
    phases, losses = turning(detunings, both[0]), _losses(both)
    turned = phases.size > 0
    for r in range(states.shape[0]):
        _relax(states[r], losses, 0)
        if turned:
            _turn(states[r], phases, r, 0)
    last = halves.shape[0] - 1
    for n in range(last + 1):
        part = 1 if n % 2 == 0 else (2 if n < last else 0)
        for r in range(states.shape[0]):
            rotate_whole(states[r], halves[n])
            _relax(states[r], losses, part)
            if turned:
                _turn(states[r], phases, r, part)
