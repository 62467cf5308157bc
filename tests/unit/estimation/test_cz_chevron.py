"""The chevron of a CZ gate in a map amplitude x length."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from kammerton.estimation import fit_batch
from kammerton.estimation.maps import cz_chevron
from kammerton.estimation.maps.chevron import BEND, SLOPE
from kammerton.model import TraceError
from tests.catalogue.bound import oracle
from tests.catalogue.broken import BROKEN
from tests.catalogue.registry import truths
from tests.catalogue.truths_chevron import AMPLITUDES, LENGTH, LENGTHS, REACH, TRUTHS, exchange
from tests.unit.estimation.map_inputs import NOTHING, how_many

KIND = "cz_chevron"
X = (AMPLITUDES, LENGTHS)
A, T = np.linspace(0, 1, 51)[:, None], np.linspace(0, 1, 61)
TRUTH = {
    "coupling": 0.5 * 1.7 / LENGTH, "amplitude": 0.2025, "cz_length": (0.05 + 1 / 1.7) * LENGTH,
    "slope": 12 / (LENGTH * REACH), "visibility": 0.8, "leakage": 0.5 * (1 - np.exp(-0.4 / 1.7)),
}  # fmt: skip


def clean(gap=1.7, at=0.45, slope=12.0, bend=3.0, late=0.05, rate=0.4):
    detuning = slope * (A - at) + bend * (A - at) ** 2
    return 0.1 + 0.8 * exchange(T - late, gap, detuning, rate)


def noisy(y, sigma, count=1, seed=3):
    return y + sigma * np.random.default_rng(seed).normal(size=(count, *y.shape))


@pytest.mark.parametrize("given", [True, False], ids=["sigma", "no sigma"])
@pytest.mark.parametrize("sigma", [0.03, 0.25])
def test_pull(sigma, given):
    found = fit_batch(KIND, X, noisy(clean(), sigma, 100), sigma if given else None)
    assert (found.verdict == "accepted").all()
    for name, value in TRUTH.items():
        pull = (found.values[name] - value) / found.stderr[name]
        assert abs(pull.mean()) < 0.3, name
        assert 0.8 < pull.std() < 1.25, name
        assert np.abs(pull).max() < 5, name


def test_pull_over_many_truths():
    truth = TRUTHS[KIND]
    rng = np.random.default_rng(4)
    traces = truth.measured(rng, truth.draw(rng, 200), 10.0)
    found = truth.fit(traces)
    good = found.verdict == "accepted"
    assert good.mean() > 0.97, found.reason[~good]
    for name in ("coupling", "amplitude", "cz_length", "visibility"):
        pull = (found.values[name] - traces.low[name])[good] / found.stderr[name][good]
        assert abs(pull.mean()) < 0.25, name
        assert 0.85 < pull.std() < 1.2, name


def test_pull_is_not_spoilt_by_missing_and_stray_points_or_another_level():
    rng = np.random.default_rng(5)
    y = clean()
    y[20:22] = clean(gap=5.0)[20:22]
    y[rng.random(y.shape) < 0.2] = np.nan
    y[rng.random(y.shape) < 0.01] += 3.0
    found = fit_batch(KIND, X, noisy(y, 0.05, 20), 0.05)
    assert (found.verdict == "accepted").all()
    for name, value in TRUTH.items():
        pull = (found.values[name] - value) / found.stderr[name]
        assert np.abs(pull).max() < 4.5, name


def test_a_population_does_not_swing_by_more_than_1():
    y = 0.1 + 1.3 * exchange(0.42 * (T - 0.05), 1.7, 12.0 * (A - 0.45), 0.0)  # hardly half of it
    found = fit_batch(KIND, X, noisy(y, 0.005), 0.005)
    assert found.verdict[0] != "accepted"
    large = 0.1 + 1.3 * exchange(T - 0.05, 1.7, 12.0 * (A - 0.45), 0.4)
    found = fit_batch(KIND, X, noisy(large, 0.01), 0.01)
    assert found.status[0] == "success"  # no population: 1.4 is not one
    found = fit_batch(KIND, X, noisy(large - 0.2, 0.01), 0.01)
    assert (found.verdict[0], found.status[0]) == ("rejected", "model does not fit")
    assert "swing" in found.reason[0]


@pytest.mark.parametrize("rate", [60.0, -3.0])
def test_no_leakage_where_the_damping_is_at_its_end(rate):
    found = fit_batch(KIND, X, noisy(clean(rate=rate), 0.01), 0.01)
    assert found.verdict[0] != "accepted"


def test_a_pulse_of_length_zero_need_not_be_swept():
    late = LENGTHS + 5e-9
    y = noisy(clean(late=0.05 - 5e-9 / LENGTH), 0.03)
    found = fit_batch(KIND, (AMPLITUDES, late), y, 0.03)
    assert found.values["cz_length"][0] == pytest.approx(TRUTH["cz_length"], abs=3e-10)


WIDE = clean(slope=0.8, bend=0.0)
CASES = {
    "nothing": (0 * clean(), 0.1, "rejected", "no signal", "out of the noise", None),
    "resonance outside": (clean(at=-0.15), 0.02, "insufficient", "range too narrow",
                          "outside the swept amplitudes", 0),
    "short pulses": (clean(gap=0.7), 0.05, "insufficient", "range too narrow", "full return", 1),
    "few amplitudes": (clean(gap=1.7, slope=80.0, bend=0.0), 0.03, "insufficient",
                       "sampling too coarse", "two amplitudes", 0),
    "long steps": (clean(gap=26.0, slope=60.0, bend=0.0, rate=0.1), 0.03, "insufficient",
                   "sampling too coarse", "two lengths", 1),
    "no detuning": (WIDE, 0.05, "insufficient", "range too narrow", "hardly changes", 0),
    "two couplings": (0.5 * clean() + 0.5 * clean(gap=3.6, at=0.6), 0.03, "rejected",
                      "model does not fit", "does not follow", None),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_objection(case):
    y, sigma, verdict, status, word, change = CASES[case]
    found = fit_batch(KIND, X, noisy(y, sigma, 6), sigma)
    assert (found.verdict != "accepted").all()
    right = np.flatnonzero(found.status == status)
    assert len(right) >= 3, list(zip(found.status, found.reason, strict=True))
    for n in right:
        assert found.verdict[n] == verdict
        assert word in found.reason[n]
        if change is not None:
            assert found.advice[n].axis == change


@pytest.mark.parametrize("late", [-0.2, -0.5, -0.8])
def test_an_exchange_that_began_before_its_pulse_is_none(late):
    """Its first full return would be told a good part of a return too short."""
    found = fit_batch(KIND, X, noisy(clean(late=late), 0.05, 5), 0.05)
    assert (found.verdict != "accepted").all()
    assert all("before its pulse" in reason for reason in found.reason)


def test_a_faint_chevron_asks_for_shots():
    found = fit_batch(KIND, X, noisy(0.07 * clean(), 0.05, 30), 0.05)
    weak = found.status == "signal too weak"
    assert weak.sum() >= 3
    assert (found.verdict[weak] == "insufficient").all()
    assert all(advice.shots_times > 1 for advice in found.advice[weak])
    good = found.verdict == "accepted"
    pull = (found.values["coupling"] - TRUTH["coupling"]) / found.stderr["coupling"]
    assert (np.abs(pull[good]) < 5).all()


@pytest.mark.parametrize("name", ["random walk alone", "random walk and noise"])
def test_a_walk_is_not_told_to_be_a_part_of_a_chevron(name):
    truth = truths()[KIND]
    found = truth.fit(next(b for b in BROKEN if b.name == name).traces(truth, 7, 60))
    assert np.count_nonzero(found.verdict == "rejected") >= 59, found.reason


@pytest.mark.parametrize("case", ["short pulses", "resonance outside"])
def test_a_part_of_a_chevron_is_one_however_little_noise_there_is(case):
    found = fit_batch(KIND, X, noisy(CASES[case][0], 0.001), 0.001)
    assert list(found.status) == ["range too narrow"], found.reason


def test_fringes_too_fast_to_be_one_exchange_are_told_to_be_too_fast():
    truth = truths()[KIND]
    traces = next(b for b in BROKEN if b.name == "window too long").traces(truth, 7, 40)
    found = truth.fit(traces)
    refused = found.verdict != "accepted"
    assert np.mean(found.status[refused] == "sampling too coarse") > 0.9, found.status


@pytest.mark.parametrize(("seed", "number"), [(7, 21), (7, 53), (9, 39)])
def test_returns_of_few_lengths_that_leave_more_than_noise_are_no_measurement(seed, number):
    """Of two the coupling was told as a third of what it is, and accepted."""
    truth = truths()[KIND]
    traces = next(b for b in BROKEN if b.name == "window too long").traces(truth, seed, 100)
    found = truth.fit(traces.take(slice(number, number + 1)))
    assert list(found.status) == ["sampling too coarse"], found.reason
    assert "more than noise is left" in found.reason[0]
    assert (found.advice[0].window_times, found.advice[0].axis) == (0.2, 1)


def test_ripples_are_no_chevron():
    ripples = 0.8 * np.sin(25 * A) * np.cos(20 * T)
    found = fit_batch(KIND, X, noisy(ripples, 0.05, 10), 0.05)
    assert (found.verdict != "accepted").all()


def test_a_coupling_that_is_hardly_known_is_not_accepted():
    few = (AMPLITUDES[::4], LENGTHS[::5])
    found = fit_batch(KIND, few, noisy(clean(), 0.17, 40)[:, ::4, ::5], 0.17)
    good = found.verdict == "accepted"
    assert (found.stderr["coupling"][good] < 0.1 * found.values["coupling"][good]).all()
    assert (np.abs(found.values["coupling"][good] / TRUTH["coupling"] - 1) < 0.2).all()


def test_advice_says_how_long_pulses_must_be():
    found = fit_batch(KIND, X, noisy(clean(gap=0.7), 0.03), 0.03)
    assert found.advice[0].extend_window_to == pytest.approx(
        1.3 * (0.05 + 1 / 0.7) * LENGTH, rel=0.05
    )


@pytest.mark.parametrize("which", NOTHING)
@pytest.mark.parametrize("given", [True, False], ids=["sigma", "no sigma"])
def test_nothing_is_accepted_where_there_is_no_exchange(which, given):
    y = NOTHING[which](np.random.default_rng(11), how_many(2), 31, 31)
    found = fit_batch(KIND, (AMPLITUDES[:31], LENGTHS[::2]), y, 1.0 if given else None)
    assert (found.verdict != "accepted").all()


def test_complex_values_are_refused():
    with pytest.raises(TraceError, match="y is complex"):
        fit_batch(KIND, X, clean() + 0j)


def test_no_side_of_the_resonance_is_mirrored():
    truth = TRUTHS[KIND]
    rng = np.random.default_rng([11, 10])
    parameters = truth.draw(rng, 300)
    traces = truth.measured(rng, parameters, 10.0)
    which = np.array([32, 114, 217])  # a mirrored side leaves a chi-square larger by 7, 1734, 949
    hidden = {name: values[which] for name, values in parameters.items()}
    traces = traces.take(which)
    found = truth.fit(traces)
    left = ((traces.y - found.curve) / traces.sigma) ** 2
    assert (left.sum(axis=(1, 2)) < oracle(truth, hidden, traces)[1] + 4.0).all()


def test_a_chevron_that_ended_a_fringe_off_is_found_again():
    """Pulses of which the first was taken for the second, and a bend with a delay in its place."""
    truth, rng = TRUTHS[KIND], np.random.default_rng([8, 1])
    p = truth.draw(rng, 150)
    traces, which = truth.measured(rng, p, 5.0), np.array([19, 53])
    some = traces.take(which)
    found = truth.fit(some)
    off = np.abs(some.y - found.curve) / some.sigma
    best = oracle(truth, {name: v[which] for name, v in p.items()}, some)[1]
    assert ((off**2).sum(axis=(1, 2)) - best < 1.0).all()


def test_a_first_road_that_leaves_little_more_than_noise_is_not_the_only_one():
    """Half a window off, one left 2.7 standard deviations of chi-square more than the best."""
    truth, rng = TRUTHS[KIND], np.random.default_rng([7, 2])
    map_ = truth.measured(rng, truth.draw(rng, 100), 5.0).take(np.array([96]))
    found = truth.fit(map_).values["amplitude"]
    np.testing.assert_allclose(found, map_.low["amplitude"], rtol=1e-3)


def test_the_mirrored_law_has_the_same_slope(monkeypatch):
    """(slope, bend) and (-slope, -bend) make one and the same chevron."""
    y = noisy(clean(), 0.03)
    straight = fit_batch(KIND, X, y, 0.03)
    find = cz_chevron._find

    def mirrored(image, maps):
        found = find(image, maps)
        theta = found.fit.theta.copy()
        theta[[SLOPE, BEND]] *= -1
        return replace(found, fit=replace(found.fit, theta=theta))

    monkeypatch.setattr(cz_chevron, "_find", mirrored)
    other = fit_batch(KIND, X, y, 0.03)
    assert straight.values["slope"][0] > 0
    assert other.values["slope"][0] == pytest.approx(straight.values["slope"][0])
