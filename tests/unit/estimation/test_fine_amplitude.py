"""Error-amplified rotations: the error per gate, its error bar, and every reason to refuse."""

from __future__ import annotations

import numpy as np
import pytest

from kammerton.estimation import fit_batch
from kammerton.model import TraceError
from tests.catalogue.broken import BROKEN
from tests.catalogue.registry import truths

KIND = "fine_amplitude"
EVERY = np.arange(26)
ODD = np.array([0, 1, 2, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21])
CONTRAST, OFFSET = 0.8, 0.5
BOTH = {"contrast": CONTRAST, "offset": OFFSET}
HALF = {"angle": np.pi / 2, "phase": np.pi}


def train(n, error, angle=np.pi, phase=np.pi / 2, decay=0.003, contrast=CONTRAST):
    """Sequences as they are played: P of 1 is (1 - cos of the whole angle)/2, with decay."""
    whole = n * (angle + error) + (np.pi - phase)
    return OFFSET - contrast / 2 * np.exp(-decay * n) * np.cos(whole)


def noisy(y, sigma=0.02, count=300, seed=1):
    return y + sigma * np.random.default_rng(seed).normal(size=(count, len(y)))


PULLS = {
    "too far": (EVERY, 0.02, BOTH), "too little": (EVERY, -0.1, BOTH), "much": (EVERY, 0.9, BOTH),
    "contrast alone known": (EVERY, 0.03, {"contrast": CONTRAST}),
    "nothing known": (EVERY, 0.1, {}),
    "half turns": (ODD, -0.1, HALF), "half turns, known": (ODD, 0.03, {**HALF, **BOTH}),
}  # fmt: skip


@pytest.mark.parametrize("given", [True, False], ids=["sigma", "no sigma"])
@pytest.mark.parametrize("case", PULLS)
def test_pull(case, given):
    n, error, known = PULLS[case]
    y = noisy(train(n, error, known.get("angle", np.pi), known.get("phase", np.pi / 2)))
    found = fit_batch(KIND, n, y, 0.02 if given else None, **known)
    pull = (found.values["angle_error"] - error) / found.stderr["angle_error"]
    assert np.mean(found.status == "success") > 0.98
    assert abs(pull.mean()) < 0.25
    assert 0.82 < pull.std() < 1.2  # without sigma, 9 to 22 degrees of freedom
    scale = known.get("angle", np.pi) / (known.get("angle", np.pi) + found.values["angle_error"])
    np.testing.assert_allclose(found.values["amplitude_scale"], scale)


def test_a_perfect_gate_is_a_result_once_the_contrast_is_known():
    y = noisy(train(EVERY, 0.0))
    found = fit_batch(KIND, EVERY, y, 0.02, **BOTH)
    pull = found.values["angle_error"] / found.stderr["angle_error"]
    assert np.mean(found.status == "success") > 0.98
    assert abs(pull.mean()) < 0.2
    assert 0.75 < pull.std() < 1.1
    assert np.median(found.stderr["angle_error"]) < 1e-3
    alone = fit_batch(KIND, EVERY, y, 0.02)
    assert set(alone.status) == {"no signal"}
    assert "a known contrast tells" in alone.reason[0]


@pytest.mark.parametrize(("error", "known"), [(0.1, BOTH), (0.1, {})])
def test_a_strong_decay_from_gate_to_gate(error, known):
    found = fit_batch(KIND, EVERY, noisy(train(EVERY, error, decay=0.05)), 0.02, **known)
    pull = (found.values["angle_error"] - error) / found.stderr["angle_error"]
    assert abs(pull.mean()) < 0.35
    assert 0.85 < pull.std() < 1.2


def test_the_sign_is_that_of_the_error_not_of_the_contrast():
    """A gate that turns too little is no signal of negative contrast."""
    found = fit_batch(KIND, EVERY, noisy(train(EVERY, -0.15)), 0.02)
    assert (found.values["amplitude"] > 0).all()
    assert (found.values["angle_error"] < 0).all()
    assert "too little" in found.reason[0]


