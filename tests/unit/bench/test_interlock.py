"""The interlock on the refrigerator: rows F1 to F4 as the gate sees them."""

import asyncio
import math
from dataclasses import replace

import pytest

from kammerton.bench import interlock, thermometer
from kammerton.bench.interlock import ColdCheck
from kammerton.lab import Band, Interlock
from kammerton.model import InstrumentError, LabClock

SETTINGS = Interlock("fridge", 0.050, 0.100, 30.0, rearm_readings=3, frozen_after=0.0)


class Wall:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Fridge:
    """Shows what it is told to; NaN is no reading, as drivers say it."""

    def __init__(self, kelvin: float = 0.012) -> None:
        self.name, self.kelvin = "fridge", kelvin

    async def temperature(self) -> float:
        if math.isnan(self.kelvin):
            raise InstrumentError("fridge: no valid reading of the mixing chamber")
        return self.kelvin


class Pumped(Fridge):
    """A monitor that knows its pumps."""

    runs = True

    async def machines(self) -> dict[str, bool]:
        return {"turbo": self.runs}


@pytest.fixture
def wall() -> Wall:
    return Wall()


def check(wall: Wall, *fridges: Fridge, **settings: object) -> ColdCheck:
    return ColdCheck(replace(SETTINGS, **settings), fridges, LabClock(), wall)


def readings(cold: ColdCheck, fridge: Fridge, *kelvin: float) -> list[bool]:
    """Return after each reading whether drive is allowed."""
    seen = []

    async def main() -> None:
        for fridge.kelvin in kelvin:
            await cold.refresh()
            seen.append(cold.objection() is None)
        await cold.end()

    asyncio.run(main())
    return seen


def test_f1_three_good_readings_in_a_row_arm_and_one_bad_one_trips(wall):
    fridge = Fridge()
    cold = check(wall, fridge)
    assert readings(cold, fridge, 0.012, 0.012) == [False, False]
    assert "2 of 3 good readings in a row so far" in (cold.objection() or "")
    assert readings(cold, fridge, 0.012, 0.101, 0.012, 0.012) == [True, False, False, False]
    assert readings(cold, fridge, 0.06, 0.012, 0.012, 0.012) == [False, False, False, True]


def test_f2_a_failed_reading_counts_as_a_bad_one_for_arming(wall):
    fridge = Fridge()
    cold = check(wall, fridge)
    assert readings(cold, fridge, 0.012, 0.012, math.nan, 0.012, 0.012) == [False] * 5
    assert readings(cold, fridge, 0.012) == [True]


def test_f2_no_reading_is_borne_until_the_last_is_too_old(wall):
    fridge = Fridge()
    cold = check(wall, fridge)
    readings(cold, fridge, 0.012, 0.012, 0.012)
    wall.now += 29
    assert readings(cold, fridge, math.nan) == [True]
    wall.now += 2
    assert readings(cold, fridge, math.nan) == [False]
    assert "no valid reading of the mixing chamber" in (cold.objection() or "")


def test_f1_above_drive_below_what_is_on_stays_on_but_nothing_begins(wall):
    fridge = Fridge()
    cold = check(wall, fridge)
    assert readings(cold, fridge, 0.012, 0.012, 0.012, 0.06)[-1]
    assert "reads 60 mK; nothing begins above 50 mK" in (cold.objection_to_begin() or "")
    assert readings(cold, fridge, 0.012) == [True]
    assert cold.objection_to_begin() is None


def test_a_check_that_was_never_armed_reads_as_often_as_it_needs(wall):
    cold = check(wall, Fridge())
    asyncio.run(cold.refresh_when_older(10.0))
    assert cold.objection() is None


def test_but_after_a_trip_it_waits_for_the_watch(wall):
    fridge = Fridge()
    cold = check(wall, fridge)
    readings(cold, fridge, 0.012, 0.012, 0.012, 0.2)
    fridge.kelvin = 0.012
    wall.now += 20
    asyncio.run(cold.refresh_when_older(10.0))
    assert "1 of 3" in (cold.objection() or "")


