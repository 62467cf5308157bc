"""The step response of a flux line."""

from __future__ import annotations

import numpy as np
import pytest

from kammerton_sim.chip.imperfections import Settling
from kammerton_sim.world.flux_distortion import relaxed, settled

TERMS = (Settling("q0", -0.04, 30e-9), Settling("q0", 0.02, 2e-6))
STEP = 1e-9


def response(t):
    shape = sum(term.amplitude * np.exp(-t / term.time) for term in TERMS)
    return np.where(t >= 0, 1 + shape, 0.0)


def test_a_step_is_followed_by_the_declared_exponentials():
    volts = np.full(5000, 0.3)
    arrived, _ = settled(volts, STEP, TERMS)
    assert arrived == pytest.approx(0.3 * response(np.arange(5000) * STEP), abs=1e-12)


def test_any_waveform_is_the_sum_of_its_steps():
    volts = np.random.default_rng(1).normal(size=300)
    arrived, _ = settled(volts, STEP, TERMS)
    t = np.arange(300) * STEP
    steps = np.diff(volts, prepend=0.0)
    expected = sum(jump * response(t - n * STEP) for n, jump in enumerate(steps))
    assert arrived == pytest.approx(expected, abs=1e-12)


def test_a_line_may_be_followed_in_pieces_and_across_silence():
    volts = np.concatenate([np.full(50, 1.0), np.zeros(4000), np.full(50, 0.5)])
    whole, end = settled(volts, STEP, TERMS)
    first, state = settled(volts[:51], STEP, TERMS)
    last, same = settled(volts[-50:], STEP, TERMS, relaxed(state, 3999 * STEP, TERMS))
    assert np.concatenate([first, last]) == pytest.approx(whole[np.r_[:51, -50:0]], abs=1e-12)
    assert same == pytest.approx(end, abs=1e-12)


def test_a_line_without_exponentials_is_plain():
    volts = np.linspace(-1, 1, 7)
    arrived, _ = settled(volts, STEP, ())
    assert np.array_equal(arrived, volts)
