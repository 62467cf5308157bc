"""Bluefors Control Software as a fridge monitor, over our own QCoDeS driver. It is only read."""

from __future__ import annotations

import contextlib
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

from kammerton.model import InstrumentError
from kammerton.model.roles import Identity
from kammerton_drivers.bluefors_instrument import BlueforsApi, BlueforsApiError
from kammerton_drivers.session import Session

HOTTEST = 400.0
"""K; a sensor that reads more is broken or unplugged."""

CIRCULATION = ("turbo1", "scroll1")
"""The pumps without which the mixture does not circulate; the compressor may rest at base."""

_OPTIONS = ("key_file", "certificate")
_FORM = '"http://host:49099" or "https://host:49098?key_file=/path&certificate=/path"'


def connect(name: str, address: str) -> Bluefors:
    """Connect to the control software at such an address; the key never stands in lab.toml.

    Raises
    ------
    InstrumentError
        The address is none, a file cannot be read, or nobody answers with a mixing chamber.
    """
    fridge = Bluefors(name, address)
    fridge.session.connect()
    return fridge


class Bluefors:
    """A FridgeMonitor of the node mapper.bf.temperatures.tmixing."""

    def __init__(self, name: str, address: str) -> None:
        self.name = name
        url, options = _address(name, address)
        self.session = Session(name, address, lambda label: _opened(label, url, options), _identity)

    async def identity(self) -> Identity:
        """Ask for vendor, model, name of the system and version."""
        return await self.session.identity()

    async def temperature(self) -> float:
        """Read the mixing chamber in K.

        Raises
        ------
        InstrumentError
            No answer, a sample that is invalid or outdated, or no temperature.
        """
        kelvin = await self.session.read("read the mixing chamber", lambda f: float(f.tmixing()))
        if not 0 < kelvin < HOTTEST:
            place = f"{self.name} ({self.session.address})"
            raise InstrumentError(f"{place}: no valid reading of the mixing chamber: {kelvin} K")
        return kelvin

    async def machines(self) -> dict[str, bool]:
        """Ask whether the pumps of the circulation run; what has no valid value is left out."""
        return await self.session.do("ask for the pumps", _running)

    async def safe(self) -> None:
        """Do nothing: a refrigerator is never switched, and this one is only read."""

    async def close(self) -> None:
        """Close the session."""
        await self.session.close()


def _opened(label: str, url: str, options: dict[str, str]) -> BlueforsApi:
    certificate = options.get("certificate")
    return BlueforsApi(
        label,
        url,
        key=_key(options["key_file"]) if "key_file" in options else None,
        certificate=Path(certificate).expanduser() if certificate else None,
    )


def _identity(fridge: BlueforsApi) -> Identity:
    told = fridge.get_idn()
    return Identity(*(told.get(key) or "" for key in ("vendor", "model", "serial", "firmware")))


def _running(fridge: BlueforsApi) -> dict[str, bool]:
    found = {}
    for pump in CIRCULATION:
        with contextlib.suppress(BlueforsApiError):  # a system without this node has no such pump
            found[pump] = bool(fridge.parameters[pump]())
    return found


def _key(file: str) -> str:
    try:
        return Path(file).expanduser().read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise InstrumentError(f"key_file {file} cannot be read: {error}") from None


def _address(name: str, address: str) -> tuple[str, dict[str, str]]:
    try:
        parts = urlsplit(address)
        options = dict(parse_qsl(parts.query, strict_parsing=bool(parts.query)))
        usable = parts.scheme in ("http", "https") and parts.hostname and parts.port
        if usable and parts.path in ("", "/") and set(options) <= set(_OPTIONS):
            return f"{parts.scheme}://{parts.netloc}", options
    except ValueError:
        pass  # said below, as for every other address that is none
    raise InstrumentError(f"{name}: {address!r} is not an address like {_FORM}")
