"""One turn of the loop as a qubit sees it: idle, drive, measure; and its periodic state."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from kammerton_sim.world.ensemble import nodes
from kammerton_sim.world.evolution import Evolution
from kammerton_sim.world.jit import kernel
from kammerton_sim.world.propagate import ComplexArray, FloatArray, drive, idle

IDLE, DRIVE, MEASURE, KICK = 0, 1, 2, 3
_USES_THAT_PAY_A_MAP = 5
_FORGOTTEN = 12.0  # in T1: what came earlier is smaller than 1e-5
_MOST_TURNS = 2000
_LEAST_SHIFT = 6.0  # rad/s
_LEAST_EXCITED = 1e-6


@dataclass(frozen=True, eq=False)
class Tape:
    """Steps in order. kinds (S,): IDLE, DRIVE, MEASURE or KICK.

    values (S,): samples of idling, number of the drive, of the measurement, of the kick.
    drives: concatenated coefficients of a^dag in rad/s; edges (D + 1,) cut them into drives.
    shifts: (samples of drives, 2) by which flux moves f01 and anharmonicity, or (0, 2).
    lengths (S,): samples that each step lasts. hum: a drive in rad/s that never ends, on top of
    which the others are; it acts while the qubit idles. turns (n, 3), kept (n, 2): what kicks do
    to coherences and populations (see `photons.Kicks`).
    """

    kinds: NDArray[np.int64]
    values: NDArray[np.int64]
    lengths: NDArray[np.int64]
    drives: ComplexArray
    edges: NDArray[np.int64]
    measurements: int
    shifts: FloatArray
    hum: complex = 0.0
    turns: ComplexArray = field(default_factory=lambda: np.empty((0, 3), np.complex128))
    kept: FloatArray = field(default_factory=lambda: np.empty((0, 2)))


def populations(tape: Tape, evolution: Evolution, slow: float, t1: float) -> FloatArray:
    """(K, 3) level populations at every measurement, in the periodic state of the loop.

    slow: Hz, standard deviation of the detuning frozen within each shot. A measurement ends a
    shot: it destroys coherences, and the next shot has a new detuning. The loop is entered
    early enough for the start (thermal equilibrium) to be forgotten.
    """
    detunings, weights = nodes(slow, longest_coherence(tape) * evolution.step)
    first, turns = entry(tape.lengths, evolution.step, t1)
    uses = np.bincount(tape.values[tape.kinds == DRIVE], minlength=tape.edges.size - 1)
    mapped = uses >= _USES_THAT_PAY_A_MAP
    slots = np.where(mapped, np.cumsum(mapped) - 1, -1)
    out = np.empty((tape.measurements, 3))
    hums, stretches = _hums(tape, evolution, detunings)
    play(
        tape.kinds,
        tape.values,
        tape.drives,
        tape.shifts,
        tape.edges,
        slots,
        hums,
        stretches,
        tape.turns,
        tape.kept,
        evolution,
        detunings,
        weights,
        first,
        turns,
        out,
    )
    return out


def _heard(hum: complex, delta: float) -> bool:
    """Whether a drive that never ends shifts f01 by more than 1 Hz, or excites at all."""
    away = max(abs(delta), 1.0)
    return abs(hum) ** 2 / away > _LEAST_SHIFT or (abs(hum) / away) ** 2 > _LEAST_EXCITED


def _hums(
    tape: Tape, evolution: Evolution, detunings: FloatArray
) -> tuple[FloatArray, NDArray[np.int64]]:
    """Maps (L, R, 9, 9) of idling under the hum, and which of them a step (S,) takes."""
    if not _heard(tape.hum, evolution.delta):
        return np.empty((0, 1, 9, 9)), tape.values
    once = np.empty((detunings.size, 9, 9))
    superoperators(np.array([tape.hum]), np.empty((0, 2)), detunings, evolution, once)
    idle = tape.kinds == IDLE
    lengths, which = np.unique(np.where(idle, tape.values, 1), return_inverse=True)
    maps = [np.linalg.matrix_power(once, int(n)) for n in lengths]
    return np.stack(maps), which


class Steps(Protocol):
    """Kinds (S,) and lengths (S,) in samples of the steps of a turn."""

    @property
    def kinds(self) -> NDArray[np.int64]:
        """IDLE, MEASURE, or anything else for what drives."""

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Samples."""


def longest_coherence(tape: Steps) -> int:
    """Return the most samples from the first drive of a shot to its measurement."""
    ends = np.cumsum(tape.lengths)
    starts = ends - tape.lengths
    begun, longest = -1, 0
    for kind, start, end in zip(tape.kinds.tolist(), starts.tolist(), ends.tolist(), strict=True):
        if kind not in (IDLE, MEASURE) and end > start and begun < 0:
            begun = start
        if kind == MEASURE:
            longest, begun = max(longest, end - begun if begun >= 0 else 0), -1
    return longest


