"""Every input that a design cannot use, by name; and what a plan is."""

from __future__ import annotations

import numpy as np
import pytest

from kammerton.estimation.design import (
    Plan,
    Timing,
    c_optimal,
    judge,
    levels,
    ramsey_belief,
    ramsey_design,
    sweep_design,
    t1_belief,
    t1_design,
    t2_echo_belief,
    update,
    update_populations,
)
from kammerton.model import TraceError

KNOWN = levels(0.05, 0.9, targets=2)
TIMING = Timing(2e-6)
X = np.linspace(0.1, 1.0, 5)


def belief():
    return t1_belief(50e-6, 10e-6, KNOWN)


def plan():
    return Plan(np.full((2, 3), 30e-6), np.full((2, 3), 10))


def line(x, theta):
    return theta[0] + theta[1] * x


def fringe():
    return ramsey_belief(1e5, 2e4, 50e-6, 1e-5, KNOWN)


REFUSED = {
    "targets is 1.5; it is a whole number from 1 on": lambda: levels(0.1, 0.9, targets=1.5),
    "targets is 0; it is a whole number": lambda: levels(0.1, 0.9, targets=0),
    "overhead is not a number": lambda: Timing("long"),
    "longest is '1 us', no number of seconds": lambda: Timing(1e-6, longest="1 us"),
    "economy is 'money'": lambda: Timing(1e-6, economy="money"),
    "the posterior is of ramsey; this designs t1 or t2_echo": lambda: t1_design(fringe(), TIMING),
    "the posterior is of t1; this designs ramsey": lambda: ramsey_design(belief(), TIMING, 1e3),
    "posterior is none": lambda: t1_design(50e-6, TIMING),
    "first is 2.5; it is a whole number": lambda: t1_design(belief(), TIMING, first=2.5),
    "first is not finite": lambda: t1_design(belief(), TIMING, first=np.nan),
    "first is not a number": lambda: ramsey_design(fringe(), TIMING, 1e3, first="few"),
    "budget is not a number": lambda: t1_design(belief(), TIMING, 0.05, "much"),
    r"budget has shape \(3,\); there are 2 targets": lambda: t1_design(
        belief(), TIMING, 0.05, [1.0, 2.0, 3.0]
    ),
    "ones is complex": lambda: update(belief(), plan(), 1j * np.ones((2, 3))),
    "targets is 'q0', one word": lambda: judge(belief(), 0.05, "q0"),
    "of is 1.5; it is a whole number": lambda: c_optimal([[1.0, 2.0], [2.0, 1.0]], of=1.5),
    "of is 9; theta has 2 parameters": lambda: sweep_design(
        line, [0, 1], [X], 0.1, 1, TIMING, of=9
    ),
    r"goal has shape \(2,\); it is one number": lambda: sweep_design(
        line, [0, 1], [X], [0.1, 0.2], 1, TIMING
    ),
    "goal is 1e-300; a shot at each point gives": lambda: sweep_design(
        line, [0, 1], [X], 1e-300, 1, TIMING
    ),
    "a window has negative delays": lambda: sweep_design(
        line, [0, 1], [X, -X], 0.1, 1, TIMING, delays=True
    ),
    "what law returns is not finite": lambda: sweep_design(
        lambda x, theta: x * np.nan, [0, 1], [X], 0.1, 1, TIMING
    ),
    r"law returns shape \(3,\) for x of shape \(5,\)": lambda: sweep_design(
        lambda x, theta: np.zeros(3), [0, 1], [X], 0.1, 1, TIMING
    ),
    "offset is not finite": lambda: levels(np.nan, 0.9),
    "contrast is 0": lambda: levels(0.1, 0.0),
    "contrast_sigma is negative": lambda: levels(0.1, 0.9, 0.0, -0.1),
    r"offset has shape \(3,\); there are 2 targets": lambda: levels([0.1] * 3, 0.9, targets=2),
    "offset is not a number": lambda: levels("low", 0.9),
    "a shot takes time": lambda: Timing(0.0),
    "hold none": lambda: Timing(1e-6, shortest=2e-6, longest=1e-6),
    "delays are negative": lambda: Plan(np.array([[-1.0]]), np.array([[1]])),
    "shots are negative": lambda: Plan(np.array([[1.0]]), np.array([[-1]])),
    "shots are not whole": lambda: Plan(np.array([[1.0]]), np.array([[1.5]])),
    "mean is not positive": lambda: t1_belief([50e-6, 0.0], None, KNOWN),
    "sigma is not positive": lambda: t2_echo_belief(50e-6, -1e-6, KNOWN),
    "neither sigma nor band": lambda: ramsey_belief(0.0, None, 5e-5, 1e-5, KNOWN),
    "t2_star is not positive": lambda: ramsey_belief(0.0, 1e4, 0.0, 1e-5, KNOWN),
    "t2_star_sigma is negative": lambda: ramsey_belief(0.0, 1e4, 5e-5, -1e-5, KNOWN),
    "band is not positive": lambda: ramsey_belief(0.0, None, 5e-5, 1e-5, KNOWN, 0.0),
    "goal is not positive": lambda: t1_design(belief(), TIMING, 0.0),
    "budget is not finite": lambda: t1_design(belief(), TIMING, 0.05, np.nan),
    "first is 0; it is a whole number": lambda: t1_design(belief(), TIMING, 0.05, first=0),
    r"ones has shape \(2, 2\)": lambda: update(belief(), plan(), np.zeros((2, 2))),
    "between 0 and the shots": lambda: update(belief(), plan(), np.full((2, 3), 11)),
    "ones holds infinite": lambda: update(belief(), plan(), np.full((2, 3), np.inf)),
    "ones is not a number or an array": lambda: update(belief(), plan(), [["a"] * 3] * 2),
    "sigma must be positive": lambda: update_populations(belief(), plan(), np.zeros((2, 3)), 0.0),
    "3 targets for 2 posteriors": lambda: judge(belief(), 0.05, ["a", "b", "c"]),
    "nothing was measured": lambda: judge(belief(), 0.05, ["a", "b"]),
    "jacobian has shape": lambda: c_optimal(np.ones(4)),
    "sigma must be positive: one": lambda: c_optimal(np.ones((4, 2)), 0.0),
    "no setting tells": lambda: c_optimal(np.ones((4, 2))),
    "goal and sigma must": lambda: sweep_design(line, [0.0, 1.0], [X], 0.0, 1.0, TIMING),
    "no window was offered": lambda: sweep_design(line, [0.0, 1.0], [], 0.1, 1.0, TIMING),
    "no window tells": lambda: sweep_design(line, [0.0, 1.0], [X[:1]], 0.1, 1.0, TIMING),
}  # fmt: skip


