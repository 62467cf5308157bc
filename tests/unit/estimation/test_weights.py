"""What given sigmas are worth, and sigma from shots."""

from __future__ import annotations

import numpy as np
import pytest

from kammerton.estimation import fit_batch
from kammerton.estimation.numeric.weights import (
    MATTERS,
    changed,
    learned,
    of_counts,
    smoothed,
    valid,
)
from kammerton.model import TraceError

X = np.linspace(0.0, 1.0, 101)


def learned_from(variance, curve):
    near, apart = smoothed(variance)
    return learned(variance, near**-0.5, apart, curve)


def test_sigmas_that_scatter_are_averaged_over_neighbours():
    rng = np.random.default_rng(1)
    variance = rng.chisquare(19, (400, 101)) / 19
    near, apart = smoothed(variance)
    assert near.std() < 0.45 * variance.std()
    assert apart.mean() < 1e-3


def test_a_point_with_few_shots_keeps_its_own_and_spoils_no_neighbour():
    variance = np.ones((1, 101))
    variance[0, [20, 22, 50]] = 9.0
    kept, apart = smoothed(variance)
    assert np.flatnonzero(apart[0]).tolist() == [20, 22, 50]
    assert kept[0, [20, 22, 50]] == pytest.approx(9.0)
    assert np.delete(kept[0], [20, 22, 50]) == pytest.approx(1.0)


def test_the_noise_of_counts_is_learned_from_the_fit():
    p = 0.5 - 0.49 * np.cos(30 * X)
    rng, shots = np.random.default_rng(2), 200
    y = rng.binomial(shots, p, (50, 101)) / shots
    variance = valid(np.sqrt(y * (1 - y) / shots))
    law, matters = learned_from(variance, np.broadcast_to(p, y.shape))
    assert matters.all()
    assert law.mean(axis=0) == pytest.approx(p * (1 - p) / shots, rel=0.2, abs=5e-5)


def test_a_function_that_describes_them_worse_is_not_taken():
    variance = np.linspace(1.0, 2.5, 101)[None]
    law, matters = learned_from(variance, np.cos(30 * X)[None])
    assert not matters.any()
    assert law == pytest.approx(smoothed(variance)[0])


@pytest.mark.parametrize("shots", [100, 1000])
def test_error_bars_from_shots(shots):
    rng = np.random.default_rng(3)
    p = 0.5 - 0.5 * np.cos(2 * np.pi * 2.7 * X)
    y = rng.binomial(shots, p, (1500, 101)) / shots
    found = fit_batch("rabi_amplitude", X, y, shots=shots)
    pull = (found.values["period"] - 1 / 2.7) / found.stderr["period"]
    assert np.mean(found.verdict == "accepted") > 0.99
    assert abs(pull.mean()) < 0.15
    assert 0.93 < pull.std() < 1.08
    assert 0.8 < found.chi2_reduced.mean() < 1.05  # near 0 and 1, few counts are held for noisier


def test_counting_is_better_than_taking_every_point_alike():
    rng = np.random.default_rng(4)
    y = rng.binomial(200, 0.5 - 0.5 * np.cos(2 * np.pi * 2.7 * X), (2000, 101)) / 200
    counted, alike = fit_batch("rabi_amplitude", X, y, shots=200), fit_batch("rabi_amplitude", X, y)
    assert counted.values["period"].std() < 0.9 * alike.values["period"].std()


REFUSED = {
    "no population": (1.2, {"shots": 10}, "not a population"),
    "no shots": (0.5, {"shots": 0}, "1 or more"),
    "words": (0.5, {"shots": "many"}, "one number"),
    "shape": (0.5, {"shots": [1.0, 2.0]}, "one number"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused(case):
    level, known, message = REFUSED[case]
    with pytest.raises(TraceError, match=message):
        fit_batch("t1", X, np.full(101, level), **known)


def test_sigma_and_shots_are_one_too_many():
    with pytest.raises(TraceError, match="not both"):
        fit_batch("t1", X, np.full(101, 0.5), 0.1, shots=100)


def test_sigma_of_counts_is_never_zero():
    assert (of_counts([0.0, 0.5, 1.0], 100) > 0).all()


def test_a_missing_point_does_not_change_what_the_others_are_worth():
    rng = np.random.default_rng(5)
    sigma = 1e-3 * np.where(np.arange(101) % 9 == 4, 8.0, 1.0)
    y = 0.9 * np.exp(-4 * X) + sigma * rng.normal(size=(200, 101))
    y[:, 30:33] = np.nan
    found = fit_batch("t1", X, y, sigma)
    assert found.chi2_reduced.mean() == pytest.approx(1.0, abs=0.03)
    assert np.mean(found.verdict == "accepted") > 0.99


def test_a_small_variance_does_not_drown_in_large_ones():
    variance = np.where(np.arange(60) < 40, 1.0, 1e-18)[None]
    near, _ = smoothed(variance)
    assert near[0, 50:] == pytest.approx(1e-18, rel=1e-9)


def test_the_short_cut_past_logarithms_leaves_nothing_out():
    rng, seen = np.random.default_rng(8), 0
    for wide in np.repeat([0.01, 0.04, 0.05, 0.2, 0.6], 60):
        near, law = np.exp(wide * rng.standard_normal((2, 41)))
        v, apart = law * np.exp(0.1 * rng.standard_normal(41)), rng.random(41) < 0.1
        v[rng.random(41) < 0.1] = 0.0
        count = (v > 0) & ~apart
        step = np.where(count, np.log(law / near), 0.0)
        size = np.where(count, v, 1.0)
        off, by_law = (((np.log(size / each)) ** 2)[count].sum() for each in (near, law))
        changes = step.var() > MATTERS**2 and by_law < off
        assert changed(v, near, apart, 1e-9, law.copy()) == changes
        seen += changes
    assert 10 < seen < 290
