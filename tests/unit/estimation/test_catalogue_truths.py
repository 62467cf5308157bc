"""The catalogue's own instruments: bounds, oracle, generators, scores."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from kammerton.estimation import fit_batch
from tests.catalogue.bound import bound, oracle
from tests.catalogue.broken import BROKEN, Broken
from tests.catalogue.damage import good
from tests.catalogue.nothing import flat
from tests.catalogue.registry import every_truth, plain, truths
from tests.catalogue.score import score, seen, upper, wrong
from tests.catalogue.truth import Traces, Truth

ALL = every_truth()


@pytest.mark.parametrize("name", ALL)
def test_a_truth_gives_what_it_promises(name):
    truth = ALL[name]
    p = truth.draw(np.random.default_rng(1), 7)
    clean = truth.clean(p)
    assert clean.shape == (7, *truth.shape)
    assert np.isfinite(clean).all()
    assert {v.shape for v in p.values()} == {(7,)}
    assert (truth.signal(p) > 0).all()
    assert set(truth.scale(p)) <= set(truth.scored(p)) | set(truth.besides(p))
    assert set(truth.between) <= set(truth.scored(p))
    assert set(truth.fixed) <= set(p)
    assert {truth.drifts, truth.turns} - {None} <= set(p)
    assert not truth.breaks or truth.strength in p


@pytest.mark.parametrize("name", truths())
def test_every_hidden_parameter_can_be_told_from_the_others(name):
    """Two parameters that do the same to a trace would make every bound infinite."""
    truth = ALL[name]
    rng = np.random.default_rng(2)
    p = truth.benign(rng, 50)
    best = bound(truth, p, truth.measured(rng, p, 100.0))
    scored, scale = truth.scored(p), truth.scale(p)
    for value, size in scored.items():
        if np.isfinite(size).any():
            assert np.median(best[value] / np.abs(scale.get(value, size))) < 0.1, value


def test_where_there_is_nothing_the_same_is_known_but_for_levels():
    reflection, fine = (ALL[name] for name in ("resonator_spectroscopy, reflection",
                                               "fine_amplitude"))  # fmt: skip
    assert flat(reflection, np.random.default_rng(1), 3).known == {"geometry": "reflection"}
    assert flat(fine, np.random.default_rng(1), 3).known == {}
    assert not flat(reflection, np.random.default_rng(1), 3).low


@pytest.mark.parametrize("name", [n for n in truths() if ALL[n].aside() is not None])
def test_what_stands_besides_is_what_the_fit_means(name):
    """Contrast, offset and others under the same names, and with error bars that hold them."""
    aside = ALL[name].aside()
    assert aside is not None
    rng = np.random.default_rng(6)
    traces = aside.measured(rng, aside.benign(rng, 100), 100.0)
    found = aside.fit(traces)
    for value, true in traces.low.items():
        pull = np.abs(found.values[value] - true) / found.stderr[value]
        assert 0.3 < np.nanmedian(pull) < 1.2, value


def test_the_bound_of_a_line_of_known_formula():
    """With contrast and offset known, sigma(T) = sigma / |dy/dT| over the root of the sum."""
    truth, rng = ALL["t1, readout known"], np.random.default_rng(3)
    p = truth.benign(rng, 20)
    traces = truth.measured(rng, p, 30.0)
    x, rate = truth.windows(), p["rate"][:, None]
    slope = p["contrast"][:, None] * np.exp(-x * rate) * x * rate**2
    expected = traces.sigma[:, 0] / np.sqrt((slope**2).sum(axis=1)) * 100e-6
    assert bound(truth, p, traces)["t1"] == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("name", ["t1", "rabi_amplitude", "resonator_spectroscopy, notch"])
def test_the_oracle_reaches_the_bound(name):
    truth, rng = replace(ALL[name], usual={}), np.random.default_rng(4)  # what is usual, it knows
    p = truth.benign(rng, 1000)
    traces = truth.measured(rng, p, 50.0)
    found, chi2 = oracle(truth, p, traces)
    best, true, got = bound(truth, p, traces), truth.scored(p), truth.scored(found)
    for value in true:
        pull = (got[value] - true[value]) / best[value]
        assert 0.93 < pull.std() < 1.07, value
    freedom = np.prod(truth.shape) * (1 + np.iscomplexobj(traces.y)) - len(p)
    assert chi2.mean() == pytest.approx(freedom, rel=0.02)


def test_an_oracle_of_which_no_more_is_asked_goes_no_further():
    """And says the same of every trace: whether it gets there."""
    truth, rng = ALL["t1"], np.random.default_rng(6)
    p = truth.benign(rng, 100)
    traces = truth.measured(rng, {**p, "rate": 1.2 * p["rate"]}, 50.0)
    least = oracle(truth, p, traces)[1]
    enough = float(np.median(least))
    some = oracle(truth, p, traces, enough)[1]
    np.testing.assert_array_equal(some > enough, least > enough)
    np.testing.assert_allclose(some[least > enough], least[least > enough])
    assert (some[least <= enough] > least[least <= enough] + 1e-3).any()


@pytest.mark.parametrize("broken", BROKEN, ids=lambda b: b.name)
def test_a_class_is_the_same_for_the_same_seed(broken):
    truth = ALL["qubit_spectroscopy" if "peak" in broken.name else "t1"]
    first, again, other = (broken.traces(truth, seed, 3) for seed in (1, 1, 2))
    if first is None:
        assert other is None
        return
    np.testing.assert_array_equal(first.y, again.y)
    assert broken.name == "constant" or not np.array_equal(first.y, other.y, equal_nan=True)


def plane(x, p):
    first, second = x
    return p["contrast"] * np.cos(first * p["turns"]) * second + p["offset"]


def map_of(rng, n):
    return {
        "contrast": rng.uniform(1, 2, n), "turns": rng.uniform(2, 3, n),
        "offset": rng.uniform(0, 1, n),
    }  # fmt: skip


MAP = Truth(
    "map", "map", (np.linspace(2, 4, 12), np.linspace(-1, 1, 9)), map_of, plane,
    lambda p: {"period": 2 / p["turns"]}, drifts="turns",
)  # fmt: skip


@pytest.mark.parametrize("broken", BROKEN, ids=lambda b: b.name)
def test_a_map_breaks_as_a_sweep_does(broken):
    traces = broken.traces(MAP, 1, 5)
    if traces is not None:
        assert traces.y.shape == traces.sigma.shape == (5, 12, 9)
        assert isinstance(traces.x, tuple)


def test_a_law_that_cannot_be_silent_is_only_damaged():
    loud = replace(MAP, strength="none", size=lambda p: p["contrast"])
    made = {b.name for b in BROKEN if b.traces(loud, 1, 2) is not None}
    assert {"good", "one outlier", "dropped shots"} <= made
    assert not {"flat noise", "line", "step", "saturated", "warm chip"} & made


def test_every_kind_has_a_truth_that_stands_for_it():
    kinds = [truth.kind for truth in plain().values()]
    assert set(kinds) == {truth.kind for truth in truths().values()}
    assert plain("t1").keys() == {"t1"}


def test_the_oracle_reaches_the_bound_of_a_map():
    rng = np.random.default_rng(8)
    p = MAP.draw(rng, 400)
    traces = MAP.measured(rng, p, 10.0)
    found, _ = oracle(MAP, p, traces)
    off = (MAP.scored(found)["period"] - traces.low["period"]) / bound(MAP, p, traces)["period"]
    assert 0.9 < off.std() < 1.1


def test_a_value_far_from_the_truth_is_wrong_and_one_near_is_not():
    truth, rng = ALL["t1"], np.random.default_rng(5)
    traces = good(truth, rng, 50)
    found = truth.fit(traces)
    assert wrong(found, traces).mean() < 0.05
    moved = {"t1": traces.low["t1"] + 20 * found.stderr["t1"]}
    assert wrong(found, replace(traces, low=moved, high=moved)).all()
    assert not wrong(found, replace(traces, high=moved)).any()
    assert wrong(found, replace(traces, low={}, high={})).all()


def test_a_value_where_there_is_none_is_wrong():
    x = np.linspace(0, 1, 201)
    lines = sum(1 / (1 + ((x - c) / 0.02) ** 2) for c in (0.3, 0.7))
    found = fit_batch("qubit_spectroscopy", x, lines + 1e-3 * np.sin(900 * x), 1e-3)
    none = {"frequency_gf_half": np.array([np.nan])}
    assert np.isfinite(found.values["frequency_gf_half"]).all()
    assert wrong(found, Traces(x, lines[None], np.ones((1, 201)), none, none)).all()


def test_a_misspelt_value_is_no_silent_success():
    truth = ALL["t1"]
    traces = good(truth, np.random.default_rng(6), 2)
    with pytest.raises(KeyError, match="t_1"):
        wrong(truth.fit(traces), replace(traces, low={"t_1": traces.low["t1"]}))


@pytest.mark.parametrize(("by", "shown"), [(4.0, 0), (6.0, 2)])
def test_only_what_differs_by_five_errors_of_another_parameter_is_seen(by, shown):
    """By so many errors of a ripple's height; a fit that follows the ripple is not wrong by it."""
    truth, rng = ALL["t1"], np.random.default_rng(7)
    other = Broken("bent", lambda t, r, n: good(t, r, n), ("rejected",), "", other_law=True)
    traces = good(truth, rng, 2)
    ripple = np.cos(np.pi * np.arange(51))  # the law takes up next to nothing of it
    size = by / np.sqrt((ripple**2).sum())
    bent = replace(traces, clean=traces.clean + size * traces.sigma * ripple)
    curve = np.zeros_like(traces.clean)
    assert seen(truth, other, traces, curve) == 0
    assert seen(truth, other, bent, curve) == shown
    assert seen(truth, other, bent, bent.clean) == 0


