"""A line of two points beside a wider one: noise makes half of them narrower than two points."""

from __future__ import annotations

import numpy as np
import pytest

from kammerton.estimation import fit_batch

U = np.linspace(0, 1, 101)


@pytest.mark.parametrize("noise", [0.01, 0.02])
@pytest.mark.parametrize("widths", [(0.06, 0.02), (0.02, 0.06)])
def test_a_line_of_two_points_is_found_beside_a_wider_one(widths, noise):
    rng = np.random.default_rng(5)
    at = rng.uniform(0.2, 0.45, (300, 1))
    places = zip((at, at + 0.35), widths, strict=True)
    law = sum(1 / (1 + (2 * (U - centre) / width) ** 2) for centre, width in places)
    y = law + noise * rng.normal(size=law.shape)
    found = fit_batch("qubit_spectroscopy", 4.9e9 + 1e8 * U, y, noise)
    assert (found.verdict == "accepted").mean() > 0.96
    assert (found.values["lines"] == 2).mean() > 0.96


def test_a_tone_beside_a_line_is_no_second_line():
    rng = np.random.default_rng(6)
    at = rng.uniform(0.2, 0.45, (300, 1))
    line = 1 / (1 + (2 * (U - at) / 0.06) ** 2)
    tone = np.exp(-0.5 * (101 * (U - at - 0.35) / 0.5) ** 2)
    y = line + tone + 0.02 * rng.normal(size=line.shape)
    found = fit_batch("qubit_spectroscopy", 4.9e9 + 1e8 * U, y, 0.02)
    assert (found.verdict == "accepted").mean() < 0.01
