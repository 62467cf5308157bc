"""No trace takes long, whatever is wrong with it; and many together take little each.

The bounds are four times the goals of docs/fits.md. What is compared is the least of several
measurements, each beside scipy's curve_fit in the same moment: a machine that is busy or slow is
no failure. Maps have goals of their own.
"""

from __future__ import annotations

import pytest

from tests.benchmarks import fits_speed, fits_verdicts
from tests.benchmarks.fits_common import Effort, is_map
from tests.benchmarks.fits_speed import QUIET, SWEEP, cases, ours, quietest
from tests.benchmarks.fits_verdicts import AGAIN, SLOWEST, slowest
from tests.catalogue.registry import plain
from tests.yardstick import least

SPARE = 4.0
ONE_EACH = Effort(never=1, broken=1, success=1, honest=1, worst=1, peer_traces=1, kind=None, seed=3)
TOGETHER = 100
SWEEPS = {name: truth for name, truth in plain().items() if not is_map(truth)}


@pytest.mark.parametrize("name", SWEEPS)
def test_no_trace_takes_long(name):
    found, most = [], SPARE * SLOWEST

    def measured():
        found.append(slowest(SWEEPS[name], ONE_EACH, enough=most))
        return 1e-3 * found[-1].ms

    assert least(measured, 1e-3 * most) < 1e-3 * most, found
    assert all(each.traces > 3 for each in found)


@pytest.mark.parametrize("name", SWEEPS)
def test_many_traces_take_little_each(name, monkeypatch):
    monkeypatch.setattr(fits_speed, "REPEATS", 5)
    case = next(each for each in cases(SWEEPS[name].kind, 3) if each.truth.name == name)
    few, most = min(TOGETHER, len(case.traces)), 1e-6 * SPARE * SWEEP
    assert least(lambda: ours(case, few), most) < most


def test_the_slowest_is_the_largest_of_the_least_times(monkeypatch):
    """A machine that is shared makes a quick trace slow at times, never a slow one quick."""
    calls, own = [], {}

    def timed(truth, one):
        key = one.y.tobytes()
        calls.append(own.setdefault(key, len(own)))
        tries = calls.count(own[key])
        busy = 0.0 if (tries + own[key]) % 10 == 0 else 9.0 / tries
        return 1.0 + own[key] + busy

    monkeypatch.setattr(fits_verdicts, "_ms", timed)
    found = slowest(SWEEPS["t1"], ONE_EACH)
    assert found.ms == found.traces == len(own)
    assert len(calls) < found.traces + 12 * AGAIN


def test_what_is_quick_enough_the_first_time_is_not_fitted_again(monkeypatch):
    calls = []

    def timed(truth, one):
        calls.append(one.y.tobytes())
        return 7.0 if calls[-1] == calls[0] else 3.0

    monkeypatch.setattr(fits_verdicts, "_ms", timed)
    found = slowest(SWEEPS["t1"], ONE_EACH, enough=7.0)
    assert (found.ms, len(calls)) == (7.0, found.traces)
    assert slowest(SWEEPS["t1"], ONE_EACH, enough=6.9).ms == 7.0
    assert len(calls) > 2 * found.traces


@pytest.mark.parametrize(
    ("yardsticks", "kept"),
    [((2.0, 2.0, 0.5, 3.0, 1.5, 1.5), 3), ((2.0, 2.0, 0.9, 1.0, 0.1, 0.1), 2)],
)
def test_what_was_measured_on_the_quietest_machine_counts(monkeypatch, yardsticks, kept):
    """Whatever it was, and quiet means before and after."""
    took = iter(yardsticks)
    monkeypatch.setattr(fits_speed, "yardstick", lambda: QUIET * next(took))
    monkeypatch.setattr(fits_speed, "REST", 0.0)
    outcomes = iter((1, 2, 3))
    assert quietest(lambda: next(outcomes), 3)[0] == kept
