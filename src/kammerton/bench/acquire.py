"""From a stream of records to block means and shots: how much to take, and what it says."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from time import perf_counter

import numpy as np
from numpy.typing import NDArray

from kammerton.model import InstrumentError, ProgramError, Records
from kammerton.model.roles import Capture, Digitizer
from kammerton.program.compiled import Compiled, Window

BLOCKS = 20
"""Blocks per point: their scatter gives sigma, known then to about 16 %."""

BUFFER_RECORDS, BUFFER_BYTES = 510, 1 << 22
"""A buffer stays in the processor's cache, and fills often enough to show progress."""

LARGEST_BLOCK = 32767
"""Turns that 32-bit sums of 16-bit codes can hold."""

PATIENCE = 5.0
"""s beyond the time a buffer takes to fill before the digitizer gives up."""

Codes = NDArray[np.uint16]
Sums = NDArray[np.uint16] | NDArray[np.int32]


@dataclass(frozen=True)
class Amount:
    """How many turns are taken; a turn is one pass over all points.

    turns = blocks x turns_per_block; a buffer holds turns_per_buffer whole ones.
    """

    points: int
    blocks: int
    turns_per_block: int
    turns_per_buffer: int

    @property
    def turns(self) -> int:
        """All turns; at least the shots that were asked for."""
        return self.blocks * self.turns_per_block

    def capture(self, samples: int, turn_seconds: float) -> Capture:
        """Return what the digitizer shall record for it."""
        return Capture(
            samples=samples,
            records_per_buffer=self.turns_per_buffer * self.points,
            buffers=self.turns // self.turns_per_buffer,
            timeout=PATIENCE + 1.5 * self.turns_per_buffer * turn_seconds,
        )


