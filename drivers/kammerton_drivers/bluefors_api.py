"""Bluefors Control Software as a fridge monitor, over our own QCoDeS driver. It is only read."""

from __future__ import annotations

import contextlib
from collections.abc import Collection
from functools import partial
from pathlib import Path
from urllib.parse import SplitResult, parse_qsl

from kammerton.model import InstrumentError
from kammerton.model.roles import Identity
from kammerton_drivers.bluefors_instrument import BlueforsApi, BlueforsApiError
from kammerton_drivers.monitor import Monitor, parts_of
from kammerton_drivers.session import Session

CIRCULATION = ("turbo1", "scroll1")
"""The pumps without which the mixture does not circulate; the compressor may rest at base."""

MBAR, MMOL = 100.0, 1e-3  # Pa and mol/s of what the control software tells

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


class Bluefors(Monitor[BlueforsApi]):
    """A FridgeMonitor of the node mapper.bf.temperatures.tmixing."""

    def __init__(self, name: str, address: str) -> None:
        url, options = parts_of(name, address, _FORM, _url_and_options)

        def line() -> Session[BlueforsApi]:
            return Session(name, address, lambda label: _opened(label, url, options), _identity)

        super().__init__(line(), line)

    async def temperature(self) -> float:
        """Read the mixing chamber in K.

        Raises
        ------
        InstrumentError
            No answer, a sample that is invalid or outdated, or no temperature.
        """
        read = await self.session.read("read the mixing chamber", lambda f: float(f.tmixing()))
        return self.valid(read)

    async def machines(self) -> dict[str, bool]:
        """Ask whether the pumps of the circulation run; what has no valid value is left out.

        After one that stands still no other is asked: it might hang, and drive goes off for one.
        """
        told = dict[str, bool]()
        for pump in CIRCULATION:
            runs = await self.beside("ask for the pumps", partial(_runs, pump))
            if runs is not None:
                told[pump] = runs
            if runs is False:
                break
        return told

    async def gauges(self, names: Collection[str]) -> dict[str, float]:
        """Read pressures ("p1" to "p6") in Pa and "flow" in mol/s.

        Raises
        ------
        InstrumentError
            One of them has no valid value, or there is no such gauge.
        """
        ask = {name: partial(_gauge, name) for name in names}
        return {name: await self.beside("read gauges", ask[name]) for name in names}


def _gauge(name: str, fridge: BlueforsApi) -> float:
    return float(fridge.parameters[name]()) * (MMOL if name == "flow" else MBAR)


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


def _runs(pump: str, fridge: BlueforsApi) -> bool | None:
    with contextlib.suppress(BlueforsApiError):  # a system without this node has no such pump
        return bool(fridge.parameters[pump]())
    return None


def _key(file: str) -> str:
    try:
        return Path(file).expanduser().read_text(encoding="utf-8-sig").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise InstrumentError(f"key_file {file} cannot be read: {error}") from None


def _url_and_options(parts: SplitResult) -> tuple[str, dict[str, str]] | None:
    options = dict(parse_qsl(parts.query, strict_parsing=bool(parts.query)))
    usable = parts.scheme in ("http", "https") and parts.hostname and parts.port
    if usable and parts.path in ("", "/") and set(options) <= set(_OPTIONS):
        return f"{parts.scheme}://{parts.netloc}", options
    return None
