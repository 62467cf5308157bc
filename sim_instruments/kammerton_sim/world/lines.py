"""The lines of the laboratory: generator pairs through mixers, as the sources are set."""

from __future__ import annotations

import math
from collections.abc import Mapping

from kammerton_sim.chip import Feedline, Line, Wiring
from kammerton_sim.signals import Carrier, ChannelId, ChannelOutput
from kammerton_sim.world.crosstalk import Heard, Joined, factor
from kammerton_sim.world.errors import WorldError
from kammerton_sim.world.timeline import IqPair, Sound, Spans, Track, track
from kammerton_sim.world.wire import Wired, wire

Outputs = Mapping[ChannelId, ChannelOutput]
Carriers = Mapping[str, Carrier]


class Lines:
    """The mixers' inputs: generator pairs as they sound, through sources as they are set.

    rate: samples per second of whatever triggers the digitizer, which every line must share.
    """

    def __init__(self, wiring: Wiring, outputs: Outputs, carriers: Carriers, rate: float) -> None:
        self._wiring, self._outputs, self._carriers = wiring, outputs, carriers
        self.rate = rate
        self._spans = Spans()

    def readout(self, feedline: Feedline) -> Sound:
        """What arrives on a feedline."""
        return self._wired(feedline.name, feedline.readout)

    def drive(self, qubit: str) -> Sound:
        """What a qubit hears: its own line, and those that talk into it."""
        drive, frame = self._wiring.drive, self.frame(qubit)
        own = self._wired(qubit, drive[qubit])
        others = [c for c in self._wiring.drive_crosstalk if c.target == qubit]
        parts = [Heard(own, 1.0, 0.0)]
        for other in others:
            carrier = self.frequency(drive[other.source].source)
            if carrier is not None and frame is not None:
                turning = 2 * math.pi * (carrier - frame) / self.rate
                line = self._wired(other.source, drive[other.source])
                parts.append(Heard(line, factor(other.level, other.phase), turning))
        return Joined(parts) if others else own

    def frame(self, qubit: str) -> float | None:
        """Hz of the source whose mixer feeds a qubit; of the first that talks into it, else."""
        drive = self._wiring.drive
        talking = [c.source for c in self._wiring.drive_crosstalk if c.target == qubit]
        carriers = (self.frequency(drive[name].source) for name in (qubit, *talking))
        return next((hz for hz in carriers if hz is not None), None)

    def _wired(self, name: str, line: Line) -> Sound:
        mixer, ripple = self._wiring.mixers.get(name), self._wiring.ripples.get(name)
        carrier = self.frequency(line.source)
        if carrier is None or (mixer is None and ripple is None):
            return self.pair(line)
        return Wired(self.pair(line), wire(mixer, ripple, carrier, 1 / self.rate))

    def pair(self, line: Line) -> IqPair:
        """A line's two tracks, silent if its source does not pump the mixer."""
        heard = self.frequency(line.source) is not None
        i, q = (self._outputs.get(c) if heard else None for c in (line.i, line.q))
        pair = IqPair(track(i, self._spans), track(q, self._spans))
        self._check(line.i, pair.sample_rate)
        return pair

    def flux(self, channel: ChannelId) -> Track:
        """The track of a flux channel, which no mixer comes after."""
        pulses = track(self._outputs.get(channel), self._spans)
        self._check(channel, pulses.sample_rate if pulses.starts.size else 0.0)
        return pulses

    def frequency(self, source: str) -> float | None:
        """Hz of a source that pumps its mixers, else None."""
        carrier = self._carriers.get(source)
        if carrier is None or not carrier.pumps:
            return None
        return carrier.frequency

    def _check(self, channel: ChannelId, rate: float) -> None:
        if rate not in (0.0, self.rate):
            raise WorldError(
                f"{channel[0]} runs at {rate:g} samples/s, the trigger at {self.rate:g}"
            )
