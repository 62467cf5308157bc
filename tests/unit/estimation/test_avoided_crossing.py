"""Two levels that avoid each other in a map frequency x bias."""

from __future__ import annotations

import numpy as np
import pytest

from kammerton.estimation import fit_batch
from tests.catalogue.broken import BROKEN
from tests.catalogue.truths_crossing import BIASES, FREQUENCIES, TRUTHS, branches
from tests.catalogue.truths_flux import lorentzian
from tests.unit.estimation.map_inputs import NOTHING, how_many

KIND = "avoided_crossing"
X = (FREQUENCIES, BIASES)
MIDDLE, PLACE, FIRST, SECOND, G, WIDTH = 5.1e9, 0.01, 0.9e9, -0.4e9, 14e6, 6e6
TRUTH = {"coupling": G, "gap": 2 * G, "crossing_bias": PLACE, "crossing_frequency": MIDDLE,
         "slope_upper": FIRST, "slope_lower": SECOND, "linewidth": WIDTH}  # fmt: skip


def levels(middle=MIDDLE, place=PLACE, first=FIRST, second=SECOND, g=G, biases=BIASES):
    upper, lower = branches(biases, place, first, second, g)
    return middle + upper, middle + lower


def image(lines=None, width=WIDTH, heights=(1.0, 0.7)):
    both = levels() if lines is None else lines
    return sum(h * lorentzian(FREQUENCIES[:, None], f, width)
               for h, f in zip(heights, both, strict=True))  # fmt: skip


def resonator(g=12e6, slope=1.2e9, width=4e6, place=PLACE, kappa=40e-9):
    """S21 of a hanger crossed by a qubit that is seen as far as it is a photon."""
    upper, lower = levels(first=slope, second=0.0, g=g, place=place)
    photon = 0.5 * (1 + slope * (BIASES - place) / np.hypot(slope * (BIASES - place), 2 * g))
    f = FREQUENCIES[:, None]
    dips = sum(part / (1 + 2j * (f - at) / width) for part, at in
               ((1 - photon, upper), (photon, lower)))  # fmt: skip
    return np.exp(-2j * np.pi * kappa * f) * (1 - 0.6 * np.exp(0.2j) * dips)


def noisy(clean, sigma, count=1, seed=3):
    rng = np.random.default_rng(seed)
    noise = rng.normal(size=(count, *clean.shape))
    if np.iscomplexobj(clean):
        noise = noise + 1j * rng.normal(size=noise.shape)
    return clean + sigma * noise


def pulls(found, truth, least=0.99, tight=(0.6, 1.4)):
    good = found.verdict == "accepted"
    assert good.mean() > least, found.reason
    for name, value in truth.items():
        pull = ((found.values[name] - value) / found.stderr[name])[good]
        assert abs(pull.mean()) < 0.45, name
        assert tight[0] < pull.std() < tight[1], name
        assert np.abs(pull).max() < 5, name


@pytest.mark.parametrize("given", [True, False], ids=["sigma", "no sigma"])
@pytest.mark.parametrize("phase", [None, 0.7], ids=["real", "complex"])
def test_pull(given, phase):
    clean = image()
    if phase is not None:  # and a readout that turns with the bias
        clean = clean * np.exp(1j * phase) + 2.0 * np.exp(3j * BIASES)
    found = fit_batch(KIND, X, noisy(clean, 0.1, 24), 0.1 if given else None)
    pulls(found, TRUTH)
    assert given == np.isfinite(found.chi2_reduced).all()


def two_resonators(width=8e6):
    f = FREQUENCIES[:, None]
    dips = sum(1 / (1 + 2j * (f - at) / width) for at in levels())
    return np.exp(-2j * np.pi * 40e-9 * f) * (1 - 0.4 * np.exp(0.2j) * dips)


