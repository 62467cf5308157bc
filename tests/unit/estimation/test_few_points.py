"""What few points cannot tell from chance or drift is not called flat, and shots are no cure."""

from __future__ import annotations

import numpy as np
import pytest

from kammerton.estimation import fit_batch

N = 200
LAWS = {
    "ramsey": (1e-5, lambda u: np.exp(-2 * u) * np.cos(4 * np.pi * u)),
    "rabi_amplitude": (1.0, lambda u: np.cos(2.4 * np.pi * u)),
    "rabi_length": (2e-7, lambda u: np.cos(2.4 * np.pi * u)),
    "t2_echo": (1e-4, lambda u: np.exp(-4 * u)),
    "qubit_spectroscopy": (2e7, lambda u: 1 / (1 + ((u - 0.5) / 0.1) ** 2)),
    "resonator_spectroscopy": (2e7, lambda u: 1 - 0.8 / (1 + ((u - 0.5) / 0.1) ** 2)),
}


@pytest.mark.parametrize("points", [7, 8])
@pytest.mark.parametrize("kind", LAWS)
def test_a_plain_signal_of_few_points_is_not_called_flat_or_weak(kind, points):
    scale, law = LAWS[kind]
    points = max(points, 8) if kind.startswith("resonator") else points
    u, rng = np.linspace(0.0, 1.0, points), np.random.default_rng(points)
    y = 0.5 + 0.45 * law(u) + 0.02 * rng.normal(size=(N, points))
    found = fit_batch(kind, scale * u, y, 0.02)
    assert np.mean(found.status == "no signal") < 0.02
    weak = [float(r.split()[4]) for r in found.reason if "times its error" in r]
    assert max(weak, default=0.0) < 16.0
    few = found.status == "sampling too coarse"
    words = f"{points} points are too few to tell"
    assert all(reason.startswith(words) for reason in found.reason[few])
    assert few.any()
    assert found.advice[few][0].shots_times is None


@pytest.mark.parametrize("kind", LAWS)
def test_noise_of_few_points_is_still_no_signal(kind):
    u, rng = np.linspace(0.0, 1.0, 9), np.random.default_rng(3)
    y = 0.5 + 0.02 * rng.normal(size=(N, 9))
    found = fit_batch(kind, LAWS[kind][0] * u, y, 0.02)
    assert np.mean(found.status == "no signal") > 0.97
    assert "sampling too coarse" not in found.status


def test_of_few_lengths_more_sequences_are_not_asked_for():
    """Of 5 lengths and 200 sequences of each two thirds are refused, the error known to 1.4 %."""
    lengths, rng = np.repeat([1, 50, 150, 300, 600], 50), np.random.default_rng(1)
    y = rng.binomial(300, 0.48 * 0.995**lengths + 0.5, (N, lengths.size)) / 300
    found = fit_batch("randomized_benchmarking", lengths, y)
    few = found.status == "sampling too coarse"
    assert few.mean() > 0.5
    assert found.reason[few][0].startswith("5 lengths are too few to tell a decay from a drift")
    assert found.advice[few][0].shots_times is None
    assert not any("hardly larger than its scatter" in reason for reason in found.reason)


def test_of_many_lengths_a_faint_decay_is_hardly_larger_than_its_scatter():
    lengths, rng = np.repeat([1, 5, 10, 20, 40, 70, 100, 150, 200, 300, 400], 10), 2
    y = 0.5 + 0.25 * 0.98**lengths
    y = y + 0.1 * np.random.default_rng(rng).normal(size=(2 * N, lengths.size))
    found = fit_batch("randomized_benchmarking", lengths, y)
    faint = ["hardly larger than its scatter" in reason for reason in found.reason]
    assert any(faint)
    assert found.advice[faint][0].shots_times == 4.0
    assert not any("lengths are too few" in reason for reason in found.reason)
