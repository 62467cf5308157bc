"""Keysight 33522B: two channels of waveforms and pulses, here for flux lines.

From the 33500 manual: amplitude 1 mVpp to 10 Vpp into 50 ohm and twice that into an open circuit,
|offset| < Vmax - Vpp/2 with the offset adjusted and "Data out of range" when it is not, waveforms
of 8 to 1,000,000 points, pulses of 16 ns at least that are adjusted to the period. From the manual
of the 33250A: the answer to APPLy?, here for every function. From the upstream driver: a queue of
20 errors, answers like +0,"No error". From a public driver, seen on a box: -221 for a width that a
new period shortens. From memory: what else is adjusted under "Settings conflict" (frequency to a
new function, offset to a new amplitude), some defaults.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from kammerton_sim.instruments.k33522b_ends import LEAST, Ends, complain, parse_wide
from kammerton_sim.instruments.k33522b_memory import ArbMemory, channel_of
from kammerton_sim.instruments.k33522b_settings import CHANNELS, FASTEST, SETTINGS, SLOWEST
from kammerton_sim.ledger import Ledger
from kammerton_sim.wire.commands import Call, Command
from kammerton_sim.wire.errors import ScpiError
from kammerton_sim.wire.scpi import number
from kammerton_sim.wire.settings import Setting, Value

_HALF = float(SETTINGS["amplitude"].kind.default) / 2
_AT_POWER_ON = {"low": -_HALF, "high": _HALF}
_HIGHEST = 5.0  # V of peak into 50 ohm
_SHORTEST = 16e-9  # s of a pulse, and of the rest of its period
_CREST = {"SIN": 2 * math.sqrt(2), "RAMP": 2 * math.sqrt(3), "TRI": 2 * math.sqrt(3)}
"""Vpp over Vrms; 2 for the others, as for a square."""


@dataclass(frozen=True)
class Pulse:
    """What a channel plays at each trigger: from `rest` to `top` V for `width` s after `delay`."""

    rest: float
    top: float
    width: float
    delay: float


class Keysight33522b(Ends):
    """One generator."""

    options = "0"
    queue_length = 20
    error_form = '{:+d},"{}"'

    def __init__(self, name: str, ledger: Ledger, serial: int = 1) -> None:
        self._memory = ArbMemory(self._chose)
        self._noted = {
            (c, end): level for c in range(1, CHANNELS + 1) for end, level in _AT_POWER_ON.items()
        }
        self._unsettled = False
        """While a command is at work: what lies between its steps was never on the line."""
        super().__init__(name, ledger, SETTINGS, {**self._shaping(), **self._memory.commands()})
        self.identity = f"Agilent Technologies,33522B,MY5{serial:07d},5.03-1.19-2.00-52-00"

    def label(self, suffixes: tuple[int, ...]) -> str:
        """Return the number of the channel."""
        return str(suffixes[0]) if suffixes else "all"

    def levels(self) -> dict[str, dict[str, Any] | None]:
        """Return what each channel can put out into its load; None where it is off."""
        return {
            f"{self.name}.{c}": {"function": self.value("function", c), "low": low, "high": high}
            if self.value("on", c)
            else None
            for c in range(1, CHANNELS + 1)
            for low, high in (self._extremes(c),)
        }

    def pulse(self, channel: int) -> Pulse | None:
        """Return what a trigger at the input does; None when it does nothing, or no pulse."""
        with self.lock:
            wanted = {"function": "PULS", "burst": True, "burst_mode": "TRIG", "trigger": "EXT"}
            ready = all(self.value(key, channel) == value for key, value in wanted.items())
            if not (ready and self.value("on", channel)) or self.value("cycles", channel) != 1:
                return None
            low, high = self._extremes(channel)
            rest, top = (high, low) if self.value("polarity", channel) == "INV" else (low, high)
            width, delay = (float(self.value(key, channel)) for key in ("width", "delay"))
            return Pulse(rest, top, width, delay)

    def power_on(self) -> dict[tuple[str, str, str], Value]:
        """Return what is true at power-on, with the levels that follow from it."""
        levels = {
            (self.name, str(c), end): level
            for c in range(1, CHANNELS + 1)
            for end, level in _AT_POWER_ON.items()
        }
        return super().power_on() | levels

    def set(self, key: str, suffixes: tuple[int, ...], value: Value) -> None:
        """Change a setting. Another load renames the same source voltage, whoever turns it."""
        if key == "function" and not self._unsettled:
            with self._one(*suffixes):
                super().set(key, suffixes, value)
                self._fit_offset(*suffixes)  # which has had all the room, if that was DC
            return
        if key != "load" or self._unsettled:
            super().set(key, suffixes, value)
            return
        before = self._highest(*suffixes)
        with self._one():
            super().set(key, suffixes, value)
            scale = self._highest(*suffixes) / before
            for volts in ("amplitude", "offset"):
                super().set(volts, suffixes, float(self.value(volts, *suffixes)) * scale)

    def objection(self, key: str, suffixes: tuple[int, ...], value: Value) -> str:
        """Amplitude and offset share the load's volts; each function has its fastest."""
        if key == "function":
            most = FASTEST.get(str(value), 30e6)
            fast = float(self.value("frequency", *suffixes)) > most
            return f"{value} ends at {most:g} Hz" if fast else ""
        if key not in ("amplitude", "offset", "width", "frequency"):
            return ""
        least, most = self._ends(key, *suffixes)
        unit = {"frequency": "Hz", "width": "s"}.get(key, "V")
        fits = least - 1e-12 <= float(value) <= most * (1 + 1e-9)
        return "" if fits else f"it is {least:g} to {most:g} {unit} at present"

    def _ends(self, key: str, channel: int) -> tuple[float, float]:
        if key == "amplitude":
            offset = abs(float(self.value("offset", channel)))
            return 1e-3, 2 * (self._highest(channel) - offset)
        if key == "offset":
            return -self._room(channel), self._room(channel)
        if key == "width":
            return _SHORTEST, 1 / float(self.value("frequency", channel)) - _SHORTEST
        fastest = FASTEST.get(str(self.value("function", channel)), 30e6)
        return SLOWEST, fastest

    def changed(self, key: str, suffixes: tuple[int, ...]) -> None:
        """Write the lowest and the highest voltage into the ledger, when they changed."""
        if key in ("amplitude", "offset", "function") and not self._unsettled:
            self._note(suffixes[0])

    def _note(self, channel: int) -> None:
        for end, new in zip(("low", "high"), self._extremes(channel), strict=True):
            old = self._noted[channel, end]
            if new != old:
                self._noted[channel, end] = new
                self.ledger.record(self.name, str(channel), end, old, new)

    @contextlib.contextmanager
    def _one(self, *channels: int) -> Iterator[None]:
        """Note levels as they are after all that a command does, and not in between."""
        self._unsettled = True
        try:
            yield
        finally:
            self._unsettled = False
            for channel in channels:
                self._note(channel)

    def reset(self) -> None:
        """Return every setting to its power-on value (*RST), all at once."""
        with self._one(*range(1, CHANNELS + 1)):
            super().reset()

    def power_cycle(self) -> None:
        """Defaults; waveforms in memory are lost."""
        with self.lock:
            super().power_cycle()
            self._memory.clear()

    def _chose(self, channel: int, old: str | None, new: str) -> None:
        self.ledger.record(self.name, str(channel), "waveform", old, new)

    def _extremes(self, channel: int) -> tuple[float, float]:
        """Lowest and highest V on the line, which is one of 50 ohm whatever the box is told."""
        scale = _HIGHEST / self._highest(channel)
        offset = float(self.value("offset", channel)) * scale
        if self.value("function", channel) == "DC":
            return offset, offset
        half = float(self.value("amplitude", channel)) / 2 * scale
        return offset - half, offset + half

    # ---------------------------------------------------------------- levels and shapes

    def _shaping(self) -> dict[str, Command]:
        own = {
            "amplitude": Command(self._set_amplitude, self._ask_amplitude),
            "offset": Command(self._set_offset, self._asked("offset")),
            "unit": Command(self._set_unit, self._asked("unit")),
            "load": Command(self._set_load, self._asked("load")),
            "function": Command(self._set_function, self._asked("function")),
            "frequency": Command(self._set_frequency, self._asked("frequency")),
            "width": Command(self._set_width, self._asked("width")),
        }
        return {
            **{SETTINGS[key].header: command for key, command in own.items()},
            **self._high_and_low(),
            "[SOURce#]:APPLy": Command(ask=self._applied),
            "*TRG": Command(lambda _: self._trigger()),
            "TRIGger#[:IMMediate]": Command(lambda c: self._trigger()),
            "[SOURce#]:PHASe:SYNChronize": Command(lambda _: None),
            "PHASe:SYNChronize": Command(lambda _: None),
        }

    def _applied(self, call: Call) -> str:
        """Return function, frequency, amplitude and offset, between quotation marks."""
        call.parts(0, 0)
        channel = channel_of(call)
        frequency, offset = (
            SETTINGS[key].kind.show(self.value(key, channel)) for key in ("frequency", "offset")
        )
        amplitude = self._ask_amplitude(call)
        return f'"{self.value("function", channel)} {frequency},{amplitude},{offset}"'

    def _asked(self, key: str) -> Any:
        setting: Setting = SETTINGS[key]

        def ask(call: Call) -> str:
            asked, channel = call.parts(0, 1), channel_of(call)
            if not asked:
                return setting.kind.show(self.value(key, channel))
            named = self._named(key, channel, asked[0])
            return setting.kind.show(setting.kind.parse(asked[0]) if named is None else named)

        return ask

    def _volts_rms(self, channel: int) -> float:
        """Vpp for one Vrms of the present function."""
        return _CREST.get(str(self.value("function", channel)), 2.0)

    def _set_amplitude(self, call: Call) -> None:
        channel, (text,) = channel_of(call), call.parts(1, 1)
        asked = self._peak_to_peak(channel, text)
        taken = min(max(asked, LEAST), 2 * self._highest(channel))
        with self._one(channel):
            self.put("amplitude", (channel,), taken)
            moved = self._fit_offset(channel)
        complain(asked, taken, "offset has been adjusted due to amplitude" if moved else "")

    def _peak_to_peak(self, channel: int, text: str) -> float:
        unit, named = str(self.value("unit", channel)), self._named("amplitude", channel, text)
        if named is not None:
            return named
        if unit == "VPP" or text[:1].isalpha():
            return float(parse_wide(text))
        value = number(text)
        if unit == "VRMS":
            return value * self._volts_rms(channel)
        rms = math.sqrt(10 ** (min(value, 60.0) / 10) * 1e-3 * float(self.value("load", channel)))
        return rms * self._volts_rms(channel)

    def _ask_amplitude(self, call: Call) -> str:
        channel, asked = channel_of(call), call.parts(0, 1)
        volts = float(self.value("amplitude", channel))
        if asked:
            volts = self._peak_to_peak(channel, asked[0])
        rms = volts / self._volts_rms(channel)
        unit = self.value("unit", channel)
        load = float(self.value("load", channel))
        shown = {"VPP": volts, "VRMS": rms}
        dbm = 10 * math.log10(rms**2 / load / 1e-3) if unit == "DBM" else 0.0
        return format(shown.get(str(unit), dbm), "+.14E")

    def _set_offset(self, call: Call) -> None:
        channel = channel_of(call)
        (text,), room = call.parts(1, 1), self._room(channel)
        named = self._named("offset", channel, text)
        asked = parse_wide(text) if named is None else named
        self.put("offset", (channel,), min(max(asked, -room), room))
        if abs(asked) > room:
            raise ScpiError(-222, "offset has been adjusted due to amplitude")

    def _fit_offset(self, channel: int) -> bool:
        """Bring the offset to what the amplitude leaves; returns whether it had to move."""
        room, offset = self._room(channel), float(self.value("offset", channel))
        self.set("offset", (channel,), min(max(offset, -room), room))
        return abs(offset) > room

    def _set_unit(self, call: Call) -> None:
        channel, unit = channel_of(call), SETTINGS["unit"].kind.parse(call.parts(1, 1)[0])
        if unit == "DBM" and math.isinf(float(self.value("load", channel))):
            raise ScpiError(-221, "dBm needs a load that is not infinite")
        self.put("unit", (channel,), unit)

    def _set_load(self, call: Call) -> None:
        """Set the load; dBm need one."""
        channel, load = channel_of(call), SETTINGS["load"].kind.parse(call.parts(1, 1)[0])
        self.put("load", (channel,), load)
        if math.isinf(float(load)) and self.value("unit", channel) == "DBM":
            self.set("unit", (channel,), "VPP")

    def _set_function(self, call: Call) -> None:
        channel = channel_of(call)
        function = str(SETTINGS["function"].kind.parse(call.parts(1, 1)[0]))
        if function == "ARB" and self._memory.chosen(channel) is None:
            raise ScpiError(-221, "no arbitrary waveform is chosen")
        offset, most = self.value("offset", channel), FASTEST.get(function, 30e6)
        self.put("function", (channel,), function)
        if float(self.value("frequency", channel)) > most:
            self.set("frequency", (channel,), most)
            raise ScpiError(-221, "frequency reduced for the function")
        if self.value("offset", channel) != offset:
            raise ScpiError(-221, "offset has been adjusted due to amplitude")

    def _set_frequency(self, call: Call) -> None:
        channel, (text,) = channel_of(call), call.parts(1, 1)
        most = FASTEST.get(str(self.value("function", channel)), 30e6)
        named = self._named("frequency", channel, text)
        asked = float(SETTINGS["frequency"].kind.parse(text)) if named is None else named
        self.put("frequency", (channel,), min(max(asked, SLOWEST), most))
        longest = 1 / float(self.value("frequency", channel)) - _SHORTEST
        if asked > most:
            raise ScpiError(-222, "frequency clipped to the function's limit")
        if float(self.value("width", channel)) > longest:
            self.set("width", (channel,), max(longest, _SHORTEST))
            if self.value("function", channel) == "PULS":
                raise ScpiError(-221, "pulse width decreased due to period")

    def _set_width(self, call: Call) -> None:
        channel = channel_of(call)
        asked = float(SETTINGS["width"].kind.parse(call.parts(1, 1)[0]))
        longest = 1 / float(self.value("frequency", channel)) - _SHORTEST
        self.put("width", (channel,), min(asked, max(longest, _SHORTEST)))
        if asked > longest:
            raise ScpiError(-221, "pulse width limited by period")

    def _trigger(self) -> None:
        if "BUS" not in (self.value("trigger", c) for c in range(1, CHANNELS + 1)):
            raise ScpiError(-211)
