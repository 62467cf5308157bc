"""From a stream of records to block means and shots: how much to take, and what it says."""

from __future__ import annotations

import math
from collections.abc import Callable
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

RAIL_LOW, RAIL_HIGH = 16, 0xFFF0
"""Codes below and from here on are the rails of a converter of 12 bits or more, in uint16."""

PATIENCE = 5.0
"""s beyond the time a buffer takes to fill before the digitizer gives up."""

Codes = NDArray[np.uint16]


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
    """Round shots up to whole blocks, and choose buffers of whole turns.

    Raises
    ------
    ProgramError
        No shots, or more than the sums can hold.
    """
    if shots < 1:
        raise ProgramError(f"a program needs at least one shot, not {shots}")
    blocks = min(BLOCKS, shots)
    per_block = math.ceil(shots / blocks)
    if per_block > LARGEST_BLOCK:
        raise ProgramError(f"{shots} shots: at most {LARGEST_BLOCK * BLOCKS} can be averaged")
    fitting = min(BUFFER_RECORDS // points, BUFFER_BYTES // (4 * points * samples))
    turns = blocks * per_block
    per_buffer = max((n for n in range(1, max(1, fitting) + 1) if turns % n == 0), default=1)
    return Amount(points, blocks, per_block, per_buffer)


def demodulate(
    a: NDArray[np.float32], b: NDArray[np.float32], weights: NDArray[np.complex64]
) -> NDArray[np.complex128]:
    """Integrate records with the weights of their points.

    a, b: (K, M, samples) volts. weights: (1 or M, samples, N). Returns (K, M, N), the sums over
    samples of (a + jb) weight, in volts.
    """
    z = np.empty(a.shape, np.complex64)
    z.real, z.imag = a, b
    turns, points, samples = a.shape
    if weights.shape[0] == 1:
        out: NDArray[np.complex64] = z.reshape(-1, samples) @ weights[0]
        return out.reshape(turns, points, weights.shape[2]).astype(np.complex128)
    by_point: NDArray[np.complex64] = np.matmul(z.transpose(1, 0, 2), weights)
    return by_point.transpose(1, 0, 2).astype(np.complex128)


@dataclass(frozen=True)
class Scale:
    """Volts of a digitizer's codes: (code - zero) x volts_per_code."""

    volts_per_code: float
    zero: int

    @classmethod
    def of(cls, digitizer: Digitizer) -> Scale:
        """Return the scale of a digitizer."""
        return cls(digitizer.volts_per_code, digitizer.zero_code)

    def volts(self, codes: NDArray[np.generic], count: int = 1) -> NDArray[np.float32]:
        """Return the mean volts of sums over `count` codes."""
        centred = codes.astype(np.float32) - np.float32(count * self.zero)
        return centred * np.float32(self.volts_per_code / count)


class BlockMeans:
    """Adds up the turns of a block on the host and integrates each block once."""

    def __init__(self, amount: Amount, window: Window, scale: Scale) -> None:
        from kammerton.bench.coadd import add_turns  # numba; only needed once something is measured

        self._add, self._amount, self._window, self._scale = add_turns, amount, window, scale
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
        a, b = self._scale.volts(self._sums, self._amount.turns_per_block)
        self._z[block] = demodulate(a[np.newaxis], b[np.newaxis], self._window.weights)[0]
        self._sums[:] = 0
        self.seconds += perf_counter() - start

    def blocks(self) -> NDArray[np.complex128]:
        """Return (B, M, N) complex volts."""
        return self._z

    def shots(self) -> None:
        """Shots were not kept."""


class SingleShots:
    """Integrates every record by itself."""

    def __init__(self, amount: Amount, window: Window, scale: Scale) -> None:
        self._amount, self._window, self._scale = amount, window, scale
        self._z = np.full((amount.turns, amount.points, len(window.targets)), np.nan + 0j)
        self.clipped = 0
        self.seconds = 0.0

    def add(self, a: Codes, b: Codes, first: int) -> None:
        """Integrate the turns of a buffer."""
        start = perf_counter()
        self.clipped += _at_rails(a) + _at_rails(b)
        shape = (-1, self._amount.points, self._window.samples)
        volts_a, volts_b = (self._scale.volts(codes).reshape(shape) for codes in (a, b))
        z = demodulate(volts_a, volts_b, self._window.weights)
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

    on_turns: called there with the number of turns taken so far.
    """

    amount: Amount
    reduction: BlockMeans | SingleShots
    samples: int
    on_turns: Callable[[int], None] = field(default=lambda turns: None)
    turns: int = 0

    def __call__(self, a: Codes, b: Codes, index: int) -> None:
        """Take buffer `index`: a, b (records, samples) codes."""
        expected = (self.amount.turns_per_buffer * self.amount.points, self.samples)
        if a.shape != expected or b.shape != expected:
            raise InstrumentError(f"buffer of {a.shape} and {b.shape} records, not {expected}")
        if index * self.amount.turns_per_buffer != self.turns:
            raise InstrumentError(f"buffer {index} came out of order: records were lost")
        self.reduction.add(a, b, self.turns)
        self.turns += self.amount.turns_per_buffer
        self.on_turns(self.turns)

    def records(self, compiled: Compiled) -> Records:
        """Return what was measured, by target.

        Raises
        ------
        InstrumentError
            Some of it is missing.
        """
        amount, targets = self.amount, compiled.window.targets
        if self.turns != amount.turns:
            raise InstrumentError(f"only {self.turns} of {amount.turns} turns were recorded")
        blocks, shots = self.reduction.blocks(), self.reduction.shots()
        return Records(
            blocks=_by_target(blocks, targets),
            shots={} if shots is None else _by_target(shots, targets),
            seconds=amount.turns * compiled.turn_seconds,
            clipped=self.reduction.clipped / (2 * amount.turns * amount.points * self.samples),
        )


def collector_of(
    compiled: Compiled, amount: Amount, digitizer: Digitizer, *, shots: bool
) -> Collector:
    """Return a sink that averages blocks, or keeps each shot."""
    scale, window = Scale.of(digitizer), compiled.window
    kind = SingleShots if shots else BlockMeans
    return Collector(amount, kind(amount, window, scale), window.samples)


def _at_rails(codes: Codes) -> int:
    return int(np.count_nonzero((codes < RAIL_LOW) | (codes >= RAIL_HIGH)))


def _by_target(
    z: NDArray[np.complex128], targets: tuple[str, ...]
) -> dict[str, NDArray[np.complex128]]:
    return {name: np.ascontiguousarray(z[:, :, n]) for n, name in enumerate(targets)}
