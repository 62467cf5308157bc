"""One trace of a run that cannot be fitted is told alone, and the others are fitted."""

from __future__ import annotations

import numpy as np
import pytest

from kammerton.estimation.traces import fit_traces
from kammerton.model import Trace, TraceError, Verdict
from kammerton_calibrations.ramsey import RAMSEY

X = np.linspace(0.0, 1e-4, 51)
RNG = np.random.default_rng(0)


def trace(y):
    return Trace("q", X, y, np.full(X.size, 0.01), "delay", "s")


def good():
    return trace(np.exp(-X / 3e-5) + RNG.normal(0, 0.01, X.size))


@pytest.mark.parametrize(
    ("left", "said"), [(0, "all points are missing"), (2, "2 points; this law has 3 parameters")]
)
def test_a_trace_of_missing_points_does_not_take_the_others_along(left, said):
    lost = trace(np.where(np.arange(X.size) < left, 1.0, np.nan))
    fits = fit_traces("t1", {"q0": good(), "q1": lost, "q2": good()}, 500)
    assert list(fits) == ["q0", "q1", "q2"]
    assert [fits[n].verdict for n in fits] == [
        Verdict.ACCEPTED, Verdict.REJECTED, Verdict.ACCEPTED
    ]  # fmt: skip
    assert said in fits["q1"].reason
    assert fits["q1"].values == {}


def test_a_run_of_nothing_but_missing_points_is_told_of_each():
    fits = fit_traces("t1", {n: trace(np.full(X.size, np.nan)) for n in ("q0", "q1")}, 500)
    assert {fit.said() for fit in fits.values()} == {"rejected (no data): all points are missing"}


def test_what_is_no_matter_of_a_trace_is_raised():
    with pytest.raises(TraceError, match="no fit of kind 'nothing'"):
        fit_traces("nothing", {"q0": good(), "q1": good()}, 500)


def test_what_a_calibration_knows_of_its_traces_is_told_to_their_fit():
    t = np.linspace(0.0, 40e-6, 101)
    pair = np.cos(2 * np.pi * 385e3 * (t + 30e-9)) + np.cos(2 * np.pi * 415e3 * (t + 30e-9))
    y = 0.5 + 0.22 * np.exp(-t / 30e-6) * pair + RNG.normal(0, 0.01, t.size)
    beat = {"q0": Trace("q0", t, y, np.full(t.size, 0.01), "delay", "s")}
    free, known = (
        fit_traces("ramsey", beat, 500, how)["q0"].values["frequency_splitting"].stderr
        for how in ({}, RAMSEY.known)
    )
    assert known < 0.5 * free