def test_f2_a_frozen_sensor_counts_as_none(wall):
    fridge = Fridge()
    cold = check(wall, fridge, frozen_after=60.0)
    readings(cold, fridge, 0.012, 0.012, 0.012)
    wall.now += 59
    assert readings(cold, fridge, 0.012) == [True]
    wall.now += 2
    assert readings(cold, fridge, 0.012) == [False]
    assert "is frozen: it has shown exactly 12 mK for more than 60 s" in (cold.objection() or "")
    assert readings(cold, fridge, 0.0121, 0.0119, 0.012) == [False, False, True]


def test_f2_a_sensor_that_is_told_it_may_stand_still_does_not_freeze(wall):
    fridge = Fridge()
    cold = check(wall, fridge, frozen_after=0.0)
    readings(cold, fridge, 0.012, 0.012, 0.012)
    wall.now += 86400
    assert readings(cold, fridge, 0.012, 0.012, 0.012)[-1]


def test_f2_a_second_sensor_stands_in_and_warm_by_either_is_warm(wall):
    first, second = Fridge(), Fridge(0.013)
    cold = check(wall, first, second)
    assert readings(cold, first, math.nan, math.nan, math.nan) == [False, False, True]
    assert readings(cold, second, 0.15) == [False]
    assert "reads 150 mK" in (cold.objection() or "")
    assert readings(cold, second, math.nan, math.nan, math.nan) == [False] * 3
    wall.now += 31
    assert readings(cold, first, 0.012, 0.012, 0.012) == [False, False, True]


def test_f3_a_pump_that_stops_trips_at_once_however_cold_it_still_is(wall):
    fridge = Pumped()
    cold = check(wall, fridge)
    assert readings(cold, fridge, 0.012, 0.012, 0.012)[-1]
    fridge.runs = False
    assert readings(cold, fridge, 0.012) == [False]
    assert "turbo of the refrigerator stopped" in (cold.objection() or "")
    fridge.runs = True
    assert readings(cold, fridge, 0.012, 0.012, 0.012) == [False, False, True]


class Mute(Pumped):
    """A monitor whose pumps can no longer be asked."""

    mute = False

    async def machines(self) -> dict[str, bool]:
        if self.mute:
            raise InstrumentError("fridge: the status of the valves is not available")
        return await super().machines()


def test_f3_a_warm_reading_trips_at_once_though_the_pumps_do_not_answer(wall):
    fridge = Mute()
    cold = check(wall, fridge)
    assert readings(cold, fridge, 0.012, 0.012, 0.012)[-1]
    fridge.mute = True
    assert readings(cold, fridge, 0.013) == [True]
    assert readings(cold, fridge, 0.5) == [False]
    assert "reads 500 mK" in (cold.objection() or "")
    assert readings(cold, fridge, 0.012, 0.012, 0.012) == [False] * 3
    fridge.mute = False
    assert readings(cold, fridge, 0.012, 0.012, 0.012) == [False, False, True]


def test_f3_a_cold_reading_is_no_fresher_where_the_pumps_do_not_answer(wall):
    fridge = Mute()
    cold = check(wall, fridge)
    readings(cold, fridge, 0.012, 0.012, 0.012)
    fridge.mute = True
    wall.now += 20
    assert readings(cold, fridge, 0.013) == [True]
    wall.now += 11
    assert readings(cold, fridge, 0.013) == [False]
    assert "the status of the valves is not available" in (cold.objection() or "")


@pytest.mark.parametrize("kelvin", [0.0, -0.012, 1e-9, 0.0009, math.inf])
def test_f2_what_no_dilution_refrigerator_can_read_is_no_reading(wall, kelvin):
    fridge = Fridge()
    cold = check(wall, fridge)
    assert readings(cold, fridge, kelvin, kelvin, kelvin) == [False] * 3
    assert "which is no temperature" in (cold.objection() or "")
    assert readings(cold, fridge, 0.012, 0.012, 0.012, kelvin) == [False, False, True, True]
    assert cold.reading is not None
    assert cold.reading.temperature == 0.012


class Hanging(Fridge):
    """Answers until it hangs."""

    hangs = False

    async def temperature(self) -> float:
        if self.hangs:
            await asyncio.Event().wait()
        return self.kelvin