def entry(lengths: NDArray[np.int64], step: float, t1: float) -> tuple[int, int]:
    """First step to play and number of turns before the one that counts."""
    turn = float(lengths.sum()) * step
    forgotten = _FORGOTTEN * t1
    if turn < forgotten:
        return 0, min(math.ceil(forgotten / max(turn, step)), _MOST_TURNS)
    remaining = np.cumsum(lengths[::-1])[::-1] * step
    return int(np.flatnonzero(remaining >= forgotten)[-1]), 1


@kernel
def superoperators(
    c: ComplexArray,
    shifts: FloatArray,
    detunings: FloatArray,
    evolution: Evolution,
    out: FloatArray,
) -> None:
    """The 9 x 9 maps of one drive for every detuning: out (R, 9, 9)."""
    size = detunings.size
    states = np.zeros((9 * size, 9))
    spread = np.empty(9 * size)
    for k in range(size):
        for i in range(9):
            states[9 * k + i, i] = 1.0
            spread[9 * k + i] = detunings[k]
    drive(states, spread, c, shifts, evolution)
    for k in range(size):
        for i in range(9):
            for j in range(9):
                out[k, j, i] = states[9 * k + i, j]


@kernel
def _apply(states: FloatArray, maps: FloatArray) -> None:
    new = np.empty(9)
    for k in range(states.shape[0]):
        for i in range(9):
            total = 0.0
            for j in range(9):
                total += maps[k, i, j] * states[k, j]
            new[i] = total
        for i in range(9):
            states[k, i] = new[i]


@kernel
def _measure(states: FloatArray, weights: FloatArray, out: FloatArray) -> None:
    for i in range(3):
        mean = 0.0
        for k in range(states.shape[0]):
            mean += weights[k] * states[k, i]
        out[i] = mean
    for k in range(states.shape[0]):
        for i in range(9):
            states[k, i] = out[i] if i < 3 else 0.0


@kernel
def _kick(states: FloatArray, turns: ComplexArray, kept: FloatArray) -> None:
    for k in range(states.shape[0]):
        s = states[k]
        s[2] += s[0] * (1 - kept[0]) + s[1] * (1 - kept[1])
        s[0] *= kept[0]
        s[1] *= kept[1]
        for pair in range(3):
            z = complex(s[3 + 2 * pair], s[4 + 2 * pair]) * turns[pair]
            stays = kept[0] * kept[1] if pair == 0 else kept[0] if pair == 1 else kept[1]
            z *= np.sqrt(stays)
            s[3 + 2 * pair], s[4 + 2 * pair] = z.real, z.imag


@kernel
def play(
    kinds: NDArray[np.int64],
    values: NDArray[np.int64],
    drives: ComplexArray,
    shifts: FloatArray,
    edges: NDArray[np.int64],
    slots: NDArray[np.int64],
    hums: FloatArray,
    stretches: NDArray[np.int64],
    turns_of_kicks: ComplexArray,
    kept: FloatArray,
    evolution: Evolution,
    detunings: FloatArray,
    weights: FloatArray,
    first: int,
    turns: int,
    out: FloatArray,
) -> None:
    """Play `turns` turns (the first from step `first`), then one more that fills out (K, 3)."""
    size = detunings.size
    count = 0
    for b in range(slots.size):
        count = max(count, slots[b] + 1)
    maps = np.empty((count, size, 9, 9))
    for b in range(slots.size):
        if slots[b] >= 0:
            low, high = edges[b], edges[b + 1]
            superoperators(drives[low:high], shifts[low:high], detunings, evolution, maps[slots[b]])
    states = np.zeros((size, 9))
    for k in range(size):
        for i in range(3):
            states[k, i] = evolution.rest[i]
    for turn in range(turns + 1):
        for n in range(first if turn == 0 else 0, kinds.size):
            if kinds[n] == 0 and hums.shape[0] > 0:
                _apply(states, hums[stretches[n]])
            elif kinds[n] == 0:
                idle(states, detunings, float(values[n]), evolution)
            elif kinds[n] == 2:
                _measure(states, weights, out[values[n]])
            elif kinds[n] == 3:
                _kick(states, turns_of_kicks[values[n]], kept[values[n]])
            elif slots[values[n]] >= 0:
                _apply(states, maps[slots[values[n]]])
            else:
                b = values[n]
                low, high = edges[b], edges[b + 1]
                drive(states, detunings, drives[low:high], shifts[low:high], evolution)
