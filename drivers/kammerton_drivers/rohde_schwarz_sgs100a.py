"""Rohde & Schwarz SGS100A as a microwave source, over the upstream QCoDeS driver.

The queue tells an error once, when it comes; SYSTem:SERRor? tells all that are there now (pyHegel
and the drivers of the Kollar Lab ask SGS100As for it). Without the external reference the source
goes on by its own oscillator and reads back EXT, so that nothing else tells.

Its own limit is [SOURce]:POWer:LIMit[:AMPLitude], the upper limit of the RF power, -120 to 25 dBm.
Neither *RST nor a preset changes it, only the factory preset (the vendor's Python package RsSgt,
for the SGT100A): it stays in the box when the daemon ends.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from functools import partial
from typing import Any

from qcodes.instrument_drivers.rohde_schwarz import RohdeSchwarzSGS100A

from kammerton.model import InstrumentError
from kammerton.model.roles import Identity, State
from kammerton.model.setup import Allowed, Setting, limits_itself, sets_up
from kammerton_drivers.line import Careful, idn
from kammerton_drivers.queue import demand_reference, powered_on, reference_lost, scpi_errors
from kammerton_drivers.session import Session
from kammerton_drivers.setup import put

NO_REFERENCE = 50
"""External reference out of range or disconnected (SMB100A manual, device-specific errors)."""


REFERENCE_SETUP = (Setting("ref_osc_source", "EXT"), Setting("ref_osc_external_freq", "10MHz"))
"""What `configure` sets."""


LOWEST, HIGHEST, STEP = -120.0, 25.0, 0.01
"""dBm that its own limit can be set to, and in which steps."""


def own_limits(allowed: Allowed) -> tuple[Setting, ...]:
    """Return the limit of its power: the largest that it resolves and lab.toml allows."""
    if "power" not in allowed:
        return ()
    most = math.floor(round(allowed["power"][1] / STEP, 6)) * STEP
    return (Setting("power_limit", round(min(max(most, LOWEST), HIGHEST), 2), "dBm"),)


@limits_itself(own_limits)
@sets_up(lambda sample_rate: REFERENCE_SETUP)
def connect(name: str, address: str) -> Sgs100a:
    """Connect to a source by its VISA address; its output stays as it is.

    Raises
    ------
    InstrumentError
        Nobody answers there.
    """
    source = Sgs100a(name, address)
    source.session.connect()
    return source


class Sgs100a:
    """A MicrowaveSource. Setting and reading back costs one hop to the lane each."""

    def __init__(self, name: str, address: str) -> None:
        self.name = name
        self.session = Session(
            name, address, lambda label: _Source(label, address, visalib="@py"), guarded=True
        )

    @property
    def doubt(self) -> str | None:
        """What was lost since the outputs were last verified; None: nothing."""
        return self.session.doubt

    async def identity(self) -> Identity:
        """Ask for vendor, model, serial number and firmware."""
        return await self.session.identity()

    async def configure(self) -> None:
        """Lock to the common 10 MHz; the output stays as it is.

        What waits in the error queue is of before, and forgotten.

        Raises
        ------
        LastingFault
            No reference comes in.
        """
        await self.session.do(
            "lock to the external 10 MHz", lambda source: _lock_to_reference(source, self.name)
        )

    async def limit(self, allowed: Mapping[str, tuple[float, float]]) -> None:
        """Set the limit that the box itself puts to its power, and read it back.

        Raises
        ------
        InstrumentError
            The output is on with more than that, or the box does not take the limit.
        """
        for limit in own_limits(allowed):
            put_it = partial(_put_limit, dbm=float(limit.value))
            await self.session.do(f"limit the power to {limit}", put_it)

    async def set_frequency(self, hz: float) -> None:
        """Set the carrier in Hz; the instrument is told hundredths."""
        await self.session.do(f"set {hz:.2f} Hz", lambda source: source.frequency.set(hz))

    async def set_power(self, dbm: float) -> None:
        """Set the output power in dBm; the instrument is told hundredths."""
        await self.session.do(f"set {dbm:g} dBm", lambda source: source.power.set(dbm))

    async def enable(self, *, on: bool) -> None:
        """Switch the output on or off."""
        await self.session.do(
            f"switch {'on' if on else 'off'}", lambda source: source.status.set(on)
        )

    async def settings(self) -> tuple[float, float, bool]:
        """Ask for the frequency in Hz, the power in dBm as it is limited, and whether it is on."""
        return await self.session.read("read settings", _settings)

    async def state(self) -> State:
        """Ask for carrier, power and its limit, output, reference, modulation; nothing changes."""
        return await self.session.read("read all settings", _state)

    async def errors(self) -> list[str]:
        """Empty the error queue and return what was in it, and the reference if it is away now."""
        return await self.session.do("read errors", _errors, in_doubt=True)

    def remedy(self, error: str) -> str | None:
        """Return what to see to when the reference is away; all other errors are events."""
        return reference_lost(error, NO_REFERENCE)

    async def safe(self) -> None:
        """Switch the output off and read back that it is."""
        if await self.session.do("switch off", _switched_off, verifies=True):
            raise InstrumentError(
                f"{self.name} ({self.session.address}) stays on after it was told off",
                instrument=self.name,
            )

    async def close(self) -> None:
        """Close the session; the output stays as it is."""
        await self.session.close()


class _Source(Careful, RohdeSchwarzSGS100A):
    """The upstream driver, which would greet on stdout."""

    def connect_message(self, *args: Any, **kwargs: Any) -> None:
        """Ask who is there, so that a wrong address is noticed at once."""
        who = idn(self)
        if "SGS" not in who.model:
            self.close()
            raise InstrumentError(f"this is no SGS100A but {who.vendor} {who.model}")


def _errors(source: RohdeSchwarzSGS100A) -> list[str]:
    queue = scpi_errors(source)
    lasting = (e for e in _static_errors(source) if reference_lost(e, NO_REFERENCE))
    return queue + [error for error in lasting if error not in queue]


def _static_errors(source: RohdeSchwarzSGS100A) -> list[str]:
    """Return the errors that are there now; asking changes nothing."""
    answer = source.ask("SYSTem:SERRor?")
    found = re.findall(r'([+-]?\d+)\s*,\s*"([^"]*)"', answer)
    if not found and not re.match(r"\s*[+-]?0\b", answer):
        raise ValueError(f"{answer!r} is no list of errors")
    return [f'{code},"{text}"' for code, text in found if int(code)]


def _lock_to_reference(source: RohdeSchwarzSGS100A, name: str) -> None:
    scpi_errors(source)
    put(source, REFERENCE_SETUP)
    answer = str(source.ref_osc_source.get())
    if not answer.upper().startswith("EXT"):
        raise InstrumentError(f"{source.name} does not take the external reference: {answer}")
    demand_reference(name, _errors(source), NO_REFERENCE)


def _settings(source: RohdeSchwarzSGS100A) -> tuple[float, float, bool]:
    power = min(source.power.get(), _limit(source))
    return source.frequency.get(), power, bool(source.status.get())


def _limit(source: RohdeSchwarzSGS100A) -> float:
    """Return the power in dBm to which the output is limited, whatever the level is set to."""
    return float(source.ask("SOURce:POWer:LIMit?"))


def _put_limit(source: RohdeSchwarzSGS100A, dbm: float) -> None:
    _, present, on = _settings(source)
    if on and present > dbm + STEP / 2:
        raise InstrumentError(
            f"{source.name} is on with {present:g} dBm: a limit of {dbm:g} dBm would change that"
        )
    source.write(f"SOURce:POWer:LIMit {dbm:.2f}")
    if not abs((taken := _limit(source)) - dbm) <= STEP / 2:
        raise InstrumentError(
            f"{source.name} takes a limit of {taken:g} dBm to its power instead of {dbm:g} dBm"
        )


def _state(source: RohdeSchwarzSGS100A) -> State:
    hz, dbm, on = _settings(source)
    return {
        "frequency": hz,
        "power": dbm,
        "on": on,
        "reference": str(source.ref_osc_source.get()),
        "reference_frequency": str(source.ref_osc_external_freq.get()),
        "pulse_modulation": str(source.pulsemod_state.get()),
        "power_limit": _limit(source),
        "power_on": powered_on(source),
    }


def _switched_off(source: RohdeSchwarzSGS100A) -> bool:
    source.status.set(False)
    return bool(source.status.get())
