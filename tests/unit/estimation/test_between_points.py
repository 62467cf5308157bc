"""Resonators so narrow that hardly a single power shows them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from kammerton.estimation import fit_batch
from tests.catalogue.truths_punch_out import F0, FREQUENCIES, POWERS, SPAN, notch

SIGMA = 0.02
STEP = float(FREQUENCIES[1] - FREQUENCIES[0])
X = (FREQUENCIES, POWERS)
Map = NDArray[Any]


def noise(size: float = SIGMA) -> Map:
    rng = np.random.default_rng(5)
    shape = len(FREQUENCIES), len(POWERS)
    return size * (rng.normal(size=shape) + 1j * rng.normal(size=shape))


def narrow(width: float, points: tuple[float, float] = (40.4, 34.5)) -> Map:
    """S21 of a resonator, its width and both places in points of the frequency."""
    at = np.where(POWERS < -33.0, *points)
    return notch(FREQUENCIES[:, None], F0 + at * STEP, width * STEP, np.array(0.6))


def judged(y: Map, sigma: float | None = SIGMA):
    return fit_batch("punch_out", X, y[None], sigma)


@pytest.mark.parametrize("sigma", [SIGMA, None], ids=["sigma", "no sigma"])
def test_points_that_stand_out_at_most_powers_ask_for_finer_steps(sigma: float | None):
    found = judged(narrow(0.06) + noise(), sigma)
    assert (found.verdict[0], found.status[0]) == ("insufficient", "sampling too coarse")
    assert "single frequencies stand out" in found.reason[0]
    advice = found.advice[0]
    assert advice.axis == 0
    assert 0.29 < advice.window_times < 0.31
    half = 0.5 * advice.window_times * SPAN
    assert all(abs(F0 + at * STEP - advice.centre_on) < half for at in (40.4, 34.5))


def test_both_places_are_within_the_window_advised():
    found = judged(narrow(0.06, (50.4, 22.6)) + noise())
    assert found.status[0] == "sampling too coarse"
    advice = found.advice[0]
    half = 0.5 * advice.window_times * SPAN
    assert all(abs(F0 + at * STEP - advice.centre_on) < half for at in (50.4, 22.6))


def test_one_point_alone_is_no_line():
    y = 1.0 + noise()
    y[40, 20] += 60 * SIGMA
    assert judged(y).verdict[0] == "rejected"


def test_nor_is_what_stands_out_at_many_frequencies():
    y = 1.0 + noise()
    y[[20, 40, 60]] += 3 * SIGMA
    assert judged(y).verdict[0] == "rejected"


def test_nor_a_map_that_is_uneven_besides():
    y = narrow(0.06) + noise()
    y[:, ::3] += np.linspace(0.0, 8 * SIGMA, len(FREQUENCIES))[:, None]
    assert judged(y).verdict[0] == "rejected"
