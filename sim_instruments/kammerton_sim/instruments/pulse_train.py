"""What a pulse generator plays while a marker of another box triggers it.

Delay and width are cut to whole samples of that box. A trigger that comes before the pulse of the
last one has ended is ignored, as by a burst of one cycle. In the loop it is what it is from the
second turn on.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kammerton_sim.instruments.k33522b import Pulse
from kammerton_sim.signals import ChannelOutput, Segment, Wave

_BITS = 16

Gate = NDArray[np.bool_]


@dataclass(frozen=True)
class _State:
    """Where a waveform begins: the marker before it, and a pulse that is under way.

    start, stop: of that pulse in samples from here; it has begun when start is not above 0.
    """

    high: bool = False
    start: int = 0
    stop: int = 0


def pulse_train(clock: ChannelOutput, marker: int, pulse: Pulse) -> ChannelOutput:
    """Return the pulses at the rising edges of a marker (1..4) of the channel `clock`."""
    train = _Train(clock, marker, pulse)
    prologue, state = train.play(clock.prologue, _State())
    _, state = train.play(clock.loop, state)
    loop, _ = train.play(clock.loop, state)
    return ChannelOutput(prologue, loop, 2 * train.peak, _BITS, True, clock.sample_rate)


class _Train:
    def __init__(self, clock: ChannelOutput, marker: int, pulse: Pulse) -> None:
        self._bit = marker - 1 if clock.on and clock.resolution <= _BITS - marker else None
        self._delay = round(pulse.delay * clock.sample_rate)
        self._width = max(1, round(pulse.width * clock.sample_rate))
        self.peak = max(abs(pulse.rest), abs(pulse.top))
        self._levels = np.array([pulse.rest, pulse.top], np.float32) / np.float32(self.peak or 1.0)
        self._waves: dict[bytes, Wave] = {}
        """Equal pieces are the same waveform, so that whoever caches finds them again."""

    def play(
        self, segments: Iterable[Segment], state: _State
    ) -> tuple[tuple[Segment, ...], _State]:
        """Return what is played along with these segments, and where the next one begins."""
        played: list[Segment] = []
        for segment in segments:
            left = segment.repeats
            while left:
                gate, after = self._along(segment.wave, state)
                count = left if after == state else 1
                played.append(Segment(self._wave(gate), count))
                left, state = left - count, after
        return tuple(played), state

    def _along(self, wave: Wave, state: _State) -> tuple[Gate, _State]:
        """Return where the pulse is high during a waveform, and the state behind it."""
        size = wave.samples.size
        marks = self._marks(wave)
        gate = np.zeros(size, np.bool_)
        start, stop = state.start, state.stop
        for rise in np.flatnonzero(np.diff(marks, prepend=np.int8(state.high)) > 0).tolist():
            if rise >= stop:
                gate[max(start, 0) : max(stop, 0)] = True
                start, stop = rise + self._delay, rise + self._delay + self._width
        gate[max(start, 0) : max(stop, 0)] = True
        high = bool(marks[-1]) if size else state.high
        under_way = stop > size
        return gate, _State(high, start - size, stop - size) if under_way else _State(high)

    def _marks(self, wave: Wave) -> NDArray[np.int8]:
        if self._bit is None or wave.markers is None:
            return np.zeros(wave.samples.size, np.int8)
        return (wave.markers >> self._bit & 1).astype(np.int8)

    def _wave(self, gate: Gate) -> Wave:
        key = gate.tobytes()
        if key not in self._waves:
            self._waves[key] = Wave("pulse", self._levels[gate.astype(np.int8)])
        return self._waves[key]
