"""Truths, drift and the clock."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from kammerton_sim.chip import Drift, random_chip
from kammerton_sim.world import LaboratoryClock, World, WorldError
from kammerton_sim.world.drift import Path

DAY = 86_400.0


def test_an_ornstein_uhlenbeck_path_has_its_size_and_memory():
    times = np.arange(0, 7200, 600.0)
    paths = np.array([[Path(Drift(1000.0, 3600.0), 5, n)(t) for t in times] for n in range(1500)])
    assert abs(paths.mean(0)).max() < 4.5 * 1000 / math.sqrt(1500)
    covariance = (paths * paths[:, :1]).mean(0) / 1e6
    assert covariance == pytest.approx(np.exp(-times / 3600), abs=0.15)
    assert paths.std(0) == pytest.approx(1000.0, rel=0.12)


def test_a_path_is_one_function_of_time():
    a, b = (Path(Drift(1.0, 3600.0), 7, 1, 0) for _ in range(2))
    assert a(1.8e9 + 1e4) == b(1.8e9 + 1e4)
    assert abs(a(1.8e9 + 1e-3) - a(1.8e9)) < 1e-3
    assert a(1.8e9) != Path(Drift(1.0, 3600.0), 7, 1, 1)(1.8e9)


def test_parameters_wander_about_the_chip_as_declared():
    chip = random_chip(4, 2)
    world = World(chip)
    days = np.arange(1000) * DAY / 4
    f01 = np.array([world.truth("q1.f01", at=t) for t in days]) - chip.qubits[1].f01
    log = np.log([world.truth("q1.t1", at=t) / chip.qubits[1].t1 for t in days])
    assert f01.std() == pytest.approx(1000, rel=0.25)
    assert log.std() == pytest.approx(0.1, rel=0.25)
    assert abs(f01.mean()) < 250


def test_the_present_truth_follows_the_clock():
    world = World(random_chip(1, 2))
    before = world.truth("q0.f01")
    assert world.truth("q0.f01") == pytest.approx(before, abs=20)
    world.clock.advance(10 * DAY)
    assert abs(world.truth("q0.f01") - before) > 1


def test_what_is_played_is_what_is_true_now(one):
    """A pulse tuned to the truth keeps inverting after the qubit has wandered far."""
    chip = one.chip
    qubit = replace(chip.qubits[0], f01_drift=Drift(2e6, 3600.0))
    lab = one.__class__(replace(chip, qubits=(qubit,)))
    missed = []
    old = lab.drag(lab.pi(), lab.offset(0))
    for _ in range(6):
        lab.world.clock.advance(5 * DAY)
        now = lab.drag(lab.pi(), lab.offset(0))
        assert lab.excited([{0: now}], reset=2_000_000)[0] > 0.99
        missed.append(lab.excited([{0: old}], reset=2_000_000)[0])
    assert min(missed) < 0.98


def test_the_clock_adds_what_passed_at_once():
    clock = LaboratoryClock(start=1000.0)
    first = clock.now()
    clock.advance(50.0)
    assert 1050.0 <= clock.now() < 1060.0
    assert first >= 1000.0
    with pytest.raises(WorldError, match="only goes forward"):
        clock.advance(-1.0)
    with pytest.raises(WorldError, match="only goes forward"):
        clock.advance(math.nan)
    for too_far in (1e300, math.inf, 367 * DAY):
        with pytest.raises(WorldError, match=r"at most 3\.16224e\+07 s, a year, pass at once"):
            clock.advance(too_far)
    assert clock.now() < 1060.0


def test_t2_star_solves_its_definition(one):
    q = one.world.qubit(0)
    t = one.world.truth("q0.t2_star")
    exponent = t / one.world.truth("q0.t2_echo") + (2 * math.pi * q.slow_dephasing * t) ** 2 / 2
    assert exponent == pytest.approx(1)


def test_t2_star_with_next_to_no_slow_noise_is_next_to_t2_echo(make_lab):
    world = make_lab(1, 3, slow_dephasing=1e-6).world
    assert world.truth("q0.t2_star") == pytest.approx(world.truth("q0.t2_echo"), rel=1e-12)


def test_t2_star_without_slow_noise_is_t2_echo(make_lab):
    world = make_lab(1, 3, slow_dephasing=0.0).world
    assert world.truth("q0.t2_star") == world.truth("q0.t2_echo")


def test_t2_echo_is_the_markovian_t2_of_the_chip(one):
    assert one.world.truth("q0.t2_echo") == pytest.approx(one.chip.qubits[0].t2, rel=3e-3)


def test_plain_parameters(one):
    chip, world = one.chip, one.world
    assert world.truth("q0.f01") == chip.qubits[0].f01
    assert world.truth("q0.t1") == chip.qubits[0].t1
    assert world.truth("q0.anharmonicity") == chip.qubits[0].anharmonicity
    assert world.truth("r0.frequency") == chip.resonators[0].frequency
    assert world.truth("r0.linewidth") == chip.resonators[0].linewidth


def test_the_pi_amplitude_inverts_best(one):
    best = one.pi()
    unit = one.drag(1.0, one.offset(0))
    points = [{0: f * best * unit} for f in (0.985, 1.0, 1.015)]
    low, middle, high = one.excited(points, reset=2_000_000)
    assert middle > low
    assert middle > high
    assert 0.15 < best < 0.25


PULSE = {"re": [1.0, 1.0], "im": [0.0, 0.0], "sample_rate": 1e9, "carrier": 4.9e9}


@pytest.mark.parametrize(
    ("parameter", "extra", "message"),
    [
        ("q7.f01", {}, "no truth of 'q7.f01'"),
        ("q0.phase", {}, "no truth of 'q0.phase'"),
        ("r0.t1", {}, "no truth of 'r0.t1'"),
        ("q0.pi_amplitude", {}, "be given: re, im, sample_rate, carrier"),
        ("q0.pi_amplitude", PULSE | {"im": [0.0]}, "equal length"),
        ("q0.pi_amplitude", PULSE | {"re": [0.0, 0.0]}, "silent"),
        ("q0.pi_amplitude", PULSE | {"sample_rate": 0.0}, "sample_rate is above 0"),
        ("q0.pi_amplitude", PULSE | {"re": [np.nan, 0.0]}, "samples and carrier are finite"),
    ],
)
def test_questions_without_an_answer_are_refused(one, parameter, extra, message):
    with pytest.raises(WorldError, match=message):
        one.world.truth(parameter, **extra)
