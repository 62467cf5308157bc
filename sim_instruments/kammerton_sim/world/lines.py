"""The lines of the laboratory: generator pairs through mixers, as the sources are set."""

from __future__ import annotations

from collections.abc import Mapping

from kammerton_sim.chip import Line
from kammerton_sim.signals import Carrier, ChannelId, ChannelOutput
from kammerton_sim.world.errors import WorldError
from kammerton_sim.world.timeline import IqPair, Spans, track

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
        if pair.sample_rate not in (0.0, self.rate):
            raise WorldError(
                f"{line.i[0]} runs at {pair.sample_rate:g} samples/s, the trigger at {self.rate:g}"
            )
        return pair

    def frequency(self, source: str) -> float | None:
        """Hz of a source that pumps its mixers, else None."""
        carrier = self._carriers.get(source)
        if carrier is None or not carrier.pumps:
            return None
        return carrier.frequency
