"""Fringes long gone before the window ends, between levels that are known."""

from __future__ import annotations

import numpy as np
import pytest

from kammerton.estimation import fit_batch

SIGMA, TRACES = 0.1, 600


@pytest.mark.parametrize("shape", [1, 2])
def test_an_envelope_between_levels_falls_to_the_end_and_leads_no_frequency_astray(shape):
    """Of exponentials one in forty was accepted beyond five bars: the envelope lasted in noise."""
    rng, x = np.random.default_rng(5), np.linspace(0.0, 1.0, 101)
    turns = np.exp(rng.uniform(*np.log((1.5, 20.0)), (TRACES, 1)))
    rate = np.exp(rng.uniform(*np.log((4.0, 12.0)), (TRACES, 1)))
    wave = np.exp(-((rate * x) ** shape)) * np.cos(2 * np.pi * turns * x)
    y = 0.5 + 0.45 * wave + SIGMA * rng.normal(size=wave.shape)
    found = fit_batch("ramsey", 20e-6 * x, y, SIGMA, contrast=0.9, offset=0.05)
    good = found.verdict == "accepted"
    pull = (found.values["frequency"] - turns[:, 0] / 20e-6)[good] / found.stderr["frequency"][good]
    assert good.mean() > 0.5
    assert np.abs(pull).max() < 6.0
    assert pull.std() < 1.3
