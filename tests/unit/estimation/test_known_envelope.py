"""Ramsey fringes whose envelope is known to be exponential."""

from __future__ import annotations

import numpy as np
import pytest

from kammerton.estimation import fit_batch
from kammerton.model import TraceError
from tests.catalogue.bound import bound
from tests.catalogue.registry import truths


def fringes(slow, snr, n=500, name="ramsey"):
    """Return well-placed traces of envelopes with that share of slow noise."""
    truth, rng = truths()[name], np.random.default_rng(3)
    p = truth.benign(rng, n) | {"slow": np.full(n, slow)}
    return truth.measured(rng, p, snr)


def fitted(traces, envelope="exponential"):
    return fit_batch("ramsey", traces.x, traces.y, traces.sigma, envelope=envelope)


def test_an_envelope_that_is_known_has_the_bar_of_whoever_knows_it():
    truth = truths()["ramsey, feasibility study"]
    rng = np.random.default_rng(3)
    p = truth.draw(rng, 1000)
    traces = truth.measured(rng, p, 50.0)
    best = bound(truth, p, traces)["t2_star"]
    clear = best < 0.05 * traces.low["t2_star"]
    found = fitted(traces)
    pull = ((found.values["t2_star"] - traces.low["t2_star"]) / found.stderr["t2_star"])[clear]
    assert np.median(found.stderr["t2_star"][clear] / best[clear]) == pytest.approx(1.0, abs=0.03)
    assert np.mean(np.abs(pull) < 1.0) == pytest.approx(0.683, abs=0.04)
    free = fitted(traces, None)
    assert np.median(free.stderr["t2_star"][clear] / best[clear]) > 1.3


@pytest.mark.parametrize("slow", [0.5, 1.0])
def test_an_envelope_that_is_surely_another_is_refused(slow):
    """As long as nothing looked, these were accepted as two frequencies, T2* off by a third."""
    found = fitted(fringes(slow, 100.0))
    assert (found.verdict == "rejected").all()
    assert "not exponential" in found.reason[0]


def test_an_envelope_that_is_as_it_is_said_to_be_is_accepted():
    assert np.mean(fitted(fringes(0.0, 100.0)).verdict == "accepted") > 0.99


def test_two_frequencies_under_a_known_envelope_are_two():
    traces = fringes(0.0, 100.0, name="ramsey, two frequencies")
    found = fitted(traces)
    assert np.mean((found.verdict == "accepted") & (found.status == "beating")) > 0.98
    off = found.values["t2_star"] / traces.low["t2_star"] - 1.0
    assert np.median(np.abs(off)) < 0.02


def test_an_envelope_is_one_of_those_there_are():
    traces = fringes(0.0, 20.0, n=2)
    with pytest.raises(TraceError, match="it must be one of exponential"):
        fitted(traces, "lorentzian")


def test_fringes_that_ring_once_are_seen_where_their_envelope_is_known():
    truth = truths()["ramsey, feasibility study, envelope known"]
    n = 200
    hidden = {"frequency": 0.9, "rate": 4.5, "slow": 0.0, "phase": 0.4, "contrast": 2.0}
    hidden["offset"] = 0.1
    p = {name: np.full(n, value) for name, value in hidden.items()}
    traces = truth.measured(np.random.default_rng(3), p, 50.0)
    found = fitted(traces)
    assert np.mean(found.verdict == "accepted") > 0.98
    pull = (found.values["frequency"] - traces.low["frequency"]) / found.stderr["frequency"]
    assert np.std(pull) == pytest.approx(1.0, abs=0.2)
    free = fitted(traces, None)
    assert not (free.verdict == "accepted").any()


@pytest.mark.parametrize("snr", [20.0, 50.0])
def test_a_smooth_fall_is_no_fringe_of_a_known_envelope(snr):
    rng, x = np.random.default_rng(3), np.linspace(0.0, 1.0, 101)
    at, width = rng.uniform(0.0, 0.5, (1000, 1)), rng.uniform(0.02, 0.3, (1000, 1))
    y = 1.0 / (1.0 + np.exp((x - at) / width)) + rng.normal(size=(1000, 101)) / snr
    found = fit_batch("ramsey", 1e-6 * x, y, 1.0 / snr, envelope="exponential")
    assert np.mean(found.verdict == "accepted") < 0.03
