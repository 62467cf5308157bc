"""Resonances: other starts are tried once each, few at a time, and only where they can help."""

from __future__ import annotations

import numpy as np
import pytest

from kammerton.estimation import fit_batch
from kammerton.estimation.resonances import plane, shared_plane

X = np.linspace(0.0, 1.0, 201)


def noise(seed, *shape):
    rng = np.random.default_rng(seed)
    return rng.standard_normal(shape) + 1j * rng.standard_normal(shape)


@pytest.mark.parametrize("seed", range(4))
def test_no_start_is_tried_twice(seed, monkeypatch):
    """Two delays that were tried for a faint line were tried again for what was left."""
    calls = tried(seed, monkeypatch)
    starts = [row.tobytes() for start in calls for row in start]
    assert len(starts) == len(set(starts))
    assert len(starts) <= 7


@pytest.mark.parametrize("seed", range(4))
def test_what_is_tried_is_fitted_together(seed, monkeypatch):
    """Both starts, delays a turn away, the next where one helped, and half a turn away."""
    assert len(tried(seed, monkeypatch)) <= 4


def tried(seed, monkeypatch):
    """Return the starts of each call that fits a random walk with a resonance."""
    calls = []

    def counted(sharing, batch, start, *ends, slope=False, **known):
        calls.extend([] if slope else [np.array(start)])
        return fit(sharing, batch, start, *ends, slope=slope, **known)

    fit = plane.fit_poles
    monkeypatch.setattr(plane, "fit_poles", counted)
    walk = np.cumsum(noise(seed, len(X))) + noise(seed + 100, len(X))
    assert fit_batch("resonator_spectroscopy", X, walk, 1.0).verdict[0] != "accepted"
    return calls


@pytest.mark.parametrize("sigma", [1.0, None])
def test_a_pair_that_shows_nothing_shares_nothing(sigma, monkeypatch):
    def shared(*_):
        raise AssertionError("what both could share was tried")

    monkeypatch.setattr(shared_plane, "_shared", shared)
    y = 3.0 + noise(5, 2, len(X))
    assert fit_batch("dispersive_shift", ((0, 1), X), y, sigma).status[0] == "no signal"
