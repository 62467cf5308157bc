"""Two lines that are neither Lorentzian nor Gaussian: the width must be honest nevertheless."""

from __future__ import annotations

import numpy as np
import pytest

from kammerton.estimation import fit_batch

U = np.linspace(0, 1, 201)
DRIVES = 4.9e9 + 1e8 * U


def beside(share, noise, count=600):
    """Return a line of width 0.08, and one of half its height and 0.35 below, partly Gaussian."""
    rng = np.random.default_rng(7)
    at = rng.uniform(0.5, 0.8, (count, 1))

    def shaped(centre):
        u = 2 * (U - centre) / 0.08
        return (1 - share) / (1 + u * u) + share * np.exp(-np.log(2) * u * u)

    y = shaped(at) + 0.5 * shaped(at - 0.35)
    return y + noise * rng.normal(size=y.shape)


@pytest.mark.parametrize("share", [0.0, 0.3, 0.5, 0.8, 1.0])
def test_the_width_of_a_line_of_any_shape_is_within_its_bars(share):
    found = fit_batch("qubit_spectroscopy", DRIVES, beside(share, 0.02), 0.02)
    accepted = (found.verdict == "accepted") & (found.values["lines"] == 2)
    off = (found.values["linewidth"] - 0.08 * 1e8) / found.stderr["linewidth"]
    assert np.mean(accepted) > 0.97
    assert np.mean(np.abs(off[accepted]) > 3.5) < 0.02
