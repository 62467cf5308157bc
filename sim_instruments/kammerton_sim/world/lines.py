"""The lines of the laboratory: generator pairs through mixers, as the sources are set."""

from __future__ import annotations

from collections.abc import Mapping

from kammerton_sim.chip import Line
from kammerton_sim.signals import Carrier, ChannelId, ChannelOutput
from kammerton_sim.world.errors import WorldError
from kammerton_sim.world.timeline import IqPair, Spans, Track, track

Outputs = Mapping[ChannelId, ChannelOutput]
Carriers = Mapping[str, Carrier]


class Lines:
    """The mixers' inputs: generator pairs as they sound, through sources as they are set.

    rate: samples per second of whatever triggers the digitizer, which every line must share.
    """

    def __init__(self, outputs: Outputs, carriers: Carriers, rate: float) -> None:
        self._outputs, self._carriers, self.rate = outputs, carriers, rate
        self._spans = Spans()

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
