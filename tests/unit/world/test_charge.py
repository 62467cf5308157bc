"""Charge-parity beating of f01."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from kammerton_sim.chip import Charge, random_chip
from kammerton_sim.world import WorldError
from kammerton_sim.world.charge import dispersion
from kammerton_sim.world.transmon import transitions
from tests.unit.world.conftest import Lab, still

MINUTES = 600.0


def koch(m: int, ej: float, ec: float) -> float:
    """Asymptotic charge dispersion of level m (Koch et al. 2007, equation 2.5)."""
    return (
        (-1) ** m
        * ec
        * 2 ** (4 * m + 5)
        / math.factorial(m)
        * math.sqrt(2 / math.pi)
        * (ej / (2 * ec)) ** (m / 2 + 0.75)
        * math.exp(-math.sqrt(8 * ej / ec))
    )


@pytest.mark.parametrize("ratio", [30.0, 50.0, 80.0])
def test_the_dispersion_is_that_of_a_transmon(ratio):
    ec = 250e6
    found = dispersion(*transitions(ratio * ec, ec))
    asymptotic = koch(0, ratio * ec, ec) - koch(1, ratio * ec, ec)
    assert found == pytest.approx(asymptotic, rel=0.25)  # the asymptote's own error at these ratios
    direct = [transitions(ratio * ec, ec, ng)[0] for ng in (0.0, 0.5)]
    assert found == pytest.approx(direct[0] - direct[1], rel=1e-3, abs=0.1)


def beating(parity_rate: float) -> Lab:
    """A qubit of EJ / EC = 28 with 1.5 us between half pulses."""
    chip = still(random_chip(1, 7), anharmonicity=-340e6, slow_dephasing=0.0)
    qubit = replace(chip.qubits[0], charge=Charge(parity_rate, 1e9))
    return Lab(replace(chip, qubits=(qubit,)))


def ramsey(lab: Lab, wait: int):
    """Two half pulses, in quadrature, so that P1 tells the sign of a detuning."""
    offset = lab.offset(0)
    half = lab.drag(lab.pi() / 2, offset, -340e6)
    phase = 2 * np.pi * offset * (40 + wait) * 1e-9 + np.pi / 2
    second = lab.drag(lab.pi() / 2, offset, -340e6, phase=phase)
    return {0: np.concatenate([half, np.zeros(wait, complex), second])}


def test_the_two_parities_turn_to_either_side():
    """Stretches of records with P1 = (1 +- sin)/2, as long as the parity lasts."""
    rate = 20.0
    lab = beating(rate)
    start = lab.world.clock.now()
    splitting = lab.world.noise.charges[0].splitting(np.array([start]))[0]
    wait = round(0.2 / abs(splitting) * 1e9)
    playback = lab.play(lab.loop([ramsey(lab, wait)], reset=500_000))
    ones = playback.states_of(0, 40_000)[:, 0] == 1
    t = (wait + 40) * 1e-9
    contrast = math.exp(-t / lab.world.truth("q0.t2_echo")) * math.sin(math.pi * splitting * t)
    means = ones.reshape(-1, 20).mean(1)
    assert np.percentile(means, 20) == pytest.approx((1 - abs(contrast)) / 2, abs=0.12)
    assert np.percentile(means, 80) == pytest.approx((1 + abs(contrast)) / 2, abs=0.12)
    assert ones.mean() == pytest.approx(0.5, abs=0.06)
    shots = (ones - 0.5) * 2
    apart = [int(s / playback.turn_seconds) for s in (0.002, 0.02)]
    seen = [(shots[n:] * shots[:-n]).mean() for n in apart]
    expected = [contrast**2 * math.exp(-2 * rate * s) for s in (0.002, 0.02)]
    assert seen == pytest.approx(expected, abs=0.04)


def test_the_fringe_beats_at_half_the_splitting():
    """Mean of cosines: averaged over parities P1 follows cos(pi splitting t)."""
    lab = beating(2000.0)
    splitting = abs(lab.world.noise.charges[0].splitting(np.array([lab.world.clock.now()]))[0])
    offset = lab.offset(0)
    half = lab.drag(lab.pi() / 2, offset, -340e6)
    for turns in (0.25, 0.5):
        wait = round(turns / (splitting / 2) * 1e9)
        phase = 2 * np.pi * offset * (40 + wait) * 1e-9
        second = lab.drag(lab.pi() / 2, offset, -340e6, phase=phase)
        point = {0: np.concatenate([half, np.zeros(wait, complex), second])}
        playback = lab.play(lab.loop([point], reset=500_000))
        ones = (playback.states_of(0, 8000)[:, 0] == 1).mean()
        t = (wait + 40) * 1e-9
        decay = math.exp(-t / lab.world.truth("q0.t2_echo"))
        expected = (1 + decay * math.cos(math.pi * splitting * t)) / 2
        assert ones == pytest.approx(expected, abs=0.03)


def test_offset_charges_jump():
    chip = still(random_chip(1, 7), anharmonicity=-340e6)
    qubit = replace(chip.qubits[0], charge=Charge(100.0, MINUTES))
    charge = Lab(replace(chip, qubits=(qubit,))).world.noise.charges[0]
    times = 1.8e9 + np.arange(3000) * MINUTES
    splittings = charge.splitting(times) / charge.dispersion
    assert splittings.std() == pytest.approx(math.sqrt(0.5), rel=0.05)  # of a cosine of any phase
    same = np.mean(splittings[1:] == splittings[:-1])
    assert same == pytest.approx(math.exp(-1), abs=0.04)


def test_the_truth_of_f01_is_the_middle():
    lab = beating(100.0)
    assert lab.world.truth("q0.f01") == lab.chip.qubits[0].f01


def test_an_impossible_transmon_is_refused():
    with pytest.raises(WorldError, match="no transmon has f01 = 1e"):
        dispersion(1e9, -900e6)
