"""The settings of a R&S ZNB20 by header; what is set together is in `znb20.py`.

Limits of frequency and power, the series of bandwidths: the
upstream driver. 1 Hz: finer is an option in the ZNC manual. Defaults, rounding: from memory.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass

from kammerton_sim.wire.errors import ScpiError
from kammerton_sim.wire.settings import Choice, Number, Setting, Switch, Value

CHANNELS = 16
"""At most; of the real box no number was found in its manual."""

LOWEST, HIGHEST = 100e3, 20e9
_BANDWIDTHS: list[int] = [round(m * 10**e) for e in range(6) for m in (1, 1.5, 2, 3, 5, 7)] + [
    10**6
]


@dataclass(frozen=True)
class Bandwidth:
    """Of the filter: 1, 1.5, 2, 3, 5, 7 times a power of ten; what is not, is rounded up."""

    default: int = 10_000

    def parse(self, text: str) -> Value:
        """Return the bandwidth in Hz."""
        hertz = float(Number(self.default, 1, 1e6, "HZ").parse(text))
        return _BANDWIDTHS[min(bisect_left(_BANDWIDTHS, hertz), len(_BANDWIDTHS) - 1)]

    def show(self, value: Value) -> str:
        """Return it as a whole number."""
        return str(value)


@dataclass(frozen=True)
class ReferenceRate:
    """Of the external reference: whole MHz from 1 to 20, answered with its unit."""

    default: float = 10e6

    def parse(self, text: str) -> Value:
        """Return the frequency in Hz."""
        hertz = float(Number(10e6, 1e6, 20e6, "HZ").parse(text))
        if hertz % 1e6:
            raise ScpiError(-224, text[:20])
        return hertz

    def show(self, value: Value) -> str:
        """Return it with Hz."""
        return f"{value:.0f}Hz"


def _hertz(default: float, least: float = LOWEST) -> Number:
    return Number(default, least, HIGHEST, "HZ", form=".12G", step=1.0)


_CHANNEL = (CHANNELS,)
FORMATS = ("MLOGarithmic", "MLINear", "PHASe", "UPHase", "POLar", "SMITh", "ISMith", "SWR",
           "REAL", "IMAGinary", "GDELay", "COMPlex")  # fmt: skip
SWEEPS = ("LINear", "LOGarithmic", "CW", "POINt")
"""Those of the real box beside that of the power and the segmented one."""

SETTINGS = {
    "on": Setting("OUTPut[:STATe]", Switch(True), output=True),  # it comes up radiating
    "power": Setting("SOURce#:POWer", Number(-10, -60, 25, "DBM", step=0.01), _CHANNEL, True),
    "start": Setting("SENSe#:FREQuency:STARt", _hertz(LOWEST), _CHANNEL),
    "stop": Setting("SENSe#:FREQuency:STOP", _hertz(HIGHEST), _CHANNEL),
    "fixed": Setting("SENSe#:FREQuency:CW", _hertz(1e9), _CHANNEL),
    "bandwidth": Setting("SENSe#:BANDwidth", Bandwidth(), _CHANNEL),
    "points": Setting("SENSe#:SWEep:POINts", Number(201, 1, 100_001, whole=True), _CHANNEL),
    "sweep": Setting("SENSe#:SWEep:TYPE", Choice(SWEEPS, "LIN"), _CHANNEL),
    "auto_time": Setting("SENSe#:SWEep:TIME:AUTO", Switch(True), _CHANNEL),
    "averaging": Setting("SENSe#:AVERage[:STATe]", Switch(), _CHANNEL),
    "averages": Setting("SENSe#:AVERage:COUNt", Number(10, 1, 5000, whole=True), _CHANNEL),
    "delay": Setting("SENSe#:CORRection:EDELay#:TIME", Number(0, -1, 1, "S"), (CHANNELS, 2)),
    "measured": Setting("CONFigure:CHANnel#:MEASure[:STATe]", Switch(True), _CHANNEL),
    "trigger": Setting(
        "TRIGger#[:SEQuence]:SOURce", Choice(("IMMediate", "EXTernal", "MANual"), "IMM"), _CHANNEL
    ),
    "format": Setting("CALCulate#:FORMat", Choice(FORMATS, "MLOG"), _CHANNEL),
    "reference": Setting("ROSCillator:SOURce", Choice(("INTernal", "EXTernal"), "INT"),
                         output=True),
    "reference_rate": Setting("ROSCillator:EXTernal:FREQuency", ReferenceRate()),
    "continuous": Setting("INITiate#:CONTinuous[:STATe]", Switch(True), _CHANNEL),
    "display": Setting("SYSTem:DISPlay:UPDate", Choice(("ON", "OFF", "ONCE"), "OFF")),
    "tooltip": Setting("SYSTem:ERRor:DISPlay", Switch()),
}  # fmt: skip
