"""Lake Shore 372 as a fridge monitor, over the upstream QCoDeS driver. It is only read."""

from __future__ import annotations

from typing import Any

from qcodes.instrument_drivers.Lakeshore import LakeshoreModel372

from kammerton.model import InstrumentError
from kammerton_drivers.line import SOCKET, Careful, idn, without_delay
from kammerton_drivers.monitor import Monitor
from kammerton_drivers.session import Session

NAMES = ("mxc", "mixing chamber", "mixing", "mc")
"""What the input of the mixing chamber may be called at the bridge."""


def connect(name: str, address: str) -> Lakeshore372:
    """Connect to a bridge by its VISA address, usually "TCPIP0::host::7777::SOCKET".

    Raises
    ------
    InstrumentError
        Nobody answers there, or no enabled input is called `MXC` or another of `NAMES`.
    """
    bridge = Lakeshore372(name, address)
    bridge.session.connect()
    return bridge


class Lakeshore372(Monitor["_Bridge"]):
    """A FridgeMonitor of the input that the bridge itself calls MXC.

    While the bridge scans, a reading is as old as the last visit to that input.
    """

    def __init__(self, name: str, address: str) -> None:
        super().__init__(Session(name, address, lambda label: _Bridge(label, address, **SOCKET)))

    async def temperature(self) -> float:
        """Read the mixing chamber in K.

        Raises
        ------
        InstrumentError
            No answer, a status other than OK, or no temperature (0 K is how the bridge says so).
        """
        kelvin, status = await self.session.read("read the mixing chamber", _mixing_chamber)
        return self.valid(kelvin, "" if status == "OK" else status)


class _Bridge(Careful, LakeshoreModel372):
    """The upstream driver, which would greet on stdout."""

    mixing_chamber: int

    def connect_message(self, *args: Any, **kwargs: Any) -> None:
        """Ask who is there and which input is the mixing chamber's."""
        without_delay(self)
        who = idn(self)
        if "372" not in who.model:
            self.close()
            raise InstrumentError(f"this is no Model 372 but {who.vendor} {who.model}")
        called = {n: str(c.sensor_name()).strip() for n, c in enumerate(self.channels, 1)}
        found = [n for n, name in called.items() if name.lower() in NAMES]
        if len(found) != 1:
            self.close()
            names = ", ".join(called.values())
            raise InstrumentError(f"one input must be called MXC; they are called {names}")
        self.mixing_chamber = found[0]


def _mixing_chamber(bridge: _Bridge) -> tuple[float, str]:
    channel = bridge.channels[bridge.mixing_chamber - 1]
    return float(channel.temperature()), str(channel.sensor_status())
