"""What every fridge monitor has: a session that only reads, and a temperature that can be one."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Generic, TypeVar
from urllib.parse import SplitResult, urlsplit

from qcodes.instrument import Instrument

from kammerton.model import InstrumentError
from kammerton.model.roles import Identity
from kammerton_drivers.session import Session

I = TypeVar("I", bound=Instrument)  # noqa: E741 - an instrument
T = TypeVar("T")

ASIDE = 1.5
"""s for what is asked beside the temperature. What hangs then is hung up on: the temperature
is read again 2 s after the last time, and waits for nobody."""

HOTTEST = 400.0
"""K; a sensor that reads more is broken or unplugged."""


class Monitor(Generic[I]):
    """A refrigerator that is looked at and never switched."""

    def __init__(self, session: Session[I]) -> None:
        self.name = session.name
        self.session = session

    async def identity(self) -> Identity:
        """Ask for vendor, model, serial number and firmware."""
        return await self.session.identity()

    async def safe(self) -> None:
        """Do nothing: a refrigerator is never switched, and this one is only read."""

    async def close(self) -> None:
        """Close the session; heaters and pumps stay as they are."""
        await self.session.close()

    def valid(self, kelvin: float | None, status: str = "") -> float:
        """Return a temperature of the mixing chamber, K, if it can be one.

        status: what the instrument says of it; nothing where it is well.

        Raises
        ------
        InstrumentError
            It is none.
        """
        if kelvin is not None and not status and math.isfinite(kelvin) and 0 < kelvin < HOTTEST:
            return kelvin
        said = f"{kelvin} K, status {status}" if status else f"{kelvin} K"
        place = f"{self.name} ({self.session.address})"
        raise InstrumentError(f"{place}: no valid reading of the mixing chamber: {said}")


def parts_of(name: str, address: str, form: str, read: Callable[[SplitResult], T | None]) -> T:
    """Return what `read` takes from an address that has the form of a URL.

    Raises
    ------
    InstrumentError
        It is none, or `read` does not want it; the message shows `form`.
    """
    try:
        found = read(urlsplit(address))
    except ValueError:
        found = None
    if found is None:
        raise InstrumentError(f"{name}: {address!r} is not an address like {form}")
    return found
