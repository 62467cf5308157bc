"""Rohde & Schwarz ZNB20 as a network analyzer, over the upstream QCoDeS driver (HiSLIP only).

Upstream's constructor resets the box unless it is told not to, and a box that was reset radiates.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from qcodes.instrument_drivers.rohde_schwarz import RohdeSchwarzZNB20

from kammerton.model import InstrumentError
from kammerton.model.roles import FrequencySweep, Identity
from kammerton_drivers.line import Careful
from kammerton_drivers.session import DEADLINE, Session

_CHANNEL = "S21"
_LARGEST = 1e6
"""|S21| of nothing: 120 dB. An overload is told as 9.91E37."""

_SLACK = 5.0  # s beyond twice the time of the sweeps


def connect(name: str, address: str) -> Znb20:
    """Connect to an analyzer by its VISA address; its output and channels stay as they are.

    Raises
    ------
    InstrumentError
        Nobody answers there, or the address is a raw socket, on which upstream cannot sweep.
    """
    if address.upper().endswith("::SOCKET"):
        raise InstrumentError(f"{name} ({address}): needs HiSLIP or VXI-11 (...::INSTR)")
    analyzer = Znb20(name, address)
    analyzer.session.connect()
    return analyzer


class Znb20:
    """A NetworkAnalyzer. Its first sweep takes channel 1 of the box, with trace Trc1."""

    def __init__(self, name: str, address: str) -> None:
        self.name = name
        self.session = Session(name, address, lambda label: _opened(label, address), guarded=True)

    async def identity(self) -> Identity:
        """Ask for vendor, model, serial number and firmware."""
        return await self.session.identity()

    async def configure(self) -> None:
        """Lock to the common 10 MHz; the output stays as it is."""
        await self.session.do("lock to the external 10 MHz", _lock_to_reference)

    async def transmission(
        self, sweep: FrequencySweep
    ) -> tuple[NDArray[np.float64], NDArray[np.complex128]]:
        """Return frequencies in Hz and S21; the output is off before and afterwards.

        Raises
        ------
        InstrumentError
            The box does not take a setting, or stays on; its answer is no trace of this sweep.
        """
        seconds = _SLACK + 2 * sweep.averages * sweep.points / sweep.bandwidth
        return await self.session.do(
            "sweep", lambda box: _measured(box, sweep, seconds), deadline=DEADLINE + seconds
        )

    async def safe(self) -> None:
        """Switch the output off and read back that it is."""
        await self.session.do("switch off", _switch_off, verifies=True)

    async def close(self) -> None:
        """Close the session; the output stays as it is."""
        await self.session.close()


class _Analyzer(Careful, RohdeSchwarzZNB20):
    """The upstream driver, which would greet on stdout."""

    def connect_message(self, *args: Any, **kwargs: Any) -> None:
        """Say nothing: the model was asked for already."""


def _opened(label: str, address: str) -> _Analyzer:
    return _Analyzer(label, address, init_s_params=False, reset_channels=False, visalib="@py")


def _lock_to_reference(box: _Analyzer) -> None:
    box.ref_osc_source.set("EXT")
    box.ref_osc_external_freq.set(10e6)
    answer = str(box.ref_osc_source.get())
    if answer.upper() != "EXT":
        raise InstrumentError(f"{box.name} does not take the external reference: {answer}")


def _switch_off(box: _Analyzer) -> None:
    box.rf_off()
    if box.rf_power():
        raise InstrumentError(f"{box.name} stays on after it was told off")


def _measured(
    box: _Analyzer, sweep: FrequencySweep, seconds: float
) -> tuple[NDArray[np.float64], NDArray[np.complex128]]:
    _switch_off(box)
    channel = _channel(box)
    _demand_alone(box)
    _prepare(channel, sweep)
    box.timeout.set(max(box.timeout.get() or 0.0, seconds))
    try:
        box.rf_on()
        size, phase = channel.trace_mag_phase.get()
    finally:
        _switch_off(box)
    hertz = np.linspace(float(channel.start.get()), float(channel.stop.get()), sweep.points)
    found = np.asarray(size * np.exp(1j * phase), np.complex128)
    if found.shape != hertz.shape:
        raise InstrumentError(f"{box.name} gave {found.size} points instead of {hertz.size}")
    if not np.all(np.abs(found) < _LARGEST):  # nor is a comparison with NaN true
        raise InstrumentError(f"{box.name} gave points that are no transmission: NaN or overload")
    return hertz, found


def _channel(box: _Analyzer) -> Any:
    """Return channel 1, which upstream sets up when it is first asked for."""
    if not len(box.channels):
        box.add_channel(_CHANNEL)
    return box.channels[0]


def _demand_alone(box: _Analyzer) -> None:
    """Raise where other channels would sweep too once the RF is on, at whatever power they have."""
    told = box.ask("CONFigure:CHANnel:CATalog?").strip().strip("'\"").split(",")
    if others := [number for number in told[::2] if number.strip() not in ("", "1")]:
        raise InstrumentError(
            f"{box.name} has channels beside 1, which would radiate with their own powers: "
            f"{', '.join(others)}; delete them at the box"
        )


def _prepare(channel: Any, sweep: FrequencySweep) -> None:
    """Set the sweep; read back what another setting could have cut."""
    channel.sweep_type.set("Linear")  # a hand may have set a fixed frequency since
    channel.power.set(sweep.power)
    channel.bandwidth.set(int(sweep.bandwidth))
    channel.avg.set(sweep.averages)
    channel.npts.set(sweep.points)
    lower, upper = sweep.start, sweep.stop
    if lower >= channel.stop.get():
        channel.stop.set(upper)
        channel.start.set(lower)
    else:
        channel.start.set(lower)
        channel.stop.set(upper)
    channel.sweep_time.get()
    within = {"start": (lower, 1.0), "stop": (upper, 1.0), "power": (sweep.power, 0.011)}
    for key, (asked, tolerance) in within.items():
        taken = float(getattr(channel, key).get())
        if not abs(taken - asked) <= tolerance:
            raise InstrumentError(f"{channel.parent.name} takes {key} = {taken}, not {asked}")
