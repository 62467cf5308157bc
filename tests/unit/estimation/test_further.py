"""Whether what a law leaves follows one thing more: how often by chance, and from what size on."""

from __future__ import annotations

import numpy as np
import pytest

from kammerton.estimation.numeric.prepare import prepare
from kammerton.estimation.numeric.projection import linear
from kammerton.estimation.verdict.evidence import UNLIKELY
from kammerton.estimation.verdict.further import more_is_seen

X = np.linspace(0.0, 1.0, 30)
LINE, SQUARE = np.stack([np.ones(30), X]), (X - 0.5)[None] ** 2
MANY = 40_000


def seen(bend, sigma=0.1, given=0.1, count=MANY, slope=1.0):
    """Return how often a square is seen beside a line."""
    y = slope * X + bend * SQUARE + sigma * np.random.default_rng(2).normal(size=(count, 30))
    batch = prepare(X, y, given, complex_too=False, from_zero=True, least=5)
    fit = linear(LINE, batch)
    law, more = (np.broadcast_to(each, (count, *each.shape)) for each in (LINE, SQUARE))
    return more_is_seen(batch, fit.residual, fit.theta @ LINE, law, more).mean()


@pytest.mark.parametrize("given", [0.1, None])
def test_chance_is_as_rare_as_it_says(given):
    assert 0.4 * UNLIKELY < seen(0.0, given=given) < 1.6 * UNLIKELY


@pytest.mark.parametrize("given", [0.1, None])
def test_five_standard_errors_are_seen(given):
    error = 0.1 / np.linalg.norm(SQUARE - np.polynomial.Polynomial.fit(X, SQUARE[0], 1)(X))
    assert seen(6.0 * error, given=given, count=1000) > 0.9


def test_errors_that_are_too_small_do_not_make_more_of_noise():
    assert seen(0.0, given=0.05) < 2.0 * UNLIKELY


def test_what_hardly_matters_passes():
    assert seen(0.05, sigma=1e-5, given=1e-5, count=10) == 0.0


def test_what_the_law_has_already_is_nothing_more():
    y = X + 0.1 * np.random.default_rng(3).normal(size=(MANY, 30))
    batch = prepare(X, y, 0.1, complex_too=False, from_zero=True, least=5)
    fit = linear(LINE[:1], batch)
    one, none = np.ones((MANY, 1, 30)), np.zeros((MANY, 1, 30))
    more = np.concatenate([2.0 * one, none], axis=1)
    assert not more_is_seen(batch, fit.residual, fit.theta @ LINE[:1], one, more).any()


@pytest.mark.parametrize("given", [0.1, None])
def test_a_column_that_is_none_hides_none_after_it(given):
    """A plain QR gives it a direction all the same, which those after it then lack."""
    rng = np.random.default_rng(4)
    y = X + 3.0 * SQUARE + 0.1 * rng.normal(size=(MANY, 30))
    batch = prepare(X, y, given, complex_too=False, from_zero=True, least=5)
    fit = linear(LINE, batch)
    dependent = np.concatenate([LINE, 2.0 * LINE[:1] - LINE[1:], 0.0 * SQUARE])
    law = np.broadcast_to(np.concatenate([LINE, 0.0 * SQUARE]), (MANY, 3, 30))
    more, every = (
        np.broadcast_to(each, (MANY, *each.shape))
        for each in (SQUARE, np.concatenate([dependent, SQUARE, 3.0 * SQUARE]))
    )
    alone = more_is_seen(batch, fit.residual, fit.theta @ LINE, law, more)
    among = more_is_seen(batch, fit.residual, fit.theta @ LINE, law, every)
    assert alone.mean() > 0.1
    np.testing.assert_array_equal(among, alone)


@pytest.mark.parametrize("given", [0.1, None])
def test_chance_is_as_rare_among_columns_of_which_most_are_dependent(given):
    """As those of two smooth curves among all powers of both, of few points."""
    t = np.linspace(0.0, 1.0, 9)
    powers, none = t ** np.arange(5)[:, None], np.zeros((5, 9))
    more = np.concatenate([np.hstack([powers, none]), np.hstack([none, powers])])
    law = np.concatenate(
        [np.hstack([powers[:3], powers[:3]]), np.hstack([powers[:3], -powers[:3]])]
    )
    y = 0.1 * law[:3].sum(axis=0) + 0.1 * np.random.default_rng(5).normal(size=(MANY, 18))
    batch = prepare(np.arange(18.0), y, given, complex_too=False, from_zero=True, least=5)
    fit = linear(law, batch)
    columns = (np.broadcast_to(each, (MANY, *each.shape)) for each in (law, more))
    often = more_is_seen(batch, fit.residual, fit.theta @ law, *columns).mean()
    rarest = (
        0.0 if given else 0.4
    )  # given, both must be unlikely: sigma's chance, and the scatter's
    assert rarest * UNLIKELY < often < 1.6 * UNLIKELY


@pytest.mark.parametrize("given", [0.1, None])
@pytest.mark.parametrize("points", [2, 3])
def test_of_no_points_left_over_nothing_is_seen(points, given):
    """Neither of as many columns as points nor of more, which were an error."""
    y = np.random.default_rng(6).normal(size=(10, points))
    batch = prepare(X[:points], y, given, complex_too=False, from_zero=True, least=2)
    law, more = (
        np.ones((10, 1, points)),
        X[:points] ** np.arange(1, 3)[:, None] * np.ones((10, 1, 1)),
    )
    assert not more_is_seen(batch, batch.y * batch.w, batch.y, law, more).any()
