"""Rohde & Schwarz SGS100A: a continuous-wave source (SGS100A user manual, remote control).

Looked up: -120 to 25 dBm (the vendor's Python package for the SGT100A), 0.01 dB and -30 dBm after
*RST (manuals of SMC100A and SME). From memory: 1 mHz, other defaults. It is switched on silent, as
OUTPut:PON OFF has it. Without the external reference that it is set to, it says so once (error 50
of the SMB100A manual, bit 3 of *ESR) and goes on by its own oscillator. What lasts it tells under
SYSTem:SERRor?, as often as it is asked: two laboratories' drivers (pyHegel, Kollar Lab) ask
SGS100As that; it answers here as SYSTem:ERRor:STATic? of the SMB100A manual does. All errors at
once and their numbers, and that an inverted pulse input suppresses the signal during the pulse, so
that without pulses the carrier is on: the vendor's Python package for the SGT100A. So is the limit
of the power: -120 to 25 dBm, the upper end also the factory's value, changed neither by *RST nor by
a preset. That it outlives a power cycle and cuts what comes out without an error: from memory.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kammerton_sim.evidence.ledger import Ledger
from kammerton_sim.signals import Carrier
from kammerton_sim.wire.commands import Command
from kammerton_sim.wire.errors import MESSAGES, ScpiError
from kammerton_sim.wire.instrument import ScpiInstrument
from kammerton_sim.wire.settings import Choice, Number, Setting, Switch

_RATES = ("10MHZ", "100MHZ", "1000MHZ")
_PULSE = "[SOURce]:PULM"
_IMPAIR = "[SOURce]:IQ:IMPairment"
_NO_REFERENCE = 50

SETTINGS = {
    "on": Setting("OUTPut[:STATe]", Switch(), output=True),
    "frequency": Setting(
        "[SOURce]:FREQuency[:CW]",
        Number(1e9, 1e6, 12.75e9, "HZ", form=".14G", step=1e-3),
        output=True,
    ),
    "power": Setting(
        "[SOURce]:POWer[:POWer][:LEVel][:IMMediate][:AMPLitude]",
        Number(-30, -120, 25, "DBM", step=0.01),
        output=True,
    ),
    "phase": Setting("[SOURce]:PHASe", Number(0, -720, 720), output=True),
    "iq": Setting("[SOURce]:IQ:STATe", Switch(), output=True),
    "power_limit": Setting(
        "[SOURce]:POWer:LIMit[:AMPLitude]", Number(25, -120, 25, "DBM", step=0.01), output=True
    ),
    "pulse": Setting(f"{_PULSE}:STATe", Switch(), output=True),
    "reference": Setting(
        "[SOURce]:ROSCillator:SOURce", Choice(("INTernal", "EXTernal"), "INT"), output=True
    ),
    "reference_rate": Setting("[SOURce]:ROSCillator:EXTernal:FREQuency", Choice(_RATES, "10MHZ")),
    "reference_out": Setting("[SOURce]:ROSCillator:OUTPut:FREQuency", Choice(_RATES, "10MHZ")),
    "oscillator": Setting(
        "[SOURce]:LOSCillator:SOURce", Choice(("INTernal", "EXTernal"), "INT"), output=True
    ),
    "operation": Setting("[SOURce]:OPMode", Choice(("NORMal", "BBBYpass"), "NORM"), output=True),
    "pulse_source": Setting(
        f"{_PULSE}:SOURce", Choice(("INTernal", "EXTernal"), "INT"), output=True
    ),
    "pulse_delay": Setting(f"{_PULSE}:DELay", Number(0, 0, 100, "S")),
    "pulse_width": Setting(f"{_PULSE}:WIDTh", Number(2e-6, 20e-9, 100, "S")),
    "pulse_period": Setting(f"{_PULSE}:PERiod", Number(10e-6, 100e-9, 100, "S")),
    "pulse_mode": Setting(f"{_PULSE}:MODE", Choice(("SINGle", "DOUBle"), "SING")),
    "pulse_polarity": Setting(
        f"{_PULSE}:POLarity", Choice(("NORMal", "INVerted"), "NORM"), output=True
    ),
    "double_delay": Setting(f"{_PULSE}:DOUBle:DELay", Number(1e-6, 40e-9, 100, "S")),
    "double_width": Setting(f"{_PULSE}:DOUBle:WIDTh", Number(2e-6, 20e-9, 100, "S")),
    "trigger_mode": Setting(
        f"{_PULSE}:TRIGger:MODE", Choice(("AUTO", "EXTernal", "EGATe", "ESINgle", "SVAL"), "AUTO")
    ),
    "trigger_slope": Setting(
        f"{_PULSE}:TRIGger:EXTernal:SLOPe", Choice(("NEGative", "POSitive"), "POS")
    ),
    "trigger_impedance": Setting(
        f"{_PULSE}:TRIGger:EXTernal:IMPedance", Choice(("G50", "G10K"), "G50")
    ),
    "gate_polarity": Setting(
        f"{_PULSE}:TRIGger:EXTernal:GATE:POLarity", Choice(("NORMal", "INVerted"), "NORM")
    ),
    "impairments": Setting(f"{_IMPAIR}:STATe", Switch()),
    "leakage_i": Setting(f"{_IMPAIR}:LEAKage:I", Number(0, -10, 10)),
    "leakage_q": Setting(f"{_IMPAIR}:LEAKage:Q", Number(0, -10, 10)),
    "imbalance": Setting(f"{_IMPAIR}:IQRatio[:MAGNitude]", Number(0, -1, 1)),
    "quadrature": Setting(f"{_IMPAIR}:QUADrature[:ANGLe]", Number(0, -8, 8)),
    "reflo_out": Setting("CONNector:REFLo:OUTPut", Choice(("REF", "LO", "OFF"), "REF")),
    "trigger_out": Setting(
        "CONNector:TRIGger:OMODe",
        Choice(("SVALid", "SNValid", "PVOut", "PETrigger", "PEMSource"), "SVAL"),
    ),
}


class Sgs100a(ScpiInstrument):
    """One source. Its own modulator is not simulated: what comes out is a plain carrier.

    On its internal reference the carrier is off by a few parts in 10^8, as an OCXO is.
    """

    identity = "Rohde&Schwarz,SGS100A,1416.0505k02/{serial:06d},4.2.76.0-4.30.046.295"
    options = "SGS-B112,SGS-B26"

    def __init__(
        self, name: str, ledger: Ledger, serial: int = 100001, error: float = 2e-8
    ) -> None:
        commands = {
            "SYSTem:SERRor": Command(ask=lambda _: self._static_error()),
            "SYSTem:ERRor:ALL": Command(ask=lambda _: self.every_error()),
            "SYSTem:ERRor:CODE:ALL": Command(ask=lambda _: self.every_code()),
        }
        super().__init__(name, ledger, SETTINGS, commands)
        self.identity = self.identity.format(serial=serial)
        self._error, self._astray = error, 0.0
        self.turned: Callable[[], None] = lambda: None
        """Called when more or less may come out than before."""

    def lose_reference(self, astray: float) -> None:
        """Pull the reference's cable: the carrier is off by this part of it; 0: plug it in."""
        with self.lock:
            self._astray = astray
            self._miss_reference()

    def changed(self, key: str, suffixes: tuple[int, ...]) -> None:
        """Notice a reference that does not come, and tell who listens of another level."""
        if key == "reference":
            self._miss_reference()
        if key in ("on", "power", "power_limit", "pulse", "pulse_source", "pulse_polarity"):
            self.turned()

    def _miss_reference(self) -> None:
        if self._misses_reference():
            self.fail(ScpiError(_NO_REFERENCE))

    def _misses_reference(self) -> bool:
        return bool(self._astray) and self.value("reference") == "EXT"

    def _static_error(self) -> str:
        code = _NO_REFERENCE if self._misses_reference() else 0
        return self.error_form.format(code, MESSAGES[code])

    def keeps(self, key: str, place: tuple[int, ...]) -> bool:
        """Return whether a setting outlives *RST and a power cycle: the limit of the power does."""
        return key == "power_limit"

    def reset(self) -> None:
        """Return to the power-on values (*RST), but for the limit of the power."""
        for key, setting in self.settings.items():
            if not self.keeps(key, ()):
                self.set(key, (), setting.kind.default)

    def label(self, suffixes: tuple[int, ...]) -> str:
        """Return the name of the only output."""
        return "rf"

    @property
    def referenced(self) -> bool:
        """Whether it is set to an external reference."""
        return self.value("reference") != "INT"

    @property
    def carrier(self) -> Carrier:
        """What the source puts out now; nothing where pulse modulation waits for pulses.

        None ever come; an inverted input is open until one does.
        """
        inverted = (self.value("pulse_source"), self.value("pulse_polarity")) == ("EXT", "INV")
        error = self._astray if self.referenced else self._error
        return Carrier(
            float(self.value("frequency")) * (1 + error),
            min(float(self.value("power")), float(self.value("power_limit"))),
            bool(self.value("on")) and (inverted or not self.value("pulse")),
        )

    def levels(self) -> dict[str, dict[str, Any] | None]:
        """Return what comes out, by name ("drive_lo.rf"); None where nothing does.

        Its power is that which the limiter leaves; the frequency is what it is set to.
        """
        carrier = self.carrier
        level = {"frequency": self.value("frequency"), "power": carrier.power}
        return {f"{self.name}.rf": level if carrier.on else None}
