"""A map of branches so steep that they are in the window at a few biases only."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from kammerton.estimation import fit_batch
from tests.catalogue.truths_crossing import BIASES, FREQUENCIES, branches
from tests.catalogue.truths_flux import lorentzian

F = FREQUENCIES[:, None]
PLACE, SIGMA = 0.01, 0.03
Map = NDArray[np.float64]


def steep(times: float, biases: Map = BIASES) -> Map:
    upper, lower = branches(biases, PLACE, times * 0.9e9, times * -0.4e9, 14e6)
    return lorentzian(F, 5.1e9 + upper, 6e6) + 0.7 * lorentzian(F, 5.1e9 + lower, 6e6)


def noise() -> Map:
    return np.random.default_rng(3).normal(0.0, SIGMA, (len(FREQUENCIES), len(BIASES)))


def status(y: Map) -> str:
    return fit_batch("avoided_crossing", (FREQUENCIES, BIASES), y[None], SIGMA).status[0]


@pytest.mark.parametrize("times", [12.0, 40.0])
@pytest.mark.parametrize("sigma", [SIGMA, None], ids=["sigma", "no sigma"])
@pytest.mark.parametrize("phase", [None, 0.7], ids=["real", "complex"])
def test_the_window_advised_shows_them(times: float, sigma: float | None, phase: float | None):
    def measured(biases):
        y = steep(times, biases) + noise()
        y = y if phase is None else y * np.exp(1j * phase) + 1j * noise()[:, ::-1]
        return fit_batch("avoided_crossing", (FREQUENCIES, biases), y[None], sigma)

    found = measured(BIASES)
    assert (found.verdict[0], found.status[0]) == ("insufficient", "window too long")
    advice, swept = found.advice[0], np.ptp(BIASES)
    assert advice.axis == 1
    assert advice.window_times < 0.3
    assert abs(advice.centre_on - PLACE) < 0.3 * advice.window_times * swept
    half = 0.5 * advice.window_times * swept
    again = measured(np.linspace(advice.centre_on - half, advice.centre_on + half, len(BIASES)))
    assert again.verdict[0] == "accepted", again.reason


def test_one_point_alone_is_none_of_it():
    y = noise()
    y[40, 25] += 40 * SIGMA
    assert status(y) != "window too long"


def test_nor_is_a_map_that_is_uneven_elsewhere():
    y = steep(40.0) + noise()
    assert status(y) == "window too long"
    y[:, 5:9] += np.linspace(0.0, 10 * SIGMA, len(FREQUENCIES))[:, None]
    assert status(y) != "window too long"
    assert status(steep(3.0) + noise()) != "window too long"  # a third of the biases


def test_nor_are_few_biases_far_from_each_other():
    y = steep(40.0)
    assert status(y + np.roll(y, 10, axis=1) + noise()) != "window too long"
