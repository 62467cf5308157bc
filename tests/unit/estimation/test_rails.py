"""Maps that a digitizer cut at an end of its range."""

from __future__ import annotations

import numpy as np
import pytest

from kammerton.estimation import fit_batch
from kammerton.estimation.maps.rails import railed
from tests.unit.estimation.good_traces import MAPS, good

ENDS = {"above": (0.0, 0.98), "below": (0.02, 1.0), "both": (0.03, 0.97)}


def cut(y, low, high):
    """Cut values beyond these parts of all that a map holds, each part of complex ones."""
    if np.iscomplexobj(y):
        return cut(y.real, low, high) + 1j * cut(y.imag, low, high)
    flat = y.reshape(len(y), -1)
    ends = [np.quantile(flat, share, axis=1)[:, None, None] for share in (low, high)]
    return np.clip(y, *ends)


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("kind", MAPS)
def test_a_map_that_was_cut_is_rejected(kind, end):
    x, y, sigma, known = good(kind, True)
    for noise in (sigma, None):
        found = fit_batch(kind, x, cut(y, *ENDS[end]), noise, **known)
        assert set(found.status) == {"saturated"}, found.reason
        assert set(found.verdict) == {"rejected"}


def noisy(seed=1):
    return np.random.default_rng(seed).normal(size=(61, 51))


def test_three_points_at_a_rail_are_enough():
    y = noisy()
    ordered = np.sort(y.ravel())
    assert not railed(np.minimum(y, ordered[-2]))
    assert railed(np.minimum(y, ordered[-3]))
    assert railed(-np.minimum(y, ordered[-3]))
    assert railed(noisy(2) + 1j * np.minimum(y, ordered[-3]))


def test_what_was_filled_in_is_no_rail():
    y = noisy() + 9.0
    y[40, 20:] = y[41:50] = 0.0  # far from all that was measured
    assert not railed(y)
    y = noisy()
    y[:, 30:32] = y.max()  # whole columns
    assert not railed(y)
    y = noisy() + 1j * (noisy(2) + 9.0)
    y[np.random.default_rng(3).random(y.shape) < 0.1] = np.nan  # real NaN: its other part is 0
    assert not railed(y)


def test_counts_and_copies_are_no_rail():
    p = np.full((61, 51), 0.02)
    assert not railed(np.random.default_rng(4).binomial(100, p) / 100)
    y = noisy()
    y[:, -4:] = y[:, -5:-4]
    assert not railed(y)
