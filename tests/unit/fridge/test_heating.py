"""Drive power through the attenuators, into the stages."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from kammerton_sim.chip import Line, random_chip, read_chip, write_chip
from kammerton_sim.chip.cryostat import Cryostat
from kammerton_sim.fridge import Refrigerator
from kammerton_sim.fridge.heating import LineHeat, deposited
from kammerton_sim.signals import ChannelOutput, Segment, Wave
from tests.unit.world.conftest import Lab, still

I, Q = ("awg1", 1), ("awg1", 2)  # noqa: E741 (the field's own letter)
PLAIN = Cryostat(mixer_loss=0.0)


def output(*waves: tuple[float, int, int], vpp: float = 1.0, on: bool = True) -> ChannelOutput:
    """Constant samples: (level, samples, repeats) each."""
    loop = tuple(
        Segment(Wave(str(n), np.full(size, level, np.float32)), repeats)
        for n, (level, size, repeats) in enumerate(waves)
    )
    return ChannelOutput((), loop, vpp, 15, on, 1e9)


class Loads:
    """A refrigerator that only notes what is put on it."""

    def load(self, name: str, watts: dict[str, float]) -> None:
        assert name == "drive"
        self.watts = watts

    @property
    def total(self) -> float:
        return sum(self.watts.values())


def heat(pumps: bool = True, cryostat: Cryostat = PLAIN) -> tuple[LineHeat, Loads]:
    loads = Loads()
    return LineHeat(loads, cryostat, [Line(I, Q, "lo")], lambda source: pumps), loads


def test_every_stage_takes_what_its_attenuator_takes():
    taken = deposited(1.0, Cryostat(at_4k=20, at_cold_plate=10, at_mixing_chamber=20))
    assert taken["50K"] == 0
    assert taken["4K"] == pytest.approx(0.99)
    assert taken["still"] == 0
    assert taken["cold_plate"] == pytest.approx(0.01 * 0.9)
    assert taken["mixing_chamber"] == pytest.approx(0.001)  # attenuator and chip


@pytest.mark.parametrize("attenuation", [0.0, 3.0, 60.0])
def test_no_power_is_lost(attenuation):
    cryostat = Cryostat(at_50k=attenuation, at_still=attenuation)
    assert sum(deposited(2e-3, cryostat).values()) == pytest.approx(2e-3)


def test_a_constant_tone_is_half_its_square_over_fifty_ohm():
    line, loads = heat()
    line.heard({I: output((0.6, 100, 1)), Q: output((0.8, 100, 1))})
    assert loads.total == pytest.approx(0.5**2 / (2 * 50))


def test_silence_of_the_loop_counts():
    line, loads = heat()
    line.heard({I: output((1.0, 100, 1), (0.0, 100, 9))})
    assert loads.total == pytest.approx(0.1 * 0.5**2 / (2 * 50))


def test_the_level_and_the_loss_of_the_mixer_count():
    line, loads = heat(cryostat=Cryostat(mixer_loss=10.0))
    line.heard({I: output((1.0, 100, 1), vpp=0.2)})
    assert loads.total == pytest.approx(0.1 * 0.1**2 / (2 * 50))


def test_what_is_off_does_not_heat():
    line, loads = heat()
    line.heard({I: output((1.0, 100, 1), on=False)})
    assert loads.total == 0
    line, loads = heat(pumps=False)
    line.heard({I: output((1.0, 100, 1))})
    assert loads.total == 0


def test_a_box_that_stops_takes_its_heat_off():
    line, loads = heat()
    line.heard({I: output((1.0, 100, 1))})
    assert loads.total > 0
    line.heard({I: output()})
    assert loads.total == 0


def test_hard_driving_warms_the_chip():
    """0.5 V of steady tone, 40 dB above the mixing chamber: half a microwatt of 2.5 mW."""
    now = [0.0]
    fridge = Refrigerator(lambda: now[0])
    line = LineHeat(fridge, Cryostat(mixer_loss=0.0), [Line(I, Q, "lo")], lambda source: True)
    line.heard({I: output((1.0, 100, 1))})
    now[0] += 3600
    assert fridge.temperature**2 - 0.012**2 == pytest.approx(2.5e-7 / (84 * 0.7e-3), rel=0.01)


def test_the_words_survive_the_file(tmp_path):
    chip = replace(random_chip(1, 3), refrigerator=Cryostat(0.009, 1.0, 1, 2, 3, 4, 5, 6))
    write_chip(chip, tmp_path / "chip.toml")
    assert read_chip(tmp_path / "chip.toml").refrigerator == chip.refrigerator


def test_a_refrigerator_is_cold_or_warm(tmp_path):
    path = tmp_path / "chip.toml"
    write_chip(random_chip(1, 3), path)
    path.write_text(path.read_text() + "\n[refrigerator]\nwarm = 2\nat_4k = 3\n")
    with pytest.raises(ValueError, match=r"refrigerator.warm: 2 must be 0 or 1") as caught:
        read_chip(path)
    assert "unknown key 'at_4k' (did you mean 'at_4k_db'?)" in str(caught.value)


def test_a_chip_at_room_temperature_is_hot_and_can_still_be_played():
    """Superconductivity is not modelled: a warm qubit is a qubit with equal populations."""
    lab = Lab(replace(still(random_chip(1, 7)), refrigerator=Cryostat(warm=1.0)))
    assert lab.world.temperature == pytest.approx(300, abs=1)
    (excited,) = lab.excited([{0: lab.drag(0.2, 0.0)}])
    assert excited == pytest.approx(1 / 3, abs=0.01)
    lab.world.clock.advance(30 * 3600)
    assert lab.world.temperature == pytest.approx(0.012, rel=0.05)
    (excited,) = lab.excited([{0: 0 * lab.drag(0.2, 0.0)}])
    assert excited < 0.01