def test_pull_of_two_resonators():
    found = fit_batch(KIND, X, noisy(two_resonators(), 0.05, 16), 0.05)
    assert np.mean(found.verdict == "accepted") > 0.9, found.reason
    for name, value in TRUTH.items():
        pull = (found.values[name] - (8e6 if name == "linewidth" else value)) / found.stderr[name]
        assert abs(np.median(pull)) < 1.0, name  # the background takes a little of the tails
        assert 0.6 < pull.std() < 1.6, name


@pytest.mark.parametrize("seen", [np.asarray, np.abs], ids=["complex", "magnitude"])
def test_a_resonator_whose_partner_is_hardly_seen_is_not_guessed_at(seen):
    found = fit_batch(KIND, X, seen(noisy(resonator(), 0.05, 6)), 0.05)
    assert (found.verdict == "insufficient").all(), found.reason
    assert np.mean(["both branches" in reason for reason in found.reason]) > 0.6, found.reason


def test_pull_over_many_truths():
    truth = TRUTHS[KIND]
    rng = np.random.default_rng(4)
    traces = truth.measured(rng, truth.draw(rng, 60), 20.0)
    found = truth.fit(traces)
    assert np.mean(found.verdict == "accepted") > 0.97, found.reason
    for name, value in traces.low.items():
        pull = (found.values[name] - value) / found.stderr[name]
        assert abs(pull.mean()) < 0.35, name
        assert 0.7 < pull.std() < 1.25, name


def test_coupling_and_gap_are_one_number():
    found = fit_batch(KIND, X, noisy(image(), 0.1), 0.1)
    names = list(found.values)
    assert found.values["gap"] == pytest.approx(2 * found.values["coupling"])
    assert found.correlation[0, names.index("gap"), names.index("coupling")] == pytest.approx(1.0)


def disturbed(which, seed=8):
    rng = np.random.default_rng(seed)
    clean = image()
    if which == "missing points":
        clean[rng.random(clean.shape) < 0.3] = np.nan
        clean[:, 8:12] = np.nan
    if which == "spur":
        clean[60] += 0.8
    if which == "level":
        away = [each[5:8] + np.array([8e6, 20e6, -15e6]) for each in levels()]
        clean[:, 5:8] = image(away)
    if which == "stray points":
        clean[rng.random(clean.shape) < 0.01] += 5.0
    return clean


@pytest.mark.parametrize("which", ["missing points", "spur", "level", "stray points"])
def test_disturbances_do_not_pull_the_branches(which):
    found = fit_batch(KIND, X, noisy(disturbed(which), 0.1, 4), 0.1)
    assert np.mean(found.verdict == "accepted") >= 0.93, found.reason
    for name in ("coupling", "crossing_bias", "crossing_frequency"):
        pull = (found.values[name] - TRUTH[name]) / found.stderr[name]
        assert abs(np.median(pull)) < 1.0, name
        assert np.mean(np.abs(pull) < 4) >= 0.93, name


def jumped(column, by):
    late = image(levels(place=PLACE + by))
    return np.where(np.arange(len(BIASES)) < column, image(), late)


