"""What given sigmas are worth, and sigma from shots."""

from __future__ import annotations

import numpy as np
import pytest

from kammerton.estimation import FIT_KINDS, fit_batch
from kammerton.estimation.numeric.weights import (
    MATTERS,
    changed,
    learned,
    of_counts,
    smoothed,
    valid,
)
from kammerton.model import TraceError

X = np.linspace(0.0, 1.0, 101)


def learned_from(variance, curve):
    near, apart = smoothed(variance)
    return learned(variance, near**-0.5, apart, curve)


def test_sigmas_that_scatter_are_averaged_over_neighbours():
    rng = np.random.default_rng(1)
    variance = rng.chisquare(19, (400, 101)) / 19
    near, apart = smoothed(variance)
    assert near.std() < 0.45 * variance.std()
    assert apart.mean() < 1e-3


def test_a_point_with_few_shots_keeps_its_own_and_spoils_no_neighbour():
    variance = np.ones((1, 101))
    variance[0, [20, 22, 50]] = 9.0
    kept, apart = smoothed(variance)
    assert np.flatnonzero(apart[0]).tolist() == [20, 22, 50]
    assert kept[0, [20, 22, 50]] == pytest.approx(9.0)
    assert np.delete(kept[0], [20, 22, 50]) == pytest.approx(1.0)


def test_the_noise_of_counts_is_learned_from_the_fit():
    p = 0.5 - 0.49 * np.cos(30 * X)
    rng, shots = np.random.default_rng(2), 200
    y = rng.binomial(shots, p, (50, 101)) / shots
    variance = valid(np.sqrt(y * (1 - y) / shots))
    law, matters = learned_from(variance, np.broadcast_to(p, y.shape))
    assert matters.all()
    assert law.mean(axis=0) == pytest.approx(p * (1 - p) / shots, rel=0.2, abs=5e-5)


def test_a_function_that_describes_them_worse_is_not_taken():
    variance = np.linspace(1.0, 2.5, 101)[None]
    law, matters = learned_from(variance, np.cos(30 * X)[None])
    assert not matters.any()
    assert law == pytest.approx(smoothed(variance)[0])


@pytest.mark.parametrize("shots", [100, 1000])
def test_error_bars_from_shots(shots):
    rng = np.random.default_rng(3)
    p = 0.5 - 0.5 * np.cos(2 * np.pi * 2.7 * X)
    y = rng.binomial(shots, p, (1500, 101)) / shots
    found = fit_batch("rabi_amplitude", X, y, shots=shots)
    pull = (found.values["period"] - 1 / 2.7) / found.stderr["period"]
    assert np.mean(found.verdict == "accepted") > 0.99
    assert abs(pull.mean()) < 0.15
    assert 0.93 < pull.std() < 1.08
    assert 0.8 < found.chi2_reduced.mean() < 1.05  # near 0 and 1, few counts are held for noisier


def test_counting_is_better_than_taking_every_point_alike():
    rng = np.random.default_rng(4)
    y = rng.binomial(200, 0.5 - 0.5 * np.cos(2 * np.pi * 2.7 * X), (2000, 101)) / 200
    counted, alike = fit_batch("rabi_amplitude", X, y, shots=200), fit_batch("rabi_amplitude", X, y)
    assert counted.values["period"].std() < 0.9 * alike.values["period"].std()


