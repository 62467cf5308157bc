"""What the generators play through upstream's driver warms the refrigerator, and only then."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kammerton_sim.chip import random_chip
from kammerton_sim.chip.cryostat import Cryostat
from kammerton_sim.laboratory import Laboratory
from tests.wire.conftest import halt, run, settle, trigger, upload


@pytest.fixture
def laboratory(world):
    chip = replace(random_chip(1, 3), refrigerator=Cryostat(mixer_loss=0.0))
    with Laboratory(chip, world=world) as laboratory:
        yield laboratory


def test_a_running_generator_heats_through_a_pumped_mixer(laboratory, world, awg, source):
    loads = []
    world.refrigerator.load = lambda name, watts: loads.append(sum(watts.values()))
    upload(awg)
    run(awg)
    trigger(awg)
    assert loads[-1] == 0  # the source is off
    halt(awg)
    source.power(13)
    source.on()
    settle(source)
    run(awg)
    assert loads[-1] == 0  # it waits for its trigger
    trigger(awg)
    # 5 times 40 samples of 0.2 V in turns of 5 * 5 * 2400 samples
    assert loads[-1] == pytest.approx(200 * 0.2**2 / (25 * 2400) / 100, rel=1e-6)
    halt(awg)
    assert loads[-1] == 0


def test_turning_a_level_while_it_plays_is_felt_at_once(laboratory, world, awg, source):
    loads = []
    world.refrigerator.load = lambda name, watts: loads.append(sum(watts.values()))
    upload(awg)
    source.power(13)
    source.on()
    settle(source)
    run(awg)
    trigger(awg)
    whole = loads[-1]
    assert whole > 0
    for channel in awg.channels:
        channel.awg_amplitude(0.5)
    settle(awg)
    assert loads[-1] == pytest.approx(whole / 4, rel=1e-6)
    source.power(5)
    settle(source)
    assert loads[-1] == 0  # its mixers are not pumped
    source.power(13)
    settle(source)
    assert loads[-1] == pytest.approx(whole / 4, rel=1e-6)
    laboratory.faults.inject("power-cycle", instrument="drive_lo")
    assert loads[-1] == 0
    halt(awg)
