"""Errors a thousand times the scatter are named, and those that chance explains are not."""

from __future__ import annotations

import numpy as np
import pytest

from kammerton.estimation import fit_batch

X = np.linspace(0.0, 1e-4, 51)
Y = np.exp(-X / 3e-5) + np.random.default_rng(0).normal(0, 0.01, X.size)
SAID = "times less than their errors say: look for the unit and the column of these"


@pytest.mark.parametrize("times", [100.0, 1000.0, 1e6])
def test_errors_far_too_large_are_named(times):
    (reason,) = fit_batch("t1", X, Y, 0.01 * times).reason
    assert SAID in reason


@pytest.mark.parametrize("times", [0.5, 1.0, 3.0, 10.0])
def test_errors_that_are_only_careful_are_not(times):
    (reason,) = fit_batch("t1", X, Y, 0.01 * times).reason
    assert SAID not in reason


def test_without_errors_or_with_points_that_any_law_meets_nothing_is_said():
    assert SAID not in fit_batch("t1", X, Y).reason[0]
    assert SAID not in fit_batch("t1", X[:4], Y[:4], 100.0).reason[0]
    assert SAID not in fit_batch("t1", X, np.exp(-X / 3e-5), 1.0).reason[0]
