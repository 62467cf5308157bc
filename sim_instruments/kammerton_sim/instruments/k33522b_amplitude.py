"""Amplitude and offset of a Keysight 33522B, in Vpp, Vrms or dBm, into the load that it is told.

From the 33500 manual: |offset| < Vmax - Vpp/2 with the offset adjusted and "Data out of range" when
it is not, amplitudes that double into an open circuit, Vpp there. From public drivers of the box:
an amplitude may have its unit behind it (VOLT 3.0 VRMS), whatever VOLTage:UNIT is, which stays;
beyond the limits it is clipped. From memory: the offset that is adjusted to a new amplitude under
"Settings conflict", multipliers of these units.
"""

from __future__ import annotations

import math
from typing import Any

from kammerton_sim.instruments.k33522b_ends import (
    Ends,
    clipped,
    complain,
    parse_wide,
    with_unit,
)
from kammerton_sim.instruments.k33522b_limits import LEAST
from kammerton_sim.instruments.k33522b_memory import channel_of
from kammerton_sim.instruments.k33522b_settings import SETTINGS
from kammerton_sim.wire.commands import Call
from kammerton_sim.wire.errors import ScpiError
from kammerton_sim.wire.settings import Setting

_CREST = {"SIN": 2 * math.sqrt(2), "RAMP": 2 * math.sqrt(3), "TRI": 2 * math.sqrt(3)}
"""Vpp over Vrms; 2 for the others, as for a square."""

NO_DBM = "dBm needs a load that is not infinite"


class Amplitudes(Ends):
    """How high each channel plays, and about which voltage."""

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
        limited = min(taken, self._widest(channel))
        with self._one(channel):
            self.put("amplitude", (channel,), limited)
            moved = self._fit_offset(channel)
        said = "offset has been adjusted due to amplitude" if moved else ""
        complain(asked, taken, said, limited)

    def _peak_to_peak(self, channel: int, text: str) -> float:
        """Return Vpp of an amplitude with its unit, or in the present one."""
        named = self._named("amplitude", channel, text)
        if named is not None:
            return named
        if text[:1].isalpha():
            return float(parse_wide(text))
        present = str(self.value("unit", channel))
        value, unit = with_unit(text, ("VPP", "VRMS", "DBM", "V"))
        if (unit, present) == ("V", "DBM"):
            raise ScpiError(-131, text[:20])
        unit = present if unit in ("", "V") else unit
        if unit == "VPP":
            return value
        if unit == "VRMS":
            return value * self._volts_rms(channel)
        load = float(self.value("load", channel))
        if math.isinf(load):
            raise ScpiError(-221, NO_DBM)
        rms = math.sqrt(10 ** (min(value, 60.0) / 10) * 1e-3 * load)
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
        taken, (least, most) = min(max(asked, -room), room), self._offsets(channel)
        limited = min(max(taken, least), most)
        self.put("offset", (channel,), limited)
        complain(taken, taken, "", limited)
        complain(asked, min(max(asked, -self._highest(channel)), self._highest(channel)), "")
        if abs(asked) > room:
            raise ScpiError(-222, "offset has been adjusted due to amplitude")

    def _fit_offset(self, channel: int) -> bool:
        """Bring the offset to what the amplitude leaves; returns whether it had to move."""
        (least, most), offset = self._offsets(channel), float(self.value("offset", channel))
        self.set("offset", (channel,), min(max(offset, least), most))
        return not least <= offset <= most

    def _fit_levels(self, channel: int) -> None:
        """Bring levels of another function to where they may lie: a dc voltage had all the room."""
        low, high = self._bounds(channel)
        if self.value("voltage_limits", channel) and self.value("function", channel) != "DC":
            fits = min(float(self.value("amplitude", channel)), max(LEAST, high - low))
            self.set("amplitude", (channel,), fits)
        self._fit_offset(channel)

    def _set_unit(self, call: Call) -> None:
        channel, unit = channel_of(call), SETTINGS["unit"].kind.parse(call.parts(1, 1)[0])
        if unit == "DBM" and math.isinf(float(self.value("load", channel))):
            raise ScpiError(-221, NO_DBM)
        self.put("unit", (channel,), unit)

    def _set_load(self, call: Call) -> None:
        """Set the load; dBm need one."""
        channel, (text,) = channel_of(call), call.parts(1, 1)
        asked, load = clipped("load", text)
        if conflict := self._conflict("load", channel, load):
            raise ScpiError(-221, conflict)
        self.put("load", (channel,), load)
        if math.isinf(load) and self.value("unit", channel) == "DBM":
            self.set("unit", (channel,), "VPP")
        complain(asked, load, "")
