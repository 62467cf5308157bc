"""Spectra of pulses, whose side lobes are no lines of their own."""

from __future__ import annotations

import numpy as np
import pytest

from kammerton.estimation import fit_batch

DRIVES = np.linspace(0.0, 50e6, 101)
TRACES = 400


def pi_pulses(rabi, noise):
    """Populations after a square pulse that is a pi pulse on resonance, and where that is."""
    rng = np.random.default_rng(1)
    at = rng.uniform(20e6, 30e6, TRACES)[:, None]
    turns = np.hypot(rabi, DRIVES - at)
    law = (rabi / turns) ** 2 * np.sin(0.5 * np.pi * turns / rabi) ** 2
    return at[:, 0], law + noise * rng.normal(size=law.shape)


@pytest.mark.parametrize("noise", [0.003, 0.01, 0.03])
@pytest.mark.parametrize("rabi", [1e6, 2e6, 4e6])
def test_a_side_lobe_of_a_pulse_is_no_qubit(rabi, noise):
    at, y = pi_pulses(rabi, noise)
    found = fit_batch("qubit_spectroscopy", 5e9 + DRIVES, y)
    assert (found.verdict == "accepted").all()
    pull = (found.values["frequency"] - 5e9 - at) / found.stderr["frequency"]
    assert np.abs(pull).max() < 5
    assert np.isnan(found.values["frequency_gf_half"]).all()
    two = found.values["lines"] == 2
    assert all("not taken for its two-photon line" in reason for reason in found.reason[two])


@pytest.mark.parametrize(
    ("height", "upper", "named"),
    [(0.1, False, False), (0.25, False, False), (1.5, True, True), (4.0, True, True),
     (7.0, True, False)],
)  # fmt: skip
def test_of_two_lines_the_upper_is_the_qubit_unless_it_is_far_weaker(height, upper, named):
    """height: of the upper line, in those of the lower one, 2 widths below."""
    lower, higher = (1 / (1 + (2 * (DRIVES - at) / 6e6) ** 2) for at in (19e6, 31e6))
    noise = 0.01 * np.random.default_rng(2).normal(size=(100, DRIVES.size))
    found = fit_batch("qubit_spectroscopy", DRIVES, lower + height * higher + noise, 0.01)
    assert (found.values["lines"] == 2).mean() > 0.95
    main, other = (31e6, 19e6) if upper else (19e6, 31e6)
    two = found.values["lines"] == 2
    assert np.abs(found.values["frequency"][two] - main).max() < 1e6
    assert np.abs(found.values["frequency_2"][two] - other).max() < 1e6
    assert (np.isfinite(found.values["frequency_gf_half"][two]) == named).all()
