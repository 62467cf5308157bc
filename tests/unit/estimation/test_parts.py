"""A part that is all of the traces, in their order, is not copied; every other part is."""

from __future__ import annotations

import numpy as np
import pytest

from kammerton.estimation.numeric import kernels
from kammerton.estimation.numeric.prepare import prepare
from kammerton.estimation.numeric.solver import replaced, solve

X = np.linspace(0.0, 1.0, 40)
LOW, HIGH = np.array([-0.3, 0.01]), np.array([1.3, 2.0])


def fitted(traces):
    rng = np.random.default_rng(2)
    y = 1.0 / (1.0 + ((X - 0.4) / 0.1) ** 2) + 0.1 * rng.standard_normal((traces, len(X)))
    batch = prepare(X, y, 0.1, complex_too=False, from_zero=False, least=6)
    start = np.linspace([0.35, 0.1], [0.45, 0.2], traces)
    return batch, solve(kernels.LINE, batch, start, LOW, HIGH)


@pytest.mark.parametrize(
    "which", [np.arange(3), np.ones(3, dtype=bool), np.flatnonzero([True, True, True])]
)
def test_all_traces_are_the_batch_itself(which):
    batch, fit = fitted(3)
    assert batch.take(which) is batch
    assert fit.take(which) is fit


@pytest.mark.parametrize(
    ("picked", "rows"),
    [(np.array([2, 1, 0]), [2, 1, 0]), (np.array([0, 0, 0]), [0, 0, 0]), (np.array([1]), [1]),
     (np.array([True, False, True]), [0, 2]), (np.zeros(3, dtype=bool), []),
     (slice(0), []), (slice(1, 3), [1, 2])],
)  # fmt: skip
def test_other_parts_are_what_was_asked_for(picked, rows):
    batch, fit = fitted(3)
    np.testing.assert_array_equal(batch.take(picked).y, batch.y[rows])
    np.testing.assert_array_equal(fit.take(picked).theta, fit.theta[rows])


@pytest.mark.parametrize(
    ("which", "whole"), [([0], True), ([True], True), ([0, 0], False), ([False], False)]
)
def test_parts_of_one_trace(which, whole):
    batch, fit = fitted(1)
    picked = np.array(which)
    np.testing.assert_array_equal(batch.take(picked).y, batch.y[picked])
    assert (batch.take(picked) is batch) is whole
    assert (fit.take(picked) is fit) is whole


def test_what_replaces_all_is_taken_as_it_is():
    batch, fit = fitted(3)
    other = solve(kernels.LINE, batch, fit.p + 0.01, LOW, HIGH)
    every = np.arange(3)
    assert replaced(fit, every, other, np.ones(3, dtype=bool)) is other
    mixed = replaced(fit, every, other, np.array([True, False, True]))
    np.testing.assert_array_equal(mixed.theta[[0, 2]], other.theta[[0, 2]])
    np.testing.assert_array_equal(mixed.theta[1], fit.theta[1])
    turned = replaced(fit, every[::-1], other, np.ones(3, dtype=bool))
    np.testing.assert_array_equal(turned.theta, other.theta[::-1])
