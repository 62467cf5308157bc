"""Oxford Triton as a fridge monitor, over the upstream QCoDeS driver. It is only read."""

from __future__ import annotations

import re
from collections.abc import Collection
from functools import partial
from typing import Any
from urllib.parse import SplitResult

from qcodes.instrument_drivers.oxford import OxfordTriton

from kammerton.model import InstrumentError
from kammerton.model.roles import Identity
from kammerton_drivers.line import Careful
from kammerton_drivers.monitor import Monitor, parts_of
from kammerton_drivers.session import Session

TIMEOUT = 5.0
_LONGEST = 4096
_FORM = '"tcp://host:33576"'
MBAR = 100.0  # Pa
_TURBO = "READ:DEV:TURB1:PUMP:SIG:STATE"


def connect(name: str, address: str) -> Triton:
    """Connect to the control computer of a Triton at "tcp://host:port".

    Raises
    ------
    InstrumentError
        The address is no such thing, nobody answers, or no mixing chamber is named there.
    """
    triton = Triton(name, address)
    triton.session.connect()
    return triton


class Triton(Monitor["_Triton"]):
    """A FridgeMonitor of the channel that the Triton itself calls MC."""

    def __init__(self, name: str, address: str) -> None:
        host, port = parts_of(name, address, _FORM, _host_and_port)

        def line() -> Session[_Triton]:
            return Session(name, address, lambda label: _opened(label, host, port), _identity)

        super().__init__(line(), line)

    async def temperature(self) -> float:
        """Read the mixing chamber in K.

        Raises
        ------
        InstrumentError
            No answer, or one that is no temperature.
        """
        return self.valid(await self.session.read("read the mixing chamber", _mixing_chamber))

    async def machines(self) -> dict[str, bool]:
        """Ask whether the turbo pump runs; one that the Triton does not name is left out."""
        answer = await self.beside("ask for the turbo pump", lambda t: t.ask(_TURBO))
        state = str(answer).rpartition(":")[2].strip().upper()
        return {"turbo": state == "ON"} if state in ("ON", "OFF") else {}

    async def gauges(self, names: Collection[str]) -> dict[str, float]:
        """Read pressures ("p1" to "p6") in Pa; a Triton tells no flow.

        Raises
        ------
        InstrumentError
            One of them gives no pressure.
        """
        ask = {name: partial(_pressure, name.upper()) for name in names}
        return {name: await self.beside("read gauges", ask[name]) for name in names}


class _Triton(Careful, OxfordTriton):
    """The upstream driver, which would greet on stdout and take half an answer for a whole one."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Open the socket; upstream closes one that failed only where it was refused.

        What fails after that, while the driver is being made, would leave it open, too.
        """
        try:
            super().__init__(*args, **kwargs)
        except BaseException:
            self._hang_up()
            raise

    def connect_message(self, *args: Any, **kwargs: Any) -> None:
        """Say nothing."""

    def _get_named_channels(self) -> None:
        """Ask for no names: slow software takes seconds to tell all, and a failure is ignored."""

    def name_mixing_chamber(self) -> None:
        """Ask for the one channel that is read.

        Raises
        ------
        InstrumentError
            The Triton has none of that name.
        """
        place = "SYS:DR:CHAN:MC"
        found = re.fullmatch(rf"STAT:{place}:(T\d+)", self.ask(f"READ:{place}"))
        if found is None:
            where = f"the Triton at {self._address}:{self._port}"
            raise InstrumentError(f"{where} names no mixing chamber (channel MC)")
        self.chan_alias["MC"] = found[1]

    def _get_control_B_param(self, param: str) -> str:
        """Ask for no magnet: nothing of it is read."""
        return "INVALID"

    def _recv(self) -> str:
        """Return one line; what comes in pieces is put together, and what follows it is left."""
        link, answer = self._socket, bytearray()
        while not answer.endswith(b"\n"):
            piece = link.recv(1) if link is not None else b""
            if not piece or len(answer) >= _LONGEST:
                so_far = f"the answer ends after {bytes(answer[:40])!r}" if answer else "no answer"
                raise ConnectionError(f"{so_far}: the line was closed" if not piece else so_far)
            answer += piece
        return answer.decode("ascii").rstrip()

    def close(self) -> None:
        """Close the socket even when the peer has gone; upstream's shutdown fails before that."""
        self._hang_up()
        super().close()

    def _hang_up(self) -> None:
        link, self._socket = getattr(self, "_socket", None), None
        if link is not None:
            link.close()


def _opened(label: str, host: str, port: int) -> _Triton:
    triton = _Triton(label, address=host, port=port, timeout=TIMEOUT)
    try:
        triton.name_mixing_chamber()
    except BaseException:
        triton.close()
        raise
    return triton


def _identity(triton: _Triton) -> Identity:
    _, vendor, model, serial, firmware = triton.ask("*IDN?").split(":", 4)
    return Identity(vendor, model, serial, firmware)


def _mixing_chamber(triton: _Triton) -> float | None:
    """Ask for exactly this reading; None where there is none. Any other answer is an error."""
    place = f"DEV:{triton.chan_alias['MC']}:TEMP:SIG:TEMP"
    answer = triton.ask(f"READ:{place}")
    reading = rf"STAT:{place}:(?:([-+.\dE]+|NAN|INF)K|NOT_FOUND|INVALID)"
    match = re.fullmatch(reading, answer, re.IGNORECASE)
    if match is None:
        raise ValueError(f"{answer!r} answers something else than READ:{place}")
    return None if match[1] is None else float(match[1])


def _pressure(gauge: str, triton: _Triton) -> float:
    """Ask for exactly this gauge, Pa. Upstream's own parser gives millibar times a thousand."""
    place = f"DEV:{gauge}:PRES:SIG:PRES"
    answer = triton.ask(f"READ:{place}")
    match = re.fullmatch(rf"STAT:{place}:([-+.\dE]+)mB(?:AR)?", answer, re.IGNORECASE)
    if match is None:
        raise ValueError(f"{answer!r} tells no pressure of {gauge}")
    return float(match[1]) * MBAR


def _host_and_port(parts: SplitResult) -> tuple[str, int] | None:
    usable = parts.scheme == "tcp" and parts.hostname and parts.port
    return (parts.hostname or "", parts.port or 0) if usable else None
