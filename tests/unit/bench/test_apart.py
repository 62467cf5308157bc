"""While no bench is open the refrigerator is read all the same, and nothing is written to it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from kammerton.bench import apart
from kammerton.bench.apart import Apart
from kammerton.bench.connect import Factory
from kammerton.bench.warmth import BLIND, UNSEEN, Warmth
from kammerton.lab import Interlock, Lab
from kammerton.lab.words import InstrumentEntry
from kammerton.model import InstrumentError, LabClock
from kammerton.model.roles import Identity
from tests.unit.loop.laboratory import two_qubits

ROUNDS = 40
"""Readings, or tries to connect, that a test waits for."""


@dataclass
class Room:
    """What stands there: monitors by name, what they show (K), and what was asked of whom."""

    monitors: dict[str, float] = field(default_factory=lambda: {"fridge": 0.012})
    down: set[str] = field(default_factory=set)
    frozen: bool = False
    serial: str = ""
    now: float = 0.0
    step: float = 2.0
    asked: list[tuple[str, str]] = field(default_factory=list)

    def connect(self, name: str, address: str) -> Monitor:
        self.asked.append((name, "connect"))
        self.now += self.step
        if name in self.down:
            raise InstrumentError("nobody answers there")
        return Monitor(name, self)

    def open(self) -> int:
        what = [each for _, each in self.asked]
        return what.count("connect") - what.count("close")


@dataclass
class Monitor:
    name: str
    room: Room

    async def identity(self) -> Identity:
        assert self.room.serial, "nobody asks who it is"
        return Identity("a vendor", "a monitor", self.room.serial, "1")

    async def safe(self) -> None:
        raise AssertionError("nothing is written to it")

    async def close(self) -> None:
        self.room.asked.append((self.name, "close"))

    async def temperature(self) -> float:
        room = self.room
        room.asked.append((self.name, "temperature"))
        room.now += room.step
        if self.name in room.down:
            raise InstrumentError("no answer")
        return room.monitors[self.name] + (0.0 if room.frozen else 1e-9 * room.now)


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    for pause in ("PERIOD", "AGAIN"):
        monkeypatch.setattr(apart, pause, 0.0)


@pytest.fixture
def room() -> Room:
    return Room()


def lab_of(path: Path, room: Room) -> Lab:
    lab, serial = two_qubits(path), "B7" if room.serial else None
    monitors = {
        n: InstrumentEntry(n, "monitor", f"TCPIP0::{n}::INSTR", {}, serial=serial)
        for n in room.monitors
    }
    second = "other" if "other" in monitors else None
    interlock = Interlock("fridge", 0.05, 0.1, 30.0, second=second, frozen_after=5.0)
    return replace(lab, instruments=lab.instruments | monitors, interlock=interlock)


def watched(
    path: Path,
    room: Room,
    until: Callable[[Warmth], bool],
    held: Callable[[], Collection[str]] = tuple,
) -> Warmth:
    """Read until something holds; no instrument but the monitors has a driver."""
    warmth = Warmth(0.1, lambda: room.now)
    drivers: dict[str, Callable[[], Factory]] = {"monitor": lambda: room.connect}

    async def main() -> None:
        reads = Apart(lab_of(path, room), LabClock(), warmth, held, drivers)
        async with asyncio.timeout(30), reads.reading():
            while not until(warmth):  # noqa: ASYNC110 - asked of what stands there
                await asyncio.sleep(0)

    asyncio.run(main())
    return warmth


def why(warmth: Warmth) -> str:
    return asyncio.run(warmth.news()) if warmth.untold else ""


def closed(room: Room) -> bool:
    return all(
        sum(each == (name, "connect") for each in room.asked)
        == sum(each == (name, "close") for each in room.asked)
        for name in room.monitors
    )


def test_f1_a_warm_up_is_told_at_once_and_only_the_temperature_is_asked(tmp_path, room):
    room.monitors["fridge"] = 4.2
    warmth = watched(tmp_path, room, lambda warmth: warmth.untold)
    assert why(warmth) == "the mixing chamber was warm: it read 4.2 K"
    assert {what for _, what in room.asked} == {"connect", "temperature", "close"}
    assert {name for name, _ in room.asked} == {"fridge"}
    assert closed(room)


def test_as_long_as_it_reads_cold_a_hold_of_40_min_costs_nothing(tmp_path, room):
    warmth = watched(tmp_path, room, lambda _: room.now > 2400.0, lambda: ["computer"])
    assert not warmth.untold
    warmth.look(0.012)
    assert not warmth.untold, "nor when the bench is open again"
    assert room.asked.count(("fridge", "connect")) == 1


def test_f1_what_a_person_wants_is_let_go_and_then_the_time_counts(tmp_path, room):
    held = list[str]()

    def enough(warmth: Warmth) -> bool:
        if room.asked.count(("fridge", "temperature")) >= 3:
            held.append("fridge")
        return bool(held) and room.open() == 0

    warmth = watched(tmp_path, room, enough, lambda: held)
    assert not warmth.untold
    assert room.asked.count(("fridge", "temperature")) == 3
    room.now += BLIND
    warmth.look(0.012)
    assert why(warmth) == UNSEEN


def test_f1_what_a_person_wants_from_the_beginning_is_not_connected(tmp_path, room):
    tries = iter(range(ROUNDS))
    watched(tmp_path, room, lambda _: next(tries, None) is None, lambda: ("q0", "fridge"))
    assert room.asked == []


@pytest.mark.parametrize("connects", [True, False])
def test_f1_software_that_is_down_is_tried_again_and_the_time_counts(
    tmp_path, room, connects, monkeypatch, caplog
):
    monkeypatch.setattr(apart, "ANEW", 1e-3)
    room.step, room.down = BLIND / ROUNDS, {"fridge"}
    if connects:
        connect = room.connect

        def comes(name: str, address: str) -> Monitor:
            room.down = set()
            try:
                return connect(name, address)
            finally:
                room.down = {"fridge"}

        monkeypatch.setattr(room, "connect", comes)
    warmth = watched(tmp_path, room, lambda warmth: warmth.look(None) or warmth.untold)
    assert why(warmth) == UNSEEN
    assert room.asked.count(("fridge", "connect")) > 1
    assert (
        "the refrigerator cannot be read while the other instruments are not connected"
        in caplog.text
    )


def test_f2_one_monitor_that_is_down_hides_nothing_of_the_other(tmp_path, room):
    room.monitors, room.down = {"fridge": 0.012, "other": 4.2}, {"fridge"}
    assert "4.2 K" in why(watched(tmp_path, room, lambda warmth: warmth.untold))


def test_f2_a_frozen_sensor_is_no_reading_however_often_it_is_connected(
    tmp_path, room, monkeypatch
):
    """Each new session shows the same number; that is no news of a cold chamber."""
    monkeypatch.setattr(apart, "ANEW", 1e-4)
    wall = iter(range(10**9))
    monkeypatch.setattr("kammerton.bench.apart.monotonic", lambda: float(next(wall)))
    room.frozen, room.step = True, 60.0
    warmth = watched(tmp_path, room, lambda warmth: warmth.look(None) or warmth.untold)
    assert why(warmth) == UNSEEN
    assert room.asked.count(("fridge", "connect")) > 1


def test_f1_a_process_that_ends_before_it_came_to_more_has_read_once(tmp_path, room):
    warmth = Warmth(0.1, lambda: room.now)
    drivers: dict[str, Callable[[], Factory]] = {"monitor": lambda: room.connect}
    asyncio.run(Apart(lab_of(tmp_path, room), LabClock(), warmth, tuple, drivers).once())
    assert warmth.cold_at == room.now
    assert [what for _, what in room.asked] == ["connect", "temperature", "close"]
    asyncio.run(
        Apart(lab_of(tmp_path, room), LabClock(), warmth, lambda: ("q0", "fridge"), drivers).once()
    )
    assert len(room.asked) == 3, "a person wants it"


def test_a_bench_that_opens_while_a_monitor_connects_finds_no_session_left(tmp_path, room):
    """The session that comes of it after all is closed before the bench opens its own."""

    def slow(name: str, address: str) -> Monitor:
        monitor = room.connect(name, address)
        time.sleep(0.3)
        return monitor

    async def main() -> None:
        drivers: dict[str, Callable[[], Factory]] = {"monitor": lambda: slow}
        reads = Apart(lab_of(tmp_path, room), LabClock(), Warmth(0.1), tuple, drivers)
        async with asyncio.timeout(30), reads.reading():
            while not room.asked:  # noqa: ASYNC110 - a thread knows
                await asyncio.sleep(0.01)

    asyncio.run(main())
    assert [what for _, what in room.asked] == ["connect", "close"]


@pytest.mark.parametrize(("serial", "reads"), [("B7", True), ("B8", False)])
def test_how_cold_another_refrigerator_is_says_nothing(tmp_path, room, serial, reads):
    """As on a bench: lab.toml names the serial number of the one that is meant."""
    room.serial = serial
    warmth = watched(tmp_path, room, lambda _: len(room.asked) > ROUNDS)
    assert (("fridge", "temperature") in room.asked) is reads
    assert (warmth.cold_at > 0) is reads
    assert room.open() == 0