@pytest.mark.parametrize("message", REFUSED)
def test_refused(message):
    with pytest.raises(TraceError, match=message):
        REFUSED[message]()


def test_a_refusal_is_a_value_error():
    with pytest.raises(ValueError, match="contrast is 0"):
        levels(0.0, 0.0)


def test_a_missing_setting_changes_nothing():
    ones = np.full((2, 3), 4.0)
    ones[:, 1] = np.nan
    gap = update(belief(), plan(), ones)
    two = Plan(np.full((2, 2), 30e-6), np.full((2, 2), 10))
    alone = update(belief(), two, np.full((2, 2), 4.0))
    assert gap.value == pytest.approx(alone.value, rel=1e-12)
    assert gap.shots.tolist() == [20, 20]


def test_nothing_is_changed_in_place():
    before = belief()
    kept = before.sums.copy(), before.weights.copy()
    update(before, plan(), np.full((2, 3), 4))
    np.testing.assert_array_equal(before.sums, kept[0])
    np.testing.assert_array_equal(before.weights, kept[1])


@pytest.mark.parametrize("economy", ["seconds", "shots"])
def test_delays_stay_within_what_can_be_played(economy):
    timing = Timing(2e-6, 20e-6, 30e-6, economy)
    found = t1_design(belief(), timing, 0.05)
    assert (found.delays >= 20e-6).all()
    assert (found.delays <= 30e-6).all()
    fringes = ramsey_belief(0.0, 1e3, 50e-6, 10e-6, KNOWN)
    assert (ramsey_design(fringes, timing, 100.0).delays <= 30e-6).all()


def test_the_budget_is_never_overspent():
    for budget in (0.0, 1e-6, 1e-4, 3e-3):
        found = t1_design(belief(), TIMING, 0.001, budget)
        assert (found.seconds <= budget).all()
        np.testing.assert_allclose(
            found.seconds, (found.shots * (found.delays + 2e-6)).sum(axis=1)
        )  # fmt: skip
    assert t1_design(belief(), TIMING, 0.001, 0.0).done.all()


def test_what_is_known_well_enough_is_done():
    found = t1_design(t1_belief([50e-6, 50e-6], [1e-6, 10e-6], KNOWN), TIMING, 0.05)
    assert found.done.tolist() == [True, False]


def test_populations_say_what_counts_say():
    known = levels(0.05, 0.9, targets=1)
    settings = Plan(np.array([[20e-6, 60e-6]]), np.array([[4000, 4000]]))
    p = 0.05 + 0.9 * np.exp(-settings.delays / 50e-6)
    start = t1_belief(60e-6, None, known)
    counted = update(start, settings, np.round(4000 * p))
    meant = update_populations(start, settings, p, np.sqrt(p * (1 - p) / 4000))
    assert meant.value == pytest.approx(counted.value, rel=1e-3)
    assert meant.stderr == pytest.approx(counted.stderr, rel=0.02)
    assert abs(counted.value[0] - 50e-6) < counted.stderr[0]