REFUSED = {
    "no population": (1.2, {"shots": 10}, "not a population"),
    "no shots": (0.5, {"shots": 0}, "1 or more"),
    "words": (0.5, {"shots": "many"}, "one number"),
    "shape": (0.5, {"shots": [1.0, 2.0]}, "one number"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused(case):
    level, known, message = REFUSED[case]
    with pytest.raises(TraceError, match=message):
        fit_batch("t1", X, np.full(101, level), **known)


def test_sigma_and_shots_are_one_too_many():
    with pytest.raises(TraceError, match="not both"):
        fit_batch("t1", X, np.full(101, 0.5), 0.1, shots=100)


def test_sigma_of_counts_is_never_zero():
    assert (of_counts([0.0, 0.5, 1.0], 100) > 0).all()


def test_a_missing_point_does_not_change_what_the_others_are_worth():
    rng = np.random.default_rng(5)
    sigma = 1e-3 * np.where(np.arange(101) % 9 == 4, 8.0, 1.0)
    y = 0.9 * np.exp(-4 * X) + sigma * rng.normal(size=(200, 101))
    y[:, 30:33] = np.nan
    found = fit_batch("t1", X, y, sigma)
    assert found.chi2_reduced.mean() == pytest.approx(1.0, abs=0.03)
    assert np.mean(found.verdict == "accepted") > 0.99


def test_a_small_variance_does_not_drown_in_large_ones():
    variance = np.where(np.arange(60) < 40, 1.0, 1e-18)[None]
    near, _ = smoothed(variance)
    assert near[0, 50:] == pytest.approx(1e-18, rel=1e-9)


def test_the_short_cut_past_logarithms_leaves_nothing_out():
    rng, seen = np.random.default_rng(8), 0
    for wide in np.repeat([0.01, 0.04, 0.05, 0.2, 0.6], 60):
        near, law = np.exp(wide * rng.standard_normal((2, 41)))
        v, apart = law * np.exp(0.1 * rng.standard_normal(41)), rng.random(41) < 0.1
        v[rng.random(41) < 0.1] = 0.0
        count = (v > 0) & ~apart
        step = np.where(count, np.log(law / near), 0.0)
        size = np.where(count, v, 1.0)
        off, by_law = (((np.log(size / each)) ** 2)[count].sum() for each in (near, law))
        changes = step.var() > MATTERS**2 and by_law < off
        assert changed(v, near, apart, 1e-9, law.copy()) == changes
        seen += changes
    assert 10 < seen < 290


def test_as_many_shots_as_traces_and_points_are_not_guessed_at():
    y = np.random.default_rng(3).binomial(100, 0.5, (21, 21)) / 100
    shots, x = np.arange(100.0, 121.0), np.linspace(0, 1, 21)
    with pytest.raises(TraceError, match=r"those of the traces, \(N, 1\), or of the points"):
        fit_batch("t1", x, y, shots=shots)
    assert (of_counts(y, shots[:, None])[:, 0] ** -2).tolist() == pytest.approx(
        [
            float(n) / (k * (1 - k))
            for n, k in zip(shots, (y[:, 0] * shots + 1) / (shots + 2), strict=True)
        ]
    )
    assert of_counts(y, np.full(21, 100.0)) == pytest.approx(of_counts(y, 100))


@pytest.mark.parametrize("kind", FIT_KINDS)
def test_whatever_may_be_a_population_takes_shots(kind):
    volts = {"punch_out", "resonator_flux_map", "dispersive_shift", "single_shot_readout"}
    assert ("shots" in FIT_KINDS[kind].known) == (kind not in volts)


def test_the_bars_of_a_benchmarking_come_from_its_shots():
    rng, lengths = np.random.default_rng(5), np.repeat([1, 5, 10, 20, 40, 80, 160, 300], 8)
    y = rng.binomial(1000, 0.5 + 0.48 * 0.985**lengths, (500, lengths.size)) / 1000
    found = fit_batch("randomized_benchmarking", lengths.astype(float), y, shots=1000)
    pull = (found.values["error_per_clifford"] - 0.0075) / found.stderr["error_per_clifford"]
    assert pull.std() == pytest.approx(1.0, abs=0.1)


IMPOSSIBLE = {
    "t1": ((-0.4, 1.38), 1 / 1.5),
    "t2_echo": ((-0.4, 1.38), 1.2),
    "cpmg": ((1.3, -1.0), 1.2),
}


@pytest.mark.parametrize("kind", IMPOSSIBLE)
def test_a_decay_to_what_is_no_population_is_not_accepted(kind):
    """So does a window in which the readout drifts, or another law: chi-square sees nothing."""
    (offset, contrast), rate = IMPOSSIBLE[kind]
    p = np.clip(offset + contrast * np.exp(-rate * X), 0, 1)
    y = np.random.default_rng(6).binomial(20_000, p, (20, X.size)) / 20_000
    counted, scaled = fit_batch(kind, X, y, shots=20_000), fit_batch(kind, X, y, 0.003)
    assert not (counted.verdict == "accepted").any()
    assert (scaled.verdict == "accepted").any(), "volts may go anywhere"
    said = [reason for reason in counted.reason if "none is below 0 or above 1" in reason]
    assert len(said) > 10


LEVEL = {
    "t1": np.exp(-5 * X), "t2_echo": 0.5 + 0.5 * np.exp(-((3 * X) ** 2)),
    "ramsey": 0.5 + 0.5 * np.exp(-2 * X) * np.cos(2 * np.pi * 6 * X + 0.3),
    "rabi_amplitude": 0.5 - 0.5 * np.cos(2 * np.pi * 2.3 * X),
    "rabi_length": 0.5 - 0.5 * np.exp(-X / 0.7) * np.cos(2 * np.pi * 4.3 * X),
}  # fmt: skip


@pytest.mark.parametrize("kind", LEVEL)
def test_a_law_from_an_exact_0_to_an_exact_1_is_no_population_too_many(kind):
    y = np.random.default_rng(7).binomial(500, LEVEL[kind], (3000, X.size)) / 500
    reasons = fit_batch(kind, X, y, shots=500).reason
    assert sum("none is below 0" in reason for reason in reasons) <= 1


def test_a_ramsey_that_swings_beyond_a_population_is_not_accepted():
    """Only a sweep that begins late hides it: at its points all is between 0 and 1."""
    late = 0.2 + X
    p = 0.5 + 1.2 * np.exp(-4 * late) * np.cos(2 * np.pi * 6 * late)
    y = np.random.default_rng(8).binomial(20_000, p, (20, X.size)) / 20_000
    found = fit_batch("ramsey", late, y, shots=20_000, envelope="exponential")
    assert not (found.verdict == "accepted").any()
    assert any("it would swing to a population of" in reason for reason in found.reason)


COUNTED_LEVELS = {
    "fine_amplitude": lambda n: 0.5 + 0.49 * np.cos(n * (np.pi + 0.05) - np.pi / 2),
    "randomized_benchmarking": lambda n: 0.5 + 0.49 * 0.97**n,
    "drag": lambda n: 0.05 + 0.45 * (1 - np.cos((n - 20) / 12)),
}


@pytest.mark.parametrize("kind", COUNTED_LEVELS)
def test_a_good_trace_of_counts_is_accepted_whatever_amplitude_means(kind):
    """The amplitude of `fine_amplitude` is the whole contrast about its offset."""
    n = np.arange(41.0)
    p = COUNTED_LEVELS[kind](n)
    y = np.random.default_rng(9).binomial(1000, p, (200, n.size)) / 1000
    counted, scaled = fit_batch(kind, n, y, shots=1000), fit_batch(kind, n, y, 0.016)
    assert not any("none is below 0 or above 1" in reason for reason in counted.reason)
    assert np.mean(counted.verdict == "accepted") > 0.95 * np.mean(scaled.verdict == "accepted") > 0


def test_counts_that_are_no_populations_yet_are_told_so():
    counts = np.random.default_rng(3).binomial(1000, 0.4, 101)
    with pytest.raises(TraceError, match=r"goes from 3\d\d to 4\d\d; counts are divided by"):
        fit_batch("t1", X, counts, shots=1000)


def test_what_a_kind_may_know_is_named_where_something_else_is_given():
    with pytest.raises(
        TraceError, match="cannot use shot; it takes contrast, interleaved, offset, shots"
    ):
        fit_batch("t1", X, X, shot=3)


def test_lines_of_which_some_are_weighed_anew_are_those_of_each_alone():
    rng = np.random.default_rng(3)
    line = 1.0 / (1.0 + ((X - 0.45) / 0.05) ** 2)
    shots = np.where(np.arange(101) % 7 == 0, 20.0, 400.0)
    sigma = np.stack([np.full(101, 0.03), 0.6 / np.sqrt(shots)])
    y = line + sigma * rng.normal(size=(2, 101))
    both = fit_batch("qubit_spectroscopy", X, y, sigma, expected=[0.45, 0.46], within=[0.1, 0.1])
    for n, expected in enumerate((0.45, 0.46)):
        alone = fit_batch("qubit_spectroscopy", X, y[n], sigma[n], expected=expected, within=0.1)
        assert both.verdict[n] == alone.verdict[0]
        for name in ("frequency", "linewidth"):
            assert both.values[name][n] == pytest.approx(alone.values[name][0], rel=1e-9)
            assert both.stderr[name][n] == pytest.approx(alone.stderr[name][0], rel=1e-6)