def test_f2_a_sensor_that_hangs_delays_no_trip_by_the_other(wall):
    warm, hanging = Fridge(), Hanging()
    cold = check(wall, warm, hanging)
    assert readings(cold, warm, 0.012, 0.012, 0.012)[-1]
    hanging.hangs, warm.kelvin = True, 4.0

    async def main() -> None:
        async with asyncio.timeout(2.5):
            await cold.refresh()

    asyncio.run(main())
    assert not cold.allowed
    assert cold.deadline == 3.0, "the other is read again within that"
    assert check(wall, warm).deadline == 10.0


def test_f4_a_temperature_that_hangs_keeps_nothing_on_longer_than_its_last_reading(
    wall, monkeypatch
):
    """Though it could still answer for as long as it is given: an hour here."""
    monkeypatch.setattr(interlock, "LOOK", 0.05)
    fridge = Hanging()
    cold = check(wall, fridge)
    assert readings(cold, fridge, 0.012, 0.012, 0.012)[-1]
    fridge.hangs, cold.deadline = True, 3600.0

    async def main() -> None:
        look = asyncio.create_task(cold.refresh())
        await asyncio.wait({look}, timeout=0.5)
        assert not look.done(), "the last reading is fresh: it gets its time"
        wall.now += 30.5
        async with asyncio.timeout(5.0):
            await look

    asyncio.run(main())
    assert not cold.allowed


def test_a_reading_that_only_lacks_the_pumps_of_a_new_process_is_not_called_old(wall):
    cold = check(wall, Pumped())
    (sensor,) = cold.sensors
    assert asyncio.run(sensor.refresh(1.0))
    said = "no valid reading younger than 30 s: nothing was heard yet of its pumps and gauges"
    assert cold.objection() == said


def test_f2_a_reading_that_was_long_on_its_way_is_as_old_as_its_question(wall):
    class Late(Fridge):
        async def temperature(self) -> float:
            wall.now += 9.0
            return self.kelvin

    fridge = Late()
    cold = check(wall, fridge, max_age=10.0)
    assert readings(cold, fridge, 0.012, 0.012, 0.012)[-1]
    wall.now += 1.5
    assert "no valid reading younger than 10 s" in (cold.objection() or "")


def test_a_slow_answer_trips_nothing_after_a_process_stood_still(wall):
    class Slow(Fridge):
        async def temperature(self) -> float:
            await asyncio.sleep(0.3)
            return self.kelvin

    assert interlock.LOOK >= 2.0, "for software of 1.1 s an answer"
    fridge = Slow()
    cold = check(wall, fridge)
    readings(cold, fridge, 0.012, 0.012, 0.012)
    wall.now += 31
    assert readings(cold, fridge, 0.012) == [True]


class Stuck(Pumped):
    """A monitor whose pumps can be asked, and hang."""

    stuck = False

    async def machines(self) -> dict[str, bool]:
        if self.stuck:
            await asyncio.Event().wait()
        return await super().machines()


@pytest.mark.parametrize("others", [0, 1])
def test_f3_pumps_that_hang_delay_no_trip_by_the_temperature(wall, others):
    fridge = Stuck()
    cold = check(wall, fridge, *(Fridge() for _ in range(others)))
    assert readings(cold, fridge, 0.012, 0.012, 0.012)[-1]
    fridge.stuck, fridge.kelvin = True, 4.0

    async def main() -> None:
        async with asyncio.timeout(1.0):
            await cold.refresh()

    asyncio.run(main())
    assert not cold.allowed


def silenced(wall: Wall, monkeypatch: pytest.MonkeyPatch) -> tuple[ColdCheck, Stuck]:
    """Return a check that is armed, and its monitor, whose pumps hang from now on."""
    monkeypatch.setattr(thermometer, "LOOK", 0.05)
    fridge = Stuck()
    cold = check(wall, fridge)
    readings(cold, fridge, 0.012, 0.012, 0.012)
    fridge.stuck = True
    return cold, fridge


def test_f3_the_temperature_is_read_again_though_the_pumps_hang(wall, monkeypatch):
    assert thermometer.LOOK <= 2.0, "the gate reads every 2 s"
    cold, fridge = silenced(wall, monkeypatch)
    assert readings(cold, fridge, 0.012, 0.013, 0.5) == [True, True, False]
    assert "reads 500 mK" in (cold.objection() or "")


