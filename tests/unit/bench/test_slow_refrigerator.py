"""A refrigerator whose software is healthy and slow: drive comes, and no trip is later for it."""

from __future__ import annotations

import asyncio
import math
from dataclasses import replace
from types import SimpleNamespace
from typing import cast

import pytest

from kammerton.bench import thermometer
from kammerton.bench.guard import Guard
from kammerton.bench.inhibition import Inhibition
from kammerton.bench.interlock import ColdCheck
from kammerton.lab import Band, Interlock
from kammerton.model import InstrumentError, LabClock
from kammerton.model.alarm import Alarm

SETTINGS = Interlock("fridge", 0.050, 0.100, 30.0, rearm_readings=3, frozen_after=0.0)
LOOK = 0.2
"""s between temperatures here."""


class Slow:
    """Tells of its pump after `seconds`, on another line than that of the temperature."""

    def __init__(self, seconds: float) -> None:
        self.name, self.seconds, self.kelvin = "fridge", seconds, 0.012
        self.runs, self.broken, self.gauge, self.rounds, self.reads = True, False, 0.0, 0, 0
        self.hung = asyncio.Event()

    async def temperature(self) -> float:
        self.reads += 1
        return self.kelvin

    async def machines(self) -> dict[str, bool]:
        self.rounds += 1
        await asyncio.sleep(self.seconds)
        if self.broken:
            raise InstrumentError("fridge: nobody tells of pumps")
        return {"turbo": self.runs}

    async def gauges(self, names: tuple[str, ...]) -> dict[str, float]:
        if "p1" not in names:
            await self.hung.wait()
        return dict.fromkeys(names, self.gauge)


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(thermometer, "LOOK", LOOK)


def check(fridge: Slow, **settings: object) -> ColdCheck:
    return ColdCheck(replace(SETTINGS, **settings), [fridge], LabClock())


async def looks(cold: ColdCheck, most: int) -> int:
    """Look until drive is allowed; return after how many looks, `most` at most."""
    for number in range(1, most + 1):
        await cold.refresh()
        if cold.objection() is None:
            return number
    return most


def used(body, fridge: Slow, **settings: object) -> None:
    async def main() -> None:
        cold = check(fridge, **settings)
        try:
            async with asyncio.timeout(20):
                await body(cold)
        finally:
            await cold.end()

    asyncio.run(main())


@pytest.mark.parametrize("rounds", [0.4, 1.6, 3.2])
def test_f3_pumps_that_take_longer_than_a_look_are_told_all_the_same(rounds):
    """As many looks as it takes for three rounds, and each look as long as ever."""
    fridge = Slow(rounds * LOOK)

    async def body(cold: ColdCheck) -> None:
        loop = asyncio.get_running_loop()
        began, most = loop.time(), math.ceil(3 * rounds) + 4
        seen = await looks(cold, most)
        assert cold.objection() is None
        assert loop.time() - began < (seen + 1) * LOOK + 3.0
        assert fridge.rounds <= 4, "none is asked while another is under way"
        for _ in range(6):
            await cold.refresh()
            assert cold.objection() is None

    used(body, fridge)


def test_f1_a_warm_reading_trips_in_the_midst_of_a_round(monkeypatch):
    fridge = Slow(0.0)

    async def body(cold: ColdCheck) -> None:
        await looks(cold, 5)
        fridge.seconds = 60.0
        await cold.refresh()
        assert cold.allowed
        fridge.kelvin = 0.5
        monkeypatch.setattr(thermometer, "LOOK", 60.0)
        async with asyncio.timeout(5.0):
            await cold.refresh()
        assert not cold.allowed

    used(body, fridge)


def test_f3_a_pump_that_stopped_is_told_as_soon_as_it_is_known_whatever_else_is_asked():
    fridge = Slow(0.0)
    fridge.hung.set()

    async def body(cold: ColdCheck) -> None:
        await looks(cold, 5)
        assert cold.allowed
        fridge.hung.clear()
        fridge.seconds, fridge.runs = 2.5 * LOOK, False
        for _ in range(3):
            await cold.refresh()
        assert "turbo of the refrigerator stopped" in str(cold.objection())
        assert fridge.rounds <= 5

    used(body, fridge, gauges={"p2": Band(-math.inf, 1.0, "Pa")})


