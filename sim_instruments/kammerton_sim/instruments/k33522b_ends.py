"""The ends of what a Keysight 33522B can be set to, which depend on load, amplitude and function.

From the 33500 manual: high and low levels that push each other 1 mV away, with "Settings
conflict", or are clipped, with "Data out of range". From the manuals of the 33120A and of the
Picotest G5100A, which speaks alike: a dc voltage is the offset alone, to +-5 V into 50 ohm. From
memory: that MAX of the amplitude does not count the offset, which is moved.
"""

from __future__ import annotations

import string
from abc import ABC, abstractmethod
from collections.abc import Iterable
from contextlib import AbstractContextManager

from kammerton_sim.instruments.k33522b_limits import DECIMALS, LEAST, Limits
from kammerton_sim.instruments.k33522b_memory import channel_of
from kammerton_sim.instruments.k33522b_settings import FASTEST, SETTINGS, SLOWEST
from kammerton_sim.wire.commands import Call, Command
from kammerton_sim.wire.errors import ClippedError, ScpiError
from kammerton_sim.wire.scpi import number

_PREFIXES = {"": 1.0, "M": 1e-3, "U": 1e-6, "K": 1e3}

CUT = "level clipped to the voltage limit"
LEVEL_MOVED = "the other level has been adjusted"

_LEVEL = "[SOURce#]:VOLTage[:LEVel][:IMMediate]"


class Ends(Limits, ABC):
    """MIN and MAX, and the levels HIGH and LOW, of each channel."""

    @abstractmethod
    def _one(self, *channels: int) -> AbstractContextManager[None]:
        """Note the levels of these channels once, after all that is set within."""

    def _high_and_low(self) -> dict[str, Command]:
        return {
            f"{_LEVEL}:HIGH": Command(self._set_high, lambda c: self._ask_end(c, 1)),
            f"{_LEVEL}:LOW": Command(self._set_low, lambda c: self._ask_end(c, -1)),
        }

    def _room(self, channel: int) -> float:
        """V that the amplitude leaves to the offset: all where the function is none but that."""
        if self.value("function", channel) == "DC":
            return self._highest(channel)
        return max(0.0, self._highest(channel) - float(self.value("amplitude", channel)) / 2)

    def _offsets(self, channel: int) -> tuple[float, float]:
        """Return between which V the offset may lie, of which voltage limits leave less."""
        (low, high), room = self._bounds(channel), self._room(channel)
        half = self._highest(channel) - room
        return _ordered(max(low + half, -room), min(high - half, room))

    def _widest(self, channel: int) -> float:
        """Return Vpp about the present offset at which a level meets a limit of voltage.

        None stands in the way where there are no limits, or the amplitude does nothing.
        """
        if not self.value("voltage_limits", channel) or self.value("function", channel) == "DC":
            return 2 * self._highest(channel)
        (low, high), offset = self._bounds(channel), float(self.value("offset", channel))
        return max(LEAST, round(2 * min(high - offset, offset - low), DECIMALS))

    def _named(self, key: str, channel: int, text: str) -> float | None:
        """Return MIN or MAX of what depends on load, amplitude or function; None for others."""
        room, highest = self._room(channel), self._highest(channel)
        fastest = FASTEST.get(str(self.value("function", channel)), 30e6)
        ends = {
            "amplitude": (LEAST, 2 * highest),
            "offset": (-room, room),
            "frequency": (SLOWEST, fastest),
        }
        word = text.upper()
        if key not in ends or word not in ("MIN", "MINIMUM", "MAX", "MAXIMUM"):
            return None
        return ends[key][word.startswith("MAX")]

    def _low_and_high(self, channel: int) -> tuple[float, float]:
        """Lowest and highest V into the load, as that is called."""
        half = float(self.value("amplitude", channel)) / 2
        offset = float(self.value("offset", channel))
        return round(offset - half, DECIMALS), round(offset + half, DECIMALS)

    def _ask_end(self, call: Call, side: int) -> str:
        channel, asked = channel_of(call), call.parts(0, 1)
        value = self._level(channel, asked[0]) if asked else self._low_and_high(channel)[side > 0]
        return format(value, "+.14E")

    def _level(self, channel: int, text: str) -> float:
        ends = dict.fromkeys(("MAX", "MAXIMUM"), 1) | dict.fromkeys(("MIN", "MINIMUM"), -1)
        side = ends.get(text.upper())
        return parse_wide(text) if side is None else side * self._highest(channel)

    def _set_high(self, call: Call) -> None:
        """Set the high level; a low one that is not below it goes 1 mV below it."""
        channel = channel_of(call)
        asked, most = self._level(channel, call.parts(1, 1)[0]), self._highest(channel)
        (least, limit), possible = self._bounds(channel), min(max(asked, LEAST - most), most)
        high, low = min(max(possible, least + LEAST), limit), self._low_and_high(channel)[0]
        self._put_ends(channel, min(max(low, least), high - LEAST), high)
        complain(asked, possible, LEVEL_MOVED if low > high - LEAST else "", high)

    def _set_low(self, call: Call) -> None:
        """Set the low level; a high one that is not above it goes 1 mV above it."""
        channel = channel_of(call)
        asked, most = self._level(channel, call.parts(1, 1)[0]), self._highest(channel)
        (limit, largest), possible = self._bounds(channel), min(max(asked, -most), most - LEAST)
        low, high = min(max(possible, limit), largest - LEAST), self._low_and_high(channel)[1]
        self._put_ends(channel, low, max(min(high, largest), low + LEAST))
        complain(asked, possible, LEVEL_MOVED if high < low + LEAST else "", low)

    def _put_ends(self, channel: int, low: float, high: float) -> None:
        with self._one(channel):
            self.put("amplitude", (channel,), round(high - low, DECIMALS + 1))
            self.put("offset", (channel,), round((high + low) / 2, DECIMALS + 1))


def _ordered(low: float, high: float) -> tuple[float, float]:
    """Return two ends without the dust of binary digits; their middle where they have crossed."""
    if low > high:
        low = high = (low + high) / 2
    return round(low, DECIMALS + 1), round(high, DECIMALS + 1)


def complain(asked: float, taken: float, moved: str, limited: float | None = None) -> None:
    """Raise what the box says after it took the nearest value that it has.

    moved: what else it changed for that, "" where nothing. limited: what voltage limits left of it.
    """
    if limited is not None and limited != taken:
        raise ScpiError(-221, CUT)
    if taken != asked:
        raise ClippedError(asked, taken)
    if moved:
        raise ScpiError(-221, moved)


def clipped(key: str, text: str) -> tuple[float, float]:
    """Return a number as it was asked for, and as the box takes it."""
    try:
        value = float(SETTINGS[key].kind.parse(text))
    except ClippedError as error:
        return error.asked, error.taken
    return value, value


def with_unit(text: str, units: Iterable[str]) -> tuple[float, str]:
    """Return a number and the unit behind it, "" where there is none: 3.0 VRMS, 100 mV."""
    digits = text.rstrip(string.ascii_letters)
    written = text[len(digits) :].upper()
    unit = next((unit for unit in units if written.endswith(unit)), "")
    prefix = written.removesuffix(unit)
    if prefix not in (_PREFIXES if unit not in ("", "DBM") else ("",)):
        raise ScpiError(-131, written[:20])
    return number(digits.strip()) * _PREFIXES[prefix], unit


def parse_wide(text: str) -> float:
    """Return volts, also such as the box will cut to its limits."""
    if text[:1].isalpha():
        return float(SETTINGS["amplitude"].kind.parse(text))
    return with_unit(text, ("VPP", "V"))[0]
