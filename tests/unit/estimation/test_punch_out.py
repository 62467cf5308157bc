"""The resonator against its drive, in a map frequency x power."""

from __future__ import annotations

import re

import numpy as np
import pytest

from kammerton.estimation import fit_batch
from tests.catalogue.truths_punch_out import FREQUENCIES, POWERS, STEP, TRUTHS, notch
from tests.unit.estimation.map_inputs import NOTHING, how_many

KIND = "punch_out"
X = (FREQUENCIES, POWERS)
TRUTH = {"frequency": 7.012e9, "bare_frequency": 7.008e9, "shift": 4e6, "linewidth": 1.2e6}
FALLING = np.maximum(0.12 * 10 ** (-(POWERS - POWERS[0]) / 20), 0.01)
SIGMA = np.broadcast_to(FALLING, (len(FREQUENCIES), len(POWERS)))


def clean(low=7.012e9, high=7.008e9, width=1.2e6, at=-30.0, soft=0.01):
    part = 1 / (1 + np.exp(-np.clip((POWERS - at) / soft, -500, 500)))
    centre, broad = low + (high - low) * part, width * (1 + 6 * part * (1 - part))
    delay = np.exp(-2j * np.pi * 40e-9 * FREQUENCIES[:, None])
    return delay * notch(FREQUENCIES[:, None], centre, broad, 0.7 + 0.1j)


def noisy(y, count=1, seed=3, sigma=SIGMA):
    rng = np.random.default_rng(seed)
    noise = rng.normal(size=(count, *y.shape)) + 1j * rng.normal(size=(count, *y.shape))
    return y + sigma * noise


@pytest.mark.parametrize("given", [True, False], ids=["sigma", "no sigma"])
@pytest.mark.parametrize("seen", [np.asarray, np.abs], ids=["complex", "magnitude"])
def test_pull(seen, given):
    found = fit_batch(KIND, X, seen(noisy(clean(), 16)), SIGMA if given else None)
    assert (found.verdict == "accepted").all(), found.reason
    for name, value in TRUTH.items():
        pull = (found.values[name] - value) / found.stderr[name]
        assert abs(pull.mean()) < 0.75, name
        assert 0.65 < pull.std() < 1.4, name
        assert np.abs(pull).max() < 5, name
    assert found.values["power"] == pytest.approx(-30.0, abs=0.51 * STEP)


def test_pull_over_many_truths():
    truth = TRUTHS[KIND]
    rng = np.random.default_rng(4)
    traces = truth.measured(rng, truth.draw(rng, 24), 20.0)
    found = truth.fit(traces)
    assert np.mean(found.verdict == "accepted") > 0.97, found.reason
    for name, value in traces.low.items():
        pull = (found.values[name] - value) / found.stderr[name]
        assert 0.65 < pull.std() < 1.4, name


@pytest.mark.parametrize("seen", [np.asarray, np.abs], ids=["complex", "magnitude"])
@pytest.mark.parametrize("soft", [0.01, 0.6, 1.0, 2.0, 3.0])
def test_the_power_is_that_half_way_however_soft_the_change(seen, soft):
    """As its last power on the low side, it lay 0.6 dB low, and two thirds outside their bars."""
    at = np.random.default_rng(12).uniform(-40.0, -25.0, 24)
    y = np.array([clean(at=each, soft=soft) for each in at])
    found = fit_batch(KIND, X, seen(noisy(y)[0]), SIGMA)
    assert np.mean(found.verdict == "accepted") > 0.9, found.reason
    pull = (found.values["power"] - at) / found.stderr["power"]
    assert np.abs(pull).max() < 2.2
    assert np.mean(np.abs(pull) < 1.0) > 0.45
    if soft < 0.1:
        assert np.median(found.stderr["power"]) == pytest.approx(STEP / np.sqrt(12))


def test_powers_that_are_missing_at_the_change_make_its_bar_wider():
    y = noisy(clean(at=-30.6), 4)
    y[:, :, 22:26] = np.nan  # -32.5 to -28.75: between -33.75 and -27.5 all is open
    found = fit_batch(KIND, X, y, SIGMA)
    assert found.values["power"] == pytest.approx(-30.625, abs=0.01)
    assert (found.stderr["power"] > 5 * STEP / np.sqrt(12) - 1e-9).all()


def test_a_soft_change_and_missing_points_do_no_harm():
    y = clean(soft=1.0)
    y[np.random.default_rng(5).random(y.shape) < 0.2] = np.nan
    y[:, 12:14] = np.nan
    found = fit_batch(KIND, X, noisy(y, 6), SIGMA)
    assert (found.verdict == "accepted").all(), found.reason
    for name in ("frequency", "bare_frequency"):
        assert np.abs(found.values[name] - TRUTH[name]).max() < 0.1 * TRUTH["linewidth"]


def test_the_shift_has_a_sign():
    found = fit_batch(KIND, X, noisy(clean(high=7.0145e9)), SIGMA)
    assert found.verdict[0] == "accepted"
    assert found.values["shift"][0] == pytest.approx(-2.5e6, abs=3e4)
    assert "moves up" in found.reason[0]


