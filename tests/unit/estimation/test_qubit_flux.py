"""The arc of a tunable qubit in a map frequency x bias."""

from __future__ import annotations

import numpy as np
import pytest

from kammerton.estimation import fit_batch
from tests.catalogue.registry import truths
from tests.catalogue.truths_flux import BIASES, DRIVES, lorentzian, transmon
from tests.unit.estimation.map_inputs import NOTHING, how_many

KIND = "qubit_flux_map"
X = (DRIVES, BIASES)
TRUTH = {"frequency": 5.05e9, "sweet_spot": 0.03, "period": 1.2, "linewidth": 12e6}


def line(f_max=5.05e9, spot=0.03, period=1.2, d=0.0, e_c=200e6, biases=BIASES):
    return transmon(np.pi * (biases - spot) / period, f_max, d, e_c)


def image(centres, width=12e6):
    return lorentzian(DRIVES[:, None], centres, width)


def noisy(clean, sigma, count=1, seed=3):
    rng = np.random.default_rng(seed)
    noise = rng.normal(size=(count, *clean.shape))
    if np.iscomplexobj(clean):
        noise = noise + 1j * rng.normal(size=noise.shape)
    return clean + sigma * noise


def pulls(found, truth):
    assert np.mean(found.verdict == "accepted") > 0.99
    for name, value in truth.items():
        pull = (found.values[name] - value) / found.stderr[name]
        chance = 1.0 / np.sqrt(len(pull))
        assert abs(pull.mean()) < 0.1 + 3 * chance, name
        assert abs(pull.std() - 1.0) < 0.1 + 2.2 * chance, name
        assert np.abs(pull).max() < 5, name


@pytest.mark.parametrize("given", [True, False], ids=["sigma", "no sigma"])
@pytest.mark.parametrize("phase", [None, 0.7], ids=["real", "complex"])
def test_pull_where_junctions_are_known(given, phase):
    clean = image(line())
    if phase is not None:  # and a readout that turns with the bias
        clean = clean * np.exp(1j * phase) + 2.0 * np.exp(3j * BIASES)
    found = fit_batch(
        KIND, X, noisy(clean, 0.12, 16), 0.12 if given else None,
        anharmonicity=-200e6, asymmetry=0.0,
    )  # fmt: skip
    pulls(found, TRUTH)
    assert given == np.isfinite(found.chi2_reduced).all()


def test_pull_of_the_period_where_the_charging_energy_is_only_usual():
    rng = np.random.default_rng(4)
    e_c = rng.normal(200e6, 50e6, 30)
    clean = np.stack([image(line(e_c=each)) for each in e_c])
    found = fit_batch(KIND, X, clean + 0.1 * rng.normal(size=clean.shape), 0.1, asymmetry=0.0)
    pulls(found, {"period": 1.2, "sweet_spot": 0.03})
    assert np.median(found.stderr["period"]) > 0.004  # most of it from the charging energy


def test_pull_of_the_asymmetry_where_the_map_tells_it():
    biases = np.linspace(-0.5, 0.6, 81)
    drives = np.linspace(4.0e9, 5.2e9, 121)
    clean = lorentzian(drives[:, None], line(d=0.7, period=0.9, biases=biases), 40e6)
    found = fit_batch(KIND, (drives, biases), noisy(clean, 0.12, 10), 0.12, anharmonicity=-200e6)
    pulls(found, {"asymmetry": 0.7, "period": 0.9, "frequency": 5.05e9})


def test_symmetric_junctions_have_no_asymmetry_to_tell():
    found = fit_batch(KIND, X, noisy(image(line()), 0.1, 6), 0.1)
    assert np.isnan(found.values["asymmetry"]).all()


def disturbed(which, seed=8):
    rng = np.random.default_rng(seed)
    clean = image(line())
    if which == "missing points":
        clean[rng.random(clean.shape) < 0.3] = np.nan
        clean[:, 20:28] = np.nan
    if which == "spur":
        clean[20] += 2.0
    if which == "spur through the top":
        clean[51] += 0.6
    if which == "two-photon line":
        clean += 0.7 * image(line() - 110e6, 6e6)
    if which == "brighter two-photon line":
        clean += 1.8 * image(line() - 110e6, 9e6)
    if which == "level":
        clean[:, 12:15] = image(line()[12:15] + np.array([8e6, 20e6, -15e6]))
    if which == "stray points":
        clean[rng.random(clean.shape) < 0.01] += 5.0
    return clean


DISTURBED = ("missing points", "spur", "spur through the top", "two-photon line",
             "brighter two-photon line", "level", "stray points")  # fmt: skip


