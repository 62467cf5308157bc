"""Errors that are too small for their scatter are called so, and not a wrong law for certain."""

from __future__ import annotations

import numpy as np
import pytest

from kammerton.estimation import fit_batch
from kammerton.estimation.traces import fit_traces
from kammerton.model import Trace
from tests.catalogue.broken import BROKEN
from tests.catalogue.registry import truths

GOOD = next(each for each in BROKEN if each.name == "good")
X = np.linspace(0, 100e-6, 51)
MANY = [
    "t1", "t2_echo", "ramsey", "rabi_amplitude", "rabi_length", "qubit_spectroscopy", "drag",
    "drag_repetitions",
]  # fmt: skip


def noisy(law, scatter=0.02, seed=3, traces=40):
    return law + scatter * np.random.default_rng(seed).normal(size=(traces, X.size))


@pytest.mark.parametrize("name", MANY)
def test_every_sweep_says_how_far_its_errors_are_too_small(name: str) -> None:
    truth = truths()[name]
    traces = GOOD.traces(truth, 7, 150)
    found = fit_batch(truth.kind, traces.x, traces.y, traces.sigma / 20, **traces.known)
    refused = [
        reason for status, reason in zip(found.status, found.reason, strict=True)
        if status == "model does not fit"
    ]  # fmt: skip
    said = [reason for reason in refused if "times too small for the scatter about" in reason]
    assert len(said) > 0.7 * len(refused) > 0
    assert all("; or it is" in reason or "or the law is another" in reason for reason in said)
    times = [float(reason.split(" times")[0].split()[-1]) for reason in said]
    assert 15 < np.median(times) < 26


def test_a_flat_trace_scatters_about_a_constant() -> None:
    found = fit_batch("t1", X, noisy(0.5 + 0 * X), 0.002)
    assert (found.verdict == "rejected").all()
    assert np.mean(["scatter about a constant" in reason for reason in found.reason]) > 0.8


def test_a_fringe_too_fast_for_uneven_delays_looks_like_noise_and_is_thought_of() -> None:
    """As where f01 is megahertz off: the daemon blamed the errors of a sweep alone."""
    rng = np.random.default_rng(4)
    delays = np.sort(X + rng.uniform(-0.45, 0.45, X.size) * X[1] * (X > 0))
    law = 0.5 + 0.4 * np.exp(-delays / 60e-6) * np.cos(2 * np.pi * 3.217e6 * delays)
    found = fit_batch("ramsey", delays, law + 0.01 * rng.normal(size=(40, X.size)), 0.01)
    assert set(found.status) == {"model does not fit"}, "more shots would not help"
    said = [reason for reason in found.reason if "too fast for these points" in reason]
    assert len(said) == 40


FIRST = "it is a decaying oscillation too fast for these points: the scatter about a constant is "


@pytest.mark.parametrize("said", ["the errors given say", "400 shots have"])
def test_what_dies_along_the_sweep_is_first_a_fringe_too_fast_and_no_noise(said) -> None:
    """As after a hop of the qubit, where the errors were blamed first, which nobody had given."""
    rng, even = np.random.default_rng(4), np.linspace(0.0, 100e-6, 101)
    delays = np.sort(even + rng.uniform(-0.45, 0.45, even.size) * even[1] * (even > 0))
    law = 0.5 + 0.45 * np.exp(-delays / 40e-6) * np.cos(2 * np.pi * 3.217e6 * delays)
    y = rng.binomial(400, np.clip(law, 0, 1), (40, 101)) / 400
    how = {"shots": 400} if "shots" in said else {"sigma": 0.02}
    reasons = fit_batch("ramsey", delays, y, **how).reason
    first = [each for each in reasons if each.startswith(FIRST) and said in each]
    assert len(first) > 30
    assert all(each.endswith("the qubit is not where it was thought to be: look for it")
               for each in first)  # fmt: skip


def test_noise_that_stays_is_that_of_errors_too_small() -> None:
    reasons = fit_batch("ramsey", X, noisy(0.5 + 0 * X, 0.1), 0.02).reason
    assert np.mean([each.startswith("the errors given are ") for each in reasons]) > 0.8
    assert not any(each.startswith("it is a decaying") for each in reasons)


def test_errors_of_shots_are_said_to_be_those_of_shots() -> None:
    """Whom the daemon tells has given no errors."""
    traces = {f"q{n}": Trace(f"q{n}", X, y, np.full(X.size, 0.02), "delay", "s")
              for n, y in enumerate(noisy(0.5 + 0 * X, 0.1))}  # fmt: skip
    reasons = [fit.reason for fit in fit_traces("ramsey", traces, 400).values()]
    assert np.mean([each.startswith("the errors of 400 shots are ") for each in reasons]) > 0.8


