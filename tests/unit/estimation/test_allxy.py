"""AllXY against density matrices under imperfect pulses, simulated here by themselves."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from scipy.linalg import expm

from kammerton.estimation import fit_batch
from kammerton.model import TraceError

SX, SY, SZ = (np.array(m) / 2 for m in ([[0, 1], [1, 0]], [[0, -1j], [1j, 0]], [[1, 0], [0, -1]]))
ORDER = [
    "I-I", "X180-X180", "Y180-Y180", "X180-Y180", "Y180-X180", "X90-I", "Y90-I", "X90-Y90",
    "Y90-X90", "X90-Y180", "Y90-X180", "X180-Y90", "Y180-X90", "X90-X180", "X180-X90",
    "Y90-Y180", "Y180-Y90", "X180-I", "Y180-I", "X90-X90", "Y90-Y90",
]  # fmt: skip
PAIR = np.arange(21)
NAMES = ("angle_error", "detuning_angle", "drag_error", "relaxation")
CONTRAST, OFFSET = 0.8, 0.1


def damped(rho, lost):
    kept = np.exp(-lost)
    return np.array([
        [1 - kept * rho[1, 1], np.sqrt(kept) * rho[0, 1]],
        [np.sqrt(kept) * rho[1, 0], kept * rho[1, 1]],
    ])  # fmt: skip


@cache
def played(pair, over, detuning, shift, lost):
    rho = np.array([[1.0, 0.0], [0.0, 0.0]])
    for name in pair.split("-"):
        part = 0.0 if name == "I" else float(name[1:]) / 180
        axis = {"I": SZ, "X": SX, "Y": SY}[name[0]]
        u = expm(-1j * (part * (np.pi + over) * axis + (detuning + shift * part**2) * SZ))
        rho = damped(u @ damped(rho, lost / 2) @ u.conj().T, lost / 2)
    return rho[1, 1].real


def measured(*errors, sigma=0.01, count=1, seed=1, repeats=1):
    y = np.repeat(np.array([played(pair, *errors) for pair in ORDER]), repeats)
    noise = np.random.default_rng(seed).normal(size=(count, len(y)))
    return OFFSET + CONTRAST * (y + sigma * noise)


SYNDROMES = {
    "perfect": ((0.0, 0.0, 0.0, 0.0), "success"),
    "too high": ((0.12, 0.0, 0.0, 0.0), "amplitude too high"),
    "too low": ((-0.12, 0.0, 0.0, 0.0), "amplitude too low"),
    "above": ((0.0, 0.12, 0.0, 0.0), "detuning"),
    "below": ((0.0, -0.12, 0.0, 0.0), "detuning"),
    "drag": ((0.0, 0.0, 0.18, 0.0), "drag error"),
    "short T1": ((0.0, 0.0, 0.0, 0.06), "relaxation"),
    "far off": ((0.3, 0.0, 0.0, 0.0), "amplitude too high"),
    "two at once": ((0.15, 0.06, 0.0, 0.02), "amplitude too high"),
}


@pytest.mark.parametrize("case", SYNDROMES)
def test_the_error_is_named_and_its_size_found(case):
    errors, status = SYNDROMES[case]
    found = fit_batch("allxy", PAIR, measured(*errors, count=200), 0.01 * CONTRAST)
    assert np.mean(found.status == status) > 0.98
    assert np.mean(found.verdict == "accepted") > 0.98
    truths = dict(zip(NAMES, errors, strict=True), amplitude=CONTRAST, offset=OFFSET)
    for name, truth in truths.items():
        pull = (found.values[name] - truth) / found.stderr[name]
        assert abs(pull.mean()) < 0.4, name
        assert 0.85 < pull.std() < 1.15, name


def test_without_sigma_the_scatter_gives_the_errors():
    found = fit_batch("allxy", PAIR, measured(0.1, 0.0, 0.0, 0.0, count=300))
    pull = (found.values["angle_error"] - 0.1) / found.stderr["angle_error"]
    assert abs(pull.mean()) < 0.3
    assert 0.95 < pull.std() < 1.25  # 15 degrees of freedom: 1.07
    assert np.isnan(found.chi2_reduced).all()


def test_the_reason_says_how_large_and_what_else_it_may_be():
    clear = fit_batch("allxy", PAIR, measured(0.1, 0.0, 0.0, 0.0), 0.008)
    assert "angle error 0.1" in clear.reason[0]
    assert "nearly as well" not in clear.reason[0]
    both = fit_batch("allxy", PAIR, measured(0.0, 0.06, 0.1, 0.0), 0.008)
    assert "nearly as well" in both.reason[0]


def test_the_deviation_is_the_mean_distance_from_perfect_pulses():
    y = measured(0.2, 0.0, 0.0, 0.0, count=200)
    truth = np.abs(measured(0.2, 0.0, 0.0, 0.0, sigma=0)[0] - measured(*[0.0] * 4, sigma=0)[0])
    found = fit_batch("allxy", PAIR, y, 0.008, offset=OFFSET, contrast=CONTRAST)
    deviation = found.values["allxy_deviation"]
    assert deviation.mean() == pytest.approx(truth.mean() / CONTRAST, rel=0.1)
    assert deviation.std() == pytest.approx(np.median(found.stderr["allxy_deviation"]), rel=0.3)


@pytest.mark.parametrize("error", [0.0, 0.03, 0.2])
def test_the_bar_of_the_deviation_is_its_scatter(error):
    """Distances that are noise scatter by 0.6 of it; the bar was that of all of it."""
    found = fit_batch("allxy", PAIR, measured(error, 0.0, 0.0, 0.0, count=1000), 0.008)
    scatter = found.values["allxy_deviation"].std()
    assert np.median(found.stderr["allxy_deviation"]) == pytest.approx(scatter, rel=0.07)


def test_the_signal_may_fall_with_the_population():
    found = fit_batch("allxy", PAIR, 3.0 - measured(0.12, 0.0, 0.0, 0.0), 0.008)
    assert found.status[0] == "amplitude too high"
    assert found.values["amplitude"][0] == pytest.approx(-CONTRAST, abs=0.05)
    assert found.values["angle_error"][0] == pytest.approx(0.12, abs=0.05)


@pytest.mark.parametrize("x", [np.arange(42), np.repeat(PAIR, 2)], ids=["0 to 41", "twice"])
@pytest.mark.parametrize("given", [True, False], ids=["sigma", "no sigma"])
def test_each_pair_twice(x, given):
    y = measured(0.1, 0.0, 0.0, 0.0, count=200, repeats=2)
    found = fit_batch("allxy", x, y, 0.008 if given else None)
    pull = (found.values["angle_error"] - 0.1) / found.stderr["angle_error"]
    assert found.curve.shape == y.shape
    assert abs(pull.mean()) < 0.3
    assert 0.85 < pull.std() < 1.2
    assert np.mean(found.status == "amplitude too high") > 0.97


def test_any_order_and_missing_pairs():
    y = measured(0.12, 0.0, 0.0, 0.0)[0]
    order = np.random.default_rng(2).permutation(21)
    straight, mixed = (fit_batch("allxy", x, v, 0.008) for x, v in ((PAIR, y), (order, y[order])))
    assert mixed.values["angle_error"] == pytest.approx(straight.values["angle_error"])
    assert mixed.curve[0] == pytest.approx(straight.curve[0][order])
    y[[2, 9, 18]] = np.nan
    found = fit_batch("allxy", PAIR, y, 0.008)
    assert found.status[0] == "amplitude too high"
    assert abs(found.values["angle_error"][0] - 0.12) < 4 * found.stderr["angle_error"][0]


RNG = np.random.default_rng(3)
BROKEN = {
    "flat": (0.5 + 0.02 * RNG.normal(size=21), 0.02, "rejected", "no signal"),
    "constant": (np.full(21, 0.5), 0.02, "rejected", "no signal"),
    "faint": (measured(*[0.0] * 4, sigma=0.12, seed=4)[0], 0.12 * CONTRAST, "insufficient",
              "signal too weak"),
    "a line": (PAIR / 20 + 0.02 * RNG.normal(size=21), 0.02, "rejected", "model does not fit"),
    "a jump": ((PAIR > 9) + 0.02 * RNG.normal(size=21), 0.02, "rejected", "model does not fit"),
    "other pulses": (measured(0.9, 0.0, 0.0, 0.0)[0], 0.008, "rejected", "model does not fit"),
    "a bad pair": (measured(*[0.0] * 4)[0] + 0.3 * (PAIR == 8), 0.008, "rejected",
                   "model does not fit"),
    "one point": (9.0 * (PAIR == 12) + 0.1 * RNG.normal(size=21), 0.1, "rejected", "stray point"),
    "saturated": (np.clip(measured(*[0.0] * 4)[0], 0.3, 0.7), None, "rejected", "saturated"),
}  # fmt: skip


@pytest.mark.parametrize("case", BROKEN)
def test_reason(case):
    y, sigma, verdict, status = BROKEN[case]
    found = fit_batch("allxy", PAIR, y, sigma)
    assert (found.verdict[0], found.status[0]) == (verdict, status), found.reason[0]
    assert (found.advice[0].shots_times is not None) == (verdict == "insufficient")


@pytest.mark.parametrize("given", [True, False], ids=["sigma", "no sigma"])
def test_noise_lines_walks_and_steps_are_not_accepted(given):
    noise = 0.05 * RNG.normal(size=(1000, 21))
    slopes, at = RNG.uniform(-1, 1, (1000, 1)), RNG.integers(2, 20, (1000, 1))
    walks = np.cumsum(RNG.normal(size=(1000, 21)), axis=1) * RNG.uniform(0.02, 0.3, (1000, 1))
    for name, y in {"noise": 0 * slopes, "line": slopes * PAIR / 20, "walk": walks,
                    "step": 0.6 * (at > PAIR)}.items():  # fmt: skip
        found = fit_batch("allxy", PAIR, y + noise, 0.05 if given else None)
        assert np.count_nonzero(found.verdict == "accepted") == 0, name


REFUSED = {
    "half pairs": (PAIR / 2, "numbers of pairs"),
    "too many": (PAIR + 30, "numbers of pairs"),
    "negative": (PAIR - 1, "numbers of pairs"),
    "few pairs": (PAIR % 13, "fewer than 14"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused(case):
    x, message = REFUSED[case]
    with pytest.raises(TraceError, match=message):
        fit_batch("allxy", x, measured(*[0.0] * 4)[0])


def test_one_pair_that_misses_what_the_others_say_is_a_stray_point():
    """Six numbers follow one bad pair of 21 half of the way, and chi-square hardly grows."""
    y = measured(0.1, 0.0, 0.0, 0.0, count=300)
    good = fit_batch("allxy", PAIR, y, 0.01 * CONTRAST)
    assert np.mean(good.status == "amplitude too high") > 0.99
    y[:, 11] += 6.5 * 0.01 * CONTRAST
    found = fit_batch("allxy", PAIR, y, 0.01 * CONTRAST)
    stray = found.status == "stray point"
    assert stray.mean() > 0.4
    taken = found.status == "amplitude too high"
    assert taken.mean() < 0.25
    assert all("most likely 11" in reason for reason in found.reason[stray])


def test_known_levels_leave_the_pairs_more_of_their_noise():
    """Where they count as fitted, every 200th of good traces has a pair beyond 4 sigma."""
    y = measured(0.1, 0.0, 0.0, 0.0, count=6000)
    found = fit_batch("allxy", PAIR, y, 0.01 * CONTRAST, contrast=CONTRAST, offset=OFFSET)
    assert np.mean(found.status == "stray point") < 0.002
