"""What is compared with what: limits of chi-square, gains, and arrays that need no scaling."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import chi2

from kammerton.estimation.numeric.prepare import prepare
from kammerton.estimation.numeric.solver import Solution
from kammerton.estimation.scaled import ordinary
from kammerton.estimation.verdict.evidence import delta_cost, gain_of, gained, limits

Y = np.random.default_rng(1).normal(size=(3, 20))


@pytest.mark.parametrize("freedom", [[7], [40] * 3, [3, 40, 3, 2000], [40] * 12, [3, 40] * 6])
def test_limits_are_exceeded_with_the_chance(freedom):
    found = np.broadcast_to(limits(np.array(freedom), 1e-3), (len(freedom),))
    assert found == pytest.approx(chi2.isf(1e-3, freedom))


def test_a_gain_pays_for_its_parameters():
    gain = gained(90.0, 150.0, 2, 100, 95, False)
    assert gain == pytest.approx(95 * np.log(150 / 90) - 2 * np.log(100))
    assert gained(90.0, 150.0, 2, 100, 95, True) == pytest.approx(
        min(60.0, 95 * np.log(150 / 90)) - 2 * np.log(100)
    )


@pytest.mark.parametrize(
    "sigma", [None, 0.1, np.full((3, 20), 0.1), np.where(np.arange(20) == 3, 0.0, 0.1) + 0 * Y]
)
def test_usual_arrays_are_ordinary(sigma):
    assert ordinary(Y, sigma, 1)
    assert ordinary(Y + 1j * Y, sigma, 1)
    assert ordinary(Y[0], None if sigma is None else 0.1, 1)


@pytest.mark.parametrize(
    ("y", "sigma"),
    [
        (Y * 1e-40, None), (Y * 1e40, None), (np.where(Y > 1.5, np.nan, Y), None),
        (np.where(Y > 1.5, np.inf, Y), None), (Y.tolist(), None), (np.ma.masked_array(Y), None),
        (Y.astype(int), None), (Y, -0.1), (Y, np.full((3, 20), 1e-30)), (Y, 1e40),
        (Y, np.full((3, 20), np.nan)), (Y, np.full(20, 0.1)),
    ],
)  # fmt: skip
def test_all_else_gets_a_closer_look(y, sigma):
    assert not ordinary(y, sigma, 1)


def test_what_some_traces_gain_is_what_they_gain_as_a_batch_of_their_own():
    batch = prepare(np.arange(20.0), Y, np.ones(Y.shape), complex_too=False, from_zero=False,
                    least=2)  # fmt: skip
    none, which = np.empty((3, 0)), np.array([2, 0])
    simple = Solution(-1, none, none[:, :, None], np.array([30.0, 40.0, 50.0]), Y, np.full(3, 2))
    rich = replace(simple, cost=np.array([20.0, 35.0, 12.0]), free=np.full(3, 4)).take(which)
    own = delta_cost(batch.take(which), simple.take(which), rich)
    assert gain_of(batch, which, simple, rich).tolist() == own.tolist()
    assert (own > 0).all()