@pytest.mark.parametrize("name", ["aliased", "wrong peak"])
def test_a_trace_of_the_right_law_with_other_values_shows_nothing(name):
    truth = ALL["ramsey" if name == "aliased" else "qubit_spectroscopy"]
    broken = next(b for b in BROKEN if b.name == name)
    found = score(truth, broken, broken.traces(truth, 1, 50))
    assert found.wrong >= 45
    assert found.seen == 0


def test_a_wrong_peak_is_called_so_where_one_is_expected_elsewhere():
    for broken in BROKEN:
        if broken.name == "wrong peak, expected given":
            for truth in plain().values():
                traces = broken.traces(truth, 1, 50)
                if traces is not None:
                    found = score(truth, broken, traces)
                    assert found.right >= 49, (truth.name, found)


def test_a_wrong_value_is_no_right_verdict_and_nor_are_misleading_words():
    truth = ALL["t1"]
    flat_noise = next(b for b in BROKEN if b.make is flat)
    traces = flat_noise.traces(truth, 1, 50)
    assert score(truth, flat_noise, traces).right >= 49
    assert score(truth, replace(flat_noise, status=("saturated",)), traces).right == 0
    fine = next(b for b in BROKEN if b.make is good)
    traces = replace(fine.traces(truth, 1, 50), low={}, high={})
    assert score(truth, fine, traces).right == 0


def test_scores_add_up_and_limits_are_binomial():
    truth = ALL["t1"]
    broken = next(b for b in BROKEN if b.make is flat)
    found = score(truth, broken, broken.traces(truth, 1, 100))
    assert found.accepted + found.insufficient + found.rejected == found.traces == 100
    assert sum(found.statuses.values()) == 100
    assert upper(0, 10_000) == pytest.approx(3.0e-4, rel=0.01)
    assert upper(5, 5) == 1.0
