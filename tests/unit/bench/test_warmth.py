"""When it was so warm that what was measured before is not believed: no blip, no pump."""

import asyncio

import pytest

from kammerton.bench.warmth import BLIND, BLIP, Warmth
from kammerton.model import InstrumentError
from tests.unit.bench.test_interlock import Fridge, Pumped, Wall, check, readings

OFF = 0.1


@pytest.fixture
def wall() -> Wall:
    return Wall()


def told(warmth: Warmth) -> str | None:
    """Return what is told now; None where there is no news."""

    return asyncio.run(warmth.news()) if warmth._news.is_set() else None


def shown(warmth: Warmth, wall: Wall, *pairs: tuple[float, float | None]) -> None:
    """Show readings: s since the last one, and K."""
    for seconds, kelvin in pairs:
        wall.now += seconds
        warmth.look(kelvin)


def test_f1_what_is_warmer_than_aluminium_bears_is_told_at_once_and_once(wall):
    warmth = Warmth(OFF, wall)
    shown(warmth, wall, (2, 0.012), (2, 4.2))
    assert told(warmth) == "the mixing chamber was warm: it read 4.2 K"
    shown(warmth, wall, (2, 4.3), (600, 4.2), (600, 0.5))
    assert told(warmth) is None
    shown(warmth, wall, (2, 0.012), (2, 4.2))
    assert told(warmth) is not None, "another time"


def test_f1_a_blip_is_none_and_what_lasts_is(wall):
    warmth = Warmth(OFF, wall)
    shown(warmth, wall, (2, 0.3), (BLIP - 1, 0.3), (2, 0.09), (2, 0.3), (BLIP - 1, 0.3))
    assert told(warmth) is None
    shown(warmth, wall, (1, 0.3))
    assert told(warmth) == "the mixing chamber was warm: above 100 mK for more than 60 s"


def test_f1_a_sensor_that_fails_in_the_warm_cools_nothing(wall):
    warmth = Warmth(OFF, wall)
    shown(warmth, wall, (2, 0.3), (BLIP / 2, None), (BLIP / 2, None))
    assert told(warmth) is not None


def test_f2_a_reading_that_fails_for_a_while_is_no_warmth_and_one_that_hides_it_may_be(wall):
    warmth = Warmth(OFF, wall)
    shown(warmth, wall, (2, 0.012), (BLIND - 3, None), (2, 0.012), (BLIND - 1, None))
    assert told(warmth) is None
    shown(warmth, wall, (1, None))
    assert told(warmth) == "the mixing chamber may have been warm: no valid reading for 30 min"
    shown(warmth, wall, (BLIND, None), (BLIND, None))
    assert told(warmth) is None


def test_where_drive_goes_off_late_nothing_below_that_is_warm(wall):
    warmth = Warmth(1.5, wall)
    shown(warmth, wall, (2, 1.2), (BLIP, 1.2))
    assert told(warmth) is None


def test_f1_the_interlock_tells_of_warmth_and_f3_of_no_pump_that_stops_in_the_cold(wall):
    fridge = Pumped()
    cold = check(wall, fridge)
    readings(cold, fridge, 0.012, 0.012, 0.012)
    fridge.runs = False
    wall.now += 2 * BLIP
    assert readings(cold, fridge, 0.012) == [False]
    assert told(cold.warmth) is None
    assert readings(cold, fridge, 4.2) == [False]
    assert told(cold.warmth) is not None


def test_f1_it_is_told_though_the_pumps_are_not_told_of(wall):
    fridge = Pumped()
    cold = check(wall, fridge)
    readings(cold, fridge, 0.012, 0.012, 0.012)
    wall.now += 31

    async def fails() -> dict[str, bool]:
        raise InstrumentError("no answer")

    fridge.machines = fails
    assert readings(cold, fridge, 4.2) == [False]
    assert told(cold.warmth) is not None


def test_f1_what_was_never_armed_is_warm_all_the_same(wall):
    fridge = Fridge()
    cold = check(wall, fridge)
    assert readings(cold, fridge, 4.2) == [False]
    assert told(cold.warmth) is not None


def test_f1_of_two_sensors_the_warmer_counts_whichever_is_the_first(wall):
    """One near the chip may lag behind the other."""
    first, second = Fridge(0.15), Fridge(4.2)
    first.name, second.name = "one", "two"
    cold = check(wall, first, second)
    asyncio.run(cold.refresh())
    assert told(cold.warmth) == "the mixing chamber was warm: it read 4.2 K"
