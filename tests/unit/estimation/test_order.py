"""The order in which points are handed over changes nothing."""

from __future__ import annotations

import numpy as np
import pytest

from kammerton.estimation import FIT_KINDS, fit_batch
from tests.unit.estimation.good_traces import good


def turned(kind, x, y, sigma):
    """Return the same measurement with points, and series, in another order; and the way back."""
    rng = np.random.default_rng(1)
    if not isinstance(x, tuple):
        order = rng.permutation(len(x))
        if kind == "single_shot_readout":  # shots of one state stay in the order they were taken
            order[np.argsort(x[order], kind="stable")] = np.arange(len(x))
        return x[order], y[..., order], None if sigma is None else sigma[..., order], order
    orders = np.ix_(*(rng.permutation(len(axis)) for axis in x))
    pick = (slice(None), *orders)
    axes = tuple(np.asarray(axis)[o.ravel()] for axis, o in zip(x, orders, strict=True))
    return axes, y[pick], None if sigma is None else sigma[pick], orders


@pytest.mark.parametrize("kind", FIT_KINDS)
def test_shuffled_points_are_the_same_measurement(kind):
    x, y, sigma, known = good(kind, True)
    axes, values, noise, order = turned(kind, x, y, sigma)
    straight, mixed = (
        fit_batch(kind, *each, **known) for each in ((x, y, sigma), (axes, values, noise))
    )
    assert list(mixed.status) == list(straight.status)
    for name, value in straight.values.items():
        error = np.nan_to_num(straight.stderr[name])
        assert np.abs(np.nan_to_num(mixed.values[name] - value)) == pytest.approx(
            0, abs=1e-6 * error.max()
        )
        assert mixed.stderr[name] == pytest.approx(straight.stderr[name], rel=1e-6, nan_ok=True)
    pick = (slice(None), *order) if isinstance(order, tuple) else (slice(None), order)
    assert mixed.curve == pytest.approx(straight.curve[pick], rel=1e-6, abs=1e-9, nan_ok=True)
