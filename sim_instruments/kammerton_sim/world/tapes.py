"""From what sounds on a drive line to the steps of a qubit's turn."""

from __future__ import annotations

import hashlib
from collections.abc import Hashable, Sequence
from dataclasses import replace

import numpy as np

from kammerton_sim.world.flux import Steering
from kammerton_sim.world.photons import Kicks
from kammerton_sim.world.propagate import ComplexArray, FloatArray
from kammerton_sim.world.tape import DRIVE, IDLE, KICK, MEASURE, Tape
from kammerton_sim.world.timeline import IntArray, Sound, bursts, cut


def write_tape(
    line: Sound,
    rabi_rate: float,
    reads: IntArray,
    turn: int,
    flux: Steering | None = None,
    kicks: Kicks | None = None,
) -> Tape:
    """One turn of `turn` samples with a measurement at each of `reads` (sorted).

    With upper sidebands in the laboratory and H = (c a^dag + h.c.)/2 in the frame of the
    source, c is the conjugate of (I + jQ) times `rabi_rate`. A flux pulse is a drive, too, and
    kicks cut drives.
    """
    steps: list[tuple[int, int, int]] = []
    drives = _Drives(line, rabi_rate, flux)
    pieces = _pieces(line, flux, reads, turn)
    events = []
    if kicks is not None:
        kicks = _needed(kicks, pieces, reads)
        pieces = cut([a for a, _ in pieces], [b for _, b in pieces], kicks.times)
        events = [(at, KICK, n) for n, at in enumerate(kicks.times.tolist())]
    events += [(a, DRIVE, b) for a, b in pieces]
    events += [(read, MEASURE, n) for n, read in enumerate(reads.tolist())]
    events.sort(key=lambda event: (event[0], -event[1]))
    now = 0
    for at, kind, detail in events:
        if at > now:
            steps.append((IDLE, at - now, at - now))
            now = at
        if kind in (MEASURE, KICK):
            steps.append((kind, detail, 0))
        else:
            steps.append((DRIVE, drives.number(at, detail), detail - at))
            now = detail
    if turn > now:
        steps.append((IDLE, turn - now, turn - now))
    table = np.array(steps, np.int64).reshape(-1, 3)
    samples, shifts, edges = drives.samples()
    tape = Tape(
        kinds=np.ascontiguousarray(table[:, 0]),
        values=np.ascontiguousarray(table[:, 1]),
        lengths=np.ascontiguousarray(table[:, 2]),
        drives=samples,
        edges=edges,
        measurements=reads.size,
        shifts=shifts,
        hum=complex(np.conj(line.hum) * rabi_rate),
    )
    return replace(tape, turns=kicks.turns, kept=kicks.kept) if kicks is not None else tape


def _pieces(
    line: Sound, flux: Steering | None, reads: IntArray, turn: int
) -> list[tuple[int, int]]:
    """Drives, cut at `reads`.

    What a cable brings late, after the qubit has been read, is left out: it would only begin a
    coherence that the reset forgets.
    """
    tracks = [*line.spans, *flux.spans] if flux else line.spans
    late = set(reads.tolist()) if line.tail else set()
    pieces = bursts(tracks, reads, turn)
    return [(a, b) for a, b in pieces if not (a in late and b - a <= line.tail)]


def _needed(kicks: Kicks, pieces: Sequence[tuple[int, int]], reads: IntArray) -> Kicks:
    """Kicks that meet a coherence: after a drive that no readout has followed yet.

    Of the others only what they do to populations counts: it is gathered in the last of a row.
    """
    if kicks.times.size == 0:
        return kicks
    drives = np.array([a for a, _ in pieces], np.int64)
    shots = np.searchsorted(reads, kicks.times, "left")
    since = np.searchsorted(drives, np.append(0, reads)[shots], "left")
    chosen = np.searchsorted(drives, kicks.times, "left") > since
    kept = kicks.kept.copy()
    edges = np.flatnonzero(np.diff(shots) | np.diff(chosen)) + 1
    for run in np.split(np.arange(shots.size), edges):
        if not chosen[run[0]]:
            kept[run[-1]] = kicks.kept[run].prod(axis=0)
            chosen[run[-1]] = kept[run[-1]].min() < 1
    return Kicks(kicks.times, kicks.turns, kept).chosen(chosen)


class _Drives:
    """Distinct drives of a qubit, numbered; equal samples have one number."""

    def __init__(self, line: Sound, rabi_rate: float, flux: Steering | None) -> None:
        self._line, self._rabi_rate, self._flux = line, rabi_rate, flux
        self._seen: dict[tuple[Hashable, ...], int] = {}
        self._numbers: dict[bytes, int] = {}
        self._samples: list[ComplexArray] = []
        self._shifts: list[FloatArray] = []

    def number(self, start: int, stop: int) -> int:
        fingerprint = self._line.fingerprint(start, stop)
        if self._flux is not None:
            fingerprint += (self._flux.fingerprint(start, stop),)
        number = self._seen.get(fingerprint)
        if number is None:
            number = self._seen[fingerprint] = self._new(start, stop)
        return number

    def _new(self, start: int, stop: int) -> int:
        volts = self._line.volts(start, stop) + self._line.hum
        c: ComplexArray = np.asarray(np.conj(volts) * self._rabi_rate, np.complex128)
        shifts = np.empty((0, 2)) if self._flux is None else self._flux.shifts(start, stop)
        digest = hashlib.blake2b(c.tobytes() + shifts.tobytes(), digest_size=16).digest()
        if digest not in self._numbers:
            self._numbers[digest] = len(self._samples)
            self._samples.append(c)
            self._shifts.append(shifts)
        return self._numbers[digest]

    def samples(self) -> tuple[ComplexArray, FloatArray, IntArray]:
        edges = np.cumsum([0, *(c.size for c in self._samples)], dtype=np.int64)
        empty: ComplexArray = np.empty(0, np.complex128)
        shifts = np.concatenate([np.empty((0, 2)), *self._shifts])
        return np.concatenate([empty, *self._samples]), shifts, edges
