"""A defect of two levels is no line, and a line is no defect."""

from __future__ import annotations

import numpy as np
import pytest

from kammerton.estimation import fit_batch

TONES = np.linspace(5.0e9, 5.02e9, 201)
U = np.linspace(0.0, 1.0, 201)


def noise(rng, count):
    """Return noise of a fiftieth to a third of the signal, and its sigma."""
    sigma = np.exp(rng.uniform(np.log(1 / 50), np.log(1 / 3), (count, 1))) * np.ones(201)
    return sigma * rng.normal(size=sigma.shape), sigma


@pytest.mark.parametrize("given", [True, False], ids=["sigma", "no sigma"])
def test_two_jumps_are_no_line(given):
    rng = np.random.default_rng(5)
    y, sigma = noise(rng, 1000)
    first, last = np.sort(rng.random((1000, 2)), axis=1).T
    y += ((first[:, None] < U) & (last[:, None] > U)) * rng.choice([-1, 1], (1000, 1))
    found = fit_batch("qubit_spectroscopy", TONES, y, sigma if given else None)
    assert np.mean(found.verdict == "accepted") < 0.02
    told = np.char.startswith(found.reason.astype(str), "the data jump to another level and back")
    assert np.count_nonzero(told & (found.status == "drift during scan")) > 100


@pytest.mark.parametrize("given", [True, False], ids=["sigma", "no sigma"])
def test_a_line_of_any_width_is_no_defect(given):
    rng = np.random.default_rng(6)
    y, sigma = noise(rng, 1000)
    half = np.exp(rng.uniform(np.log(0.01), np.log(0.15), (1000, 1)))
    u = (U - rng.uniform(0.3, 0.7, (1000, 1))) / half
    y += np.where(rng.random((1000, 1)) < 0.5, 1 / (1 + u * u), np.exp(-np.log(2) * u * u))
    found = fit_batch("qubit_spectroscopy", TONES, y, sigma if given else None)
    assert np.count_nonzero(found.status == "drift during scan") < 10
    jump = np.char.startswith(found.reason.astype(str), "a jump to another level")
    assert np.count_nonzero(jump) < 20


def test_a_step_near_the_end_of_a_sloping_scan_is_not_two_lines():
    rng = np.random.default_rng(8)
    where = rng.uniform(0.05, 0.2, (2000, 1))
    y = (where < U) * rng.uniform(8, 15, (2000, 1)) + rng.uniform(-3, 3, (2000, 1)) * U
    found = fit_batch("qubit_spectroscopy", TONES, y + rng.normal(size=y.shape), 1.0)
    assert "accepted" not in found.verdict