CASES = {
    "constant": (EVERY, np.full(26, 0.5), 0.02, BOTH, "rejected", "no signal"),
    "no error, nothing known": (EVERY, train(EVERY, 0.0), 0.02, {}, "rejected", "no signal"),
    "faint": (EVERY, train(EVERY, 0.2, contrast=0.08), 0.02, {}, "insufficient",
              "signal too weak"),
    "contrast not told": (EVERY, train(EVERY, 0.02), 0.02, {}, "insufficient", "error too large"),
    "noisy": (EVERY[:7], train(EVERY[:7], 0.05, np.pi / 2, np.pi), 0.1,
              {**HALF, **BOTH}, "insufficient", "error too large"),
    "large error": (EVERY, train(EVERY, 1.8), 0.02, BOTH, "insufficient", "sampling too coarse"),
    "as good as none": (EVERY, train(EVERY, -2.6), 0.02, BOTH, "insufficient",
                        "sampling too coarse"),
    "as good as none, nothing known": (EVERY, train(EVERY, 2.4), 0.02, {}, "insufficient",
                                       "sampling too coarse"),
    "rare gates": (10 * EVERY, train(10 * EVERY, 0.17, decay=0.0), 0.02, BOTH, "insufficient",
                   "sampling too coarse"),
    "gone at once": (EVERY, train(EVERY, 0.1, decay=0.25), 0.01, BOTH, "insufficient",
                     "window too long"),
    "a line": (EVERY, 0.2 + 0.02 * EVERY, 0.02, HALF, "rejected", "model does not fit"),
    "a drift, known contrast": (EVERY, 0.4 + 0.01 * EVERY, 0.02, BOTH, "rejected",
                                "model does not fit"),
    "another contrast": (EVERY, train(EVERY, 0.4, contrast=0.4), 0.02, BOTH, "rejected",
                         "model does not fit"),
    "a slow drift, known contrast": (EVERY, 0.5 + 0.25 * np.sin(0.08 * EVERY), 0.02, BOTH,
                                     "rejected", "model does not fit"),
    "one point": (EVERY, 0.5 + 0.4 * (EVERY == 11), 0.02, BOTH, "rejected", "stray point"),
    "a jump": (EVERY, 0.3 + 0.4 * (EVERY > 11), 0.02, {}, "rejected", "model does not fit"),
    "saturated": (EVERY, np.clip(train(EVERY, 0.2), 0.3, 0.7), 0.0, {}, "rejected", "saturated"),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_reason(case):
    n, truth, sigma, known, verdict, status = CASES[case]
    y = truth if case == "constant" else noisy(truth, sigma, 1, 5)[0]
    found = fit_batch(KIND, n, y, sigma or None, **known)
    assert (found.verdict[0], found.status[0]) == (verdict, status), found.reason[0]
    advice = found.advice[0]
    assert (advice.window_times is advice.shots_times is None) == (verdict == "rejected")


def test_two_errors_that_explain_the_trace_equally_well_are_told():
    n = np.array([0, 5, 6, 11, 17, 22])
    found = fit_batch(KIND, n, noisy(train(n, 0.3, decay=0.0), 0.25, 300), 0.25, **BOTH)
    twice = found.status == "sampling too coarse"
    assert twice.mean() > 0.2
    wrong = np.abs(found.values["angle_error"] - 0.3) > 5 * found.stderr["angle_error"]
    assert wrong[twice].mean() > 0.05  # what it is there for
    assert (wrong & (found.verdict == "accepted")).mean() < 0.01


@pytest.mark.parametrize("given", [True, False], ids=["sigma", "no sigma"])
@pytest.mark.parametrize("known", [{}, HALF], ids=["pi", "half"])
def test_noise_lines_walks_and_steps_are_not_accepted(known, given):
    rng = np.random.default_rng(6)
    noise, at = 0.05 * rng.normal(size=(1000, 26)), rng.integers(2, 25, (1000, 1))
    walks = np.cumsum(rng.normal(size=(1000, 26)), axis=1) * rng.uniform(0.02, 0.3, (1000, 1))
    slopes = rng.uniform(-1, 1, (1000, 1))
    for name, y in {"noise": 0 * slopes, "line": slopes * EVERY / 25, "walk": walks,
                    "step": 0.6 * (at > EVERY)}.items():  # fmt: skip
        found = fit_batch(KIND, EVERY, 0.5 + y + noise, 0.05 if given else None, **known)
        assert np.count_nonzero(found.verdict == "accepted") == 0, name


def test_missing_points_and_any_order():
    y = noisy(train(EVERY, 0.1), count=20)
    whole = fit_batch(KIND, EVERY, y, 0.02, **BOTH)
    order = np.random.default_rng(7).permutation(26)
    mixed = fit_batch(KIND, EVERY[order], y[:, order], 0.02, **BOTH)
    np.testing.assert_allclose(mixed.values["angle_error"], whole.values["angle_error"])
    y[:, [3, 8, 20]] = np.nan
    found = fit_batch(KIND, EVERY, y, 0.02, **BOTH)
    assert np.abs((found.values["angle_error"] - 0.1) / found.stderr["angle_error"]).max() < 4


REFUSED = {
    "half a gate": ((EVERY + 0.5, train(EVERY, 0.1)), {}, "whole and not negative"),
    "negative": ((EVERY - 1, train(EVERY, 0.1)), {}, "whole and not negative"),
    "no angle": ((EVERY, train(EVERY, 0.1)), {"angle": 0.0}, "angle is 0"),
    "few points": ((EVERY[:4], train(EVERY[:4], 0.1)), {}, "needs at least 5"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused(case):
    arguments, known, message = REFUSED[case]
    with pytest.raises(TraceError, match=message):
        fit_batch(KIND, *arguments, **known)


OTHER_SIGN = "if the signal rises with 1; else the error has the other sign"


@pytest.mark.parametrize("error", [0.02, -0.1])
def test_a_known_contrast_may_be_negative(error):
    """A population of 0, or a readout that falls: the sign of the error stays that of the gate."""
    y = noisy(1.0 - train(EVERY, error))
    found = fit_batch(KIND, EVERY, y, 0.02, contrast=-CONTRAST, offset=1.0 - OFFSET)
    pull = (found.values["angle_error"] - error) / found.stderr["angle_error"]
    assert np.mean(found.status == "success") > 0.98
    assert abs(pull.mean()) < 0.25
    assert not any(OTHER_SIGN in reason for reason in found.reason)


def test_the_second_best_error_is_taken_of_a_falling_signal_too():
    n = np.array([0, 5, 6, 11, 17, 22])
    y = noisy(train(n, 0.3, decay=0.0), 0.25, 300)
    up = fit_batch(KIND, n, y, 0.25, **BOTH)
    down = fit_batch(KIND, n, 1.0 - y, 0.25, contrast=-CONTRAST, offset=1.0 - OFFSET)
    np.testing.assert_allclose(down.values["angle_error"], up.values["angle_error"], atol=1e-6)
    assert down.status.tolist() == up.status.tolist()


@pytest.mark.parametrize(
    ("n", "known", "either"),
    [(EVERY, {}, True), (EVERY, {"offset": OFFSET}, True), (EVERY, BOTH, False),
     (ODD, HALF, False)],
)  # fmt: skip
def test_the_sign_that_nobody_can_tell_is_said(n, known, either):
    y = noisy(train(n, 0.1, known.get("angle", np.pi), known.get("phase", np.pi / 2)), count=3)
    found = fit_batch(KIND, n, y, 0.02, **known)
    assert (found.verdict == "accepted").all()
    assert [OTHER_SIGN in reason for reason in found.reason] == [either] * 3


@pytest.mark.parametrize("error", [0.02, 0.05, 0.1])
def test_a_first_pulse_may_have_half_of_the_error(error):
    """It is half of the pi pulse in amplitude: all n + 1/2 gates' errors are there."""
    y = noisy(OFFSET - CONTRAST / 2 * np.cos((EVERY + 0.5) * (np.pi + error)), 0.01)
    half = fit_batch(KIND, EVERY, y, 0.01, first_pulse="half", **BOTH)
    pull = (half.values["angle_error"] - error) / half.stderr["angle_error"]
    assert np.mean(half.status == "success") > 0.98
    assert abs(pull.mean()) < 0.25
    perfect = fit_batch(KIND, EVERY, y, 0.01, **BOTH)
    off = (perfect.values["angle_error"] - error) / perfect.stderr["angle_error"]
    assert off.mean() > 1.0


def test_the_first_pulse_is_one_of_two():
    with pytest.raises(TraceError, match="must be one of perfect, half"):
        fit_batch(KIND, EVERY, train(EVERY, 0.1), first_pulse="bad")


def test_an_error_that_is_not_seen_is_not_said_to_turn_too_far():
    found = fit_batch(KIND, EVERY, noisy(train(EVERY, 0.0)), 0.02, **BOTH)
    seen = np.abs(found.values["angle_error"]) > 2 * found.stderr["angle_error"]
    good = found.verdict == "accepted"
    assert 0.0 < seen[good].mean() < 0.1
    said = np.array(["each gate turns" in reason for reason in found.reason])
    assert (said == seen)[good].all()
    assert all("not seen, within" in reason for reason in found.reason[good & ~seen])


def test_a_contrast_that_the_train_does_not_tell_is_not_told_by_chance():
    """At 5 of its errors every 40th passed, with a contrast of half and twice the error."""
    y = noisy(train(EVERY[:-1], 0.03, decay=0.002, contrast=0.93), 0.005, 3000)
    found = fit_batch(KIND, EVERY[:-1], y, 0.005)
    off = np.abs(found.values["angle_error"] - 0.03) > 2.5 * found.stderr["angle_error"]
    assert np.mean(off & (found.verdict == "accepted")) < 0.002


def refused(y, sigma, words, **known):
    """Return the share of traces (N, 26) that are rejected with such words."""
    found = fit_batch(KIND, EVERY, y, sigma, **known)
    said = np.array([words in reason for reason in found.reason])
    assert (found.verdict[said] == "rejected").all()
    assert (found.status[said] == "model does not fit").all()
    return said.mean()


@pytest.mark.parametrize("sigma", [0.02, None])
def test_a_swing_that_begins_at_another_phase_is_no_error_of_a_gate(sigma):
    """Where chi-square as a whole is that of noise."""
    right, other = (noisy(train(EVERY, 0.9, phase=np.pi / 2 + off)) for off in (0.0, 0.12))
    assert refused(right, sigma, "begins at another phase") < 0.01
    assert refused(other, sigma, "begins at another phase") > 0.4


@pytest.mark.parametrize("sigma", [0.02, None])
def test_a_readout_that_clips_is_seen_in_the_squares_and_cubes_of_the_swing(sigma):
    whole = train(EVERY, 0.25, decay=0.005)
    assert refused(noisy(whole), sigma, "are bent beside", **BOTH) < 0.01
    cut = noisy(np.minimum(whole, 0.8))
    assert refused(cut, sigma, "are bent beside", **BOTH) > 0.15


def large(points, sigma, known, count=300):
    """Fit gates that are off by 1.6 to 3 rad; return the fit and its errors per gate."""
    rng, n = np.random.default_rng(11), np.arange(points)
    error = rng.uniform(1.6, 3.0, (count, 1)) * rng.choice([-1, 1], (count, 1))
    y = train(n, error) + 0.02 * rng.normal(size=(count, points))
    return fit_batch(KIND, n, y, sigma, **known)


@pytest.mark.parametrize("sigma", [0.02, None])
@pytest.mark.parametrize("points", [7, 12, 26])
def test_a_large_error_is_no_stray_point_and_no_small_one(points, sigma):
    """Of few gates a third and more was called a stray point; without sigma 12 of 500 accepted."""
    found = large(points, sigma, BOTH)
    assert not (found.verdict == "accepted").any()
    assert np.mean(found.status == "stray point") < 0.02
    assert np.mean(found.status == "sampling too coarse") > 0.85


@pytest.mark.parametrize(("points", "told"), [(12, 0.8), (26, 0.85)])
def test_a_large_error_is_told_without_levels_and_without_sigma_too(points, told):
    found = large(points, None, {})
    assert not (found.verdict == "accepted").any()
    assert np.mean(found.status == "sampling too coarse") > told


def test_no_line_step_or_stuck_trace_is_told_a_large_error():
    """Not even where one of its points seems to stand out."""
    kind = truths()[KIND]
    for broken in BROKEN:
        if broken.name in ("line", "step", "held from some point on"):
            found = kind.fit(broken.traces(kind, 8, 300))
            assert not (found.status == "sampling too coarse").any(), broken.name
