"""Function, frequency and pulse width of a Keysight 33522B.

From the 33500 manual: pulses of 16 ns at least that are adjusted to the period. From the tests of a
public driver on a box: a frequency beyond the limits is clipped, with "Data out of range". From a
public driver, seen on a box: -221 for a width that a new period shortens. From memory: the
frequency that is reduced for a new function under "Settings conflict".
"""

from __future__ import annotations

from abc import abstractmethod

from kammerton_sim.instruments.k33522b_amplitude import Amplitudes
from kammerton_sim.instruments.k33522b_ends import clipped, complain
from kammerton_sim.instruments.k33522b_memory import channel_of
from kammerton_sim.instruments.k33522b_settings import FASTEST, SETTINGS, SLOWEST
from kammerton_sim.wire.commands import Call
from kammerton_sim.wire.errors import ScpiError
from kammerton_sim.wire.settings import Value

SHORTEST = 16e-9
"""Of a pulse, and of the rest of its period, in s."""


class Shapes(Amplitudes):
    """What each channel plays, and how fast."""

    @abstractmethod
    def _has_waveform(self, channel: int) -> bool:
        """Whether a channel has an arbitrary waveform to play."""

    def _fastest(self, channel: int) -> float:
        return FASTEST.get(str(self.value("function", channel)), 30e6)

    def _longest(self, channel: int) -> float:
        """S of a pulse that the present period has room for."""
        return max(1 / float(self.value("frequency", channel)) - SHORTEST, SHORTEST)

    def _set_function(self, call: Call) -> None:
        channel = channel_of(call)
        function = str(SETTINGS["function"].kind.parse(call.parts(1, 1)[0]))
        if function == "ARB" and not self._has_waveform(channel):
            raise ScpiError(-221, "no arbitrary waveform is chosen")
        levels, most = self._levels_set(channel), FASTEST.get(function, 30e6)
        self.put("function", (channel,), function)
        if float(self.value("frequency", channel)) > most:
            self.set("frequency", (channel,), most)
            raise ScpiError(-221, "frequency reduced for the function")
        if self._levels_set(channel) != levels:
            raise ScpiError(-221, "offset has been adjusted due to amplitude")

    def _levels_set(self, channel: int) -> tuple[Value, Value]:
        return self.value("amplitude", channel), self.value("offset", channel)

    def _set_frequency(self, call: Call) -> None:
        """Take what lies beyond the function's limits as the nearest of them."""
        channel, (text,) = channel_of(call), call.parts(1, 1)
        asked = self._hertz(channel, text)
        taken = min(max(asked, SLOWEST), self._fastest(channel))
        self.put("frequency", (channel,), taken)
        shortened = self._fit_width(channel) and self.value("function", channel) == "PULS"
        complain(asked, taken, "pulse width decreased due to period" if shortened else "")

    def _hertz(self, channel: int, text: str) -> float:
        named = self._named("frequency", channel, text)
        return clipped("frequency", text)[0] if named is None else named

    def _fit_width(self, channel: int) -> bool:
        """Shorten a pulse to what the period leaves; returns whether it had to be."""
        too_long = float(self.value("width", channel)) > self._longest(channel)
        if too_long:
            self.set("width", (channel,), self._longest(channel))
        return too_long

    def _set_width(self, call: Call) -> None:
        channel, (text,) = channel_of(call), call.parts(1, 1)
        asked, taken = clipped("width", text)
        longest = self._longest(channel)
        self.put("width", (channel,), min(taken, longest))
        complain(asked, taken, "pulse width limited by period" if taken > longest else "")