def amount_of(shots: int, points: int, samples: int) -> Amount:
    """Round shots up to whole blocks, two at least, and choose buffers of whole turns.

    Raises
    ------
    ProgramError
        No shots, or more than the sums can hold.
    """
    if shots < 1:
        raise ProgramError(f"a program needs at least one shot, not {shots}")
    blocks = min(BLOCKS, max(shots, 2))  # of one nobody knows the scatter
    per_block = math.ceil(shots / blocks)
    if per_block > LARGEST_BLOCK:
        raise ProgramError(f"{shots} shots: at most {LARGEST_BLOCK * BLOCKS} can be averaged")
    fitting = min(BUFFER_RECORDS // points, BUFFER_BYTES // (4 * points * samples))
    turns = blocks * per_block
    per_buffer = max((n for n in range(1, max(1, fitting) + 1) if turns % n == 0), default=1)
    return Amount(points, blocks, per_block, per_buffer)


@dataclass(frozen=True, eq=False)
class Demodulator:
    """Turns codes into z = sum over samples of (A + jB) weight, in volts.

    rows: (1 or M, 2 N, samples), the real parts of the weights above the imaginary ones.
    """

    rows: NDArray[np.float32]
    volts_per_code: float
    zero: int

    @classmethod
    def of(cls, window: Window, digitizer: Digitizer) -> Demodulator:
        """Return the demodulator of a window, for the codes of a digitizer."""
        columns = window.weights.transpose(0, 2, 1)
        rows = np.ascontiguousarray(np.concatenate([columns.real, columns.imag], axis=1))
        return cls(rows, digitizer.volts_per_code, digitizer.zero_code)

    def __call__(self, a: Sums, b: Sums, count: int = 1) -> NDArray[np.complex128]:
        """Return (R, N), of records of points 0 ... M - 1, 0 ...: each a sum of `count` codes."""
        from kammerton.bench.coadd import integrate  # numba; only once something is measured

        number = self.rows.shape[1] // 2
        parts = np.empty((2, a.shape[0], 2 * number))
        for codes, out in zip((a, b), parts, strict=True):
            integrate(codes, count * self.zero, self.rows, out)
        real, imag = parts[..., :number], parts[..., number:]
        z: NDArray[np.complex128] = (real[0] - imag[1]) + 1j * (imag[0] + real[1])
        return z * (self.volts_per_code / count)


class BlockMeans:
    """Adds up the turns of a block on the host and integrates each block once."""

    def __init__(self, amount: Amount, window: Window, demodulate: Demodulator) -> None:
        from kammerton.bench.coadd import add_turns

        self._add, self._amount, self._demodulate = add_turns, amount, demodulate
        self._sums = np.zeros((2, amount.points, window.samples), np.int32)
        self._z = np.full((amount.blocks, amount.points, len(window.targets)), np.nan + 0j)
        self.clipped = 0
        self.seconds = 0.0

    def add(self, a: Codes, b: Codes, first: int) -> None:
        """Add turns to their blocks; a buffer may end one block and begin the next."""
        points, length = self._amount.points, self._amount.turns_per_block
        turn, end = first, first + a.shape[0] // points
        while turn < end:
            stop = min(end, (turn // length + 1) * length)
            rows = slice((turn - first) * points, (stop - first) * points)
            self.clipped += self._add(a[rows], self._sums[0]) + self._add(b[rows], self._sums[1])
            if stop % length == 0:
                self._finish(stop // length - 1)
            turn = stop

    def _finish(self, block: int) -> None:
        start = perf_counter()
        self._z[block] = self._demodulate(
            self._sums[0], self._sums[1], self._amount.turns_per_block
        )
        self._sums[:] = 0
        self.seconds += perf_counter() - start

    def blocks(self) -> NDArray[np.complex128]:
        """Return (B, M, N) complex volts."""
        return self._z

    def shots(self) -> None:
        """Shots were not kept."""


class SingleShots:
    """Integrates every record by itself."""

    def __init__(self, amount: Amount, window: Window, demodulate: Demodulator) -> None:
        from kammerton.bench.coadd import count_rails

        self._rails, self._amount, self._demodulate = count_rails, amount, demodulate
        self._z = np.full((amount.turns, amount.points, len(window.targets)), np.nan + 0j)
        self.clipped = 0
        self.seconds = 0.0

    def add(self, a: Codes, b: Codes, first: int) -> None:
        """Integrate the turns of a buffer."""
        start = perf_counter()
        self.clipped += self._rails(a) + self._rails(b)
        z = self._demodulate(a, b).reshape(-1, *self._z.shape[1:])
        self._z[first : first + z.shape[0]] = z
        self.seconds += perf_counter() - start

    def blocks(self) -> NDArray[np.complex128]:
        """Return (B, M, N) complex volts."""
        _, points, targets = self._z.shape
        grouped = self._z.reshape(self._amount.blocks, -1, points, targets)
        means: NDArray[np.complex128] = grouped.mean(axis=1)
        return means

    def shots(self) -> NDArray[np.complex128]:
        """Return (S, M, N) complex volts."""
        return self._z


@dataclass
class Collector:
    """The sink of one acquisition; runs in the digitizer's thread.

    name: of the digitizer. on_turns: called there with the number of turns taken so far. began:
    when what it takes began to play, by perf_counter.
    """

    amount: Amount
    reduction: BlockMeans | SingleShots
    samples: int
    name: str = "digitizer"
    on_turns: Callable[[int], None] = field(default=lambda turns: None)
    turns: int = 0
    began: float = field(default_factory=perf_counter)
    _seen: set[bytes] = field(default_factory=set)

    def __call__(self, a: Codes, b: Codes, index: int) -> None:
        """Take buffer `index`: a, b (records, samples) codes."""
        expected = (self.amount.turns_per_buffer * self.amount.points, self.samples)
        if a.shape != expected or b.shape != expected:
            raise self._error(f"buffer of {a.shape} and {b.shape} records, not {expected}")
        if index * self.amount.turns_per_buffer != self.turns:
            raise self._error(f"buffer {index} came out of order: records were lost")
        self._demand_new(a, b, index)
        self.reduction.add(a, b, self.turns)
        self.turns += self.amount.turns_per_buffer
        self.on_turns(self.turns)

    def _demand_new(self, a: Codes, b: Codes, index: int) -> None:
        """Raise when a buffer is one that came before: noise never repeats itself."""
        a, b = _some(a), _some(b)
        if not (np.ptp(a, axis=1).any() or np.ptp(b, axis=1).any()):
            return  # without noise nothing can be told
        told = hashlib.blake2b(a.tobytes() + b.tobytes(), digest_size=16).digest()
        if told in self._seen:
            raise self._error(f"buffer {index} is one that came before: data are stuck")
        self._seen.add(told)

    @property
    def lasted(self) -> float:
        """Return for how long that plays, s by the wall."""
        return perf_counter() - self.began

    def _error(self, what: str) -> InstrumentError:
        return InstrumentError(f"{self.name}: {what}", instrument=self.name)

    def records(self, compiled: Compiled, heat: Mapping[str, float] | None = None) -> Records:
        """Return what was measured, by target. heat: what that left at which stage, W.

        Raises
        ------
        InstrumentError
            Some of it is missing.
        """
        amount, targets = self.amount, compiled.window.targets
        if self.turns != amount.turns:
            raise self._error(f"only {self.turns} of {amount.turns} turns were recorded")
        blocks, shots = self.reduction.blocks(), self.reduction.shots()
        return Records(
            blocks=_by_target(blocks, targets),
            shots={} if shots is None else _by_target(shots, targets),
            seconds=amount.turns * compiled.turn_seconds,
            clipped=self.reduction.clipped / (2 * amount.turns * amount.points * self.samples),
            heat=heat or {},
        )


def _some(codes: Codes) -> Codes:
    """Return about 500 codes of a buffer, the same every time, of some records."""
    records, samples = codes.shape
    return codes[:: max(1, records // 16), :: max(1, samples // 32)]


def collector_of(
    compiled: Compiled, amount: Amount, digitizer: Digitizer, *, shots: bool
) -> Collector:
    """Return a sink that averages blocks, or keeps each shot."""
    window = compiled.window
    kind = SingleShots if shots else BlockMeans
    reduction = kind(amount, window, Demodulator.of(window, digitizer))
    return Collector(amount, reduction, window.samples, digitizer.name)


def _by_target(
    z: NDArray[np.complex128], targets: tuple[str, ...]
) -> dict[str, NDArray[np.complex128]]:
    return {name: np.ascontiguousarray(z[:, :, n]) for n, name in enumerate(targets)}
