"""Counts that share an extreme value by chance are no saturated readout."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binom, norm

from kammerton.estimation import fit_batch
from kammerton.estimation.curves.pulse_pairs import IDEAL
from kammerton.estimation.verdict.ties import sigmas_of_counts

PAIR = np.arange(21.0)


def swung(points: int, period: float, low: float, high: float) -> tuple[np.ndarray, np.ndarray]:
    x = np.linspace(0, 1, points)
    return x, low + (high - low) * (1 - np.cos(2 * np.pi * x / period)) / 2


SWINGS = {
    "few points": (21, 0.3, 0.01, 0.98, 1000),
    "fewer": (15, 0.5, 0.01, 0.98, 1000),
    "slow": (51, 1.0, 0.005, 0.995, 500),
    "few shots": (41, 0.5, 0.01, 0.99, 200),
}


@pytest.mark.parametrize("case", SWINGS)
def test_counts_that_share_their_largest_value_are_no_fault(case):
    *shape, shots = SWINGS[case]
    x, p = swung(*shape)
    y = np.random.default_rng(1).binomial(shots, p, (3000, x.size)) / shots
    found = fit_batch("rabi_amplitude", x, y, shots=shots)
    assert not (found.status == "saturated").any()
    assert np.mean(found.verdict == "accepted") > 0.997


@pytest.mark.parametrize("end", [0.9, 0.1])
def test_counts_that_were_cut_are_seen(end):
    x, p = swung(51, 0.6, 0.02, 0.98)
    y = np.random.default_rng(2).binomial(20_000, p, (100, x.size)) / 20_000
    cut = np.minimum(y, end) if end > 0.5 else np.maximum(y, end)
    found = fit_batch("rabi_amplitude", x, cut, shots=20_000)
    assert (found.status == "saturated").mean() > 0.9


@pytest.mark.parametrize("case", [(0.0, 1.0, 1000), (0.002, 0.998, 1000), (0.01, 0.99, 200)])
def test_good_pairs_of_a_good_readout_are_accepted(case):
    low, high, shots = case
    p = low + (high - low) * IDEAL
    y = np.random.default_rng(3).binomial(shots, p, (3000, 21)) / shots
    found = fit_batch("allxy", PAIR, y, shots=shots)
    assert not (found.status == "saturated").any()
    assert (found.status == "stray point").mean() < 0.003
    assert np.mean(found.verdict == "accepted") > 0.99


def test_a_pair_that_is_off_by_more_than_the_tail_of_counts_is_a_stray_point():
    p = 0.01 + 0.98 * IDEAL
    p[11] += 0.12
    y = np.random.default_rng(4).binomial(1000, p, (100, 21)) / 1000
    found = fit_batch("allxy", PAIR, y, shots=1000)
    assert (found.verdict == "accepted").mean() < 0.05
    assert (found.status == "stray point").mean() > 0.9


def test_the_tail_of_counts_in_sigmas():
    p, shots, counts = 0.01, 200.0, np.array([3.0, 8.0, 12.0])
    exact = norm.isf(binom.sf(counts - 1, 200, p))
    assert sigmas_of_counts(counts / shots, np.full(3, p), np.full(3, shots)) == pytest.approx(
        exact
    )
    mirrored = sigmas_of_counts(1 - counts / shots, np.full(3, 1 - p), np.full(3, shots))
    assert mirrored == pytest.approx(exact)
