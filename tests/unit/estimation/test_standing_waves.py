"""A ripple of some periods in the scan, which two lines follow as well as they like."""

from __future__ import annotations

import numpy as np
import pytest

from kammerton.estimation import fit_batch
from tests.unit.estimation.map_inputs import how_many_traces

U = np.linspace(0, 1, 101)
DRIVES = 4.9e9 + 1e8 * U


def waves(low, high, noise, n):
    """Of `low` to `high` periods in the window, at any phase."""
    rng = np.random.default_rng(0)
    turns = U * rng.uniform(low, high, (n, 1)) + rng.random((n, 1))
    return np.sin(2 * np.pi * turns) + noise * rng.normal(size=(n, U.size))


@pytest.mark.parametrize("known", [{}, {"interleaved": True}], ids=["in turn", "interleaved"])
@pytest.mark.parametrize("given", [True, False], ids=["sigma", "no sigma"])
@pytest.mark.parametrize("noise", [0.1, 0.3])
@pytest.mark.parametrize("periods", [(1.2, 2.0), (2.0, 4.0)])
def test_a_standing_wave_is_no_pair_of_lines(periods, noise, given, known):
    y = waves(*periods, noise, how_many_traces(300))
    found = fit_batch("qubit_spectroscopy", DRIVES, y, noise if given else None, **known)
    pairs = (found.verdict == "accepted") & (found.values["lines"] != 1)
    assert np.count_nonzero(pairs) <= len(y) // 2000
    assert any("standing wave" in reason for reason in found.reason)


@pytest.mark.parametrize("given", [True, False], ids=["sigma", "no sigma"])
@pytest.mark.parametrize(("width", "noise"), [(0.05, 0.1), (0.1, 0.1), (0.2, 0.05)])
def test_two_equal_lines_half_a_window_apart_are_no_standing_wave(width, noise, given):
    rng = np.random.default_rng(3)
    at = rng.uniform(0.15, 0.35, (500, 1))
    law = sum(1 / (1 + (2 * (U - at - apart) / width) ** 2) for apart in (0.0, 0.5))
    y = law + noise * rng.normal(size=law.shape)
    found = fit_batch("qubit_spectroscopy", DRIVES, y, noise if given else None)
    assert (found.verdict == "accepted").mean() > 0.97


def line_in_a_ripple(size, noise, count=300):
    """Return a line over a ripple of that size and 4 to 12 periods."""
    rng = np.random.default_rng(5)
    line = 1 / (1 + (2 * (U - rng.uniform(0.4, 0.6, (count, 1))) / 0.1) ** 2)
    turns = U * rng.uniform(4.0, 12.0, (count, 1)) + rng.random((count, 1))
    y = line + size * np.sin(2 * np.pi * turns)
    return y + noise * rng.normal(size=y.shape)


@pytest.mark.parametrize(("size", "noise"), [(0.05, 0.01), (0.1, 0.03)])
def test_a_ripple_under_a_line_is_no_comb(size, noise):
    found = fit_batch("qubit_spectroscopy", DRIVES, line_in_a_ripple(size, noise), noise)
    comb = (found.verdict == "accepted") & (found.values["lines"] > 2)
    assert np.mean(comb) < 0.01
    assert any("over a standing wave" in reason for reason in found.reason)
