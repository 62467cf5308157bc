"""When each generator channel is not silent within one turn of its loop, and with what volts."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from kammerton_sim.signals import ChannelOutput, Wave
from kammerton_sim.world.converters import DAC_BITS, converted
from kammerton_sim.world.errors import WorldError
from kammerton_sim.world.jit import kernel

IntArray = NDArray[np.int64]
Fingerprint = tuple[float, int, tuple[tuple[bytes, int, int, int], ...]]

_GAP = 24  # samples of silence that end a burst; shorter ones are cheaper to play than to skip
_MOST_BURSTS = 1_000_000
MOST_TRIGGERS = 20_000
"""In a turn of the loop: the laboratory stands still while it looks at each."""


@kernel
def _spans(samples: NDArray[np.float32], gap: int, out: IntArray) -> int:
    """Fill out (n, 2) with [start, stop) of what is not silent; return how many there are."""
    count = 0
    last = -gap - 1
    for n in range(samples.size):
        if samples[n] != 0:
            if n - last > gap:
                out[count, 0] = n
                count += 1
            out[count - 1, 1] = n + 1
            last = n
    return count


class Spans:
    """Where waves are not silent; each distinct wave is searched once a play."""

    def __init__(self) -> None:
        self._known: dict[bytes, list[tuple[int, int]]] = {}

    def of(self, wave: Wave) -> list[tuple[int, int]]:
        """[start, stop) of every burst in the wave."""
        spans = self._known.get(wave.key)
        if spans is None:
            out = np.empty((wave.samples.size // _GAP + 2, 2), np.int64)
            own = np.array(wave.samples, np.float32)  # may be a view of a received message
            count = _spans(own, _GAP, out)
            spans = self._known[wave.key] = [(int(a), int(b)) for a, b in out[:count]]
        return spans


@dataclass(frozen=True, eq=False)
class Track:
    """One channel over one turn.

    Burst n sounds in starts[n]..stops[n] (samples, sorted); sample starts[n] of the turn is
    sample offsets[n] of waves[n]. length: samples of a turn.
    """

    starts: IntArray
    stops: IntArray
    offsets: IntArray
    waves: tuple[Wave, ...]
    length: int
    vpp: float
    resolution: int
    sample_rate: float

    def fingerprint(self, start: int, stop: int) -> Fingerprint:
        """What tells one content of [start, stop), in volts, from another."""
        pieces = (
            (self.waves[n].key, int(self.offsets[n]) + a - self._ends[0][n], a - start, b - a)
            for n, a, b in self._within(start, stop)
        )
        return self.vpp, self.resolution, tuple(pieces)

    def volts(self, start: int, stop: int) -> NDArray[np.float64]:
        """Volts at the output in [start, stop), as the converter holds them."""
        out = np.zeros(stop - start)
        for n, a, b in self._within(start, stop):
            first = int(self.offsets[n]) + a - int(self.starts[n])
            samples = self.waves[n].samples[first : first + b - a]
            out[a - start : b - start] = converted(samples, self.vpp, self.resolution)
        return out

    def _within(self, start: int, stop: int) -> Iterable[tuple[int, int, int]]:
        starts, stops = self._ends
        for n in range(bisect_right(stops, start), bisect_left(starts, stop)):
            yield n, max(start, starts[n]), min(stop, stops[n])

    @cached_property
    def _ends(self) -> tuple[list[int], list[int]]:
        """Starts and stops as Python has them: each of 20,000 triggers looks them up singly."""
        return self.starts.tolist(), self.stops.tolist()


def track(output: ChannelOutput | None, spans: Spans) -> Track:
    """One turn of a channel; an absent channel, or one that is off, is silent."""
    if output is None or not output.on:
        return _track([], 0, output)
    rows: list[tuple[int, int, int, Wave]] = []
    position = 0
    for segment in output.loop:
        size = segment.wave.samples.size
        for start, stop in spans.of(segment.wave):
            if len(rows) + segment.repeats > _MOST_BURSTS:
                raise WorldError(f"more than {_MOST_BURSTS} bursts in one turn of the loop")
            for n in range(segment.repeats):
                at = position + n * size
                rows.append((at + start, at + stop, start, segment.wave))
        position += size * segment.repeats
    return _track(rows, position, output)


def _track(
    rows: list[tuple[int, int, int, Wave]], length: int, output: ChannelOutput | None
) -> Track:
    rows.sort(key=lambda row: row[0])
    table = np.array([row[:3] for row in rows], np.int64).reshape(-1, 3)
    return Track(
        starts=np.ascontiguousarray(table[:, 0]),
        stops=np.ascontiguousarray(table[:, 1]),
        offsets=np.ascontiguousarray(table[:, 2]),
        waves=tuple(row[3] for row in rows),
        length=length,
        vpp=output.vpp if output else 0.0,
        resolution=output.resolution if output else DAC_BITS,
        sample_rate=output.sample_rate if output else 0.0,
    )


@dataclass(frozen=True, eq=False)
class IqPair:
    """Two tracks that feed one mixer: Re[(I + jQ) exp(+j w t)] on the line (upper sideband)."""

    i: Track
    q: Track

    hum: ClassVar[complex] = 0.0
    tail: ClassVar[int] = 0

    @property
    def spans(self) -> Sequence[Spanned]:
        """When it sounds."""
        return self.i, self.q

    def fingerprint(self, start: int, stop: int) -> tuple[Hashable, ...]:
        """What tells one content of [start, stop) from another."""
        return self.i.fingerprint(start, stop), self.q.fingerprint(start, stop)

    def volts(self, start: int, stop: int) -> NDArray[np.complex128]:
        """I + jQ in volts at the generator."""
        return self.i.volts(start, stop) + 1j * self.q.volts(start, stop)

    @property
    def sample_rate(self) -> float:
        """Samples per second of the pair, 0 if it is silent; WorldError if the two differ."""
        rates = {track.sample_rate for track in (self.i, self.q) if track.starts.size}
        if len(rates) > 1:
            raise WorldError(f"the two channels of a mixer run at different rates: {rates}")
        return rates.pop() if rates else 0.0


class Spanned(Protocol):
    """What sounds now and then, in samples of the turn; sorted."""

    @property
    def starts(self) -> IntArray:
        """First samples."""

    @property
    def stops(self) -> IntArray:
        """Samples after the last."""


class Sound(Protocol):
    """What arrives on a line of the chip."""

    @property
    def spans(self) -> Sequence[Spanned]:
        """When it sounds."""

    @property
    def hum(self) -> complex:
        """V that are always there, beside `volts`."""

    @property
    def tail(self) -> int:
        """Samples by which the line sounds on after its generator."""

    def fingerprint(self, start: int, stop: int) -> tuple[Hashable, ...]:
        """What tells one content of [start, stop) from another."""

    def volts(self, start: int, stop: int) -> NDArray[np.complex128]:
        """I + jQ in volts."""


def bursts(tracks: Sequence[Spanned], cuts: IntArray, end: int) -> list[tuple[int, int]]:
    """[start, stop) of everything that any of the tracks plays before `end`, cut at `cuts`."""
    starts = np.concatenate([track.starts for track in tracks])
    order = np.argsort(starts, kind="stable")
    starts = starts[order]
    stops = np.concatenate([track.stops for track in tracks])[order]
    reach = np.maximum.accumulate(stops) if stops.size else stops
    fresh = np.ones(starts.size, bool)
    fresh[1:] = starts[1:] >= reach[:-1]
    begins = starts[fresh]
    ends = np.append(reach[np.flatnonzero(fresh)[1:] - 1], reach[-1:])
    return cut(begins.tolist(), np.minimum(ends, end).tolist(), np.unique(cuts))


def cut(begins: Sequence[int], ends: Sequence[int], cuts: IntArray) -> list[tuple[int, int]]:
    """Pieces of [begin, end) at sorted `cuts`."""
    pieces = []
    inner = np.searchsorted(cuts, begins, "right"), np.searchsorted(cuts, ends, "left")
    for a, b, low, high in zip(begins, ends, *inner, strict=True):
        if b <= a:
            continue
        edges = [a, *cuts[low:high].tolist(), b]
        pieces += list(pairwise(edges))
    return pieces


def rising_edges(output: ChannelOutput | None, marker: int) -> IntArray:
    """Samples of a turn at which a marker of a channel rises.

    A marker takes one bit from the converter: with `resolution` above 16 - marker it is absent.
    """
    if output is None or not output.on or output.resolution > DAC_BITS - marker:
        return np.empty(0, np.int64)
    waves = {id(segment.wave): segment.wave for segment in output.loop}
    shapes = {number: _shape(wave, marker) for number, wave in waves.items()}
    loop = [(s.wave.samples.size, s.repeats, shapes[id(s.wave)]) for s in output.loop]
    most = sum(n * inside.size + (first and (1 if last else n))
               for _, n, (first, last, inside) in loop)  # fmt: skip
    if most > MOST_TRIGGERS:
        raise WorldError(f"{most} triggers in one turn of the loop: {MOST_TRIGGERS} at most")
    edges: list[IntArray] = []
    position, level = 0, bool(loop and loop[-1][2][1])
    for size, repeats, (first, last, inside) in loop:
        if inside.size:
            edges.append((position + np.arange(repeats)[:, None] * size + inside).ravel())
        if first:
            edges.append(position + np.arange(1 if last else repeats)[int(level) :] * size)
        level = last
        position += size * repeats
    return np.sort(np.concatenate([np.empty(0, np.int64), *edges]))


def _shape(wave: Wave, marker: int) -> tuple[bool, bool, IntArray]:
    """Whether a marker is up at the first and the last sample, and where it rises in between."""
    high = _marker(wave, marker)
    if high is None:
        return False, False, np.empty(0, np.int64)
    return bool(high[0]), bool(high[-1]), np.flatnonzero(high[1:] & ~high[:-1]) + 1


def _marker(wave: Wave, marker: int) -> NDArray[np.bool_] | None:
    if wave.markers is None or wave.markers.size == 0:
        return None
    high = (wave.markers >> (marker - 1)) & 1
    return high.astype(bool) if high.any() else None


def turn_samples(output: ChannelOutput | None) -> int:
    """Samples of one turn of a channel's loop."""
    return sum(s.wave.samples.size * s.repeats for s in output.loop) if output else 0