@pytest.mark.parametrize("which", DISTURBED)
def test_disturbances_do_not_pull_the_arc(which):
    found = fit_batch(KIND, X, noisy(disturbed(which), 0.12, 4), 0.12, asymmetry=0.0)
    assert np.mean(found.verdict == "accepted") >= 0.95, found.reason
    for name in ("frequency", "sweet_spot", "period"):
        pull = (found.values[name] - TRUTH[name]) / found.stderr[name]
        assert abs(np.median(pull)) < 1.0, name
        assert np.mean(np.abs(pull) < 4) >= 0.95, name


def jumped(column, shift):
    late = image(line(spot=0.03 + shift))
    return np.where(np.arange(len(BIASES)) < column, image(line()), late)


# clean map, sigma -> verdict, status, word of the reason, advice (axis, centre_on there or not)
CASES = {
    "nothing": (0 * image(line()), 0.1, "rejected", "no signal", "out of the noise", None),
    "faint": (image(line(period=2.5), 25e6), 0.6, "insufficient", "signal too weak",
              "averaged", "shots"),
    "flat line": (image(line(period=30.0)), 0.05, "insufficient", "range too narrow",
                  "does not move", 1),
    "spot outside": (image(line(spot=0.34, period=1.6)), 0.08, "insufficient", "range too narrow",
                     "outside the swept bias", 1),
    "top outside": (image(line(f_max=5.13e9)), 0.08, "insufficient", "line at the edge",
                    "outside the swept frequencies", 0),
    "minimum": (image(line(f_max=5.3e9, spot=-0.37, period=0.8, d=0.83)), 0.1, "insufficient",
                "wrong branch", "minimum", 1),
    "two arcs": (image(line()) + image(line(5.03e9, 0.15)), 0.1, "rejected", "two arcs",
                 "which one is meant", None),
    "jump": (jumped(17, 0.01), 0.08, "rejected", "drift during scan", "moves during", None),
    "large jump": (jumped(25, 0.06), 0.1, "rejected", "drift during scan", "both halves", None),
    "too fine a line": (image(line(), 1e6), 0.02, "insufficient", "sampling too coarse",
                        "narrower", 0),
    "too wide a line": (image(line(), 150e6), 0.05, "insufficient", "range too narrow",
                        "as wide", 0),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_objection(case):
    clean, sigma, verdict, status, word, change = CASES[case]
    found = fit_batch(KIND, X, noisy(clean, sigma, 4), sigma)
    assert (found.verdict == verdict).all(), found.reason
    right = np.flatnonzero(found.status == status)
    assert len(right) >= 3, found.reason
    for n in right:
        assert word in found.reason[n]
        if change == "shots":
            assert found.advice[n].shots_times > 1
        elif change is not None:
            assert found.advice[n].axis == change
            assert (found.advice[n].centre_on, found.advice[n].extend_window_to) != (None, None)


@pytest.mark.parametrize("given", [0.5, 0.6, 1.5, 1.8, 3.5])
def test_a_period_that_is_not_the_known_one_is_no_drift(given):
    maps = noisy(image(line()), 0.08, 3)
    found = fit_batch(KIND, X, maps, 0.08, period=given, anharmonicity=-200e6)
    assert (found.verdict == "rejected").all()
    assert (found.status == "model does not fit").all(), found.reason
    for reason in found.reason:
        own = float(reason.split("a clear arc, but its period is ")[1].split()[0])
        assert own == pytest.approx(1.2, rel=0.1)
        assert f"and not {given:g}, which is said to be known" in reason
    right = fit_batch(KIND, X, maps, 0.08, period=1.2, anharmonicity=-200e6)
    assert (right.verdict == "accepted").all()


@pytest.mark.parametrize("given", [True, False], ids=["sigma", "no sigma"])
@pytest.mark.parametrize(("missing", "least"), [(0.0, 0.95), (0.1, 0.9), (0.3, 0.7)])
def test_an_arc_that_hardly_a_column_shows_alone_is_shown_by_all(missing, least, given):
    """A column shows it by a chi-square of 25 on average, of 17 where 30 % of points miss."""
    rng = np.random.default_rng(1)
    biases, drives = np.linspace(-0.3, 0.3, 41), np.linspace(4.2e9, 5.15e9, 61)
    clean = lorentzian(drives[:, None], line(5.0e9, 0.05, 1.0, biases=biases), 20e6)
    maps = noisy(clean, 0.2, 40)
    maps[rng.random(maps.shape) < missing] = np.nan
    found = fit_batch(KIND, (drives, biases), maps, 0.2 if given else None)
    there = found.verdict == "accepted"
    assert there.mean() > least, found.reason
    pull = (found.values["sweet_spot"] - 0.05) / found.stderr["sweet_spot"]
    assert np.abs(pull[there]).max() < 5.0


def test_a_bias_that_was_not_measured_is_none_that_was_set_aside():
    maps = noisy(image(line()), 0.28, 12)
    maps[:, :, 20] = np.nan
    found = fit_batch(KIND, X, maps, 0.28, anharmonicity=-200e6, asymmetry=0.0)
    assert (found.verdict == "accepted").all(), found.reason


@pytest.mark.parametrize("reach", [0.8, 1.1])
def test_where_more_than_a_period_is_swept_the_period_is_the_right_one(reach):
    biases, drives = np.linspace(-reach, reach, 41), np.linspace(4.2e9, 5.15e9, 61)
    clean = lorentzian(drives[:, None], line(5.0e9, 0.05, 1.0, biases=biases), 20e6)
    found = fit_batch(KIND, (drives, biases), noisy(clean, 0.1, 30), 0.1)
    assert np.mean(found.verdict == "accepted") > 0.9, found.reason
    there = found.verdict == "accepted"
    pull = (found.values["period"] - 1.0) / found.stderr["period"]
    assert np.abs(pull[there]).max() < 5.0
    assert found.stderr["period"][there].max() < 1e-3


def test_what_is_no_arc_is_not_one_of_another_period():
    for clean in (0 * image(line()), jumped(25, 0.06)):
        found = fit_batch(KIND, X, noisy(clean, 0.1, 3), 0.1, period=np.full(3, 0.8))
        assert (found.verdict == "rejected").all()
        assert not any("said to be known" in reason for reason in found.reason)


def test_no_bent_line_is_taken_for_an_arc():
    bent = image(line() + 20e6 * np.sin(60 * BIASES))
    found = fit_batch(KIND, X, noisy(bent, 0.05, 3), 0.05)
    assert (found.verdict == "rejected").all(), found.reason


def test_advice_leads_to_the_sweet_spot():
    found = fit_batch(KIND, X, noisy(CASES["spot outside"][0], 0.08), 0.08)
    assert found.advice[0].centre_on == pytest.approx(0.34, abs=0.03)
    assert found.advice[0].extend_window_to == pytest.approx(0.75)


@pytest.mark.parametrize("which", NOTHING)
@pytest.mark.parametrize("given", [True, False], ids=["sigma", "no sigma"])
def test_nothing_is_accepted_where_there_is_no_line(which, given):
    rng = np.random.default_rng(11)
    y = NOTHING[which](rng, how_many(2), 31, 31)
    found = fit_batch(KIND, (DRIVES[::2], np.linspace(-0.2, 0.3, 31)), y, 1.0 if given else None)
    assert (found.verdict != "accepted").all()


def test_order_of_points_does_not_matter():
    y = noisy(image(line()), 0.1)[0]
    rng = np.random.default_rng(5)
    i, j = rng.permutation(len(DRIVES)), rng.permutation(len(BIASES))
    one = fit_batch(KIND, X, y, 0.1)
    other = fit_batch(KIND, (DRIVES[i], BIASES[j]), y[np.ix_(i, j)], 0.1)
    assert other.values["frequency"] == one.values["frequency"]
    assert np.array_equal(other.curve[0], one.curve[0][np.ix_(i, j)], equal_nan=True)


def test_no_curve_where_the_line_is_outside_the_window_and_the_background_is_not_the_others():
    turning = 2.0 * np.exp(3j * BIASES)
    y = noisy(image(line()) + turning, 0.1)[0]
    high = np.arange(len(DRIVES)) >= len(DRIVES) // 2
    found = fit_batch(KIND, (DRIVES[high], BIASES), y[high], 0.1)
    left_out = np.isnan(found.curve[0]).all(axis=0)
    assert 0 < left_out.sum() < len(BIASES)
    assert np.abs((y[high] - found.curve[0])[:, ~left_out]).max() < 0.6
    level = fit_batch(KIND, (DRIVES[high], BIASES), (y - turning)[high], 0.1)
    assert np.abs((y - turning)[high] - level.curve[0]).max() < 0.6


@pytest.mark.parametrize(("seed", "which"), [(8, [470, 552]), (3008, [1140]), (5008, [519, 1027])])
def test_where_the_first_points_lead_astray_others_are_tried(seed, which):
    """Clear arcs, of 1,250 each, whose first random triples, or widths, lead to another."""
    truth, rng = truths()["qubit_flux_map"], np.random.default_rng([seed, 2])
    traces = truth.measured(rng, truth.draw(rng, 1250)).take(np.array(which))
    found = truth.fit(traces)
    assert set(found.status) == {"success"}, found.reason
    off = np.abs(found.values["frequency"] - traces.low["frequency"])
    assert (off < 4 * found.stderr["frequency"]).all()


def test_what_has_no_width_is_no_line():
    """One of 2,000 maps of walks was an arc, of a line of 7(7) MHz."""
    rng = np.random.default_rng(11)
    y = NOTHING["walk in each row"](rng, 2000, 31, 31)[242:243]
    found = fit_batch(KIND, (DRIVES[::2], np.linspace(-0.2, 0.3, 31)), y)
    assert found.verdict[0] != "accepted"
    assert "it may be no line" in found.reason[0]
