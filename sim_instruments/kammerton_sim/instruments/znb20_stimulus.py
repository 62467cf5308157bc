"""What a ZNB20 sweeps over: start, stop, centre and span, which move each other, and its ledger.

From the upstream driver: limits of frequency. From memory: how an end that is set beyond the other
moves it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from kammerton_sim.instruments.znb20_settings import CHANNELS, HIGHEST, LOWEST, SETTINGS
from kammerton_sim.instruments.znb20_traces import Real, Trace
from kammerton_sim.wire.commands import Call, Command
from kammerton_sim.wire.errors import ScpiError
from kammerton_sim.wire.instrument import ScpiInstrument
from kammerton_sim.wire.settings import Number

Ends = tuple[float | None, float | None]
ENDS = "sweep_from", "sweep_to"
"""What the ledger calls the ends of what a channel's tone passes."""

_SPAN = Number(HIGHEST - LOWEST, 1.0, HIGHEST - LOWEST, "HZ", form=".12G", step=1.0)
_CENTRE = Number((LOWEST + HIGHEST) / 2, LOWEST, HIGHEST, "HZ", form=".12G", step=0.5)


class Stimulus(ScpiInstrument):
    """The sweeps of each channel."""

    _traces: dict[str, Trace]
    _swept: dict[int, Ends]
    """Channel with a trace -> the ends of what its tone passes, as the ledger knows them."""

    def _stimulus(self) -> dict[str, Command]:
        return {
            "SENSe#:FREQuency:STARt": Command(self._set_start, self._ask_setting("start")),
            "SENSe#:FREQuency:STOP": Command(self._set_stop, self._ask_setting("stop")),
            "SENSe#:FREQuency:CENTer": Command(self._set_centre, self._ask_centre),
            "SENSe#:FREQuency:SPAN": Command(self._set_span, self._ask_span),
            "SENSe#:SWEep:TIME": Command(ask=lambda c: f"{self._seconds(channel_of(c)):.9G}"),
        }

    def _ask_setting(self, key: str) -> Callable[[Call], str]:
        return lambda call: SETTINGS[key].kind.show(self.value(key, channel_of(call)))

    def _range(self, channel: int) -> tuple[float, float]:
        return float(self.value("start", channel)), float(self.value("stop", channel))

    def _sweep_over(self, channel: int, start: float, stop: float) -> None:
        """Set both ends; what would leave the analyzer's range is cut."""
        self.put("start", (channel,), max(start, LOWEST))
        self.put("stop", (channel,), min(stop, HIGHEST))

    def _ends(self, channel: int) -> tuple[float, float]:
        """Return the lowest and the highest frequency of a channel's tone in Hz."""
        if self.value("sweep", channel) in ("CW", "POIN"):
            return (float(self.value("fixed", channel)),) * 2
        return self._range(channel)

    def _note_sweep(self, channel: int) -> None:
        """Write the ends of what a channel's tone passes into the ledger; without a trace none."""
        old: Ends = self._swept.get(channel, (None, None))
        alive = any(trace.channel == channel for trace in self._traces.values())
        new: Ends = self._ends(channel) if alive else (None, None)
        self._swept[channel] = new
        for what, before, after in zip(ENDS, old, new, strict=True):
            if before != after:
                self.ledger.record(self.name, self.label((channel,)), what, before, after)

    def _set_start(self, call: Call) -> None:
        channel, value = channel_of(call), _parsed(SETTINGS["start"].kind, call)
        self._sweep_over(channel, value, max(value + 1, self._range(channel)[1]))

    def _set_stop(self, call: Call) -> None:
        channel, value = channel_of(call), _parsed(SETTINGS["stop"].kind, call)
        self._sweep_over(channel, min(value - 1, self._range(channel)[0]), value)

    def _set_centre(self, call: Call) -> None:
        channel, centre = channel_of(call), _parsed(_CENTRE, call)
        start, stop = self._range(channel)
        half = min((stop - start) / 2, centre - LOWEST, HIGHEST - centre)
        self._sweep_over(channel, centre - half, centre + half)

    def _set_span(self, call: Call) -> None:
        channel, span = channel_of(call), _parsed(_SPAN, call)
        start, stop = self._range(channel)
        centre = (start + stop) / 2
        half = min(span / 2, centre - LOWEST, HIGHEST - centre)
        self._sweep_over(channel, centre - half, centre + half)

    def _ask_centre(self, call: Call) -> str:
        return _CENTRE.show(sum(self._range(channel_of(call))) / 2)

    def _ask_span(self, call: Call) -> str:
        start, stop = self._range(channel_of(call))
        return _SPAN.show(stop - start)

    def _seconds(self, channel: int) -> float:
        return float(self.value("points", channel)) / float(self.value("bandwidth", channel))

    def _hertz(self, channel: int) -> Real:
        points, sweep = int(self.value("points", channel)), self.value("sweep", channel)
        start, stop = self._range(channel)
        if sweep in ("CW", "POIN"):
            return np.full(points, float(self.value("fixed", channel)))
        line = np.linspace if sweep == "LIN" else np.geomspace
        return line(start, stop, points)


def channel_of(call: Call) -> int:
    """Return the number of the channel; ScpiError where there is none."""
    if not 1 <= call.suffixes[0] <= CHANNELS:
        raise ScpiError(-114, f"no channel {call.suffixes[0]}")
    return call.suffixes[0]


def _parsed(kind: Any, call: Call) -> float:
    return float(kind.parse(call.parts(1, 1)[0]))