def test_f3_what_hangs_for_long_is_no_valid_reading(wall, monkeypatch):
    cold, fridge = silenced(wall, monkeypatch)
    wall.now += 31
    assert readings(cold, fridge, 0.012) == [False]
    assert "fridge did not answer within 0.05 s" in (cold.objection() or "")


def test_a_process_that_stood_still_trips_nothing_if_all_is_well(wall):
    fridge = Pumped()
    cold = check(wall, fridge)
    readings(cold, fridge, 0.012, 0.012, 0.012)
    wall.now += 31
    assert readings(cold, fridge, 0.012) == [True]


def test_f3_a_pump_trips_though_the_other_sensor_hangs(wall):
    pumped, hanging = Pumped(), Hanging()
    cold = check(wall, pumped, hanging)
    assert readings(cold, pumped, 0.012, 0.012, 0.012)[-1]
    hanging.hangs, pumped.runs = True, False

    async def main() -> None:
        async with asyncio.timeout(1.0):
            await cold.refresh()

    asyncio.run(main())
    assert not cold.allowed


def test_laboratory_time_that_leaps_while_the_pumps_are_asked_makes_no_reading_old(wall):
    clock = LabClock()

    class Slow(Pumped):
        async def machines(self) -> dict[str, bool]:
            clock.played(60.0, 0.0)  # a run ends just then
            return await super().machines()

    fridge = Slow()
    cold = ColdCheck(SETTINGS, (fridge,), clock, wall)
    assert readings(cold, fridge, 0.012, 0.012, 0.012, 0.012) == [False, False, True, True]


def test_a_reading_from_before_laboratory_time_leapt_is_not_made_fresh_again(wall):
    """The chamber warmed up in what was played while the pumps were asked."""
    clock = LabClock()

    class Slow(Pumped):
        leaps = False

        async def machines(self) -> dict[str, bool]:
            if self.leaps:
                clock.played(20.0, 0.0)
                self.kelvin = 4.0
            return await super().machines()

    fridge = Slow()
    cold = ColdCheck(SETTINGS, (fridge,), clock, wall)
    assert readings(cold, fridge, 0.012, 0.012, 0.012)[-1]
    fridge.leaps = True
    assert readings(cold, fridge, 0.012) == [False]
    assert "reads 4 K" in (cold.objection() or "")


class Dead(Stuck):
    """A monitor that does not answer any more, whatever is asked."""

    async def temperature(self) -> float:
        if self.stuck:
            await asyncio.Event().wait()
        return self.kelvin


def test_f2_a_monitor_that_is_dead_keeps_the_other_from_being_read_once_only(wall, monkeypatch):
    monkeypatch.setattr(interlock, "BESIDE", 0.05)
    monkeypatch.setattr(thermometer, "LOOK", 60.0)
    dead, other = Dead(), Fridge(0.013)
    cold = check(wall, dead, other)
    readings(cold, other, 0.012, 0.012, 0.012)
    dead.stuck = True

    async def main() -> None:
        async with asyncio.timeout(20):
            for other.kelvin in (0.013, 0.5):
                await cold.refresh()

    asyncio.run(main())
    assert not cold.allowed


class Gauged(Pumped):
    """A monitor that reads gauges too."""

    def __init__(self) -> None:
        super().__init__()
        self.read: dict[str, float] = {"p2": 1000.0, "flow": 5e-4}

    async def gauges(self, names: tuple[str, ...]) -> dict[str, float]:
        return {name: self.read[name] for name in names}


BANDS = {"p2": Band(-math.inf, 2000.0, "Pa"), "flow": Band(2e-4, 8e-4, "mol/s")}


@pytest.mark.parametrize(
    ("gauge", "value", "words"),
    [
        ("p2", 2500.0, "p2 of the refrigerator reads 2.5 kPa, outside 2 kPa"),
        ("flow", 1e-4, "reads 100 µmol/s, outside 200 µmol/s to 800 µmol/s"),
        ("flow", 9e-4, "flow of the refrigerator reads 900 µmol/s"),
        ("p2", math.nan, "p2 of the refrigerator reads"),
    ],
)  # fmt: skip
def test_f3_a_gauge_that_leaves_its_band_trips_at_once(wall, gauge, value, words):
    fridge = Gauged()
    cold = check(wall, fridge, gauges=BANDS)
    assert readings(cold, fridge, 0.012, 0.012, 0.012)[-1]
    before, fridge.read[gauge] = fridge.read[gauge], value
    assert readings(cold, fridge, 0.012) == [False]
    assert words in (cold.objection() or "")
    fridge.read[gauge] = before
    assert readings(cold, fridge, 0.012, 0.012, 0.012) == [False, False, True]


