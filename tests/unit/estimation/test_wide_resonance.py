"""A resonance in complex data may be 0.6 windows wide, with two errors of its width."""

from __future__ import annotations

import numpy as np

from kammerton.estimation import fit_batch

SPAN, SIGMA = 10e6, 0.015
F = 7e9 + np.linspace(0.0, SPAN, 101)


def fitted(width, n):
    """Fit notches so wide, in windows, behind cables of any delay."""
    rng = np.random.default_rng(9)
    x, centre = (F - F[0]) / SPAN, rng.uniform(0.4, 0.6, (n, 1))
    depth = rng.uniform(0.5, 0.9, (n, 1)) * np.exp(1j * rng.uniform(-0.3, 0.3, (n, 1)))
    y = np.exp(2j * np.pi * rng.uniform(size=(n, 1)) * (1.0 + x))
    y = y * (1.0 - depth / (1.0 + 2j * (x - centre) / width))
    noise = SIGMA * (rng.normal(size=y.shape) + 1j * rng.normal(size=y.shape))
    return fit_batch("resonator_spectroscopy", F, y + noise, SIGMA), centre[:, 0]


def test_one_wider_than_half_a_window_is_right_within_its_bar():
    found, centre = fitted(0.55, 200)
    assert np.mean(found.verdict == "accepted") > 0.98
    for name, truth in (("frequency", F[0] + SPAN * centre), ("linewidth", 0.55 * SPAN)):
        pull = (found.values[name] - truth) / found.stderr[name]
        assert abs(pull.mean()) < 0.3
        assert abs(pull.std() - 1.0) < 0.2


def test_of_one_that_is_still_wider_more_is_to_be_swept():
    found, _ = fitted(0.65, 100)
    assert not (found.verdict == "accepted").any()
    assert np.mean(found.status == "range too narrow") > 0.9


def test_the_tail_of_a_line_beyond_the_window_is_no_line_of_one_point():
    """A narrow line outside explains it as well as a wide one: finer steps tell neither."""
    rng, u = np.random.default_rng(8), np.linspace(0.0, 1.0, 201)
    line = 1.0 / (1.0 + 2j * (u - 1.13) / 0.17)
    y = np.abs(1.0 - 0.7 * line) + 0.02 * rng.normal(size=(300, 201))
    found = fit_batch("resonator_spectroscopy", 7e9 + 20e6 * u, y, 0.02)
    assert not (found.status == "sampling too coarse").any()
    assert np.isin(found.status, ["range too narrow", "line at the edge"]).mean() > 0.95
