"""A drift that is even from point to point bends over uneven delays like a decay, and is none."""

from __future__ import annotations

import numpy as np
import pytest

from kammerton.estimation import fit_batch

AXES = {
    "ten times": np.geomspace(1e-5, 1e-4, 51),
    "a hundred times": np.geomspace(1e-6, 1e-4, 25),
    "squares": 1e-4 * np.linspace(0, 1, 51) ** 2,
    "at random": np.sort(np.random.default_rng(8).uniform(0, 1e-4, 31)),
}
RB = "randomized_benchmarking"
LENGTHS = np.repeat(np.round(np.geomspace(1, 200, 10)), 5)


@pytest.mark.parametrize("x", AXES.values(), ids=AXES)
@pytest.mark.parametrize("kind", ["t1", "t2_echo", "cpmg"])
def test_a_drift_from_delay_to_delay_is_no_decay(kind, x):
    """Before, up to half of these were accepted."""
    rng = np.random.default_rng(3)
    size, sigma = rng.choice([-1, 1], (2000, 1)) * rng.uniform(0.3, 3, (2000, 1)), 0.05
    y = size * np.linspace(0, 1, x.size) + sigma * rng.normal(size=(2000, x.size))
    found = fit_batch(kind, x, y, sigma)
    assert not (found.verdict == "accepted").any()


@pytest.mark.parametrize("known", [{}, {"offset": 0.5}], ids=["free end", "known end"])
def test_a_drift_from_length_to_length_is_no_benchmark(known):
    rng, place = np.random.default_rng(3), np.linspace(0, 1, LENGTHS.size)
    fall, sigma = rng.uniform(0.05, 0.9, (2000, 1)), rng.uniform(0.01, 0.1, (2000, 1))
    y = 0.95 - fall * place + sigma * rng.normal(size=(2000, LENGTHS.size))
    found = fit_batch(RB, LENGTHS, y, np.broadcast_to(sigma, y.shape), **known)
    assert np.count_nonzero(found.verdict == "accepted") == 0


@pytest.mark.parametrize("kind", ["t1", "t2_echo", "cpmg"])
@pytest.mark.parametrize("x", AXES.values(), ids=AXES)
def test_decays_over_such_delays_are_accepted_as_ever(kind, x):
    rng = np.random.default_rng(4)
    y = 0.1 + 0.8 * np.exp(-x / 3e-5) + 0.01 * rng.normal(size=(500, x.size))
    assert np.mean(fit_batch(kind, x, y, 0.01).verdict == "accepted") > 0.99


def test_where_the_order_is_not_that_of_the_delays_nothing_drifts_along_them():
    """Weak, but seen: 1 % of the levels over each turn of a sweep that visits all points."""
    x = AXES["ten times"]
    y = np.exp(-x / 6e-5) + 0.05 * np.random.default_rng(5).normal(size=(500, x.size))
    accepted = [
        np.mean(fit_batch("t1", x, y, 0.05, **known).verdict == "accepted")
        for known in ({}, {"interleaved": True})
    ]
    assert accepted[1] > accepted[0] + 0.1


def test_a_missing_point_and_an_even_axis_change_nothing():
    x, rng = np.linspace(0, 1e-4, 41), np.random.default_rng(6)
    y = np.exp(-x / 3e-5) + 0.02 * rng.normal(size=(200, x.size))
    y[:, 7] = np.nan
    assert np.mean(fit_batch("t1", x, y, 0.02).verdict == "accepted") > 0.99
