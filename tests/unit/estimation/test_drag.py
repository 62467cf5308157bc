"""DRAG coefficients from one train of pulses, from several trains, and from two sequences."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.linalg import expm

from kammerton.estimation import fit_batch
from kammerton.model import TraceError
from tests.catalogue.broken import BROKEN
from tests.catalogue.registry import truths

X = np.linspace(-2.0, 2.0, 31)
B = np.linspace(-2.0, 2.0, 21)
TRAINS = (1, 3, 5)
ONE, MANY, TWO = "drag", "drag_repetitions", "drag_sequences"
NAME = "drag_coefficient"


def cosine(period, right, x=X, contrast=0.9):
    return 0.5 - contrast / 2 * np.cos(2 * np.pi * (x - right) / period)


def trains(period, right, r=TRAINS, x=B):
    return np.stack([cosine(period / n, right, x) for n in r])


def lines(slope, right, x=X, bend=0.0):
    t = x - right
    return np.stack([0.5 + slope * t + bend * t * t, 0.5 - slope * t - 0.3 * bend * t * t])


def noisy(y, sigma=0.02, count=300, seed=1):
    return y + sigma * np.random.default_rng(seed).normal(size=(count, *y.shape))


PULLS = {
    "a parabola": (ONE, X, cosine(20.0, 0.3), 0.007, 0.3),
    "half a period": (ONE, X, cosine(8.0, 0.3), 0.02, 0.3),
    "three periods": (ONE, X, cosine(1.4, -0.2), 0.02, -0.2),
    "trains": (MANY, (TRAINS, B), trains(12.0, 0.4), 0.05, 0.4),
    "one minimum of several":
        (MANY, ((2, 5, 8), B), trains(8.0, 0.6, (2, 5, 8)), 0.05, 0.6),
    "two lines": (TWO, ((0, 1), X), lines(0.1, 0.4), 0.03, 0.4),
    "two parabolas": (TWO, ((0, 1), X), lines(0.1, 0.4, bend=0.04), 0.02, 0.4),
}  # fmt: skip


@pytest.mark.parametrize("given", [True, False], ids=["sigma", "no sigma"])
@pytest.mark.parametrize("case", PULLS)
def test_pull(case, given):
    kind, x, truth, sigma, right = PULLS[case]
    y = noisy(truth, sigma)
    found = fit_batch(kind, x, y, sigma if given else None, interleaved=True)
    pull = (found.values[NAME] - right) / found.stderr[NAME]
    assert np.mean(found.status == "success") > 0.98
    assert abs(pull.mean()) < 0.2
    assert 0.87 < pull.std() < 1.15
    assert found.curve.shape == y.shape
    assert np.abs(found.curve.mean(axis=0) - truth).max() < sigma


def test_what_a_parabola_does_not_tell_is_not_given():
    """Before: period 60 ± 160, amplitude 20 ± 130."""
    found = fit_batch(ONE, X, noisy(cosine(40.0, 0.3), 0.01), 0.01)
    told = {name: np.isfinite(value) for name, value in found.values.items()}
    assert told[NAME].all()
    assert 0.0 < np.mean(~told["period"]) < 1.0
    assert (told["amplitude"] == told["offset"]).all()
    assert not (told["amplitude"] & ~told["period"]).any()
    for name in ("period", "amplitude"):
        which = told[name]
        assert (found.stderr[name][which] < found.values[name][which] / 3).all()
    clear = fit_batch(ONE, X, noisy(cosine(5.0, 0.3)), 0.02)
    assert all(np.isfinite(value).all() for value in clear.values.values())


def test_one_place_is_said_of_an_extremum_outside_and_that_another_is_in_the_window():
    """Before: "at -31", and "centre on -6"."""
    for period, said in ((80.0, "far "), (6.0, "at ")):
        found = fit_batch(ONE, X, noisy(cosine(period, 0.3), 0.005), 0.005, extremum="maximum")
        outside = "the maximum lies outside of the window, " + said
        for n in np.flatnonzero(found.status == "range too narrow"):
            reason, centre = found.reason[n], found.advice[n].centre_on
            assert reason.startswith(outside)
            assert said == "far " or f"at {centre:.3g}; " in reason
            number = float(reason.partition("; in it lies a minimum, at ")[2])
            assert number == pytest.approx(0.3, abs=0.1)
    (slope,) = fit_batch(ONE, X, cosine(16.0, -2.5)[None], 0.005).reason
    assert slope == "the minimum lies outside of the window, at -2.5"


def test_sequences_that_part_less_and_less():
    """An amplifier compresses, or a phase error turns around: they cross where they did."""
    right = 0.6
    apart = 0.4 * np.tanh(0.4 * (X - right))
    y = noisy(np.stack([0.5 + apart, 0.5 - apart]), 0.01)
    found = fit_batch(TWO, ((0, 1), X), y, 0.01)
    pull = (found.values[NAME] - right) / found.stderr[NAME]
    assert set(found.verdict) == {"accepted"}
    assert abs(pull.mean()) < 0.3
    assert 0.87 < pull.std() < 1.15
    slope = 0.4 * 0.4
    assert np.median(np.abs(found.values["slope"])) == pytest.approx(slope, rel=0.03)


SX, SZ = np.array([[0, 1], [1, 0]]) / 2, np.array([[1, 0], [0, -1]]) / 2


def played(shift, repetitions):
    """Population after X and -X, repeated, while the qubit is shifted by `shift` rad per pulse."""
    there, back = (expm(-1j * (sign * np.pi * SX + shift * SZ)) for sign in (1, -1))
    return abs(np.linalg.matrix_power(back @ there, repetitions)[1, 0]) ** 2


def test_simulated_pulses_that_gather_a_phase():
    """No cosine was put in: the laws are good enough for what pulses do."""
    right, per = 0.35, 0.25
    y = np.array([[played(per * (b - right), r) for b in B] for r in TRAINS])
    many = fit_batch(MANY, (TRAINS, B), noisy(y, 0.01), 0.01)
    one = fit_batch(ONE, B, noisy(y[0], 0.005), 0.005)
    for found in (many, one):
        assert np.mean(found.verdict == "accepted") > 0.9
        pull = (found.values[NAME] - right) / found.stderr[NAME]
        assert abs(pull.mean()) < 0.5
        assert 0.85 < pull.std() < 1.15
    assert np.median(many.stderr[NAME]) < 0.5 * np.median(one.stderr[NAME])


def test_a_sweep_that_visits_all_points_in_every_turn_need_not_beat_a_drift():
    y = noisy(cosine(20.0, 0.3), 0.01)
    once, turns = (fit_batch(ONE, X, y, interleaved=known) for known in (False, True))
    doubted = once.status == "signal too weak"
    assert doubted.mean() > 0.02
    assert set(turns.status[doubted]) == {"success"}


def test_a_planned_scan_is_rarely_taken_for_a_drift():
    """A third of a period in the window, as the noise of one point is a 25th of the contrast."""
    y = noisy(cosine(12.0, 0.3), 0.036, 1000)
    found = fit_batch(ONE, X, y, 0.036)
    assert np.mean(found.verdict == "accepted") > 0.9
    far = fit_batch(ONE, X, y, 0.036, expected=1.3)  # a surprise needs more evidence
    assert np.mean(far.status == "signal too weak") > 0.15


def test_a_cosine_that_follows_a_walk_is_no_coefficient():
    rng = np.random.default_rng(3)
    walk = np.cumsum(rng.normal(size=(5000, 31)), axis=1)
    found = fit_batch(ONE, X, 2.0 * walk + rng.normal(size=walk.shape), 1.0)
    assert np.count_nonzero(found.verdict == "accepted") <= 2


def test_which_extremum_is_the_callers_choice():
    y = noisy(cosine(3.0, 0.2))
    lowest, highest, either = (
        fit_batch(ONE, X, y, 0.02, extremum=sort) for sort in ("minimum", "maximum", "either")
    )
    assert np.median(lowest.values[NAME]) == pytest.approx(0.2, abs=0.02)
    assert np.median(highest.values[NAME]) == pytest.approx(-1.3, abs=0.02)
    assert np.median(either.values[NAME]) == pytest.approx(0.2, abs=0.02)
    turned = fit_batch(ONE, X, 1 - y, 0.02, extremum="maximum")
    assert np.median(turned.values[NAME]) == pytest.approx(0.2, abs=0.02)
    trained = fit_batch(MANY, (TRAINS, B), 1 - noisy(trains(12.0, 0.4)), 0.02, extremum="maximum")
    assert np.median(trained.values[NAME]) == pytest.approx(0.4, abs=0.02)


def test_the_expected_coefficient_picks_one_of_several_minima():
    y = noisy(cosine(1.0, 0.1))
    found = fit_batch(ONE, X, y, 0.02, expected=1.0)
    assert np.median(found.values[NAME]) == pytest.approx(1.1, abs=0.01)
    assert set(found.verdict) == {"accepted"}
    between = fit_batch(ONE, X, y, 0.02, expected=0.55)
    assert set(between.status) == {"window too long"}
    assert 0 < between.advice[0].window_times < 0.7
    several = fit_batch(MANY, ((4, 8), B), noisy(trains(8.0, 0.1, (4, 8))), 0.02, expected=2.0)
    assert np.median(several.values[NAME]) == pytest.approx(2.1, abs=0.01)


RNG = np.random.default_rng(2)
WALK = np.cumsum(np.random.default_rng(5).normal(size=31)) / 4
FLAT = 0.5 + 0.0 * X
CASES = {
    "flat": (ONE, X, FLAT, 0.05, {}, "rejected", "no signal"),
    "faint": (ONE, X, cosine(4.0, 0.2, contrast=0.2), 0.05, {}, "insufficient", "signal too weak"),
    "a slope": (ONE, X, 0.3 + 0.1 * X, 0.01, {}, "insufficient", "range too narrow"),
    "outside": (ONE, X, cosine(12.0, 3.0), 0.005, {}, "insufficient", "range too narrow"),
    "aliased": (ONE, X, cosine(0.28, 0.0), 0.02, {}, "insufficient", "sampling too coarse"),
    "several": (ONE, X, cosine(1.0, 0.45), 0.02, {}, "insufficient", "window too long"),
    "unsharp": (ONE, X, cosine(18.0, 1.7), 0.02, {}, "insufficient", "error too large"),
    "a jump": (ONE, X, 0.2 + 0.6 * (X > 0.3), 0.02, {}, "rejected", "drift during scan"),
    "a triangle": (ONE, X, np.abs(X) % 1.0, 0.02, {}, "rejected", "model does not fit"),
    "one point": (ONE, X, FLAT + 0.5 * (X[12] == X), 0.02, {}, "rejected", "stray point"),
    "saturated": (ONE, X, np.clip(cosine(3.0, 0.2), 0.3, 0.7), 0.0, {}, "rejected", "saturated"),
    "a walk": (ONE, X, WALK, 0.02, {}, "rejected",
               "model does not fit"),
    "trains, flat": (MANY, (TRAINS, B), np.full((3, 21), 0.5), 0.05, {}, "rejected", "no signal"),
    "trains, upside down": (MANY, (TRAINS, B), 1 - trains(20.0, 0.3), 0.02, {}, "rejected",
                            "model does not fit"),
    "trains that disagree": (MANY, (TRAINS, B), np.stack([cosine(4.0, b, B) for b in (-1, 0, 1)]),
                             0.02, {}, "rejected", "model does not fit"),
    "trains, outside": (MANY, (TRAINS, B), trains(20.0, 2.6), 0.02, {}, "insufficient",
                        "range too narrow"),
    "trains, aliased": (MANY, (TRAINS, B), trains(2.2, 0.0), 0.02, {}, "insufficient",
                        "sampling too coarse"),
    "sequences, flat": (TWO, ((0, 1), X), np.stack([FLAT, FLAT]), 0.05, {}, "rejected",
                        "no signal"),
    "sequences, parallel": (TWO, ((0, 1), X), np.stack([0.1 * X, 0.1 * X + 0.2]), 0.02, {},
                            "rejected", "no signal"),
    "sequences, a drift": (TWO, ((0, 1), X), np.stack([0.2 * X, 0.05 * X]), 0.02, {}, "rejected",
                           "model does not fit"),
    "sequences, outside": (TWO, ((0, 1), X), lines(0.1, 2.6), 0.01, {}, "insufficient",
                           "range too narrow"),
    "sequences that only touch": (TWO, ((0, 1), X), np.stack([0.5 + 0.1 * X, 0.3 - 0.1 * X -
                                  0.1 * X**2]), 0.02, {}, "insufficient", "range too narrow"),
    "sequences, waves": (TWO, ((0, 1), X), np.stack([np.sin(4 * X), np.cos(3 * X)]), 0.05, {},
                         "rejected", "model does not fit"),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_reason(case):
    kind, x, truth, sigma, known, verdict, status = CASES[case]
    found = fit_batch(kind, x, noisy(truth, sigma, 1, 3), sigma or None, **known)
    assert (found.verdict[0], found.status[0]) == (verdict, status), found.reason[0]
    advice = found.advice[0]
    told = (advice.window_times, advice.shots_times, advice.centre_on) != (None, None, None)
    assert told == (verdict == "insufficient")


def stuck(y):
    y[..., -12:] = y[..., -12:-11]
    return y


def read_again(y):
    y[..., 8:16] = y[..., :8]
    return y


def one_stray(y):
    y[:] = 0.5 + 0.1 * (y - y.mean(axis=-1, keepdims=True))
    y[:, 0, 20] = 3.0
    return y


DAMAGED = {
    "stuck": (stuck, "stuck data"), "a block is read again": (read_again, "stuck data"),
    "clipped": (lambda y: np.clip(y, 0.35, 0.65), "saturated"),
    "one stray point": (one_stray, "stray point"),
}  # fmt: skip


@pytest.mark.parametrize("given", [True, False], ids=["sigma", "no sigma"])
@pytest.mark.parametrize("case", DAMAGED)
def test_two_sequences_from_a_faulty_instrument(case, given):
    damage, status = DAMAGED[case]
    y = damage(noisy(lines(0.15, 0.4), 0.02, 20))
    found = fit_batch(TWO, ((0, 1), X), y, 0.02 if given else None, interleaved=True)
    assert set(found.verdict) == {"rejected"}
    assert np.mean(found.status == status) > 0.9, set(found.status)


@pytest.mark.parametrize("kind", [ONE, MANY, TWO])
def test_a_constant_trace_is_no_signal(kind):
    x, y = {ONE: (X, FLAT), MANY: ((TRAINS, B), np.full((3, 21), 0.5)),
            TWO: (((0, 1), X), np.full((2, 31), 0.5))}[kind]  # fmt: skip
    for sigma in (0.02, None):
        found = fit_batch(kind, x, y, sigma)
        assert (found.verdict[0], found.status[0]) == ("rejected", "no signal")


@pytest.mark.parametrize("given", [True, False], ids=["sigma", "no sigma"])
@pytest.mark.parametrize("kind", [ONE, MANY, TWO])
def test_noise_lines_and_steps_are_not_accepted_and_walks_hardly(kind, given):
    rng, x = np.random.default_rng(3), {ONE: X, MANY: (TRAINS, B), TWO: ((0, 1), X)}[kind]
    shape = {ONE: (1000, 31), MANY: (1000, 3, 21), TWO: (1000, 2, 31)}[kind]
    flat = (1000, int(np.prod(shape[1:])))
    noise, index = 0.05 * rng.normal(size=flat), np.arange(flat[1])
    walk = np.cumsum(rng.normal(size=flat), axis=1) * rng.uniform(0.02, 0.3, (1000, 1))
    broken = {
        "noise": (noise, 0), "line": (noise + rng.uniform(-1, 1, (1000, 1)) * index / 60, 0),
        "step": (noise + 0.6 * (rng.integers(2, flat[1] - 2, (1000, 1)) > index), 0),
        "walk": (noise + walk, 1),
    }  # fmt: skip
    for name, (y, most) in broken.items():
        found = fit_batch(kind, x, 0.5 + y.reshape(shape), 0.05 if given else None)
        assert np.count_nonzero(found.verdict == "accepted") <= most, name


@pytest.mark.parametrize("kind", [ONE, MANY, TWO])
def test_missing_points_and_the_order_of_series(kind):
    x, truth, right = {ONE: (X, cosine(5.0, 0.4), 0.4), MANY: ((TRAINS, B), trains(12.0, 0.4), 0.4),
                       TWO: (((0, 1), X), lines(0.1, 0.4), 0.4)}[kind]  # fmt: skip
    y = noisy(truth, 0.02, 50)
    whole = fit_batch(kind, x, y, 0.02)
    if kind != ONE:
        turned = fit_batch(kind, (x[0][::-1], x[1]), y[:, ::-1], 0.02)
        np.testing.assert_allclose(turned.values[NAME], whole.values[NAME], rtol=1e-6)
        np.testing.assert_allclose(turned.curve, whole.curve[:, ::-1], rtol=1e-6)
    y[np.random.default_rng(4).uniform(size=y.shape) < 0.15] = np.nan
    found = fit_batch(kind, x, y, 0.02)
    pull = (found.values[NAME] - right) / found.stderr[NAME]
    assert np.abs(pull).max() < 4.5
    assert 0.7 < pull.std() < 1.3


REFUSED = {
    "unknown sort": (ONE, (X, FLAT), {"extremum": "saddle"}, "extremum is 'saddle'"),
    "either of trains": (MANY, ((TRAINS, B), trains(9.0, 0.1)), {"extremum": "either"}, "either"),
    "one train": (MANY, (((3,), B), trains(9.0, 0.1, (3,))), {}, "kind drag"),
    "half a repetition": (MANY, (((1, 2.5), B), trains(9.0, 0.1, (1, 2.5))), {}, "whole numbers"),
    "no series": (MANY, (B, FLAT[:21]), {}, "two axes"),
    "constant coefficient": (TWO, (((0, 1), 0 * X), lines(0.1, 0.4)), {}, "not all the same"),
    "complex coefficients": (TWO, (((0, 1), X + 1j), lines(0.1, 0.4)), {}, "complex"),
    "complex coefficients of trains": (MANY, ((TRAINS, B * 1j), trains(9.0, 0.1)), {}, "complex"),
    "words": (TWO, (((0, 1), ["a"] * 31), lines(0.1, 0.4)), {}, "not an array of numbers"),
    "complex series": (TWO, (((0j, 1), X), lines(0.1, 0.4)), {}, "series is complex"),
    "NaN in the coefficients": (TWO, (((0, 1), X * np.nan), lines(0.1, 0.4)), {}, "finite"),
    "constant coefficients": (MANY, ((TRAINS, 0 * B), trains(9.0, 0.1)), {}, "not all the same"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_refused(case):
    kind, arguments, known, message = REFUSED[case]
    with pytest.raises(TraceError, match=message):
        fit_batch(kind, *arguments, **known)


def test_hardly_a_faint_walk_is_two_lines_that_cross():
    truth = truths()["drag_sequences"]
    walks = next(each for each in BROKEN if each.name == "faint random walk")
    found = truth.fit(walks.traces(truth, 8, 3000))
    assert np.count_nonzero(found.verdict == "accepted") < 10  # 22 at a delta-BIC of 20


def test_what_is_left_out_has_no_error_either():
    x = np.linspace(-0.5, 0.5, 41)
    y = 0.1 + 0.2 * (x - 0.1) ** 2 + 0.003 * np.random.default_rng(3).normal(size=(20, 41))
    found = fit_batch("drag", x, y, 0.003)
    assert np.isnan(found.values["amplitude"]).any()
    for name, value in found.values.items():
        assert (np.isnan(value) == np.isnan(found.stderr[name])).all(), name


@pytest.mark.parametrize("given", [True, False], ids=["sigma", "no sigma"])
def test_sequences_that_swing_are_no_smooth_curves(given):
    """Chi-square as a whole hardly tells a sine of over half a period from a cubic."""
    rng, u = np.random.default_rng(4), (X - X[0]) / np.ptp(X)

    def swinging(turns, noise):
        y = np.sin(turns * (u - 0.3)) / 2 * np.array([[1.0], [-1.0]])
        y = y + noise * rng.normal(size=(300, *y.shape))
        found = fit_batch(TWO, ((0, 1), X), y, noise if given else None)
        return found, np.array(["swing beside" in reason for reason in found.reason])

    assert (swinging(2.0, 0.02)[0].verdict == "accepted").mean() > 0.98
    found, said = swinging(4.5, 0.05)
    assert said.mean() > 0.2
    assert (found.verdict[said] == "rejected").all()
    assert (found.status[said] == "model does not fit").all()


def test_sequences_of_few_points_that_swing_are_seen_too():
    """Hardly one was: of all powers of both, most are the law's own."""
    rng, u = np.random.default_rng(4), np.linspace(0.0, 1.0, 11)
    y = np.sin(4.5 * (u - 0.3)) / 2 * np.array([[1.0], [-1.0]])
    found = fit_batch(TWO, ((0, 1), u), y + 0.02 * rng.normal(size=(300, *y.shape)))
    assert np.mean(["swing beside" in reason for reason in found.reason]) > 0.6
