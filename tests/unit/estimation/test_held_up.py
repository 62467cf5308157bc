"""Survivals whose readout is compressed, too little for a chi-square to show."""

from __future__ import annotations

import numpy as np
import pytest

from kammerton.estimation import fit_batch

MEANS = np.unique(np.round(np.geomspace(1.0, 500.0, 51)))
LENGTHS = np.array([1.0, 2, 4, 8, 12, 20, 30, 45, 65, 90, 130])
COUNT = 300


def means(hard, sigma, seed=1):
    """Return means whose signal d is tanh(hard d)/hard, and what they are fitted as."""
    rng = np.random.default_rng(seed)
    signal = np.exp(-MEANS * rng.uniform(2.0, 4.0, (COUNT, 1)) / 500)
    signal = np.tanh(hard * signal) / hard
    y = 0.5 + 0.45 * signal + sigma * rng.normal(size=signal.shape)
    return fit_batch("randomized_benchmarking", MEANS, y, sigma)


def series(hard, sigma, seed=1):
    """Return the same of a reference and an interleaved series, 10 sequences of each length."""
    rng = np.random.default_rng(seed)
    x = np.repeat(LENGTHS, 10)
    rates = rng.uniform(1.5, 4.0, (COUNT, 1, 1)) + np.array([0.0, 1.0])[:, None]
    signal = np.exp(-x * rates / 130)
    y = 0.5 + 0.45 * np.tanh(hard * signal) / hard
    y = y + sigma * rng.normal(size=y.shape)
    return fit_batch("interleaved_randomized_benchmarking", (np.arange(2.0), x), y, sigma)


@pytest.mark.parametrize(("measured", "sigma"), [(means, 0.0035), (series, 0.012)])
def test_a_compressed_decay_is_refused(measured, sigma):
    found = measured(1.0, sigma)
    refused = found.verdict == "rejected"
    assert np.mean(refused) > 0.9
    assert set(found.status[refused]) == {"model does not fit"}
    said = np.array([str(reason) for reason in found.reason[refused]])
    assert np.mean(np.char.find(said, "fall less at first") >= 0) > 0.3


@pytest.mark.parametrize(("measured", "sigma"), [(means, 0.0035), (series, 0.012)])
def test_an_exponential_one_is_not(measured, sigma):
    assert np.mean(measured(1e-9, sigma).verdict == "accepted") > 0.99


def test_a_decay_that_is_steeper_at_first_is_not_called_flatter():
    rng = np.random.default_rng(2)
    law = 0.5 + 0.35 * np.exp(-MEANS / 150) + 0.1 * np.exp(-MEANS / 40)
    y = law + 0.008 * rng.normal(size=(COUNT, MEANS.size))
    found = fit_batch("randomized_benchmarking", MEANS, y, 0.008)
    assert not any("at first" in reason for reason in found.reason)


@pytest.mark.parametrize("scatter", [0.5, 2.0])
def test_few_sequences_do_not_make_a_decay_flatter(scatter):
    """Of two each of 11 lengths the scatter is hardly known."""
    rng = np.random.default_rng(3)
    x = np.repeat(LENGTHS, 2)
    y = 0.5 + 0.45 * np.exp(-x / 40) + 0.01 * rng.normal(size=(5000, x.size))
    found = fit_batch("randomized_benchmarking", x, y, 0.01 / scatter)
    assert sum("at first" in reason for reason in found.reason) < 10
