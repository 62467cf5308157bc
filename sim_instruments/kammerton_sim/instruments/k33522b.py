"""Keysight 33522B: two channels of waveforms and pulses, here for flux lines.

From the 33500 manual: amplitude 1 mVpp to 10 Vpp into 50 ohm and twice that into an open circuit,
waveforms of 8 to 1,000,000 points. From the manual of the 33250A: the answer to APPLy?, here for
every function. From the upstream driver: a queue of 20 errors, answers like +0,"No error". From
memory: some defaults. What amplitude, offset and shape are set to is in `k33522b_amplitude` and
`k33522b_shape`, what limits the volts in `k33522b_limits`.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from kammerton_sim.evidence.ledger import Ledger
from kammerton_sim.instruments.k33522b_limits import DECIMALS, LIMITING
from kammerton_sim.instruments.k33522b_memory import ArbMemory, channel_of
from kammerton_sim.instruments.k33522b_settings import CHANNELS, FASTEST, SETTINGS, SLOWEST
from kammerton_sim.instruments.k33522b_shape import SHORTEST, Shapes
from kammerton_sim.wire.commands import Call, Command
from kammerton_sim.wire.errors import ScpiError
from kammerton_sim.wire.settings import Value

_HALF = float(SETTINGS["amplitude"].kind.default) / 2
_AT_POWER_ON = {"low": -_HALF, "high": _HALF}
_HIGHEST = 5.0  # V of peak into 50 ohm


@dataclass(frozen=True)
class Pulse:
    """What a channel plays at each trigger: from `rest` to `top` V for `width` s after `delay`."""

    rest: float
    top: float
    width: float
    delay: float


class Keysight33522b(Shapes):
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
                self._fit_levels(*suffixes)
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
        if key in LIMITING:
            return self._conflict(key, suffixes[0], value)
        if key not in ("amplitude", "offset", "width", "frequency"):
            return ""
        least, most = self._ends(key, *suffixes)
        unit = {"frequency": "Hz", "width": "s"}.get(key, "V")
        fits = least - 1e-12 <= float(value) <= most * (1 + 1e-9)
        return "" if fits else f"it is {least:g} to {most:g} {unit} at present"

    def turn(self, key: str, suffixes: tuple[int, ...], value: Value) -> None:
        """Turn to the end that other settings leave; another function lowers the frequency."""
        if key in ("amplitude", "offset", "width", "frequency"):
            least, most = self._ends(key, *suffixes)
            value = max(least, min(float(value), most))
        if key in LIMITING and self._conflict(key, suffixes[0], value):
            return
        self.set(key, suffixes, value)
        if key == "function":
            self.turn("frequency", suffixes, self.value("frequency", *suffixes))

    def _ends(self, key: str, channel: int) -> tuple[float, float]:
        if key == "amplitude":
            offset = abs(float(self.value("offset", channel)))
            return 1e-3, min(2 * (self._highest(channel) - offset), self._widest(channel))
        if key == "offset":
            return self._offsets(channel)
        if key == "width":
            return SHORTEST, self._longest(channel)
        return SLOWEST, self._fastest(channel)

    def changed(self, key: str, suffixes: tuple[int, ...]) -> None:
        """Write the lowest and the highest voltage into the ledger, when they changed."""
        if key in ("amplitude", "offset", "function") and not self._unsettled:
            self._note(suffixes[0])

    def _note(self, channel: int) -> None:
        levels = dict(zip(("low", "high"), self._extremes(channel), strict=True))
        rises = levels["low"] > self._noted[channel, "low"]
        for end in ("high", "low") if rises else ("low", "high"):  # so that low is never above high
            new = levels[end]
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
        return round(offset - half, DECIMALS), round(offset + half, DECIMALS)

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
            **self._limiting(),
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

    def _has_waveform(self, channel: int) -> bool:
        return self._memory.chosen(channel) is not None

    def _trigger(self) -> None:
        if "BUS" not in (self.value("trigger", c) for c in range(1, CHANNELS + 1)):
            raise ScpiError(-211)