WAVY = tuple(each + 12e6 * np.sin(90 * BIASES) for each in levels())
FAR = tuple(each + 0 * BIASES for each in (5.05e9, 5.15e9))
# clean map, sigma -> verdict, status, word of the reason, advice (axis, or more shots)
CASES = {
    "nothing": (0 * image(), 0.1, "rejected", {"no signal"}, "noise", None),
    "faint": (image(), 0.38, "insufficient", {"signal too weak"}, "hardly", "shots"),
    "one straight line": (image((levels(g=0.0)[0], levels(g=0.0)[1]), heights=(0.0, 1.0)), 0.08,
                          "insufficient", {"range too narrow", "gap not resolved"}, "", 1),
    "lower branch only": (image(heights=(0.0, 1.0)), 0.08, "insufficient",
                          {"range too narrow"}, "one branch", 1),
    "lines that stand": (image(FAR), 0.08, "insufficient", {"range too narrow"}, "", 1),
    "crossing outside": (image(levels(place=0.14, first=0.5e9)), 0.05, "insufficient",
                         {"range too narrow"}, "outside the swept bias", 1),
    "they cross": (image(levels(g=0.0)), 0.08, "insufficient", {"gap not resolved"},
                   "linewidths", 1),
    "small gap": (image(levels(g=0.6e6)), 0.15, "insufficient", {"gap not resolved"},
                  "linewidths", 1),
    "passed at once": (image(levels(place=0.012, first=3e9, second=-5e8, g=2.5e6), 3e6), 0.05,
                       "insufficient",
                       {"sampling too coarse"}, "between two biases", 1),
    "jump": (jumped(20, 0.006), 0.06, "rejected", {"drift during scan"}, "moves", None),
    "wavy": (image(WAVY), 0.05, "rejected", {"model does not fit"}, "", None),
    "too fine a line": (image(width=0.7e6), 0.02, "insufficient", {"sampling too coarse"},
                        "narrower", 0),
    "too wide a line": (image(width=90e6), 0.02, "insufficient", {"range too narrow"}, "", None),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_objection(case):
    clean, sigma, verdict, statuses, word, change = CASES[case]
    found = fit_batch(KIND, X, noisy(clean, sigma, 4), sigma)
    said = list(zip(found.verdict, found.status, found.reason, strict=True))
    assert (found.verdict == verdict).sum() >= 3, said
    assert (found.verdict != "accepted").all(), said
    right = np.flatnonzero([status in statuses for status in found.status])
    assert len(right) >= 3, said
    for n in right:
        assert word in found.reason[n], said
        if change == "shots":
            assert found.advice[n].shots_times > 1
        elif change is not None:
            assert found.advice[n].axis == change
            assert (found.advice[n].centre_on, found.advice[n].extend_window_to) != (None, None)


def test_advice_leads_to_the_crossing():
    found = fit_batch(KIND, X, noisy(CASES["crossing outside"][0], 0.05), 0.05)
    assert found.advice[0].centre_on == pytest.approx(0.14, abs=0.03)


@pytest.mark.parametrize("which", NOTHING)
@pytest.mark.parametrize("given", [True, False], ids=["sigma", "no sigma"])
def test_nothing_is_accepted_where_nothing_crosses(which, given):
    y = NOTHING[which](np.random.default_rng(11), how_many(2), 31, 31)
    found = fit_batch(KIND, (FREQUENCIES[:31], BIASES[:31]), y, 1.0 if given else None)
    assert (found.verdict != "accepted").all()


def test_points_of_which_no_pair_of_branches_can_be_made_are_no_crossing():
    y = np.zeros((81, 51))
    y[40, 20:25] = 30.0
    found = fit_batch(KIND, X, y, 1.0)
    assert found.verdict[0] == "rejected"
    assert np.isnan(found.values["coupling"][0])


def test_a_drift_along_the_frequency_is_no_crossing():
    """Which of them look like a crossing at first differs between processors."""
    traces = next(b for b in BROKEN if b.name == "random walk and noise").traces(
        TRUTHS[KIND], 7, 100
    )
    found = TRUTHS[KIND].fit(traces)
    assert (found.verdict != "accepted").all()
    told = ("one spectrum for all biases", "the crossing moves during the scan")
    assert sum(any(words in reason for words in told) for reason in found.reason) > 3


@pytest.mark.parametrize("sigma", [0.02, 0.1])
def test_a_ripple_that_stands_under_the_branches_does_no_harm(sigma):
    ripple = 0.2 * np.sin(2 * np.pi * 15 * np.linspace(0, 1, len(FREQUENCIES)))[:, None]
    found = fit_batch(KIND, X, noisy(image() + ripple, sigma, 3), sigma)
    assert (found.verdict == "accepted").all(), found.reason
    assert found.values["coupling"] == pytest.approx(G, rel=0.03)


def test_rows_that_walk_are_no_branches():
    rng = np.random.default_rng([45, list(NOTHING).index("walk in each row")])
    y = NOTHING["walk in each row"](rng, 3, 41, 41)[2]
    x = np.linspace(*FREQUENCIES[[0, -1]], 41), np.linspace(*BIASES[[0, -1]], 41)
    found = fit_batch(KIND, x, y, 1.0)
    assert found.verdict[0] == "rejected"
    assert "misses the pair of branches" in found.reason[0]


def arch(biases, curvature):
    """The upper uncoupled branch is a parabola."""
    first = FIRST * (biases - PLACE) + curvature * (biases - PLACE) ** 2
    second = SECOND * (biases - PLACE)
    half = np.hypot(0.5 * (first - second), G)
    middle = MIDDLE + 0.5 * (first + second)
    return middle + half, middle - half


@pytest.mark.parametrize("given", [True, False], ids=["sigma", "no sigma"])
@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_a_branch_that_bends_is_told_so_and_the_advice_leads_to_straight_ones(sign, given):
    biases, statuses = BIASES, []
    for seed in range(5):
        clean = image(arch(biases, sign * 1e9))
        found = fit_batch(KIND, (FREQUENCIES, biases), noisy(clean, 0.1, seed=seed),
                          0.1 if given else None)  # fmt: skip
        statuses.append(str(found.status[0]))
        if found.verdict[0] != "insufficient":
            break
        advice = found.advice[0]
        assert (advice.window_times, advice.axis) == (0.5, 1)
        assert found.reason[0].startswith("a branch bends, as that of a transmon does, or drifts")
        half = 0.25 * np.ptp(biases)
        biases = np.linspace(advice.centre_on - half, advice.centre_on + half, biases.size)
    assert statuses[0] == "window too long"
    assert statuses[-1] == "success"
    assert abs(found.values["coupling"][0] - G) < 4 * found.stderr["coupling"][0]


def test_a_qubit_that_is_dark_away_from_its_resonator_is_not_taken_for_a_steep_one():
    """It shows near the crossing only, where g^2 over the slope is all that it tells."""
    rng = np.random.default_rng(5)
    wrong = 0
    for place, slope, g in rng.uniform((-0.05, 0.7e9, 8e6), (0.05, 1.2e9, 18e6), (60, 3)):
        lines = levels(place=place, first=slope, second=0.0, g=g)
        photon = 0.5 * (1 + slope * (BIASES - place) / np.hypot(slope * (BIASES - place), 2 * g))
        clean = image(lines, 5e6, (1 - photon, photon))
        found = fit_batch(KIND, X, noisy(clean, 0.14, seed=int(1e6 * (place + 1))), 0.14)
        away = np.abs(found.values["coupling"] - g) > 5 * found.stderr["coupling"]
        wrong += int((away & (found.verdict == "accepted")).sum())
    assert wrong == 0


@pytest.mark.parametrize("sigma", [0.05, 0.15])
def test_a_branch_that_is_steep_indeed_is_found_and_no_less_steep_one(sigma):
    """It is inside at every ninth bias; a first start may lie along the other branch only."""
    rng, biases = np.random.default_rng(85), np.linspace(-0.1, 0.1, 81)
    good = 0
    for place, slope, g in rng.uniform((-0.03, 6.4e9, 10e6), (0.03, 9.6e9, 25e6), (40, 3)):
        lines = levels(5.1e9, place, slope, 0.0, g, biases)
        maps = noisy(image(lines, heights=(1.0, 1.0)), sigma, seed=int(g))
        found = fit_batch(KIND, (FREQUENCIES, biases), maps, sigma)
        near = np.abs(found.values["coupling"] - g) < 5 * found.stderr["coupling"]
        good += int((near & (found.verdict == "accepted")).sum())
    assert good > 36
