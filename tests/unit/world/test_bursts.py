"""Quasiparticle bursts, seen in the records."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from kammerton_sim.chip import Bursts, random_chip
from tests.unit.world.conftest import Lab, still

RATE, SHORTEST, RECOVERY = 2.0, 2e-6, 20e-3
WAIT = 4_000


@pytest.fixture(scope="module")
def struck():
    """Both qubits inverted, left alone for 4 us, measured; 60,000 shots."""
    chip = replace(still(random_chip(2, 3)), bursts=Bursts(RATE, SHORTEST, RECOVERY))
    lab = Lab(chip)
    pulses = {n: lab.drag(lab.pi(n), lab.offset(n)) for n in range(2)}
    playback = lab.play(lab.loop([pulses], wait=[WAIT], reset=600_000))
    count = 60_000
    start = playback.scene.conditions.start
    times = start + np.arange(count) * playback.turn_seconds
    return lab, times, playback.states_of(0, count) == 1


def test_impacts_come_at_their_rate(struck):
    lab, _, _ = struck
    impacts = lab.world.noise.bursts.impacts(1.8e9, 1.8e9 + 5000)
    assert impacts.size == pytest.approx(10_000, abs=500)


def declared(lab, times):
    """1/s that the impacts, each by the chip's word, add to 1/T1."""
    impacts = lab.world.noise.bursts.impacts(times[0] - 1, times[-1])
    since = times[:, None] - impacts
    return (np.exp(-np.maximum(since, 0) / RECOVERY) * (since >= 0)).sum(axis=1) / SHORTEST


def test_t1_collapses_and_recovers(struck):
    """P1 after the wait, by the time since the impact, against the closed form."""
    lab, times, ones = struck
    rate = declared(lab, times)
    for low, high in ((0, 1e3), (3e3, 1e4), (2e4, 8e4), (1.5e5, 4.5e5)):
        chosen = (rate >= low) & (rate < high)
        assert chosen.sum() > 150
        for n in range(2):
            t1 = lab.chip.qubits[n].t1
            expected = np.exp(-WAIT * 1e-9 * (1 / t1 + rate[chosen])).mean()
            sigma = np.sqrt(expected * (1 - expected) / chosen.sum())
            assert ones[chosen, n].mean() == pytest.approx(expected, abs=4 * sigma + 0.01)


def test_the_rate_jumps_and_falls_exponentially(struck):
    lab, _, _ = struck
    bursts = lab.world.noise.bursts
    impacts = bursts.impacts(1.8e9, 1.8e9 + 200)
    lonely = impacts[1:-1][(np.diff(impacts)[:-1] > 0.4) & (np.diff(impacts)[1:] > 0.4)][0]
    after = np.array([1e-6, 0.01, 0.02, 0.1])
    expected = np.exp(-after / RECOVERY) / SHORTEST
    assert bursts.rate(lonely + after) == pytest.approx(expected, rel=1e-3)
    assert bursts.rate(np.array([lonely - 1e-3]))[0] < 1


def test_bursts_meet_all_qubits_at_once(struck):
    lab, times, ones = struck
    lost = ~ones
    joint = (lost[:, 0] & lost[:, 1]).mean()
    assert joint > 1.5 * lost[:, 0].mean() * lost[:, 1].mean()
    rates = declared(lab, times)[:, None] + 1 / np.array([q.t1 for q in lab.chip.qubits])
    expected = (1 - np.exp(-WAIT * 1e-9 * rates)).prod(axis=1)
    sigma = np.sqrt((expected * (1 - expected)).sum()) / times.size
    assert joint == pytest.approx(expected.mean(), abs=5 * sigma)


def test_the_truth_of_t1_is_that_between_bursts(struck):
    lab, _, _ = struck
    assert lab.world.truth("q0.t1") == pytest.approx(lab.chip.qubits[0].t1)


def test_records_of_a_burst_do_not_depend_on_how_they_are_asked():
    chip = replace(still(random_chip(1, 3)), bursts=Bursts(20.0))
    lab = Lab(chip)
    pulse = lab.drag(lab.pi(), lab.offset(0))
    playback = lab.play(lab.loop([{0: pulse}], wait=[1000], reset=600_000))
    whole = playback.states_of(0, 2000)
    backwards = [playback.states_of(first, 100) for first in range(1900, -1, -100)]
    assert np.array_equal(whole, np.concatenate(backwards[::-1]))
    a, b, c, d = np.empty((4, 50, 1280), np.uint16)
    playback.records(500, a, b)
    playback.records(500, c, d)
    assert np.array_equal(a, c)
    assert np.array_equal(b, d)
