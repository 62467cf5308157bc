"""The limits that a Keysight 33522B keeps its own levels to, whoever sets them.

From the 33500 manual: with VOLTage:LIMit:STATe on, a level beyond a limit is clipped to it, under
"Settings conflict", and the load cannot be changed, as limits are volts into it. From public
drivers: the headers, MIN and MAX, and that the two values alone limit nothing. From memory: +-5 V
and off at power-on and after *RST; and, each under "Settings conflict", that limits do not come on
while the signal is beyond them, that one which would cut the signal becomes its end, and that the
high one must be above the low one. Whether a knob obeys them was not found; here it does.
"""

from __future__ import annotations

import math
from functools import partial

from kammerton_sim.instruments.k33522b_memory import channel_of
from kammerton_sim.instruments.k33522b_settings import SETTINGS
from kammerton_sim.wire.commands import Call, Command
from kammerton_sim.wire.errors import ClippedError, ScpiError
from kammerton_sim.wire.instrument import ScpiInstrument
from kammerton_sim.wire.settings import Value

LEAST = 1e-3
"""V between the lowest and the highest level."""

DECIMALS = 12
"""Of V of a level: 0.3 - 0.1 leaves no more of them than the two that it is made of."""

_LOW, _HIGH, _ON = "voltage_limit_low", "voltage_limit_high", "voltage_limits"
_SIDES = {_LOW: -1, _HIGH: 1}
LIMITING = frozenset({*_SIDES, _ON, "load"})
"""Settings that limits stand in the way of, beside those of the levels."""


class Limits(ScpiInstrument):
    """Between which volts the levels of each channel may lie."""

    def _limiting(self) -> dict[str, Command]:
        commands = {
            key: Command(partial(self._set_limit, key), partial(self._ask_limit, key))
            for key in _SIDES
        }
        commands[_ON] = Command(self._set_limited, self._ask_limited)
        return {SETTINGS[key].header: command for key, command in commands.items()}

    def _highest(self, channel: int) -> float:
        """V of peak into the load: 10 V behind 50 ohm."""
        load = float(self.value("load", channel))
        return 10.0 if math.isinf(load) else 10.0 * load / (load + 50)

    def _bounds(self, channel: int) -> tuple[float, float]:
        """Return between which V into the load the levels may lie now."""
        most = self._highest(channel)
        if not self.value(_ON, channel):
            return -most, most
        return (
            max(-most, float(self.value(_LOW, channel))),
            min(most, float(self.value(_HIGH, channel))),
        )

    def _signal(self, channel: int) -> tuple[float, float]:
        """Lowest and highest V into the load, as that is called; a dc voltage is its offset."""
        half = float(self.value("amplitude", channel)) / 2
        half = 0.0 if self.value("function", channel) == "DC" else half
        offset = float(self.value("offset", channel))
        return round(offset - half, DECIMALS), round(offset + half, DECIMALS)

    def _conflict(self, key: str, channel: int, value: Value) -> str:
        """Return what stands in the way of limits, or of a load beside them; "" where nothing."""
        on, ends = self.value(_ON, channel), self._signal(channel)
        low, high = (float(self.value(each, channel)) for each in (_LOW, _HIGH))
        if key == "load":
            changes = on and value != self.value("load", channel)
            return "the load cannot be changed while voltage limits are on" if changes else ""
        if key == _ON:
            beyond = value and not low <= ends[0] <= ends[1] <= high
            return "the signal is beyond the voltage limits" if beyond else ""
        if not (low if key == _HIGH else float(value)) < (high if key == _LOW else float(value)):
            return "the high voltage limit must be above the low one"
        return "the signal is beyond that limit" if on and self._cut(key, channel, value) else ""

    def _cut(self, key: str, channel: int, limit: Value) -> bool:
        """Say whether a limit would cut the signal."""
        end = self._signal(channel)[key == _HIGH]
        return _SIDES[key] * end > _SIDES[key] * float(limit)

    def _set_limit(self, key: str, call: Call) -> None:
        channel, (text,) = channel_of(call), call.parts(1, 1)
        asked, most = self._limit(key, channel, text), self._highest(channel)
        value = min(max(asked, -most), most)
        if conflict := self._conflict(key, channel, value):
            if self.value(_ON, channel) and self._cut(key, channel, value):
                self.put(key, (channel,), self._signal(channel)[key == _HIGH])
            raise ScpiError(-221, conflict)
        self.put(key, (channel,), value)
        if value != asked:
            raise ClippedError(asked, value)

    def _ask_limit(self, key: str, call: Call) -> str:
        channel, asked = channel_of(call), call.parts(0, 1)
        value = self._limit(key, channel, asked[0]) if asked else self.value(key, channel)
        return SETTINGS[key].kind.show(value)

    def _limit(self, key: str, channel: int, text: str) -> float:
        """Return V as they are asked for; MIN and MAX are those of the present load."""
        sides = dict.fromkeys(("MIN", "MINIMUM"), -1) | dict.fromkeys(("MAX", "MAXIMUM"), 1)
        if side := sides.get(text.upper()):
            return side * self._highest(channel)
        try:
            return float(SETTINGS[key].kind.parse(text))
        except ClippedError as error:
            return error.asked

    def _set_limited(self, call: Call) -> None:
        channel, (text,) = channel_of(call), call.parts(1, 1)
        on = SETTINGS[_ON].kind.parse(text)
        if conflict := self._conflict(_ON, channel, on):
            self.put(_ON, (channel,), False)
            raise ScpiError(-221, conflict)
        self.put(_ON, (channel,), on)

    def _ask_limited(self, call: Call) -> str:
        call.parts(0, 0)
        return SETTINGS[_ON].kind.show(self.value(_ON, channel_of(call)))
