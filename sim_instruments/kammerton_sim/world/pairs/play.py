"""A pair through its script: joint populations at every measurement, in the periodic state."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kammerton_sim.world.ensemble import nodes
from kammerton_sim.world.evolution import Evolution, Qubit, evolution
from kammerton_sim.world.jit import kernel
from kammerton_sim.world.pairs.basis import FIRST, LOWERING_FIRST, LOWERING_SECOND, SECOND
from kammerton_sim.world.pairs.carry import driven, flux, rotate
from kammerton_sim.world.pairs.idle import Sectors, rest, sectors
from kammerton_sim.world.pairs.rest import Rest, at_rest, hamiltonian
from kammerton_sim.world.pairs.script import DRIVEN, FLUX, MEASURE, Script, Segment
from kammerton_sim.world.propagate import ComplexArray, FloatArray
from kammerton_sim.world.tape import entry, longest_coherence

_MOST_NODES = 11  # of each qubit's slow detuning: right to 1e-6 up to 0.4 / sigma
_COARSE = 2  # samples of half a coarse step under microwaves: some 0.2 rad of Rabi rotation


class Sounds(NamedTuple):
    """Every segment as the kernels need it.

    shifts (samples, 5) with edges (D + 1,). coarse (2 M, 9, 9) and fine (2 N, 9, 9) unitaries,
    with edges (D + 1,) each: a driven segment is played coarsely as far as it goes, then finely.
    """

    shifts: FloatArray
    edges: NDArray[np.int64]
    coarse: ComplexArray
    coarse_edges: NDArray[np.int64]
    fine: ComplexArray
    fine_edges: NDArray[np.int64]


class Pair(NamedTuple):
    """Two qubits at rest together: evolution of both, per sample and per coarse step."""

    single: tuple[Evolution, Evolution]
    coarse: tuple[Evolution, Evolution]
    base: FloatArray
    zz: float
    states: ComplexArray
    sectors: Sectors


def joint_populations(
    script: Script,
    qubits: tuple[Qubit, Qubit],
    g: float,
    shift: float | None,
    frame: float,
    step: float,
) -> FloatArray:
    """(K, 9) populations of the eigenstates at rest, in the order of `basis.LABELS`.

    g and shift (a given ZZ shift, or None) in rad/s. frame: Hz. step: s per sample.
    """
    first, second = (evolution(q, frame, step) for q in qubits)
    still = at_rest(first.delta, second.delta, first.alpha, second.alpha, g, shift)
    pair = _pair(qubits, still, frame, step)
    coherent = longest_coherence(script) * step
    (x, p), (y, q) = (nodes(qubit.slow_dephasing, coherent, _MOST_NODES) for qubit in qubits)
    detunings = np.stack([a.ravel() for a in np.meshgrid(x, y, indexing="ij")], axis=1)
    start, turns = entry(script.lengths, step, max(qubit.t1 for qubit in qubits))
    out = np.empty((script.measurements, 9))
    sounds = _sounds(script.segments, still, step)
    _play(
        script.kinds,
        script.values,
        script.lengths,
        sounds,
        pair,
        np.ascontiguousarray(detunings),
        np.outer(p, q).ravel(),
        start,
        turns,
        out,
    )
    return out


def _pair(qubits: tuple[Qubit, Qubit], still: Rest, frame: float, step: float) -> Pair:
    a, b = qubits
    single, coarse = (
        (evolution(a, frame, n * step), evolution(b, frame, n * step)) for n in (1, 2 * _COARSE)
    )
    return Pair(
        single=single,
        coarse=coarse,
        base=np.array([still.first, still.alpha_first, still.second, still.alpha_second, still.g]),
        zz=still.zz,
        states=still.states.astype(np.complex128),
        sectors=sectors(still.energies, *single),
    )


def _sounds(segments: Sequence[Segment], still: Rest, step: float) -> Sounds:
    empty: ComplexArray = np.empty((0, 9, 9), np.complex128)
    parts = [(empty, empty) if s.silent else _unitaries(s, still, step) for s in segments]
    shifts = [s.shifts if s.silent else s.shifts[:0] for s in segments]
    coarse, fine = ([part[n] for part in parts] for n in (0, 1))
    return Sounds(
        np.concatenate([np.empty((0, 5)), *shifts]),
        _edges(shifts),
        np.concatenate([empty, *coarse]),
        _edges(coarse),
        np.concatenate([empty, *fine]),
        _edges(fine),
    )


def _edges(arrays: list[FloatArray] | list[ComplexArray]) -> NDArray[np.int64]:
    return np.cumsum([0, *(a.shape[0] for a in arrays)], dtype=np.int64)


def _unitaries(segment: Segment, still: Rest, step: float) -> tuple[ComplexArray, ComplexArray]:
    """Half steps of a driven segment: coarse ones, then those of the samples that are left."""
    h = np.zeros((segment.c.shape[0], 9, 9), np.complex128)
    h += hamiltonian(*still[:6])
    d_first, a_first, d_second, a_second, g = (segment.shifts[:, n, None] for n in range(5))
    diagonal = d_first * FIRST + d_second * SECOND
    diagonal = diagonal + a_first * (FIRST == 2) + a_second * (SECOND == 2)
    h += diagonal[:, :, None] * np.eye(9)
    h += g[:, :, None] * hamiltonian(0, 0, 0, 0, 1, 0)
    for n, lowering in enumerate((LOWERING_FIRST, LOWERING_SECOND)):
        raised = 0.5 * segment.c[:, n, None, None] * lowering.T
        h += raised + raised.conj().transpose(0, 2, 1)
    energies, v = np.linalg.eigh(h)
    steps = segment.c.shape[0] // (2 * _COARSE)
    cut = 2 * _COARSE * steps
    whole = _exponential(energies[:cut], v[:cut], step).reshape(-1, _COARSE, 9, 9)
    coarse = whole[:, 0]
    for n in range(1, _COARSE):
        coarse = whole[:, n] @ coarse
    return coarse, np.repeat(_exponential(energies[cut:], v[cut:], step / 2), 2, axis=0)


def _exponential(energies: FloatArray, v: ComplexArray, dt: float) -> ComplexArray:
    phases = np.exp(-1j * energies * dt)
    return np.asarray((v * phases[:, None, :]) @ v.conj().transpose(0, 2, 1), np.complex128)


@kernel
def _measure(states: ComplexArray, weights: FloatArray, out: FloatArray) -> None:
    """Average the populations into out (9,) and leave every member with them alone."""
    for i in range(9):
        out[i] = 0.0
        for r in range(states.shape[0]):
            out[i] += weights[r] * states[r, 10 * i].real
    states[:] = 0
    for r in range(states.shape[0]):
        for i in range(9):
            states[r, 10 * i] = out[i]


@kernel
def _play(
    kinds: NDArray[np.int64],
    values: NDArray[np.int64],
    lengths: NDArray[np.int64],
    sounds: Sounds,
    pair: Pair,
    detunings: FloatArray,
    weights: FloatArray,
    first: int,
    turns: int,
    out: FloatArray,
) -> None:
    """Play `turns` turns (the first from step `first`), then one more that fills out (K, 9)."""
    e, f = pair.single
    room = np.empty(9, np.complex128)
    back = np.ascontiguousarray(pair.states.conj().T)
    states = np.zeros((detunings.shape[0], 81), np.complex128)
    for r in range(states.shape[0]):
        for i in range(9):
            states[r, 10 * i] = e.rest[FIRST[i]] * f.rest[SECOND[i]]
    for turn in range(turns + 1):
        for n in range(first if turn == 0 else 0, kinds.size):
            kind, v = kinds[n], values[n]
            if kind == MEASURE:
                _measure(states, weights, out[v])
            elif kind in (FLUX, DRIVEN):
                for r in range(states.shape[0]):
                    rotate(states[r], pair.states, room)
                if kind == FLUX:
                    shifts = sounds.shifts[sounds.edges[v] : sounds.edges[v + 1]]
                    flux(states, detunings, shifts, pair.base, pair.zz, pair.single)
                else:
                    low, high = sounds.coarse_edges[v], sounds.coarse_edges[v + 1]
                    if high > low:
                        driven(states, detunings, sounds.coarse[low:high], pair.coarse)
                    low, high = sounds.fine_edges[v], sounds.fine_edges[v + 1]
                    if high > low:
                        driven(states, detunings, sounds.fine[low:high], pair.single)
                for r in range(states.shape[0]):
                    rotate(states[r], back, room)
            else:
                rest(states, detunings, lengths[n] * e.step, pair.sectors)
