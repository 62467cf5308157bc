"""A belief grows uncertain as a random walk."""

import math
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kammerton.model import Belief
from kammerton.model.belief import meanwhile

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
SIZE = st.floats(1e-200, 1e200)


def test_sigma_grows_with_the_square_root_of_age():
    belief = Belief(5e9, 3e3, NOON, drift=60.0)
    assert belief.sigma_at(NOON) == 3e3
    assert belief.sigma_at(NOON + timedelta(seconds=10_000)) == pytest.approx(
        math.sqrt(3e3**2 + 60.0**2 * 10_000)
    )


def test_sigma_is_never_smaller_than_when_it_was_measured():
    assert Belief(1.0, 2.0, NOON, drift=5.0).sigma_at(NOON - timedelta(days=1)) == 2.0


def test_without_drift_a_good_value_stays_good():
    assert Belief(1.0, 2.0, NOON).valid_until(3.0) is None


@pytest.mark.parametrize("drift", [0.0, 1.0])
def test_what_is_already_too_uncertain_was_valid_until_it_was_measured(drift):
    assert Belief(1.0, 2.0, NOON, drift).valid_until(2.0) == NOON


@given(st.floats(0, 0.99), st.floats(0.01, 10.0))
def test_at_valid_until_sigma_is_the_tolerance(sigma, drift):
    belief = Belief(1.0, sigma, NOON, drift)
    until = belief.valid_until(1.0)
    assert until is not None
    assert belief.sigma_at(until) == pytest.approx(1.0, rel=1e-3)


@given(SIZE, SIZE, SIZE)
def test_valid_until_of_any_size_is_a_date(sigma, drift, tolerance):
    until = Belief(1.0, sigma, NOON, drift).valid_until(tolerance)
    assert until is not None
    assert NOON <= until <= NOON + timedelta(days=30)


def test_no_drift_that_is_assumed_foresees_more_than_a_cool_down():
    """A threshold was told to hold for three years."""
    assert Belief(1.0, 0.0, NOON, 1e-6).valid_until(1.0) == NOON + timedelta(days=30)
    assert Belief(1.0, 0.0, NOON, 1e-3).valid_until(1.0) == NOON + timedelta(seconds=1e6)


@given(SIZE, SIZE)
def test_sigma_of_any_size_is_a_number(sigma, drift):
    assert math.isfinite(Belief(1.0, sigma, NOON, drift).sigma_at(NOON + timedelta(days=365)))


def test_doubt_widens_and_never_narrows():
    belief = Belief(1.0, 2.0, NOON, 0.5, "run-1")
    assert belief.doubted(3.0) == Belief(1.0, 3.0, NOON, 0.5, "run-1")
    assert belief.doubted(1.0) == belief


def test_a_walk_leaves_its_middle_while_a_run_takes_its_mean():
    """4000 walks of 100 s: what they are at 50 s, and their mean."""
    steps = np.random.default_rng(1).normal(size=(4000, 1001)) * np.sqrt(0.1)
    walks = steps.cumsum(axis=1)
    apart = walks.mean(axis=1) - walks[:, 500]
    assert meanwhile(1.0, timedelta(seconds=100)) == pytest.approx(apart.std(), rel=0.05)


@given(SIZE, st.integers(0, 10**13))
def test_what_is_walked_meanwhile_grows_with_the_run(drift, microseconds):
    once, twice = (meanwhile(drift, timedelta(microseconds=n * microseconds)) for n in (1, 2))
    assert 0 <= once <= twice <= 1.5 * once + 1e-300