def test_f3_a_gauge_that_is_not_told_makes_no_reading_fresh(wall):
    fridge = Gauged()
    cold = check(wall, fridge, gauges=BANDS)
    readings(cold, fridge, 0.012, 0.012, 0.012)
    del fridge.read["flow"]
    wall.now += 20
    assert readings(cold, fridge, 0.013) == [True]
    wall.now += 11
    assert readings(cold, fridge, 0.013) == [False]
    assert "flow" in (cold.objection() or "")


def test_f3_who_reads_no_gauges_arms_nothing_where_they_are_wanted(wall):
    fridge = Pumped()
    cold = check(wall, fridge, gauges=BANDS)
    assert readings(cold, fridge, 0.012, 0.012, 0.012, 0.012) == [False] * 4
    assert "tells of no gauges" in (cold.objection() or "")


def test_f3_gauges_are_those_of_the_first_sensor(wall):
    fridge, second = Gauged(), Fridge(0.013)
    cold = check(wall, fridge, second, gauges=BANDS)
    assert readings(cold, fridge, 0.012, 0.012, 0.012)[-1]
    fridge.read["p2"] = 1e5
    assert readings(cold, fridge, 0.012) == [False]


ODD = {
    "words": ({"kelvin": "cold"}, {}),
    "a complex number": ({"kelvin": 0.012 + 0j}, {}),
    "nothing": ({"kelvin": None}, {}),
    "a list of machines": ({}, {"told": ["turbo"]}),
    "names of two kinds": ({}, {"told": {"turbo": True, 3: True}}),
    "no machines": ({}, {"told": None}),
}


class Odd(Pumped):
    """A plug-in that answers with what is not asked for."""

    told: object = {"turbo": True}

    async def machines(self) -> dict[str, bool]:
        return self.told  # type: ignore[return-value]  # that is the fault

    async def temperature(self) -> float:
        return self.kelvin


@pytest.mark.parametrize("case", ODD)
def test_f2_what_a_driver_answers_that_is_no_number_is_no_reading(wall, case):
    temperature, machines = ODD[case]
    fridge = Odd()
    cold = check(wall, fridge)
    assert readings(cold, fridge, 0.012, 0.012, 0.012)[-1]
    vars(fridge).update(temperature | machines)
    for _ in range(2):
        wall.now += 20
        asyncio.run(cold.refresh())
    said = cold.objection() or ""
    assert "no valid reading younger than 30 s" in said
    assert said.endswith("; the last was 12 mK, 40 s ago") == bool(temperature)


@pytest.mark.parametrize("left", [{}, {"scroll": True}])
def test_f3_a_pump_that_was_told_of_and_is_no_more_makes_no_reading_fresh(wall, left):
    """Its controller went away, or what it says is outdated: nobody knows that it runs."""
    fridge = Odd()
    fridge.told = {"turbo": True, "scroll": True}
    cold = check(wall, fridge)
    assert readings(cold, fridge, 0.012, 0.012, 0.012)[-1]
    fridge.told = left
    wall.now += 20
    assert readings(cold, fridge, 0.012) == [True]
    wall.now += 20
    assert readings(cold, fridge, 0.012) == [False]
    said = cold.objection() or ""
    assert "no valid reading younger than 30 s: pumps and gauges: fridge tells no more of" in said
    assert "turbo" in said
    fridge.told = {"turbo": True, "scroll": True}
    assert readings(cold, fridge, 0.012, 0.012, 0.012)[-1]


def test_f3_of_pumps_after_one_that_stopped_nothing_need_be_told(wall):
    """A driver may ask no further: for one that stands still drive goes off."""
    fridge = Odd()
    fridge.told = {"turbo": True, "scroll": True}
    cold = check(wall, fridge)
    assert readings(cold, fridge, 0.012, 0.012, 0.012)[-1]
    fridge.told = {"turbo": False}
    assert readings(cold, fridge, 0.012) == [False]
    assert cold.objection() == "turbo of the refrigerator stopped"


