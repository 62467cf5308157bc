"""Lines that are fitted in turn: each as by the solver that is fitted alone."""

from __future__ import annotations

import numpy as np
import pytest

from kammerton.estimation.curves.several import line_alone
from kammerton.estimation.curves.shapes import LORENTZIAN, bounds, shaped
from kammerton.estimation.numeric.lines_in_turn import take_turns
from kammerton.estimation.numeric.prepare import prepare

X = np.linspace(0.0, 1.0, 101)
CENTRES, HALVES, HEIGHTS = (0.3, 0.62), (0.04, 0.06), (1.0, -0.6)


def lorentzian(centre, half, height):
    return height / (1.0 + ((X - centre) / half) ** 2)


def traces(seed=1):
    rng = np.random.default_rng(seed)
    y = sum(map(lorentzian, CENTRES, HALVES, HEIGHTS)) + 0.3 * X
    y = y + 0.02 * rng.normal(size=(4, X.size))
    y[1, 40:45] = np.nan
    return prepare(X, y, 0.02, complex_too=False, from_zero=False, least=6)


def turned(batch, count, rounds=3):
    """Refine the first `count` lines from near the truth; the others are not touched."""
    n = batch.traces
    p = np.tile(np.column_stack([CENTRES, HALVES]) * 1.03, (n, 1, 1))
    shapes = np.stack([[lorentzian(*a, h) for a, h in zip(p[0], HEIGHTS, strict=True)]] * n)
    shapes[:, count:] = 0.0
    height, cov, base = np.zeros((n, 2)), np.zeros((n, 2, 2, 2)), np.zeros_like(batch.y)
    which, ends = np.arange(n), bounds(batch, 1)
    take_turns(
        batch.x, batch.y, batch.w, which, np.full(n, count), *ends, rounds, p, height, cov,
        shapes, base,
    )  # fmt: skip
    return p, height, cov, shapes, base


def test_a_line_is_the_one_that_the_solver_finds():
    batch = traces()
    p, height, cov, shapes, base = turned(batch, 1, rounds=1)
    start = np.tile([CENTRES[0] * 1.03, HALVES[0] * 1.03], (4, 1))
    fit = shaped(batch, start, LORENTZIAN)
    sigma = np.sqrt(fit.cov[:, [0, 1], [0, 1]])
    near = 0.05  # sigma: the solver stops where a step promises 2e-6 of chi-square
    assert np.abs(p[:, 0] - fit.p).max() < near * sigma.min()
    assert cov[:, 0] == pytest.approx(fit.cov[:, :2, :2], rel=0.01)
    error = near * np.sqrt(fit.cov[:, 2, 2]).min()
    assert height[:, 0] == pytest.approx(fit.c[:, 0], abs=error)
    assert shapes[:, 0] == pytest.approx(line_alone(batch, fit), abs=error)
    assert shapes[:, 0] + base == pytest.approx(fit.curve(batch), abs=error)


def test_two_lines_end_where_both_are():
    p, height, _, shapes, base = turned(traces(), 2)
    assert p[:, :, 0] == pytest.approx(np.tile(CENTRES, (4, 1)), abs=0.004)
    assert height == pytest.approx(np.tile(HEIGHTS, (4, 1)), abs=0.06)
    left = traces().y - shapes.sum(axis=1) - base
    assert np.std(left[0]) == pytest.approx(0.02, rel=0.2)


def test_a_line_is_held_within_its_bounds():
    batch = traces()
    p, *_ = turned(batch.with_y(0.0 * batch.y + X**2), 1)
    low, high = bounds(batch, 1)
    assert (p[:, 0] >= low).all()
    assert (p[:, 0] <= high).all()
