"""What single shots tell of their digitizer, and errors where the law is not quite the shots'."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from kammerton.estimation import fit_batch
from kammerton.estimation.clouds.shot_record import stuck
from tests.unit.estimation.shot_inputs import DISTANCE, KIND, Laboratory, measured

WIDTH = DISTANCE / Laboratory().sep


def in_turn(seed: int = 0, shots: int = 4000) -> tuple[np.ndarray, np.ndarray]:
    """Return x and y (M,) of preparations that take turns."""
    x, y = measured(Laboratory(), seed, shots=shots)
    order = np.arange(2 * shots).reshape(2, -1).T.ravel()
    return x[order], y[0][order]


@pytest.mark.parametrize("shift", [200, 201])
def test_a_buffer_that_was_read_twice_is_seen_across_preparations(shift: int) -> None:
    x, y = in_turn()
    y[1000 + shift : 1000 + 2 * shift] = y[1000 : 1000 + shift]
    found = fit_batch(KIND, x, y)
    assert found.status[0] == "stuck data"
    assert "one block of shots" in found.reason[0]


@pytest.mark.parametrize("share", [0.1, 0.5, 0.85])
def test_a_record_whose_last_shot_is_held_is_stuck_however_long(share: float) -> None:
    x, y = in_turn()
    y[int((1 - share) * y.size) :] = y[int((1 - share) * y.size)]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert fit_batch(KIND, x, y).status[0] == "stuck data"


@pytest.mark.parametrize("step", [0.05, 0.3])
def test_coarse_values_are_not_stuck(step: float) -> None:
    """Equal values come again at every distance, and twice as often after an even number."""
    for seed in range(20):
        _, y = in_turn(seed)
        coarse = np.round(y / (step * WIDTH))
        assert not stuck(coarse)
        coarse[2000:2600] = coarse[1000:1600]
        assert stuck(coarse)


def test_errors_grow_where_the_law_is_not_quite_that_of_the_shots() -> None:
    """An amplifier that compresses a little: chi-square is too large, yet not for an answer."""
    x, y = in_turn(1, shots=20_000)
    bent = y / (1 + 0.04 * np.abs(y / DISTANCE) ** 2)
    straight, other = fit_batch(KIND, x, y), fit_batch(KIND, x, bent)
    assert other.verdict[0] == "accepted", other.reason[0]
    assert straight.chi2_reduced[0] < 1.3 < 1.6 < other.chi2_reduced[0]
    for name in ("cloud_width", "decay_1", "preparation_error_1"):
        ratio = other.stderr[name][0] / straight.stderr[name][0]
        assert ratio > 0.8 * np.sqrt(other.chi2_reduced[0] / straight.chi2_reduced[0]), name


def test_errors_grow_by_what_a_smear_feigns_where_chi_square_does_not_see_it() -> None:
    """A hum of 0.6 widths along the line of two clouds that overlap."""
    x, y = measured(Laboratory(sep=2.5), 3)
    width = DISTANCE / 2.5
    smeared = y + 0.6 * width * np.exp(2j) * np.cos(1.7 * np.arange(y.size))
    straight, other = fit_batch(KIND, x, y), fit_batch(KIND, x, smeared)
    assert other.chi2_reduced[0] < 1.3
    for name in ("thermal_population", "preparation_error_1"):
        true = {"thermal_population": 0.01, "preparation_error_1": 0.04}[name]
        assert abs(other.values[name][0] - true) < 3 * other.stderr[name][0], name
    assert other.stderr["thermal_population"][0] > 1.3 * straight.stderr["thermal_population"][0]
