"""Pulses that take time to rise: what of it is too small to be seen is in the errors."""

from __future__ import annotations

import numpy as np
import pytest

from kammerton.estimation import fit_batch

LENGTHS = np.linspace(0.0, 300e-9, 61)
NOISE, TRACES = 0.05, 1000
LEVELS = {"contrast": 0.9, "offset": 0.05}


def pulses(rise, period, window=1.0):
    """Of `window` times 300 ns, from the ground state."""
    x = window * LENGTHS
    law = 0.5 - 0.45 * np.cos(2 * np.pi * np.clip(x - rise, 0.0, None) / period)
    return x, law + NOISE * np.random.default_rng(1).normal(size=(TRACES, x.size))


@pytest.mark.parametrize("known", [{}, LEVELS], ids=["levels free", "levels known"])
@pytest.mark.parametrize(
    ("rise", "period"),
    [(0.0, 60e-9), (1e-9, 60e-9), (2e-9, 60e-9), (2e-9, 150e-9), (3e-9, 150e-9), (5e-9, 150e-9)],
)
def test_a_rise_that_is_hardly_seen_takes_no_pi_length_from_its_bar(rise, period, known):
    found = fit_batch("rabi_length", *pulses(rise, period), NOISE, **known)
    assert (found.verdict == "accepted").mean() > 0.98
    for name, value in (("pi_length", period / 2 + rise), ("period", period)):
        pull = (found.values[name] - value) / found.stderr[name]
        assert abs(np.median(pull)) < 0.25, name
        assert 0.93 < pull.std() < 1.07, name


def test_a_rise_that_is_known_costs_the_pi_length_nothing():
    for rise in (0.0, 5e-9):
        x, y = pulses(rise, 60e-9)
        free, sure = (fit_batch("rabi_length", x, y, NOISE, rise=r) for r in (None, rise))
        pull = (sure.values["pi_length"] - 30e-9 - rise) / sure.stderr["pi_length"]
        assert 0.93 < pull.std() < 1.07
        assert (sure.stderr["pi_length"] < 0.15 * free.stderr["pi_length"]).all()


def test_over_less_than_a_period_a_rise_costs_nothing():
    """There it could not be told from the period, which would be known to a third."""
    x, y = pulses(0.0, 60e-9, window=0.13)
    free, sure = (fit_batch("rabi_length", x, y, NOISE, rise=r) for r in (None, 0.0))
    same = free.stderr["period"] == sure.stderr["period"]
    assert same.mean() > 0.95
    assert (free.verdict == "accepted").mean() > 0.95


def test_an_extremum_far_from_no_length_is_no_rise():
    x = LENGTHS
    y = 0.5 - 0.45 * np.cos(2 * np.pi * x / 60e-9 - 1.3)
    y = y + 0.02 * np.random.default_rng(2).normal(size=(100, x.size))
    found = fit_batch("rabi_length", x, y, 0.02)
    assert set(found.status) == {"model does not fit"}
    assert "misses zero" in found.reason[0]


def test_a_rise_is_free_where_either_law_counts_more_than_a_period():
    """A free rise may make the period longer than the sweep by chance."""
    x, y = pulses(0.0, 270e-9)  # 1.11 periods
    y += 0.07 * np.random.default_rng(3).normal(size=y.shape)
    free, sure = (fit_batch("rabi_length", x, y, 0.09, rise=r) for r in (None, 0.0))
    counted = np.maximum(*(x[-1] / found.values["period"] for found in (free, sure)))
    wider = free.stderr["pi_length"] > 1.05 * sure.stderr["pi_length"]
    assert (counted > 1.02).mean() > 0.9
    assert wider[counted > 1.02].all()
