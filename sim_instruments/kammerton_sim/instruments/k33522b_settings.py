"""The settings of a Keysight 33522B by header; what depends on something else is in `k33522b.py`.

Ranges of trigger, burst and frequency: the upstream driver; of the load: the 33500 manual. That
frequency and phase are clipped to their limits, as amplitude and offset are: tests of a public
driver, on a box; that all numbers are: from memory. The rest from memory.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from kammerton_sim.wire.settings import Choice, Number, Setting, Switch, Value

CHANNELS = 2
FUNCTIONS = ("SINusoid", "SQUare", "TRIangle", "RAMP", "PULSe", "PRBS", "NOISe", "ARB", "DC")
FASTEST = {"SIN": 30e6, "SQU": 30e6, "PULS": 30e6, "TRI": 200e3, "RAMP": 200e3}
"""Hz; 30 MHz for the others."""

SLOWEST = 1e-6
INFINITE = 9.9e37
"""How the box writes infinity."""

_FORM = "+.14E"


@dataclass(frozen=True)
class OrInfinite:
    """A number, or INF for no end."""

    number: Number

    @property
    def default(self) -> Value:
        """The value at power-on."""
        return self.number.default

    def parse(self, text: str) -> Value:
        """Return the number, infinite for INF."""
        if text.upper() in ("INF", "INFINITY"):
            return math.inf
        return self.number.parse(text)

    def show(self, value: Value) -> str:
        """Return the number; 9.9E37 for infinity."""
        return format(min(float(value), INFINITE), _FORM)


def real(
    default: float,
    least: float,
    most: float,
    unit: str = "",
    step: float = 0.0,
) -> Number:
    """Return a number as this box answers it, and takes it: beyond a limit is the limit."""
    return Number(default, least, most, unit, form=_FORM, step=step, clips=True)


_CHANNEL = (CHANNELS,)
_SOURCE, _TRIGGER, _BURST = "[SOURce#]:", "TRIGger#:", "[SOURce#]:BURSt:"

SETTINGS = {
    "on": Setting("OUTPut#[:STATe]", Switch(), _CHANNEL, True),
    "polarity": Setting("OUTPut#:POLarity", Choice(("NORMal", "INVerted"), "NORM"), _CHANNEL, True),
    "load": Setting("OUTPut#:LOAD", OrInfinite(real(50, 1, 10e3)), _CHANNEL),
    "sync": Setting("OUTPut:SYNC[:STATe]", Switch(True)),
    "sync_source": Setting("OUTPut:SYNC:SOURce", Choice(("CH1", "CH2"), "CH1")),
    "function": Setting(f"{_SOURCE}FUNCtion[:SHAPe]", Choice(FUNCTIONS, "SIN"), _CHANNEL, True),
    "frequency": Setting(f"{_SOURCE}FREQuency[:CW]", real(1e3, SLOWEST, 30e6, "HZ"),
                         _CHANNEL, True),
    "frequency_mode": Setting(
        f"{_SOURCE}FREQuency:MODE", Choice(("CW", "FIXed"), "CW"), _CHANNEL
    ),
    "phase": Setting(f"{_SOURCE}PHASe[:ADJust]", real(0, -360, 360), _CHANNEL, True),
    "unit": Setting(f"{_SOURCE}VOLTage:UNIT", Choice(("VPP", "VRMS", "DBM"), "VPP"), _CHANNEL),
    "amplitude": Setting(f"{_SOURCE}VOLTage[:LEVel][:IMMediate][:AMPLitude]",
                         real(0.1, 1e-3, 20, "V"), _CHANNEL, True),
    "offset": Setting(f"{_SOURCE}VOLTage[:LEVel][:IMMediate]:OFFSet", real(0, -10, 10, "V"),
                      _CHANNEL),  # as the load is called; `low` and `high` are on the line
    "voltage_limit_low": Setting(f"{_SOURCE}VOLTage:LIMit:LOW", real(-5, -10, 10, "V"), _CHANNEL,
                                 True),
    "voltage_limit_high": Setting(f"{_SOURCE}VOLTage:LIMit:HIGH", real(5, -10, 10, "V"), _CHANNEL,
                                  True),
    "voltage_limits": Setting(f"{_SOURCE}VOLTage:LIMit:STATe", Switch(), _CHANNEL, True),
    "symmetry": Setting(f"{_SOURCE}FUNCtion:RAMP:SYMMetry", real(100, 0, 100), _CHANNEL, True),
    "width": Setting(f"{_SOURCE}FUNCtion:PULSe:WIDTh", real(1e-4, 16e-9, 1e6, "S", 1e-10),
                     _CHANNEL, True),
    "rate": Setting(f"{_SOURCE}FUNCtion:ARBitrary:SRATe", real(40e3, 1e-6, 250e6), _CHANNEL, True),
    "trigger": Setting(
        f"{_TRIGGER}SOURce", Choice(("IMMediate", "EXTernal", "TIMer", "BUS"), "IMM"), _CHANNEL,
        True,
    ),
    "slope": Setting(f"{_TRIGGER}SLOPe", Choice(("POSitive", "NEGative"), "POS"), _CHANNEL),
    "count": Setting(f"{_TRIGGER}COUNt", OrInfinite(real(1, 1, 1e6, step=1.0)), _CHANNEL),
    "delay": Setting(f"{_TRIGGER}DELay", real(0, 0, 1e3, "S", 4e-9), _CHANNEL, True),
    "timer": Setting(f"{_TRIGGER}TIMer", real(1, 1e-6, 8e3, "S"), _CHANNEL),
    "burst": Setting(f"{_BURST}STATe", Switch(), _CHANNEL, True),
    "burst_mode": Setting(f"{_BURST}MODE", Choice(("TRIGgered", "GATed"), "TRIG"), _CHANNEL, True),
    "cycles": Setting(f"{_BURST}NCYCles", OrInfinite(real(1, 1, 1e8, step=1.0)), _CHANNEL, True),
    "burst_phase": Setting(f"{_BURST}PHASe", real(0, -360, 360), _CHANNEL, True),
    "gate": Setting(f"{_BURST}GATE:POLarity", Choice(("NORMal", "INVerted"), "NORM"), _CHANNEL),
    "burst_period": Setting(f"{_BURST}INTernal:PERiod", real(10e-3, 1e-6, 8e3, "S"), _CHANNEL),
}  # fmt: skip
