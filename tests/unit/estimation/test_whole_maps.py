"""Maps fitted as one: at the least-squares minimum where clean, unharmed where they are not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.catalogue.bound import bound, oracle
from tests.catalogue.registry import every_truth

KINDS = ("qubit_flux_map", "punch_out", "avoided_crossing", "resonator_flux_map")


def drawn(kind, snr=20.0, count=24, seed=10):
    truth = every_truth()[kind]
    rng = np.random.default_rng(seed)
    p = truth.draw(rng, count)
    return truth, p, truth.measured(rng, p, snr)


def pulls(found, traces):
    return {name: (found.values[name] - low) / found.stderr[name]
            for name, low in traces.low.items()}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_a_clean_map_ends_at_the_minimum_and_its_bars_are_the_bound(kind):
    truth, p, traces = drawn(kind)
    found = truth.fit(traces)
    off = np.abs(traces.y - found.curve) / traces.sigma
    worse = (off**2).sum(axis=(1, 2)) - oracle(truth, p, traces)[1]
    assert (worse < 1.0).all(), worse
    best = bound(truth, p, traces)
    for name, pull in pulls(found, traces).items():
        told = np.isfinite(pull)
        assert told.mean() > 0.8, name
        assert 0.6 < pull[told].std() < 1.5, name
        assert np.abs(found.stderr[name] / best[name] - 1.0)[told].max() < 0.15, name


def striped(truth, traces, rng):
    y = traces.y.copy()
    y[:, 7] += 4 * traces.sigma[:, 7]
    return y


def crossed(truth, traces, rng):
    y = traces.y.copy()
    y[:, :, 11] += 12 * traces.sigma[:, :, 11] * np.sin(np.arange(y.shape[1]))
    return y


def spiked(truth, traces, rng):
    return traces.y + np.where(rng.random(traces.y.shape) < 0.005, 25 * traces.sigma, 0.0)


def holed(truth, traces, rng):
    return np.where(rng.random(traces.y.shape) < 0.1, np.nan, traces.y)


def faded(truth, traces, rng):
    drift = np.linspace(0.75, 1.25, traces.y.shape[2])
    return traces.clean * drift + (traces.y - traces.clean)


@pytest.mark.parametrize("harm", [striped, crossed, spiked, holed, faded])
@pytest.mark.parametrize("kind", KINDS)
def test_what_does_not_belong_does_no_harm(kind, harm):
    truth, _, traces = drawn(kind, count=8)
    y = harm(truth, traces, np.random.default_rng(9))
    found = truth.fit(replace(traces, y=y))
    accepted = found.verdict == "accepted"
    assert accepted.mean() > 0.7, found.reason
    for name, pull in pulls(found, traces).items():
        assert np.nanmax(np.abs(pull[accepted])) < 5.0, name
