"""1/f flux noise: its spectrum on the clock, its dephasing in shots, its wander in records."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from scipy.integrate import quad

from kammerton_sim.chip import random_chip
from kammerton_sim.chip.flux import Flux
from kammerton_sim.world.flux_noise import FluxPath, dephasing
from tests.unit.world.conftest import Lab, still

AMPLITUDE = 3e-6
RESET = 10_000_000


def lab_at(offset, noise=AMPLITUDE, **changes) -> Lab:
    chip = still(random_chip(1, 7), slow_dephasing=0.0, t1=1e-3, t2=1.9e-3)
    qubit = replace(chip.qubits[0], flux=Flux(0.0, offset, noise=noise), **changes)
    return Lab(replace(chip, qubits=(qubit,)))


def test_the_slow_part_has_a_spectrum_of_one_over_f():
    """Power in octaves of the path: A^2 ln 2 in each, over seeds."""
    size, step = 8192, 0.5
    powers = []
    for seed in range(30):
        path = FluxPath(AMPLITUDE, seed)(1.8e9 + np.arange(size) * step)
        window = np.hanning(size)
        spectrum = abs(np.fft.rfft(path * window)) ** 2 * 2 / (window**2).sum() / size
        powers.append(spectrum)
    f = np.fft.rfftfreq(size, step)
    mean = np.mean(powers, axis=0)
    for low in (1 / 128, 1 / 32, 1 / 8, 1 / 2):
        octave = (f >= low) & (f < 2 * low)
        assert mean[octave].sum() == pytest.approx(AMPLITUDE**2 * math.log(2), rel=0.2)


def squared_phase(strength, t, shape):
    """(2 pi D A)^2 times the integral of the filter over 1/f, above 1 Hz."""
    edges = np.logspace(0, math.log10(200 / t), 60)
    parts = [quad(lambda f: shape(f * t) / f, a, b)[0] for a, b in pairwise(edges)]
    return (strength * t) ** 2 * sum(parts)


def ramsey_filter(x):
    return np.sinc(x) ** 2


def echo_filter(x):
    return 4 * np.sin(np.pi * x / 2) ** 4 / (np.pi * x) ** 2


@pytest.mark.parametrize("slope", [3e8, 5e9])
def test_the_decay_times_are_those_of_the_filter_functions(slope):
    rate, sigma = dephasing(slope, AMPLITUDE)
    strength = 2 * math.pi * slope * AMPLITUDE
    assert squared_phase(strength, 1 / rate, echo_filter) / 2 == pytest.approx(1, rel=0.01)
    t = (math.sqrt(rate**2 + 2 * (2 * math.pi * sigma) ** 2) - rate) / (2 * math.pi * sigma) ** 2
    assert squared_phase(strength, t, ramsey_filter) / 2 == pytest.approx(1, rel=0.01)
    assert 3 < 1 / rate / t < 6


def test_coherence_falls_with_the_slope_and_not_at_the_sweet_spot():
    sweet, steep = lab_at(0.0), lab_at(0.2)
    quiet = lab_at(0.2, noise=0.0)
    assert sweet.world.truth("q0.t2_echo") == pytest.approx(
        quiet.world.truth("q0.t2_echo"), rel=0.01
    )
    slope = 1e6 * (
        lab_at(0.2000005, 0.0).world.truth("q0.f01") - lab_at(0.1999995, 0.0).world.truth("q0.f01")
    )
    rate, _ = dephasing(slope, AMPLITUDE)
    added = 1 / steep.world.truth("q0.t2_echo") - 1 / quiet.world.truth("q0.t2_echo")
    assert added == pytest.approx(rate, rel=0.01)
    assert steep.world.truth("q0.t2_star") < 0.4 * steep.world.truth("q0.t2_echo")


def two_pulses(lab, wait, echo):
    offset = lab.offset(0)
    half = lab.pi() / 2

    def phased(amplitude, after):
        return lab.drag(amplitude, offset, phase=2 * np.pi * offset * after * 1e-9)

    if not echo:
        return np.concatenate([phased(half, 0), np.zeros(wait), phased(half, 40 + wait)])
    rest = np.zeros(wait // 2)
    middle = phased(2 * half, 40 + wait // 2)
    return np.concatenate([phased(half, 0), rest, middle, rest, phased(half, 80 + 2 * (wait // 2))])


@pytest.mark.parametrize(("name", "echo"), [("q0.t2_star", False), ("q0.t2_echo", True)])
def test_what_is_shown_is_the_truth(name, echo):
    lab = lab_at(0.2)
    wait = 2 * round(lab.world.truth(name) * 5e8)
    points = [{0: two_pulses(lab, w, echo)} for w in (0, wait)]
    for point in points:
        point[0] = np.concatenate([np.zeros(wait + 120 - point[0].size), point[0]])
    start, end = 2 * lab.excited(points, reset=RESET) - 1
    assert end / start == pytest.approx(math.exp(-1), abs=0.03)


def test_truth_and_records_follow_the_slow_part():
    """In one play of minutes the fringe wanders with the true f01."""
    lab = lab_at(0.2, noise=2e-5)
    wait = 150
    offset = lab.offset(0)
    half = lab.pi() / 2
    turned = 2 * np.pi * offset * (40 + wait) * 1e-9 + np.pi / 2
    pulse = np.concatenate(
        [lab.drag(half, offset), np.zeros(wait), lab.drag(half, offset, phase=turned)]
    )
    playback = lab.play(lab.loop([{0: pulse}], reset=20_000_000))
    ones = playback.states_of(0, 6000)[:, 0] == 1
    chunk = 50
    start = playback.scene.conditions.start
    middles = start + (np.arange(6000 // chunk) + 0.5) * chunk * playback.turn_seconds
    f01 = np.array([lab.world.truth("q0.f01", at=t) for t in middles])
    phase = 2 * np.pi * (f01 - lab.carriers["drive_lo"].frequency - offset) * (wait + 40) * 1e-9
    assert phase.std() > 0.1
    means = ones.reshape(-1, chunk).mean(1)
    assert np.corrcoef(np.sin(phase), means)[0, 1] > 0.6


def test_noise_without_a_slope_moves_no_record():
    assert lab_at(0.2, noise=0.0).world.noise.still
    assert not lab_at(0.0).world.noise.still
