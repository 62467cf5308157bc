"""Mishaps of single qubits, and resonances that belong to none: what they do, and the truth."""

from __future__ import annotations

import numpy as np
import pytest

from kammerton_sim.chip import ResonatorTruth, random_chip
from kammerton_sim.world import World, WorldError
from kammerton_sim.world.feedline import feedline
from kammerton_sim.world.mishaps import Mishap

PULSE = {"re": [1.0] * 40, "im": [0.0] * 40, "sample_rate": 1e9, "carrier": 4.9e9}


@pytest.fixture
def world() -> World:
    return World(random_chip(2, 3))


def test_a_hop_holds_from_its_time_until_it_is_mended(world):
    start = world.clock.now()
    base = {at: world.truth("q1.f01", at) for at in (start - 10, start + 10, start + 30)}
    mend = world.mishaps.happen(Mishap(1, start, f01=250e3))
    mend(start + 20)
    assert world.truth("q1.f01", start - 10) == base[start - 10]
    assert world.truth("q1.f01", start + 10) == pytest.approx(base[start + 10] + 250e3)
    assert world.truth("q1.f01", start + 30) == base[start + 30]
    assert world.truth("q0.f01", start + 10) != base[start + 10]


def test_a_defect_adds_to_the_rate_of_relaxation(world):
    at = world.clock.now()
    before = world.truth("q0.t1", at)
    world.mishaps.happen(Mishap(0, at, rate=1 / 12.5e-6))
    assert world.truth("q0.t1", at) == pytest.approx(1 / (1 / before + 1 / 12.5e-6))
    assert world.truth("q0.t2_echo", at) < 2 * world.truth("q0.t1", at)


def test_a_weak_drive_needs_more_and_none_inverts_nothing(world):
    at = world.clock.now()
    before = world.truth("q0.pi_amplitude", at, **PULSE)
    mend = world.mishaps.happen(Mishap(0, at, drive=0.5))
    assert world.truth("q0.pi_amplitude", at, **PULSE) == pytest.approx(2 * before, rel=1e-4)
    mend(at)
    world.mishaps.happen(Mishap(0, at, drive=0.0))
    with pytest.raises(WorldError, match="silent"):
        world.truth("q0.pi_amplitude", at, **PULSE)


def test_two_mishaps_add_up(world):
    at = world.clock.now()
    before = world.truth("q0.f01", at)
    for _ in range(2):
        world.mishaps.happen(Mishap(0, at, f01=1e5))
    assert world.truth("q0.f01", at) == pytest.approx(before + 2e5)


def test_what_is_played_follows(one):
    """A pulse that inverted no longer does on a qubit that hopped far, or is cut off."""
    pulse = {0: one.drag(one.pi(), one.offset(0))}
    assert one.excited([pulse], reset=2_000_000)[0] > 0.99
    mend = one.world.mishaps.happen(Mishap(0, one.world.clock.now(), f01=30e6))
    assert one.excited([pulse], reset=2_000_000)[0] < 0.5
    mend(one.world.clock.now())
    one.world.mishaps.happen(Mishap(0, one.world.clock.now(), drive=0.0))
    assert one.excited([pulse], reset=2_000_000)[0] < 0.02


def test_a_decoy_is_a_notch_of_its_own():
    """Long after a tone began, the line passes 1 - depth / (1 + 2j (f - f0) / linewidth)."""
    chip = random_chip(1, 3)
    decoy = ResonatorTruth("decoy", 7.1e9, 0.0, 2e6, 0.8, 0.0)
    for offset in (0.0, 1e6, 5e6):
        pulled = [r.chi * np.arange(3) for r in chip.resonators]
        line = feedline(chip.resonators, pulled, 7.1e9 - offset, 1.0, 1e-9, [decoy])
        plain = feedline(chip.resonators, pulled, 7.1e9 - offset, 1.0, 1e-9)
        volts = np.exp(2j * np.pi * 0 * np.arange(6000)).astype(complex)
        passed = [each.room(1, 6000) for each in (line, plain)]
        line.fill(passed[0], 0, volts, 0)
        plain.fill(passed[1], 0, volts, 0)
        added = passed[0].ground[0, -1] - passed[1].ground[0, -1]
        assert added == pytest.approx(-0.8 / (1 + 2j * (-offset) / 2e6), abs=2e-3)
        assert np.array_equal(passed[0].change, passed[1].change)


def test_a_decoy_sits_on_the_nearest_feedline_and_can_be_taken_off():
    world = World(random_chip(11, 3))
    off = world.decoy(ResonatorTruth("decoy", 7.1e9, 0.0, 2e6, 0.8, 0.0))
    assert sum(len(line.decoys) for line in world._readouts) == 1
    off()
    assert sum(len(line.decoys) for line in world._readouts) == 0
