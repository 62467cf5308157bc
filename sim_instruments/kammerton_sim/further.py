"""The laboratory's further instruments: how each model is built, served and found."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from kammerton_sim.chip.further import FurtherInstrument, marker_of
from kammerton_sim.evidence.ledger import Ledger
from kammerton_sim.fridge import Refrigerator
from kammerton_sim.instruments.bluefors_api import BlueforsApi
from kammerton_sim.instruments.gs200 import LONGEST, Gs200
from kammerton_sim.instruments.k33522b import Keysight33522b
from kammerton_sim.instruments.lakeshore372 import CONNECTIONS, Lakeshore372
from kammerton_sim.instruments.znb20 import Scattering, Znb20
from kammerton_sim.wire.hislip import HislipServer
from kammerton_sim.wire.http import HttpServer
from kammerton_sim.wire.server import TcpServer
from kammerton_sim.wire.sockets import ScpiSocketServer


class Device(Protocol):
    """What the laboratory asks of every further instrument."""

    name: str
    identity: str
    impostor: bool

    def levels(self) -> dict[str, dict[str, Any] | None]:
        """Return what its outputs put out, by name; None where one is off."""

    def power_cycle(self) -> None:
        """Switch off and on."""


class Server(Protocol):
    """What it is served by."""

    port: int
    server: TcpServer

    def close(self) -> None:
        """End every connection."""


@dataclass(frozen=True)
class Room:
    """What an instrument stands in: ledger, clock, refrigerator, chip, and its seed.

    passed(at): lets laboratory time pass until `at`. scattering: of the first feedline. pace: how
    many times faster than wall time instruments measure; None: as fast as they can.
    """

    ledger: Ledger
    now: Callable[[], float]
    passed: Callable[[float], None]
    scattering: Scattering
    refrigerator: Refrigerator
    seed: int
    pace: float | None = None


@dataclass(frozen=True)
class Model:
    """How an instrument of this kind is built from name, room and a number, served and found.

    address: its address in lab.toml, with {port}. limits: lines of lab.toml.
    """

    what: str
    build: Callable[[str, Room, int], Device]
    serve: Callable[[Any, int], Server]
    address: str
    limits: tuple[str, ...] = ()


_HISLIP = "TCPIP0::127.0.0.1::hislip0,{port}::INSTR"
_SOCKET = "TCPIP0::127.0.0.1::{port}::SOCKET"

MODELS: Mapping[str, Model] = {
    "yokogawa_gs200": Model(
        "GS200",
        lambda name, room, number: Gs200(name, room.ledger, room.now, number),
        lambda device, port: ScpiSocketServer(device, port, longest=LONGEST),
        _SOCKET,
        ('limits.volts = { min = "-1 V", max = "1 V", max_rate = "100 mV/s" }', 'safe = "hold"'),
    ),
    "lakeshore_372": Model(
        "Lake Shore 372",
        lambda name, room, number: Lakeshore372(
            name, room.ledger, room.now, room.refrigerator, number, room.seed + number
        ),
        lambda device, port: ScpiSocketServer(device, port, CONNECTIONS, b"\r\n"),
        _SOCKET,
    ),
    "bluefors_api": Model(
        "Bluefors API",
        lambda name, room, number: BlueforsApi(
            name, room.ledger, room.now, room.refrigerator, room.seed + number
        ),
        lambda device, port: HttpServer(device.name, port, device.answer, device.watch),
        "http://127.0.0.1:{port}",
    ),
    "rohde_schwarz_znb20": Model(
        "ZNB20",
        lambda name, room, number: Znb20(
            name, room.ledger, room.scattering, room.passed, number, room.seed + number, room.pace
        ),
        HislipServer,
        _HISLIP,
        (
            'limits.frequency = { min = "4 GHz", max = "8 GHz", max_rate = "10 GHz/s" }',
            'limits.power = { min = "-60 dBm", max = "-10 dBm", max_rate = "100 dB/s" }',
        ),
    ),
    "keysight_33522b": Model(
        "33522B",
        lambda name, room, number: Keysight33522b(name, room.ledger, number),
        ScpiSocketServer,
        _SOCKET,
        ('limits.volts = { min = "-1 V", max = "1 V", max_rate = "1 V/ns" }',),
    ),
}


class Biases(Mapping[str, float]):
    """What the bias sources among the further instruments give now: name -> V."""

    def __init__(self, devices: Mapping[str, Device]) -> None:
        self._sources = {n: d for n, d in devices.items() if isinstance(d, Gs200)}

    def __getitem__(self, name: str) -> float:
        return self._sources[name].volts()

    def __iter__(self) -> Iterator[str]:
        return iter(self._sources)

    def __len__(self) -> int:
        return len(self._sources)


def build(instruments: Mapping[str, str], room: Room) -> dict[str, Device]:
    """Return every instrument by name; `instruments` is name -> model."""
    return {
        name: MODELS[model].build(name, room, 1 + number)
        for number, (name, model) in enumerate(instruments.items())
    }


def pulsers(
    devices: Mapping[str, Device], words: Mapping[str, FurtherInstrument]
) -> dict[str, tuple[Keysight33522b, tuple[str, int, int]]]:
    """Return the pulse generators that something triggers, each with that marker."""
    found = {}
    for name, device in devices.items():
        marker = marker_of(words[name].trigger)
        if isinstance(device, Keysight33522b) and marker is not None:
            found[name] = device, marker
    return found


def entries(instruments: Mapping[str, str], ports: Mapping[str, int]) -> Iterator[list[str]]:
    """Yield the tables of lab.toml."""
    for name, model in instruments.items():
        kind = MODELS[model]
        yield [
            f"[instruments.{name}]",
            f'driver = "{model}"',
            f'address = "{kind.address.format(port=ports[name])}"',
            *kind.limits,
        ]
