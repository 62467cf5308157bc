"""Drift and jumps are not taken for physics, and good data are not taken for drift."""

from __future__ import annotations

import numpy as np
import pytest

from kammerton.estimation import FIT_KINDS, fit_batch
from kammerton.model import TraceError
from tests.unit.estimation.map_inputs import how_many_traces

SWEPT = ("t1", "t2_echo", "cpmg", "ramsey", "rabi_amplitude", "rabi_length",
         "qubit_spectroscopy", "resonator_spectroscopy")  # fmt: skip
N = how_many_traces(400)
FEW = max(1, N // 1000)  # of them may look exactly like physics
ONE_HUMP = max(FEW, N // 100 if N > 1000 else N // 200)  # a walk by four errors looks like a turn


def wandering(step, points=101, seed=1):
    """Walks whose steps are `step` times the noise."""
    rng = np.random.default_rng(seed)
    walk = np.cumsum(rng.normal(size=(N, points)), axis=1)
    return 50.0 + step * walk + rng.normal(size=(N, points))


@pytest.mark.parametrize("step", [0.1, 0.4, 1.0, 3.0])
@pytest.mark.parametrize("kind", SWEPT)
def test_a_random_walk_is_not_accepted(kind, step):
    found = fit_batch(kind, np.linspace(0.0, 1.0, 101), wandering(step), 1.0)
    most = ONE_HUMP if kind.startswith("rabi") and step == 0.4 else FEW
    assert np.count_nonzero(found.verdict == "accepted") <= most


def test_a_large_walk_is_called_drift_in_the_reason():
    found = fit_batch("ramsey", np.linspace(0.0, 1.0, 101), wandering(4.0), 1.0)
    assert np.mean(["drift explains" in reason for reason in found.reason]) > 0.8


@pytest.mark.parametrize("size", [5.0, 30.0])
@pytest.mark.parametrize("kind", SWEPT)
def test_a_single_jump_is_not_accepted(kind, size):
    rng, x = np.random.default_rng(2), np.linspace(0.0, 1.0, 101)
    y = 50.0 + size * (x > rng.uniform(0.05, 0.95, (N, 1))) + rng.normal(size=(N, 101))
    found = fit_batch(kind, x, y, 1.0)
    assert np.count_nonzero(found.verdict == "accepted") <= FEW
    if not kind.startswith("rabi"):  # there the extremum is also in the wrong place
        assert np.mean(found.status == "drift during scan") > 0.5


def weak_line():
    rng, x = np.random.default_rng(3), np.linspace(4.9e9, 5.0e9, 101)
    return x, 1 / (1 + ((x - 4.96e9) / 4e6) ** 2) + 0.15 * rng.normal(size=(N, 101))


def test_where_every_turn_visits_all_points_less_is_asked():
    x, y = weak_line()
    scanned = fit_batch("qubit_spectroscopy", x, y, 0.15)
    turns = fit_batch("qubit_spectroscopy", x, y, 0.15, interleaved=True)
    assert np.mean(turns.verdict == "accepted") > 0.97
    doubted = np.mean([reason.startswith("drift could explain") for reason in scanned.reason])
    assert 0.01 < doubted < 0.2
    assert scanned.advice[scanned.verdict == "insufficient"][0].shots_times == 4.0


@pytest.mark.parametrize(("kind", "points"), [("rabi_amplitude", 51), ("rabi_length", 101)])
def test_a_weak_rabi_oscillation_is_not_often_taken_for_a_drift(kind, points):
    """A period and a fifth of contrast 1, at the sixth of it as noise of one point."""
    x = np.linspace(0.0, 1.0, points)
    law = 0.5 - 0.5 * np.exp(-0.3 * x) * np.cos(2 * np.pi * 1.2 * x)
    y = law + np.random.default_rng(4).normal(size=(N, points)) / 6
    assert np.mean(fit_batch(kind, x, y, 1 / 6).verdict == "accepted") > 0.85


@pytest.mark.parametrize(("snr", "status"), [(8, "signal too weak"), (100, "model does not fit")])
def test_more_shots_are_asked_for_only_where_they_help(snr, status):
    """A bell that is fitted as a decay: what more shots show is that the law is another.

    At an SNR of 8 a few cannot be told from a decay, and are said to be weak.
    """
    x, rng = np.linspace(0.0, 120e-6, 41), np.random.default_rng(6)
    y = np.exp(-((x / 45e-6) ** 2)) + rng.normal(size=(N, 41)) / snr
    found = fit_batch("t1", x, y)
    assert np.mean(found.status == status) > (0.2 if snr < 10 else 0.99)
    rejected = found.status == "model does not fit"
    assert not any(advice.shots_times for advice in found.advice[rejected])


def test_a_weak_signal_of_the_law_is_never_said_to_follow_another():
    x, rng = np.linspace(0.0, 120e-6, 41), np.random.default_rng(7)
    y = np.exp(-x / 30e-6) + rng.normal(size=(N, 41)) / 8
    for sigma in (None, 1 / 8):
        found = fit_batch("t1", x, y, sigma)
        assert "signal too weak" in found.status
        assert not any("drift explains the trace better" in reason for reason in found.reason)


def test_interleaved_is_yes_or_no():
    x, y = weak_line()
    with pytest.raises(TraceError, match="True or False"):
        fit_batch("qubit_spectroscopy", x, y[0], interleaved="mostly")


def test_every_sweep_is_tested_here():
    swept = {k for k, how in FIT_KINDS.items() if "interleaved" in how.known}
    elsewhere = {kind for kind in swept if kind.startswith("drag")}  # test_drag.py
    assert {*SWEPT, RB, IRB} == swept - elsewhere


BENCHMARKS = {
    "ever farther apart": np.unique(np.round(np.geomspace(1.0, 500.0, 51))),
    "evenly": np.arange(1.0, 502.0, 10.0),
    "few": np.unique(np.round(np.geomspace(1.0, 1000.0, 20))),
    "ten sequences of each": np.repeat(np.unique(np.round(np.geomspace(1.0, 500.0, 15))), 10),
}
RB, IRB = "randomized_benchmarking", "interleaved_randomized_benchmarking"


@pytest.mark.parametrize("lengths", BENCHMARKS.values(), ids=BENCHMARKS)
@pytest.mark.parametrize("known", [{}, {"offset": 0.5}], ids=["free end", "known end"])
def test_survivals_that_drift_or_jump_from_length_to_length_are_no_benchmark(lengths, known):
    """Before, up to 4 of 100 were accepted: they bend over lengths like a decay."""
    rng, n, m, sigma = np.random.default_rng(1), 3000, len(lengths), 0.01
    start, noise = rng.uniform(0.4, 0.95, (n, 1)), sigma * rng.normal(size=(n, m))
    walk = np.cumsum(rng.normal(size=(n, m)), axis=1)
    jump = 0.15 * rng.normal(size=(n, 1)) * (np.arange(m) >= rng.integers(1, m, (n, 1)))
    drifts = [*(size * sigma * walk for size in (0.2, 0.5, 0.7, 1.0, 1.5)), jump]
    for drift in drifts:
        found = fit_batch(RB, lengths, start + drift + noise, sigma, **known)
        assert np.count_nonzero(found.verdict == "accepted") <= (8 if m > 60 else 3)


def test_two_series_of_survivals_that_drift_are_no_benchmark():
    rng, m = np.random.default_rng(1), BENCHMARKS["ever farther apart"]
    walk = np.cumsum(rng.normal(size=(3000, 2, len(m))), axis=2)
    y = 0.7 + 0.01 * (0.7 * walk + rng.normal(size=walk.shape))
    assert not (fit_batch(IRB, ((0, 1), m), y, 0.01).verdict == "accepted").any()


@pytest.mark.parametrize("lengths", BENCHMARKS.values(), ids=BENCHMARKS)
def test_a_good_benchmark_is_not_taken_for_drift(lengths):
    rng = np.random.default_rng(2)
    rate = np.exp(rng.uniform(np.log(1.5), np.log(8.0), (2000, 1))) / lengths[-1]
    y = 0.5 + 0.45 * np.exp(-rate * lengths) + 0.01 * rng.normal(size=(2000, len(lengths)))
    assert np.mean(fit_batch(RB, lengths, y, 0.01).verdict == "accepted") > 0.99


def test_a_weak_benchmark_needs_more_or_lengths_that_are_visited_in_every_turn():
    rng, m = np.random.default_rng(2), BENCHMARKS["few"]
    y = 0.5 + 0.45 * np.exp(-3.0 * m / m[-1]) + 0.025 * rng.normal(size=(2000, len(m)))
    found, turns = (fit_batch(RB, m, y, 0.025, interleaved=each) for each in (False, True))
    asked = np.char.find(found.reason.astype(str), "interleaved=True") > 0
    assert 100 < np.count_nonzero(asked) < 1900
    assert (found.status[asked] == "signal too weak").all()
    assert found.advice[asked][0].shots_times == 4.0
    assert np.mean(turns.verdict[asked] == "accepted") > 0.9
