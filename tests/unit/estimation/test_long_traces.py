"""More points than a grid of starts can hold: fast oscillations are found all the same."""

from __future__ import annotations

import numpy as np
import pytest

from kammerton.estimation import fit_batch

NOISE = 0.05


def noisy(law, points, traces=5):
    scatter = np.random.default_rng(points).standard_normal((traces, points))
    return law + NOISE * scatter


@pytest.mark.parametrize(("points", "turns"), [(1025, 0.3), (2001, 0.4), (5001, 0.2), (4000, 0.01)])
@pytest.mark.parametrize("rate", [1.0, 10.0])
def test_fringes_of_a_long_sweep_are_fitted_as_those_of_a_short_one(points, turns, rate):
    """turns: periods from one point to the next; averaged neighbours show nothing of them."""
    x, frequency = np.linspace(0.0, 1.0, points), turns * (points - 1)
    law = 0.5 + 0.4 * np.exp(-rate * x) * np.cos(2 * np.pi * frequency * x + 0.3)
    found = fit_batch("ramsey", x, noisy(law, points), NOISE)
    assert set(found.verdict) == {"accepted"}
    pull = (found.values["frequency"] - frequency) / found.stderr["frequency"]
    assert np.abs(pull).max() < 4.5


@pytest.mark.parametrize("kind", ["rabi_amplitude", "rabi_length"])
@pytest.mark.parametrize(("points", "turns"), [(1025, 0.3), (5001, 0.2)])
def test_a_long_rabi_is_fitted_as_a_short_one(kind, points, turns):
    x, frequency = np.linspace(0.0, 1.0, points), turns * (points - 1)
    law = 0.5 - 0.4 * np.cos(2 * np.pi * frequency * x)
    found = fit_batch(kind, x, noisy(law, points), NOISE)
    assert set(found.verdict) == {"accepted"}
    pull = (found.values["period"] - 1 / frequency) / found.stderr["period"]
    assert np.abs(pull).max() < 4.5


def test_three_passes_of_a_long_sweep_show_no_alias():
    x = np.repeat(np.linspace(0.0, 1.0, 501), 3)
    law = 0.5 + 0.4 * np.exp(-2.0 * x) * np.cos(2 * np.pi * 180.0 * x)
    found = fit_batch("ramsey", x, noisy(law, x.size), NOISE)
    assert set(found.verdict) == {"accepted"}
    assert np.abs(found.values["frequency"] - 180.0).max() < 0.2


@pytest.mark.parametrize("kind", ["ramsey", "rabi_amplitude", "rabi_length"])
def test_noise_of_a_long_sweep_is_not_accepted(kind):
    x = np.linspace(0.0, 1.0, 3000)
    found = fit_batch(kind, x, noisy(np.zeros(3000), 3000, 60), NOISE)
    assert (found.verdict != "accepted").all()


def test_a_long_trace_alone_gives_the_same_numbers():
    x = np.linspace(0.0, 1.0, 1500)
    y = noisy(0.5 + 0.4 * np.exp(-2 * x) * np.cos(2 * np.pi * 400.0 * x), 1500, 3)
    together = fit_batch("ramsey", x, y, NOISE)
    for n in range(3):
        alone = fit_batch("ramsey", x, y[n], NOISE)
        assert alone.values["frequency"][0] == together.values["frequency"][n]
