"""Saturated: many points at exactly one extreme value, of one quadrature or among repeats."""

from __future__ import annotations

import numpy as np
import pytest

from kammerton.estimation import fit_batch

F = np.linspace(7e9, 7.02e9, 201)
LENGTHS = np.repeat([1, 4, 10, 20, 40, 70, 110], 10)
RB = "randomized_benchmarking"


def notches(noise: float) -> np.ndarray:
    """Return notches at several angles, as a receiver sees them."""
    rng = np.random.default_rng(3)
    angle = np.exp(1j * np.linspace(0, 2 * np.pi, 60, endpoint=False))[:, None]
    z = angle * (1 - 0.7 / (1 + 2j * (F - 7.0101e9) / 2e6))
    return z + noise * (rng.normal(size=z.shape) + 1j * rng.normal(size=z.shape))


def survivals() -> np.ndarray:
    rng = np.random.default_rng(4)
    return 0.5 + 0.5 * 0.98**LENGTHS + 0.02 * rng.normal(size=(100, LENGTHS.size))


def test_a_receiver_that_clips_one_quadrature_is_seen():
    z = notches(0.01)
    clipped = np.clip(z.real, -0.6, 0.6) + 1j * np.clip(z.imag, -0.6, 0.6)
    cut = np.count_nonzero(clipped != z, axis=1) > 40
    found = fit_batch("resonator_spectroscopy", F, clipped, 0.01)
    assert cut.sum() > 20
    assert (found.status[cut] == "saturated").all()
    assert not (fit_batch("resonator_spectroscopy", F, z, 0.01).status == "saturated").any()


@pytest.mark.parametrize("known", [{}, {"offset": 0.5}], ids=["free end", "known end"])
def test_sequences_that_are_clipped_are_seen_before_they_are_averaged(known):
    y = survivals()
    found = fit_batch(RB, LENGTHS, np.minimum(y, 0.9), 0.02, **known)
    assert (found.status == "saturated").all()
    assert np.mean(fit_batch(RB, LENGTHS, y, 0.02, **known).verdict == "accepted") > 0.97


def test_counts_of_a_few_shots_pile_up_at_one_and_are_no_fault():
    rng = np.random.default_rng(5)
    y = rng.binomial(20, 0.5 + 0.5 * 0.98**LENGTHS, size=(100, LENGTHS.size)) / 20
    assert np.count_nonzero(y == 1.0, axis=1).min() >= 4
    found = fit_batch(RB, LENGTHS, y, shots=20)
    assert not (found.status == "saturated").any()


def test_a_missing_point_lies_at_no_rail():
    z = notches(0.01)
    z[:, 20:40] = np.nan
    assert not (fit_batch("resonator_spectroscopy", F, z, 0.01).status == "saturated").any()


def test_a_few_points_at_a_rail_are_enough_where_no_value_occurs_twice():
    z = notches(0.003)
    level = np.sort(z.real, axis=1)[:, [-6]]
    cut = np.minimum(z.real, level) + 1j * z.imag
    found = fit_batch("resonator_spectroscopy", F, cut, 0.003)
    assert (found.status == "saturated").all()
    step = 0.01  # a digitizer's, which makes values occur twice anywhere
    coarse = step * (np.round(z.real / step) + 1j * np.round(z.imag / step))
    assert not (fit_batch("resonator_spectroscopy", F, coarse, 0.005).status == "saturated").any()