def test_shots_that_are_too_many_are_named() -> None:
    """100 shots were taken, and 10,000 are said."""
    p = np.broadcast_to(0.1 + 0.3 * np.exp(-X / 30e-6), (40, X.size))
    y = np.random.default_rng(3).binomial(100, p) / 100
    found = fit_batch("t1", X, y, shots=10_000)
    said = [r for r in found.reason if "times that of 10000 shots" in r]
    assert len(said) > 20
    assert "it is that of 1" in said[0]
    assert not any("errors given" in reason for reason in found.reason)


@pytest.mark.parametrize(
    "law", [np.exp(-X / 9e-6) + np.exp(-X / 60e-6), np.cos(2 * np.pi * X / 25e-6), (X > 4e-5) * 1.0]
)
def test_another_law_is_none_of_that(law) -> None:
    found = fit_batch("t1", X, noisy(law), 0.02)
    assert "rejected" in found.verdict
    assert not any("too small" in reason for reason in found.reason)


SMOOTH = {
    "two decays": lambda t: 0.5 * np.exp(-4 * t) + 0.5 * np.exp(-t / 2),
    "stretched": lambda t: np.exp(-np.sqrt(t)),
}


@pytest.mark.parametrize("points", [9, 12, 16, 21, 31])
@pytest.mark.parametrize("law", SMOOTH.values(), ids=SMOOTH)
@pytest.mark.parametrize("kind", ["t1", "t2_echo"])
def test_what_a_law_leaves_of_another_smooth_one_is_no_noise(kind, law, points) -> None:
    """Few points tell no correlation: all of these were blamed on the errors."""
    t = np.linspace(0.0, 4.0, points)
    rng = np.random.default_rng(9)
    y = 0.1 + 0.8 * law(t) + 0.003 * rng.normal(size=(100, points))
    found = fit_batch(kind, 25e-6 * t, y, 0.003)
    refused = found.reason[found.status == "model does not fit"]
    assert len(refused) > 90
    assert np.mean(["too small" in reason for reason in refused]) < 0.05


def test_where_no_errors_are_given_none_are_blamed() -> None:
    """Those of means are told by repetitions; two rates are another law."""
    lengths = np.round(np.geomspace(1, 800, 30))
    law = 0.5 + 0.24 * 0.9**lengths + 0.24 * 0.998**lengths
    rng = np.random.default_rng(9)
    y = np.repeat(law, 20) + 0.01 * rng.normal(size=(40, 600))
    found = fit_batch("randomized_benchmarking", np.repeat(lengths, 20), y)
    assert (found.status == "model does not fit").all()
    assert not any("errors given" in reason for reason in found.reason)


def test_one_point_far_off_is_none_of_that() -> None:
    y = noisy(np.exp(-X / 30e-6))
    y[:, 20] += 0.5
    found = fit_batch("t1", X, y, 0.02)
    assert (found.verdict == "rejected").all()
    assert not any("too small" in reason for reason in found.reason)


def test_of_a_fringe_that_was_found_whose_frequency_jitters_nobody_says_that_it_is_too_fast() -> (
    None
):
    """Its scatter is largest where it turns, and dies along the sweep as well."""
    rng, delays = np.random.default_rng(3), np.linspace(0.0, 100e-6, 101)
    f = 0.12e6 + 3e3 * rng.normal(size=(40, 101))
    law = 0.5 + 0.45 * np.exp(-delays / 20e-6) * np.cos(2 * np.pi * f * delays)
    found = fit_batch("ramsey", delays, rng.binomial(1000, law) / 1000, shots=1000)
    assert (found.verdict == "rejected").all()
    assert not [reason for reason in found.reason if reason.startswith("it is a decaying")]


def test_it_is_said_whose_errors_are_too_small() -> None:
    """Repetitions tell errors of benchmarking, whatever is given; nobody repeats a resonance."""
    rng, frequency = np.random.default_rng(6), np.linspace(6.99e9, 7.01e9, 151)
    centres = np.array([7e9, 6.9993e9])[:, None]
    noise = rng.normal(size=(2, 151)) + 1j * rng.normal(size=(2, 151))
    s21 = 1 - 0.7 / (1 + 2j * (frequency - centres) / 1e6) + 0.03 * noise
    found = fit_batch("dispersive_shift", ((0, 1), frequency), s21, 0.01)
    assert "the errors given are " in found.reason[0]
    lengths = np.repeat(np.arange(1, 400, 20), 10)
    survival = 0.5 + 0.45 * 0.99**lengths + 0.03 * np.repeat(rng.normal(size=20), 10)
    found = fit_batch(
        "randomized_benchmarking", lengths, survival + 0.002 * rng.normal(size=200), 0.03
    )
    assert "the errors that repetitions tell are" in found.reason[0]
