"""Stages, mixture and pumps: what the refrigerator does in hours, asked in milliseconds."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest

from kammerton_sim.fridge import FORE_PUMP, PULSE_TUBE, STAGES, TURBO, Refrigerator, Status
from kammerton_sim.fridge.copper import copper, dilute_helium
from kammerton_sim.fridge.mixture import LATENT_HEAT, NOMINAL_FLOW
from tests.yardstick import least, spent

HOUR = 3600.0


class Clock:
    def __init__(self) -> None:
        self.time = 1.8e9

    def __call__(self) -> float:
        return self.time


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def cold(clock) -> Refrigerator:
    return Refrigerator(clock)


def after(fridge: Refrigerator, clock: Clock, seconds: float) -> dict[str, float]:
    clock.time += seconds
    return fridge.temperatures()


def test_at_rest_it_stays_as_it_is(cold, clock):
    before = cold.conditions()
    assert before.temperatures == dict(zip(STAGES, (46.0, 3.6, 0.82, 0.105, 0.012), strict=True))
    assert before.flow == pytest.approx(NOMINAL_FLOW)
    assert after(cold, clock, 1000 * HOUR) == pytest.approx(before.temperatures, rel=1e-3)
    assert cold.conditions().pressures == pytest.approx(before.pressures, rel=1e-2)


@pytest.mark.parametrize("base", [0.008, 0.02])
def test_it_rests_at_its_base_temperature(clock, base):
    fridge = Refrigerator(clock, base)
    assert after(fridge, clock, 50 * HOUR)["mixing_chamber"] == pytest.approx(base, rel=1e-3)


@pytest.mark.parametrize("watts", [1e-6, 5e-6, 20e-6, 100e-6])
def test_the_mixing_chamber_balances_its_load(cold, clock, watts):
    """84 n (T^2 - base^2) = load: helium-3 that returns as cold as the chamber carries it away."""
    cold.load("drive", {"mixing_chamber": watts})
    expected = math.sqrt(0.012**2 + watts / (84 * NOMINAL_FLOW))
    assert after(cold, clock, 5 * HOUR)["mixing_chamber"] == pytest.approx(expected, rel=2e-3)
    cold.load("drive", {})
    assert after(cold, clock, 5 * HOUR)["mixing_chamber"] == pytest.approx(0.012, rel=2e-3)


def test_loads_of_two_names_add_up(cold, clock):
    cold.load("drive", {"mixing_chamber": 5e-6})
    cold.load("flux", {"mixing_chamber": 15e-6, "4K": 0.1})
    both = after(cold, clock, 5 * HOUR)
    assert both["mixing_chamber"] == pytest.approx(math.sqrt(0.012**2 + 20e-6 / 0.0588), rel=2e-3)
    assert both["4K"] > 3.65


def test_the_still_evaporates_what_its_heat_evaporates(cold, clock):
    cold.load("still", {"still": 5e-3})
    clock.time += 5 * HOUR
    now = cold.conditions()
    assert now.flow - NOMINAL_FLOW == pytest.approx(5e-3 / LATENT_HEAT, rel=3e-3)
    assert now.pressures["still"] / 5.0 == pytest.approx(now.flow / NOMINAL_FLOW, rel=0.05)


def test_it_cools_down_from_room_temperature_in_a_day(clock):
    fridge = Refrigerator(clock, warm=True)
    start = fridge.conditions()
    assert set(start.temperatures.values()) == {300.0}
    assert (start.flow, start.liquid) == (0.0, 0.0)
    assert start.pressures["tank"] == pytest.approx(0.8e5, rel=0.01)
    path = []
    for _ in range(30):
        clock.time += HOUR
        path.append(fridge.conditions())
    chamber = [now.temperatures["mixing_chamber"] for now in path]
    assert all(b < a * 1.01 for a, b in pairwise(chamber))
    assert chamber[4] > 100
    assert chamber[-1] == pytest.approx(0.012, rel=1e-2)
    cold_after = next(n for n, kelvin in enumerate(chamber, 1) if kelvin < 0.02)
    assert 10 <= cold_after <= 24
    assert path[-1].liquid > 0.99
    assert path[-1].pressures["tank"] < 0.01e5


@pytest.mark.parametrize(("machine", "least"), [(PULSE_TUBE, 4.0), (TURBO, 0.1), (FORE_PUMP, 0.1)])
def test_a_machine_that_trips_warms_the_chip_and_recovery_cools_it(cold, clock, machine, least):
    cold.switch(machine, False)
    assert not cold.conditions().running[machine]
    assert after(cold, clock, 0.5 * HOUR)["mixing_chamber"] > least
    assert cold.conditions().flow < 0.1 * NOMINAL_FLOW
    cold.switch(machine, True)
    assert after(cold, clock, 30 * HOUR)["mixing_chamber"] == pytest.approx(0.012, rel=1e-2)


def test_a_pulse_tube_that_stops_warms_the_plate_first_and_the_chip_after_minutes(cold, clock):
    """Plate, then condensing pressure, then the mixing chamber; nothing happens within seconds."""
    cold.switch(PULSE_TUBE, False)
    assert after(cold, clock, 30)["mixing_chamber"] == pytest.approx(0.012, rel=0.05)
    assert 4.0 < cold.temperatures()["4K"] < 4.6
    assert after(cold, clock, 90)["mixing_chamber"] < 0.1
    assert cold.conditions().pressures["condensing"] > 0.7e5  # it was 0.5 bar
    assert 0.05 < after(cold, clock, 120)["mixing_chamber"] < 0.3
    assert cold.conditions().liquid > 0.3
    assert after(cold, clock, 360)["mixing_chamber"] > 4
    assert 9 < cold.temperatures()["4K"] < 14
    assert cold.conditions().pressures["tank"] > 0.7e5


def test_a_pulse_tube_that_comes_back_within_a_minute_costs_little(cold, clock):
    cold.switch(PULSE_TUBE, False)
    after(cold, clock, 60)
    cold.switch(PULSE_TUBE, True)
    assert after(cold, clock, 600)["mixing_chamber"] < 0.02


def test_a_blocked_line_shows_in_its_pressure_before_the_chip_warms(cold, clock):
    cold.block(10)
    early = cold.conditions()
    assert early.pressures["condensing"] > 1.9e5
    assert early.temperatures["mixing_chamber"] == pytest.approx(0.012)
    assert early.flow == pytest.approx(0.4 * NOMINAL_FLOW)
    assert after(cold, clock, HOUR)["mixing_chamber"] > 0.05
    cold.block(1)
    assert after(cold, clock, 10 * HOUR)["mixing_chamber"] == pytest.approx(0.012, rel=1e-2)


def test_collecting_the_mixture_fills_the_tank(cold, clock):
    cold.circulate(False)
    clock.time += 2 * HOUR
    now = cold.conditions()
    assert now.liquid < 0.01
    assert now.pressures["tank"] == pytest.approx(0.8e5, rel=0.02)
    assert now.temperatures["mixing_chamber"] > 0.2


def test_a_planned_warm_up_ends_at_room_temperature(cold, clock):
    cold.circulate(False)
    cold.switch(PULSE_TUBE, False)
    path = [after(cold, clock, 5 * HOUR)["50K"] for _ in range(40)]
    assert all(b > a for a, b in pairwise(path))
    assert path[-1] == pytest.approx(300, abs=1)
    assert 100 < cold.temperatures()["mixing_chamber"] < 300
    assert cold.conditions().pressures["vacuum"] > 1e-2


def test_how_often_it_is_asked_does_not_matter(clock):
    often, seldom = Refrigerator(clock), Refrigerator(clock)
    for fridge in (often, seldom):
        fridge.switch(TURBO, False)
    for _ in range(360):
        clock.time += 5
        often.temperatures()
    assert often.temperatures() == pytest.approx(seldom.temperatures(), rel=2e-3)


def test_held_by_hand_it_follows_the_ramp_and_released_it_cools(cold, clock):
    cold.hold(0.03, 1e-4)
    assert cold.temperature == pytest.approx(0.03)
    assert after(cold, clock, 300)["mixing_chamber"] == pytest.approx(0.06, rel=1e-3)
    cold.hold(4.2)
    assert after(cold, clock, HOUR)["mixing_chamber"] == pytest.approx(4.2)
    cold.release()
    assert after(cold, clock, 5 * HOUR)["mixing_chamber"] == pytest.approx(0.012, rel=1e-2)


def test_asking_it_every_second_costs_little(cold, clock):
    cold.temperatures()

    def minute():
        for _ in range(60):
            after(cold, clock, 1.0)

    assert least(lambda: spent(minute), 60 * 2e-3) < 60 * 2e-3


@pytest.mark.parametrize("stage", STAGES)
def test_a_sensor_reads_its_stage_until_it_breaks(cold, clock, stage):
    sensor = cold.thermometer(stage)
    true = cold.temperatures()[stage]
    assert cold.sensor(stage).kelvin == true
    for status in (Status.NO_NUMBER, Status.OVER_RANGE, Status.DISCONNECTED):
        sensor.fail(status)
        reading = cold.sensor(stage)
        assert (reading.status, math.isnan(reading.kelvin)) == (status, True)
    sensor.mend()
    assert cold.sensor(stage).kelvin == true


def test_a_frozen_sensor_looks_sound(cold, clock):
    cold.thermometer("mixing_chamber").freeze(0.012)
    cold.hold(0.5)
    reading = cold.sensor("mixing_chamber")
    assert (reading.kelvin, reading.status) == (0.012, Status.OK)
    assert cold.temperature == pytest.approx(0.5)


def test_what_it_does_not_have_is_named(cold):
    with pytest.raises(KeyError, match="no machine steam engine; there are pulse_tube"):
        cold.switch("steam engine", True)
    with pytest.raises(KeyError, match="no stage cellar; there are 50K"):
        cold.load("x", {"cellar": 1.0})
    with pytest.raises(ValueError, match="impedance"):
        cold.block(0.5)


# Debye's function in units of 3 R: 1 - x^2/20 + x^4/560 for small x = 344.3 K / T, a table at 10.
@pytest.mark.parametrize(("kelvin", "ratio"), [(491.9, 0.9759), (344.3, 0.9517), (34.43, 0.0758)])
def test_copper_follows_debye(kelvin, ratio):
    electrons = 0.691e-3 * kelvin
    assert copper(kelvin) * 0.063546 - electrons == pytest.approx(3 * 8.3145 * ratio, rel=3e-3)


def test_cold_copper_is_its_electrons_and_helium_saturates():
    assert copper(0.01) == pytest.approx(0.691e-3 * 0.01 / 0.063546, rel=1e-3)
    assert dilute_helium(0.01) == pytest.approx(1.06, rel=0.01)
    assert dilute_helium(4.0) == pytest.approx(1.5 * 8.314, rel=1e-3)
    assert np.isfinite(copper(0.001))


@pytest.mark.parametrize("watts", [1e3, 1e4])
def test_no_load_makes_it_hotter_than_the_model_knows(cold, clock, watts):
    """Once nothing in it cools more with the temperature, a load would heat without an end."""
    cold.load("fire", dict.fromkeys(STAGES, watts))
    assert max(after(cold, clock, 100 * HOUR).values()) == pytest.approx(400.0)
    cold.load("fire", {})
    assert after(cold, clock, 1000 * HOUR)["50K"] < 60


def test_a_ramp_ends_where_the_model_does(cold, clock):
    cold.hold(0.02, 10.0)
    assert after(cold, clock, 100 * HOUR)["mixing_chamber"] == pytest.approx(400.0)
