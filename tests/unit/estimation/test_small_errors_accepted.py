"""An accepted trace whose errors are far too small says so; its error bars are the scatter's."""

from __future__ import annotations

import numpy as np
import pytest

from kammerton.estimation import fit_batch

X = np.linspace(0.0, 100e-6, 51)
T1, SCATTER = 30e-6, 0.005
Y = 0.1 + 0.8 * np.exp(-X / T1) + SCATTER * np.random.default_rng(2).normal(size=(200, X.size))


@pytest.mark.parametrize(("times", "said"), [(1.0, None), (1.5, None), (10.0, 10), (20.0, 20)])
def test_how_many_times_errors_are_too_small_is_said_of_what_is_accepted(times, said):
    found = fit_batch("t1", X, Y, SCATTER / times)
    assert np.mean(found.verdict == "accepted") > 0.97
    words = [reason for reason in found.reason if "times more than their errors say" in reason]
    if said is None:
        assert not words
        return
    assert len(words) == np.count_nonzero(found.verdict == "accepted")
    told = [float(reason.split(" times more")[0].split()[-1]) for reason in words]
    assert np.median(told) == pytest.approx(said, rel=0.1)
    pull = (found.values["t1"] - T1) / found.stderr["t1"]
    assert pull.std() == pytest.approx(1.0, abs=0.15)


def test_shots_that_are_far_too_many_are_said_too():
    found = fit_batch("t1", X, np.clip(Y, 0, 1), shots=1_000_000)
    accepted = found.reason[found.verdict == "accepted"]
    assert len(accepted) > 100
    assert all("times more than their shots say" in reason for reason in accepted)


@pytest.mark.parametrize("times", [60.0, 1e4])
def test_errors_that_cannot_be_those_of_the_trace_are_refused(times):
    """Nothing is tested by them: another scatter, of which nobody knows, would pass as well."""
    found = fit_batch("t1", X, Y, SCATTER / times)
    assert set(found.verdict) == {"rejected"}
    said = [reason for reason in found.reason if "these cannot be those of this trace" in reason]
    assert len(said) > 190
    assert all("as their errors allow" in reason for reason in said)


def test_so_are_those_of_two_sequences():
    beta = np.linspace(-1.0, 1.0, 31)
    y = 0.5 + np.stack([0.3 * beta, -0.3 * beta])
    y = y + 0.005 * np.random.default_rng(2).normal(size=(20, 2, 31))
    for times, verdict in ((1.0, "accepted"), (1000.0, "rejected")):
        found = fit_batch("drag_sequences", (np.arange(2.0), beta), y, 0.005 / times)
        assert set(found.verdict) == {verdict}


def notches(sigma, ripple, traces=40, seed=4):
    """Return frequencies, and spectra behind a cable whose ends reflect; and the linewidth."""
    rng, f = np.random.default_rng(seed), np.linspace(7.0975e9, 7.1025e9, 201)
    turn = 2 * np.pi * ((f - 7.1e9) / 2.1e6 + rng.random((traces, 1)))
    law = 1 - 0.6 * np.exp(0.1j) / (1 + 2j * (f - 7.1e9) / 0.5e6)
    y = law * (1 + ripple * np.cos(turn)) * np.exp(-2j * np.pi * f * 40e-9)
    return f, y + sigma * (rng.normal(size=y.shape) + 1j * rng.normal(size=y.shape))


def test_what_a_cable_leaves_is_not_blamed_on_the_errors_of_an_averaging_analyser():
    """A ripple of 0.3 % is 40 of such errors, and none of them is too small."""
    f, y = notches(3e-5, 0.003)
    found = fit_batch("resonator_spectroscopy", f, y, 3e-5)
    assert np.median(found.chi2_reduced) > 1000
    assert set(found.verdict) == {"accepted"}
    assert not any("these cannot be" in reason for reason in found.reason)
    assert np.max(np.abs(found.values["frequency"] - 7.1e9) / found.stderr["frequency"]) < 4


def test_of_noise_they_are_blamed_in_a_spectrum_too():
    f, y = notches(3e-3, 0.0)
    found = fit_batch("resonator_spectroscopy", f, y, 3e-5)
    assert set(found.verdict) == {"rejected"}
    assert all("these cannot be those of this trace" in reason for reason in found.reason)
