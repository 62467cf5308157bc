"""Sweeps that begin farther from zero than they are long: they have an origin of their own."""

from __future__ import annotations

import numpy as np
import pytest

from kammerton.estimation import fit_batch

T2, TRACES = 20e-6, 100
WINDOWS = [(1.0, 0.9), (2.0, 1.5), (1.0, 0.5)]


def swept(kind, begin, length, slow):
    """Delays from `begin` T2 on, and decays with a share of slow noise."""
    s = np.linspace(begin, begin + length, 101)
    turn = np.cos(2 * np.pi * 8 * s) if kind == "ramsey" else 1.0
    y = 0.5 + 0.45 * np.exp(-(1 - slow) * s - slow * s * s) * turn
    return s * T2, y + 0.003 * np.random.default_rng(3).normal(size=(TRACES, 101))


@pytest.mark.parametrize("kind", ["ramsey", "t2_echo", "cpmg"])
@pytest.mark.parametrize("slow", [0.5, 1.0])
@pytest.mark.parametrize(("begin", "length"), WINDOWS)
def test_one_that_begins_late_tells_no_shape_however_short_it_is(kind, slow, begin, length):
    """Before, all fringes from one T2 on were accepted, a T2* of half its size, 65 bars off."""
    found = fit_batch(kind, *swept(kind, begin, length, slow), 0.003)
    assert not (found.verdict == "accepted").any()


@pytest.mark.parametrize(("begin", "length"), WINDOWS[:2])
def test_an_envelope_that_is_known_is_told_from_any_window(begin, length):
    found = fit_batch("ramsey", *swept("ramsey", begin, length, 0.0), 0.003, envelope="exponential")
    assert (found.verdict == "accepted").all()
    pull = (found.values["t2_star"] - T2) / found.stderr["t2_star"]
    assert abs(pull.mean()) < 0.4
    assert pull.std() < 1.2


def test_an_exponential_has_no_origin():
    s = np.linspace(1.0, 1.9, 101)
    y = 0.1 + 0.8 * np.exp(-s) + 0.001 * np.random.default_rng(3).normal(size=(TRACES, 101))
    found = fit_batch("t1", s * T2, y, 0.001)
    assert np.mean(found.verdict == "accepted") > 0.95
