"""Two-level systems: the dip of T1, its hops and its wander, alone."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from kammerton_sim.chip import Defect, random_chip
from kammerton_sim.world import World
from kammerton_sim.world.defects import Defects
from tests.unit.world.conftest import Lab, still

HOUR = 3600.0


def with_defect(defect: Defect, seed: int = 7) -> Lab:
    chip = still(random_chip(1, seed))
    return Lab(replace(chip, qubits=(replace(chip.qubits[0], defects=(defect,)),)))


def added(f01: float, defect: Defect) -> float:
    """1/s, by the formula of two coupled levels of which one decoheres fast."""
    g, width, away = (2 * math.pi * x for x in (defect.coupling, defect.linewidth, f01))
    away -= 2 * math.pi * defect.frequency
    return 2 * g**2 * width / (away**2 + width**2)


@pytest.mark.parametrize("span", [1e-3, 1.0, 300.0])
def test_a_time_tells_the_same_alone_and_among_others(span):
    """Alone a defect rests; among others it may hop, and wander from one grid's instant on."""
    at = 1.8e9 + np.linspace(0.0, span, 400)
    defect = Defect(5e9, 0.05e6, 1e6, jump=2e6, hop_rate=0.5, wander=0.3e6, wander_time=600.0)
    together = Defects((defect,), 3).rate(5e9, at)
    alone = [float(Defects((defect,), 3).rate(5e9, np.array([t]))[0]) for t in at[::7].tolist()]
    assert together[::7] == pytest.approx(alone, rel=1e-12)
    assert (span < 1) == (np.unique(together).size == 1)
    assert Defects((defect,), 3).rate(5e9, np.array([])).size == 0


@pytest.mark.parametrize("away", [0.0, 0.5e6, -2e6, 50e6])
def test_t1_dips_about_the_defect(away):
    f01 = random_chip(1, 7).qubits[0].f01
    defect = Defect(f01 - away, 0.05e6, 1e6)
    lab = with_defect(defect)
    expected = 1 / (1 / lab.chip.qubits[0].t1 + added(f01, defect))
    assert lab.world.truth("q0.t1") == pytest.approx(expected, rel=1e-9)


def test_no_t1_is_shorter_than_a_sample_and_populations_stay_populations():
    f01 = random_chip(1, 7).qubits[0].f01
    lab = with_defect(Defect(f01, 100e6, 1.0))
    assert lab.world.truth("q0.t1") == pytest.approx(1e-9)
    (excited,) = lab.excited([{0: lab.drag(0.2, 0.0)}])
    assert excited == pytest.approx(lab.excited([{}])[0], abs=0.01)


def test_weak_coupling_is_what_the_two_levels_really_do():
    """Against the amplitudes of qubit and defect: decay at the rate of the formula."""
    g, width = 2 * math.pi * 0.02e6, 2 * math.pi * 1e6
    away = 2 * math.pi * 0.7e6
    # the defect loses energy at twice the rate at which it loses its phase
    slow = np.linalg.eigvals([[0, -1j * g], [-1j * g, 1j * away - width]]).real.max()
    defect = Defect(5e9, 0.02e6, 1e6)
    assert -2 * slow == pytest.approx(added(5e9 + 0.7e6, defect), rel=2e-3)


def test_the_shown_decay_is_that_of_the_dip():
    f01 = random_chip(1, 7).qubits[0].f01
    lab = with_defect(Defect(f01 + 1e6, 0.1e6, 1e6))
    t1 = lab.world.truth("q0.t1")
    assert t1 < 0.7 * lab.chip.qubits[0].t1
    pulse = lab.drag(lab.pi(), lab.offset(0))
    waits = [0, 5_000, 20_000]
    shown = lab.excited([{0: pulse}] * 3, wait=waits, reset=2_000_000)
    rest = lab.excited([{}], reset=2_000_000)[0]
    ratio = (shown - rest) / (shown[0] - rest)
    assert ratio == pytest.approx(np.exp(-np.array(waits) * 1e-9 / t1), abs=1e-3)


def test_a_defect_hops_between_two_places():
    f01 = random_chip(1, 7).qubits[0].f01
    defect = Defect(f01 + 2e6, 0.1e6, 0.5e6, jump=4e6, hop_rate=1 / HOUR)
    world = with_defect(defect).world
    times = 1.8e9 + np.arange(4000) * HOUR / 4
    t1 = np.array([world.truth("q0.t1", at=t) for t in times])
    places = {round(t * 1e12) for t in t1}
    assert len(places) == 2
    near = t1 < t1.mean()
    assert near.mean() == pytest.approx(0.5, abs=0.1)
    hops = np.count_nonzero(np.diff(near))
    # seen every quarter of an hour: (1 - exp(-2 rate t)) / 2 of the steps differ
    assert hops / 3999 == pytest.approx((1 - math.exp(-0.5)) / 2, abs=0.03)


def test_a_defect_wanders_by_what_is_declared():
    f01 = random_chip(1, 7).qubits[0].f01
    defect = Defect(f01, 0.1e6, 1e6, wander=3e6, wander_time=HOUR)
    world = with_defect(defect).world
    times = 1.8e9 + np.arange(1500) * 3 * HOUR
    rates = [world.noise.lasting_rate(0, f01, t) for t in times]
    away = np.sqrt(2 * (2 * math.pi * 0.1e6) ** 2 / np.array(rates) / (2 * math.pi * 1e6) - 1) * 1e6
    assert np.sqrt((away**2).mean()) == pytest.approx(3e6, rel=0.15)


def test_hops_show_in_the_records_of_one_play():
    """Within one play |1> survives a wait in long stretches of either T1."""
    f01 = random_chip(1, 7).qubits[0].f01
    defect = Defect(f01 + 3e6, 0.2e6, 0.5e6, jump=6e6, hop_rate=5.0)
    lab = with_defect(defect)
    wait = 20_000
    pulse = lab.drag(lab.pi(), lab.offset(0))
    playback = lab.play(lab.loop([{0: pulse}], wait=[wait], reset=500_000))
    count = 40_000
    ones = playback.states_of(0, count)[:, 0] == 1
    slow, fast = (
        1 / lab.chip.qubits[0].t1 + added(f01, replace(defect, frequency=f))
        for f in (f01, f01 + 6e6)
    )
    low, high = sorted(math.exp(-wait * 1e-9 * r) for r in (slow, fast))
    assert ones.mean() == pytest.approx((low + high) / 2, abs=0.25 * (high - low))
    chunk = 100
    means = ones.reshape(-1, chunk).mean(1)
    assert np.percentile(means, 20) == pytest.approx(low, abs=0.08)
    assert np.percentile(means, 80) == pytest.approx(high, abs=0.08)
    seconds = playback.turn_seconds
    correlation = np.corrcoef(ones[1:], ones[:-1])[0, 1]
    later = int(0.1 / seconds)
    further = np.corrcoef(ones[later:], ones[:-later])[0, 1]
    assert further / correlation == pytest.approx(math.exp(-2 * 5.0 * 0.1), abs=0.12)


def test_a_still_defect_costs_the_records_nothing():
    chip = random_chip(1, 7)
    qubit = replace(chip.qubits[0], defects=(Defect(4.9e9, 1e5, 1e6),))
    assert World(replace(chip, qubits=(qubit,))).noise.still
