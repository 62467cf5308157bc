"""What is played to a pair in one turn, before it is known what the pair is like."""

from __future__ import annotations

import cmath
import hashlib
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kammerton_sim.world.flux import Steering
from kammerton_sim.world.propagate import ComplexArray, FloatArray
from kammerton_sim.world.timeline import IntArray, Sound, Spanned, bursts

IDLE, FLUX, MEASURE, DRIVEN = 0, 1, 2, 3


@dataclass(frozen=True, eq=False)
class Voice:
    """What reaches one qubit: its drive line and its flux pulses.

    rabi_rate: rad/s per volt. offset: Hz of its source above the frame that the pair shares.
    """

    line: Sound
    rabi_rate: float
    offset: float
    flux: Steering | None


@dataclass(frozen=True, eq=False)
class Segment:
    """c (N, 2): coefficients of a^dag and b^dag in rad/s. shifts (N, 5): see `carry.flux`."""

    c: ComplexArray
    shifts: FloatArray

    @property
    def silent(self) -> bool:
        """Whether no microwave plays."""
        return not self.c.any()


@dataclass(frozen=True, eq=False)
class Script:
    """Steps in order: kinds (S,), values (S,): number of the segment or of the measurement.

    lengths (S,): samples.
    """

    kinds: NDArray[np.int64]
    values: NDArray[np.int64]
    lengths: NDArray[np.int64]
    segments: Sequence[Segment]
    measurements: int


Exchanged = Callable[[FloatArray, FloatArray, FloatArray | None], FloatArray]
"""Shifts (N, 2) of both qubits and of the coupler -> (N, 3): what comes to both deltas and g."""


def write_script(
    voices: tuple[Voice, Voice],
    coupler: Steering | None,
    exchanged: Exchanged,
    reads: IntArray,
    turn: int,
    step: float,
) -> Script:
    """One turn of `turn` samples of `step` s with a measurement of both at each of `reads`."""
    writer = _Segments(voices, coupler, exchanged, step)
    events = [(a, 1, b) for a, b in bursts(writer.tracks, reads, turn)]
    events += [(read, 0, n) for n, read in enumerate(reads.tolist())]
    rows = np.array(list(_steps(sorted(events), writer, turn)), np.int64).reshape(-1, 3)
    kinds, values, lengths = (np.ascontiguousarray(rows[:, n]) for n in range(3))
    return Script(kinds, values, lengths, writer.segments, reads.size)


def _steps(
    events: list[tuple[int, int, int]], writer: _Segments, turn: int
) -> Iterator[tuple[int, int, int]]:
    now = 0
    for at, played, detail in events:
        if at > now:
            yield IDLE, 0, at - now
            now = at
        if not played:
            yield MEASURE, detail, 0
            continue
        number = writer.number(at, detail)
        yield FLUX if writer.segments[number].silent else DRIVEN, number, detail - at
        now = detail
    if turn > now:
        yield IDLE, 0, turn - now


class _Segments:
    """Distinct segments, numbered."""

    def __init__(
        self,
        voices: tuple[Voice, Voice],
        coupler: Steering | None,
        exchanged: Exchanged,
        step: float,
    ) -> None:
        self._voices, self._coupler, self._exchanged, self._step = voices, coupler, exchanged, step
        self._steerings = [s for s in (*(v.flux for v in voices), coupler) if s is not None]
        self.tracks: list[Spanned] = [span for v in voices for span in v.line.spans]
        self.tracks += [span for s in self._steerings for span in s.spans]
        self.segments: list[Segment] = []
        self._seen: dict[object, int] = {}
        self._numbers: dict[bytes, int] = {}

    def number(self, start: int, stop: int) -> int:
        phases = tuple(round((v.offset * self._step * start) % 1, 9) for v in self._voices)
        lines = tuple(v.line.fingerprint(start, stop) for v in self._voices)
        key = phases, lines, tuple(s.fingerprint(start, stop) for s in self._steerings)
        number = self._seen.get(key)
        if number is None:
            number = self._seen[key] = self._new(start, stop)
        return number

    def _new(self, start: int, stop: int) -> int:
        c = np.stack([self._coefficients(v, start, stop) for v in self._voices], axis=1)
        shifts = self._shifts(start, stop)
        digest = hashlib.blake2b(c.tobytes() + shifts.tobytes(), digest_size=16).digest()
        if digest not in self._numbers:
            self._numbers[digest] = len(self.segments)
            self.segments.append(Segment(c, shifts))
        return self._numbers[digest]

    def _coefficients(self, voice: Voice, start: int, stop: int) -> ComplexArray:
        """In the common frame; over a sample its phase is averaged."""
        volts = voice.line.volts(start, stop) + voice.line.hum
        c: ComplexArray = np.asarray(np.conj(volts) * voice.rabi_rate, np.complex128)
        if voice.offset:
            turn = 2 * math.pi * voice.offset * self._step
            c = c * (cmath.exp(-1j * turn * (start + 0.5)) * math.sin(turn / 2) / (turn / 2))
            c = c * np.exp(-1j * turn * np.arange(stop - start))
        return c

    def _shifts(self, start: int, stop: int) -> FloatArray:
        silent = np.zeros((stop - start, 2))
        first, second = (v.flux.shifts(start, stop) if v.flux else silent for v in self._voices)
        coupler = self._coupler.shifts(start, stop) if self._coupler else None
        more = self._exchanged(first, second, coupler)
        out = np.concatenate([first, second, more[:, 2:]], axis=1)
        out[:, 0] += more[:, 0]
        out[:, 2] += more[:, 1]
        return np.ascontiguousarray(out)
