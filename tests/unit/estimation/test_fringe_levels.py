"""Ramsey fringes between levels that the readout's calibration knows."""

from __future__ import annotations

import numpy as np
import pytest

from kammerton.estimation import fit_batch
from kammerton.model import TraceError

DELAYS = np.linspace(0.0, 20e-6, 81)
T2, NOISE, TRACES = 12e-6, 0.03, 300
READOUT = {"contrast": 0.9, "offset": 0.05}


def fringes(second=0.0, frequency=0.4e6, delays=DELAYS):
    """As `READOUT` says; second: share of another frequency, 0.2 MHz above, in phase with it."""
    first, other = (np.cos(2 * np.pi * f * delays + 0.7) for f in (frequency, frequency + 0.2e6))
    law = 0.5 + 0.45 * np.exp(-delays / T2) * ((1 - second) * first + second * other)
    return law + NOISE * np.random.default_rng(1).normal(size=(TRACES, delays.size))


@pytest.mark.parametrize("second", [0.0, 0.4], ids=["one frequency", "two"])
@pytest.mark.parametrize("sigma", [NOISE, None])
def test_known_levels_make_t2_star_better_and_its_bar_stays_honest(second, sigma):
    y = fringes(second)
    free, held = (fit_batch("ramsey", DELAYS, y, sigma, **known) for known in ({}, READOUT))
    assert (held.verdict == "accepted").mean() > 0.98
    pull = (held.values["t2_star"] - T2) / held.stderr["t2_star"]
    assert abs(np.median(pull)) < 0.25
    assert 0.88 < pull.std() < 1.12
    assert np.median(held.stderr["t2_star"] / free.stderr["t2_star"]) < 0.85
    assert np.abs(held.values["amplitude"] - 0.45).max() < 1e-6
    assert np.abs(held.values["offset"] - 0.5).max() < 1e-6
    assert held.stderr["amplitude"].max() == held.stderr["offset"].max() == 0.0


def test_a_contrast_alone_leaves_the_middle_free():
    held = fit_batch("ramsey", DELAYS, fringes(), NOISE, contrast=-0.9)
    assert np.abs(held.values["amplitude"] - 0.45).max() < 1e-6
    assert held.stderr["offset"].min() > 0.0
    assert (held.verdict == "accepted").mean() > 0.98


@pytest.mark.parametrize("second", [0.0, 0.4], ids=["one frequency", "two"])
@pytest.mark.parametrize(("contrast", "offset"), [(0.5, 0.25), (0.9, 0.15), (1.5, -0.25)])
def test_fringes_between_other_levels_than_the_known_ones_are_refused(second, contrast, offset):
    found = fit_batch("ramsey", DELAYS, fringes(second), NOISE, contrast=contrast, offset=offset)
    assert (found.verdict != "accepted").all()
    assert "known contrast" in " ".join(found.reason)


def test_levels_and_an_envelope_may_both_be_known():
    y = fringes()
    one, both = (
        fit_batch("ramsey", DELAYS, y, NOISE, envelope="exponential", **known)
        for known in ({}, READOUT)
    )
    assert (both.verdict == "accepted").mean() > 0.98
    pull = (both.values["t2_star"] - T2) / both.stderr["t2_star"]
    assert 0.88 < pull.std() < 1.12
    assert np.median(both.stderr["t2_star"] / one.stderr["t2_star"]) < 0.9


def test_a_slow_fringe_is_found_whatever_the_free_fit_takes_it_for():
    y = fringes(frequency=0.06e6)
    found = fit_batch("ramsey", DELAYS, y, NOISE, **READOUT)
    pull = (found.values["frequency"] - 0.06e6) / found.stderr["frequency"]
    assert np.abs(pull).max() < 5.0


def test_an_offset_alone_tells_fringes_nothing_and_is_said():
    with pytest.raises(TraceError, match="offset is known, but not contrast"):
        fit_batch("ramsey", DELAYS, fringes(), NOISE, offset=0.05)


def test_levels_are_known_at_no_delay():
    with pytest.raises(TraceError, match="far from zero"):
        fit_batch("ramsey", DELAYS + 1e-4, fringes(), NOISE, **READOUT)