CASES = {
    "nothing": (0 * clean() + 1, {}, "rejected", {"no signal", "model does not fit"}, None),
    "bare only": (clean(at=-100.0), {"bare_frequency": 7.008e9}, "insufficient",
                  {"too high power"}, 1),
    "one resonator": (clean(high=7.01205e9), {}, "insufficient", {"range too narrow"}, 1),
    "power too low": (clean(at=-12.0), {}, "insufficient", {"range too narrow"}, 1),
    "power too high": (clean(at=-49.0)[:, 8:], {}, "insufficient", {"too high power"}, 1),
    "wide": (clean(width=9e6, low=7.013e9, high=7.005e9), {}, "insufficient",
             {"range too narrow", "too high power"}, None),
    "too fine a line": (clean(width=0.08e6), {}, "insufficient", {"sampling too coarse"}, 0),
    "two resonators": (clean() * clean(low=7.016e9, high=7.016e9), {}, "rejected",
                       {"model does not fit"}, None),
    "two close resonators": (clean(high=7.012e9) * clean(low=7.0101e9, high=7.0101e9), {},
                             "rejected", {"model does not fit"}, None),
    "wandering": (clean(low=7.010e9 + 4e6 * np.sin(POWERS)), {}, "rejected",
                  {"model does not fit"}, None),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_objection(case):
    y, known, verdict, statuses, axis = CASES[case]
    skip = len(POWERS) - y.shape[1]
    sigma = np.full(y.shape, 0.03)
    found = fit_batch(KIND, (FREQUENCIES, POWERS[skip:]), noisy(y, 6, sigma=sigma), sigma, **known)
    said = list(zip(found.verdict, found.status, found.reason, strict=True))
    assert (found.verdict == verdict).sum() >= 5, said
    assert (found.verdict != "accepted").all(), said
    assert set(found.status[found.verdict == verdict]) <= statuses, said
    if axis is not None:
        assert {advice.axis for advice in found.advice[found.verdict == verdict]} == {axis}


@pytest.mark.parametrize("which", NOTHING)
@pytest.mark.parametrize("given", [True, False], ids=["sigma", "no sigma"])
def test_nothing_is_accepted_where_there_is_no_resonator(which, given):
    y = NOTHING[which](np.random.default_rng(11), how_many(2), 31, 31)
    found = fit_batch(KIND, (FREQUENCIES[:31], POWERS[:31]), y, 1.0 if given else None)
    assert (found.verdict != "accepted").all()


COARSER = np.linspace(FREQUENCIES[0], FREQUENCIES[-1], 41)


@pytest.mark.parametrize(
    ("which", "seed", "n"),
    [("walk in each row", 3, 0), ("walk in each row", 10, 1), ("one row", 12, 0),
     ("one row", 22, 0), ("stripes along the second axis", 43, 1)],
)  # fmt: skip
def test_rows_that_stand_out_at_many_powers_are_no_resonator(which, seed, n):
    rng = np.random.default_rng([seed, list(NOTHING).index(which)])
    y = NOTHING[which](rng, 3, 41, 41)
    if seed % 2 == 0:
        y = y + 1j * NOTHING[which](rng, 3, 41, 41)
    found = fit_batch(KIND, (COARSER, POWERS), y[n], 1.0)
    assert found.verdict[0] == "rejected"
    assert "beside the line stands another" in found.reason[0]


def test_points_with_few_shots_do_not_hide_a_bright_line():
    rng = np.random.default_rng(8)
    sigma = 0.005 * np.where(rng.random((6, 81, 41)) < 0.25, rng.uniform(3, 10, (6, 81, 41)), 1.0)
    found = fit_batch(KIND, X, noisy(clean(), 6, sigma=sigma), sigma)
    assert (found.verdict == "accepted").all(), found.reason


@pytest.mark.parametrize("shape", [(41, 41), (60, 45)])
@pytest.mark.parametrize("seen", [np.real, np.asarray], ids=["real", "complex"])
def test_a_level_that_jumps_between_two_rows_moves_no_resonator(shape, seen):
    """Powers swept fastest: what follows the jump lies a row lower. A third were accepted."""
    rng, n = np.random.default_rng(1), how_many(50)
    frequency, power = np.linspace(7e9, 7.05e9, shape[0]), np.linspace(-60, 0, shape[1])
    along = np.arange(shape[0] * shape[1]).reshape(shape) / (shape[0] * shape[1])
    size = (n, 1, 1)
    height = np.exp(rng.uniform(np.log(3), np.log(50), size)) * rng.choice([-1, 1], size)
    noise = rng.normal(size=(n, *shape)) + 1j * rng.normal(size=(n, *shape))
    y = 20 + height * (along > rng.uniform(0.1, 0.9, size)) + noise
    found = fit_batch("punch_out", (frequency, power), seen(y), 1.0)
    assert np.count_nonzero(found.verdict == "accepted") == 0


@pytest.mark.parametrize("seen", [np.asarray, np.abs], ids=["complex", "magnitude"])
@pytest.mark.parametrize(
    ("high", "soft", "says"),
    [(7.008e9, 10.0, r"moves by \d\.\d linewidths, but so slowly that it stands still at neither"),
     (7.012e9, 10.0, "the resonator does not move over the swept powers")],
)  # fmt: skip
def test_a_slow_change_is_no_standing_resonator(seen, high, soft, says):
    found = fit_batch(KIND, X, seen(noisy(clean(high=high, soft=soft), 4)), SIGMA)
    assert set(found.status) == {"range too narrow"}
    assert all(re.search(says, reason) for reason in found.reason), found.reason
    assert found.advice[0].axis == 1


@pytest.mark.parametrize(("bare", "status"), [(7.0081e9, "success"), (1e30, "wrong peak")])
def test_a_bare_resonator_is_where_it_is_known_to_be(bare, status):
    """Where its line is seen, nobody looked: 1e30 Hz was accepted beside it."""
    found = fit_batch(KIND, X, noisy(clean(), 4), SIGMA, bare_frequency=bare)
    assert set(found.status) == {status}