def test_f2_a_driver_that_breaks_before_it_answers_gives_no_reading(wall):
    class Broken(Fridge):
        def temperature(self):
            raise OSError("no such device")

    cold = check(wall, Broken())
    asyncio.run(cold.refresh())
    assert "no such device" in (cold.objection() or "")


def test_f3_what_pumps_told_grows_old_by_the_laboratorys_clock_too(wall, monkeypatch):
    """The monotonic clock stands still while a machine is suspended."""
    monkeypatch.setattr(thermometer, "LOOK", 0.05)
    fridge, clock = Stuck(), Suspended()
    cold = ColdCheck(SETTINGS, [fridge], clock, wall)
    assert readings(cold, fridge, 0.012, 0.012, 0.012)[-1]
    clock.passed, fridge.stuck = 3600.0, True
    assert readings(cold, fridge, 0.012) == [False]
    assert "pumps and gauges: fridge did not answer" in (cold.objection() or "")


class Suspended(LabClock):
    """Leaps by `passed`."""

    passed = 0.0

    def elapsed(self) -> float:
        return super().elapsed() + self.passed


def test_f3_a_warm_reading_is_what_is_said_though_the_pumps_are_silent(wall, monkeypatch):
    cold, fridge = silenced(wall, monkeypatch)
    wall.now += 31
    assert readings(cold, fridge, 4.0) == [False]
    assert "the mixing chamber reads 4 K" in (cold.objection() or "")


class Blind(Pumped):
    """A monitor whose gauge may be broken."""

    broken = False

    async def gauges(self, names):
        if self.broken:
            raise InstrumentError("p1 has no valid value")
        return dict.fromkeys(names, 1.0)


def test_f3_a_pump_trips_though_a_gauge_fails_in_the_same_look(wall):
    fridge = Blind()
    cold = check(wall, fridge, gauges={"p1": Band(-math.inf, 10.0, "Pa")})
    assert readings(cold, fridge, 0.012, 0.012, 0.012)[-1]
    fridge.runs, fridge.broken = False, True
    assert readings(cold, fridge, 0.012) == [False]
    assert "turbo of the refrigerator stopped" in (cold.objection() or "")


class Leaky(Gauged):
    """A monitor with gauges of which one may give no value."""

    async def gauges(self, names):
        if missing := [name for name in names if name not in self.read]:
            raise InstrumentError(f"{missing[0]} has no valid value")
        return await super().gauges(names)


@pytest.mark.parametrize(("broken", "outside"), [("p2", "flow"), ("flow", "p2")])
def test_f3_a_gauge_that_leaves_its_band_trips_though_another_gives_no_value(wall, broken, outside):
    """Whichever of them is asked first."""
    fridge = Leaky()
    cold = check(wall, fridge, gauges=BANDS)
    assert readings(cold, fridge, 0.012, 0.012, 0.012)[-1]
    fridge.read = {outside: 1e6}
    assert readings(cold, fridge, 0.012) == [False]
    assert f"{outside} of the refrigerator reads" in (cold.objection() or "")
    fridge.read = {name: value for name, value in Gauged().read.items() if name == outside}
    assert readings(cold, fridge, 0.012, 0.012, 0.012) == [False] * 3, "nobody knows of the other"
    assert f"{broken} has no valid value" in "; ".join(cold.sensors[0].faults)


def test_each_cause_of_an_objection_is_in_its_sentence_and_has_a_word_without_figures(wall):
    fridge = Pumped()
    cold = check(wall, fridge, rearm_readings=1)
    assert list(cold.causes) == ["no reading"]
    readings(cold, fridge, 0.012)
    assert cold.causes == {}
    fridge.runs = False
    readings(cold, fridge, 0.012)
    assert list(cold.causes) == ["turbo"]
    readings(cold, fridge, 0.2)
    assert list(cold.causes) == ["warm", "turbo"], "in whichever order they came"
    assert cold.objection() == "; ".join(cold.causes.values())
    assert "reads 200 mK; drive" in str(cold.objection())
    assert str(cold.objection()).endswith("; turbo of the refrigerator stopped")
    fridge.runs = True
    readings(cold, fridge, 0.06)
    assert list(cold.causes) == [interlock.COOLER]