@pytest.mark.parametrize("stops", ["turbo", "p1"])
def test_f3_what_stopped_is_told_at_once_whatever_is_still_asked(monkeypatch, stops):
    """Another gauge hangs, and the look would last long."""
    fridge = Slow(0.0)
    fridge.hung.set()

    async def body(cold: ColdCheck) -> None:
        await looks(cold, 5)
        assert cold.allowed
        fridge.hung.clear()
        fridge.runs, fridge.gauge = stops != "turbo", 2.0 if stops == "p1" else 0.0
        monkeypatch.setattr(thermometer, "LOOK", 60.0)
        async with asyncio.timeout(5.0):
            await cold.refresh()
        assert f"{stops} of the refrigerator" in str(cold.objection())

    used(body, fridge, gauges={name: Band(-math.inf, 1.0, "Pa") for name in ("p1", "p2")})


def test_f3_a_stop_that_a_run_hears_first_is_not_asked_for_again_before_drive_goes_off():
    fridge = Slow(0.0)

    async def body(cold: ColdCheck) -> None:
        await looks(cold, 5)
        fridge.runs, fridge.seconds = False, LOOK / 2
        run = asyncio.create_task(cold.refresh_when_older(0.0))
        await asyncio.sleep(0)
        watch = asyncio.create_task(cold.refresh())
        await run
        reads = fridge.reads
        assert not cold.allowed
        await watch
        assert fridge.reads == reads, "whatever hangs would put the switching off back"
        await cold.refresh()
        assert fridge.reads == reads + 1

    used(body, fridge)


def test_f3_a_round_that_fails_in_a_later_look_arms_nothing():
    """Though what was told of the pumps before the trip is not too old yet."""
    fridge = Slow(0.0)

    async def body(cold: ColdCheck) -> None:
        await looks(cold, 5)
        fridge.kelvin = 0.5
        await cold.refresh()
        assert not cold.allowed
        fridge.kelvin, fridge.seconds, fridge.broken = 0.012, 1.5 * LOOK, True
        faults, before = set(), fridge.rounds
        while fridge.rounds < before + 5:
            await cold.refresh()
            faults |= set(cold.sensors[0].faults)
            assert cold.reading is not None
            assert not cold.allowed
            assert cold._good == 0
        assert "pumps and gauges: fridge: nobody tells of pumps" in faults

    used(body, fridge)


def alarms(cold: ColdCheck) -> tuple[Inhibition, list[Alarm]]:
    told = list[Alarm]()
    guard = cast("Guard", SimpleNamespace(cold=cold, held=lambda scope: False))
    return Inhibition(guard, "fridge", told.append), told


def test_slow_pumps_are_no_alarm_when_a_cold_refrigerator_is_looked_at_first():
    fridge = Slow(3.2 * LOOK)

    async def body(cold: ColdCheck) -> None:
        inhibition, told = alarms(cold)
        for _ in range(14):
            await cold.refresh()
            inhibition.look()
        assert [alarm.on for alarm in told] == [False], "drive is allowed, and was no news before"

    used(body, fridge)


@pytest.mark.parametrize("why", ["fails", "warm", "above drive_below", "too long", "stopped"])
def test_slow_pumps_hide_nothing_else_at_the_first_looks(why):
    fridge = Slow((0.5 if why == "fails" else 8.0) * LOOK)
    fridge.broken = why == "fails"
    fridge.kelvin = {"warm": 0.5, "above drive_below": 0.070}.get(why, 0.012)

    async def body(cold: ColdCheck) -> None:
        inhibition, told = alarms(cold)
        if why == "stopped":
            cold.sensors[0].stopped = ("turbo of the refrigerator stopped",)
        for _ in range(4):
            await cold.refresh()
            inhibition.look()
        assert [alarm.on for alarm in told] == [True]

    used(body, fridge, max_age=2 * LOOK if why == "too long" else 30.0)


def test_a_look_that_is_given_up_leaves_the_question_and_no_temperature_waits_for_it():
    fridge = Slow(0.0)

    async def body(cold: ColdCheck) -> None:
        await looks(cold, 5)
        fridge.seconds = 60.0
        look = asyncio.create_task(cold.refresh())
        await asyncio.sleep(LOOK / 4)
        look.cancel()
        with pytest.raises(asyncio.CancelledError):
            await look
        asked = fridge.rounds
        await cold.refresh()
        assert fridge.rounds == asked, "it is still being asked"
        assert cold.allowed

    used(body, fridge)


def test_what_was_told_is_as_old_as_its_question():
    fridge = Slow(0.0)

    async def body(cold: ColdCheck) -> None:
        await looks(cold, 5)
        fridge.seconds = 2.5 * LOOK
        for _ in range(3):
            await cold.refresh()
        sensor = cold.sensors[0]
        assert sensor.age() >= 2 * LOOK

    used(body, fridge)
