"""What fit_batch takes, and what it refuses with a reason."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from kammerton.estimation import FIT_KINDS, fit_batch, warm
from kammerton.model import TraceError
from tests.unit.estimation.good_traces import good

SWEEPS = [kind for kind, how in FIT_KINDS.items() if how.axes == 1 and not how.whole]
X = np.linspace(0.0, 100e-6, 51)
RNG = np.random.default_rng(1)
Y = 0.1 + 0.8 * np.exp(-X / 30e-6) + 0.01 * RNG.normal(size=X.size)


def with_value(array, index, value):
    changed = np.array(array)
    changed[index] = value
    return changed


REFUSED = {
    "unknown kind": (("t3", X, Y), {}, "no fit of kind 't3'"),
    "NaN in x": (("t1", with_value(X, 3, np.nan), Y), {}, "x holds NaN"),
    "infinite x": (("t1", with_value(X, 3, np.inf), Y), {}, "x holds NaN or infinite"),
    "infinite y": (("t1", X, with_value(Y, 3, np.inf)), {}, "y holds infinite"),
    "all missing": (("t1", X, np.full_like(Y, np.nan)), {}, "only missing points"),
    "shapes differ": (("t1", X[:-1], Y), {}, "x has shape"),
    "three dimensions": (("t1", X, Y[None, None]), {}, "3 dimensions"),
    "constant x": (("t1", np.ones_like(X), Y), {}, "x is constant"),
    "complex x": (("t1", X + 1j, Y), {}, "x is complex"),
    "too few points": (("ramsey", X[:6], Y[:6]), {}, "6 points"),
    "complex y": (("t1", X, Y + 0j), {}, "y is complex"),
    "words": (("t1", X, ["a"] * X.size), {}, "y is not an array of numbers"),
    "shape of sigma": (("t1", X, Y, np.ones(3)), {}, "sigma has shape"),
    "complex sigma": (("t1", X, Y, 1j * Y), {}, "sigma"),
    "kind in capitals": (("T1", X, Y), {}, 'no fit of kind .T1.; did you mean "t1"'),
    "sigma's plural": (
        ("t1", X, Y), {"sigmas": 0.1}, 'sigmas; it takes .*, sigma; did you mean "sigma"',
    ),
    "known by nobody": (("t1", X, Y), {"temperature": 1.0}, "cannot use temperature"),
    "infinite offset": (("t1", X, Y), {"offset": np.inf}, "offset is not finite"),
    "offset of another shape": (("t1", X, Y), {"offset": [0.0, 1.0]}, "offset must be one number"),
    "unknown geometry": (
        ("resonator_spectroscopy", X, Y), {"geometry": "ring"}, "geometry is 'ring'",
    ),
    "negative sigma": (("t1", X, Y, -0.1), {}, "sigma is negative"),
    "one negative sigma": (("t1", X, Y, with_value(np.ones_like(X), 3, -1)), {},
                           "sigma is negative at index 3$"),
    "some negative sigma": (("t1", X, Y, np.where(np.arange(X.size) < 2, -1.0, 1.0)), {},
                            "at index 0 and at 1 more"),
    "times": (("t1", (X * 1e9).astype("timedelta64[ns]"), Y), {}, "dates or times"),
    "nothing at all": (("t1", [], [[]]), {}, "no trace"),
    "Rabi far from zero": (("rabi_amplitude", X + 1.0, Y), {}, "far from zero"),
    "levels far from zero": (("t1", X + 1.0, Y), {"contrast": 1.0}, "far from zero"),
    "no trace": (("t1", X, np.empty((0, X.size))), {}, "no trace"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_refused(case):
    arguments, known, message = REFUSED[case]
    with pytest.raises(TraceError, match=message):
        fit_batch(*arguments, **known)


@pytest.mark.parametrize(
    "kind", ["drag_repetitions", "drag_sequences", "interleaved_randomized_benchmarking"]
)
def test_series_without_a_point_or_a_trace_are_named(kind):
    with pytest.raises(TraceError, match="an axis of x holds no point"):
        fit_batch(kind, ([0.0, 1.0], []), np.empty((2, 0)))
    with pytest.raises(TraceError, match="y holds no trace"):
        fit_batch(kind, ([0.0, 1.0], X), np.empty((0, 2, X.size)))


def test_a_refusal_is_a_value_error():
    with pytest.raises(ValueError, match="x is constant"):
        fit_batch("t1", np.ones_like(X), Y)


def test_one_trace_is_a_batch_of_one():
    found = fit_batch("t1", X, Y)
    assert len(found) == 1
    assert found.curve.shape == (1, X.size)
    fit = found.fits(["q0"])["q0"]
    assert (fit.kind, fit.target, fit.verdict) == ("t1", "q0", "accepted")
    assert fit.values["t1"].unit == "s"
    assert abs(fit.values["t1"].value - 30e-6) < 4 * fit.values["t1"].stderr


def test_targets_must_match_the_traces():
    with pytest.raises(TraceError, match="2 targets for 1 traces"):
        fit_batch("t1", X, Y).fits(["q0", "q1"])


def test_order_and_spacing_of_x_do_not_matter():
    shuffled = RNG.permutation(X.size)
    straight, mixed = fit_batch("t1", X, Y), fit_batch("t1", X[shuffled], Y[shuffled])
    assert mixed.values["t1"] == pytest.approx(straight.values["t1"], rel=1e-9)
    assert mixed.curve[0] == pytest.approx(straight.curve[0][shuffled], rel=1e-6)


def test_every_trace_may_have_its_own_x():
    scale = np.array([[1.0], [2.0], [0.5]])
    found = fit_batch("t1", X * scale, np.tile(Y, (3, 1)), 0.01)
    assert found.values["t1"] / scale[:, 0] == pytest.approx(found.values["t1"][0], rel=1e-6)


def test_uneven_x_fits_like_even_x():
    x = np.sort(RNG.uniform(0, 40e-6, 151))
    y = 0.5 + 0.4 * np.exp(-x / 15e-6) * np.cos(2 * np.pi * 5e5 * x) + 0.02 * RNG.normal(size=151)
    found = fit_batch("ramsey", x, y, 0.02)
    assert found.verdict[0] == "accepted"
    assert abs(found.values["frequency"][0] - 5e5) < 4 * found.stderr["frequency"][0]


def test_missing_points_and_empty_sigmas_do_no_harm():
    y, sigma = with_value(Y, [4, 20, 50], np.nan), np.full_like(Y, 0.01)
    sigma[[1, 7]], sigma[9] = 0.0, np.nan
    found = fit_batch("t1", X, y, sigma)
    assert found.verdict[0] == "accepted"
    assert abs(found.values["t1"][0] - 30e-6) < 4 * found.stderr["t1"][0]
    assert np.isfinite(found.curve).all()


def test_a_point_with_a_huge_sigma_counts_for_nothing():
    sigma = np.full_like(Y, 0.01)
    sigma[10] = 1e3
    wild = fit_batch("t1", X, with_value(Y, 10, 50.0), sigma)
    assert wild.verdict[0] == "accepted"
    assert abs(wild.values["t1"][0] - 30e-6) < 4 * wild.stderr["t1"][0]


def test_sigma_of_which_nothing_is_usable_is_no_sigma():
    found = fit_batch("t1", X, Y, np.zeros_like(Y))
    assert found.verdict[0] == "accepted"
    assert np.isnan(found.chi2_reduced[0])


def test_known_offset_and_contrast_sharpen_t1():
    free = fit_batch("t1", X, Y, 0.01)
    known = fit_batch("t1", X, Y, 0.01, offset=0.1, contrast=0.8)
    assert known.stderr["t1"][0] < 0.6 * free.stderr["t1"][0]
    assert abs(known.values["t1"][0] - 30e-6) < 4 * known.stderr["t1"][0]


def test_numbers_far_from_one_are_no_matter():
    found = fit_batch("t1", X * 1e9, 1e6 + 1e-3 * Y)
    assert found.values["t1"][0] == pytest.approx(fit_batch("t1", X, Y).values["t1"][0] * 1e9, 1e-4)


@pytest.mark.parametrize("kind", SWEEPS)
def test_constant_y_is_no_signal(kind):
    x = np.linspace(1.0, 2.0, 61)
    found = fit_batch(kind, x, np.full((2, 61), 0.25))
    assert set(found.verdict) == {"rejected"}
    assert set(found.status) == {"no signal"}


@pytest.mark.parametrize("level", [0.0, 0.25, -3e5])
@pytest.mark.parametrize("kind", [k for k in FIT_KINDS if k != "single_shot_readout"])
def test_nothing_is_told_of_a_trace_that_is_the_same_everywhere(kind, level):
    x, y, sigma, known = good(kind, True)
    for noise in (sigma, None):
        found = fit_batch(kind, x, 0 * y + level, noise, **known)
        assert set(found.verdict) == {"rejected"}
        if set(found.status) == {
            "no signal"
        }:  # where levels are known, flatness can be another law
            for numbers in (found.values, found.stderr):
                assert all(np.isnan(v).all() for v in numbers.values())
            assert found.fit(0, "q0").values == {}


@pytest.mark.parametrize("kind", SWEEPS)
def test_the_same_from_any_thread_and_any_batch(kind):
    warm()
    x = np.linspace(0.0, 1.0, 61)
    y = np.exp(-2 * x) * np.cos(20 * x) + 0.05 * np.random.default_rng(3).normal(size=(8, 61))
    whole = fit_batch(kind, x, y)
    with ThreadPoolExecutor(4) as pool:
        single = list(pool.map(lambda row: fit_batch(kind, x, row), y))
    for n, one in enumerate(single):
        assert one.verdict[0] == whole.verdict[n]
        for name, values in whole.values.items():
            assert one.values[name][0] == pytest.approx(values[n], rel=1e-6, nan_ok=True)


def test_masked_points_are_missing_points():
    y = np.ma.array(np.where(np.arange(X.size) % 7 == 3, 99.0, Y))
    y[3::7] = np.ma.masked
    assert fit_batch("t1", X, y).values["t1"] == fit_batch("t1", X, y.filled(np.nan)).values["t1"]


def test_every_trace_may_have_its_own_shots():
    both = fit_batch("t1", X, np.clip([Y, Y], 0, 1), shots=[100, 10_000])
    alone = fit_batch("t1", X, np.clip(Y, 0, 1), shots=100)
    assert both.stderr["t1"][0] == pytest.approx(alone.stderr["t1"][0], rel=1e-6)
    assert both.stderr["t1"][1] < 0.5 * both.stderr["t1"][0]


@pytest.mark.parametrize(
    ("kind", "x", "shape", "bad", "said"),
    [
        ("t1", X, (3, X.size), (1, 4), "trace 1 holds infinite values, the first at index 4"),
        ("t1", X, (1, X.size), (0, 4), "y holds infinite values, the first at index 4; a missing"),
        (
            "qubit_flux_map", (np.linspace(4e9, 5e9, 9), np.linspace(-1, 1, 8)), (2, 9, 8),
            (1, 2, 3), r"map 1 holds infinite values, the first at index \(2, 3\)",
        ),
    ],
)  # fmt: skip
def test_the_trace_that_cannot_be_used_is_named(kind, x, shape, bad, said):
    y = np.random.default_rng(1).normal(size=shape)
    y[bad] = -np.inf
    with pytest.raises(ValueError, match=said):
        fit_batch(kind, x, y)
    y[bad[0]] = np.nan
    with pytest.raises(ValueError, match=said.split(" holds")[0] + " holds only missing points"):
        fit_batch(kind, x, y)


@pytest.mark.parametrize(
    ("kind", "x", "shape"),
    [("t1", np.linspace(0, 1e-4, 31), (3, 31)),
     ("punch_out", (np.linspace(7.0e9, 7.01e9, 21), np.linspace(-40.0, 0.0, 12)), (3, 21, 12))],
)  # fmt: skip
def test_sigma_may_be_one_number_for_each_trace(kind, x, shape):
    y = np.random.default_rng(2).normal(size=shape)
    each = np.array([0.5, 1.0, 2.0]).reshape(3, *(1,) * (len(shape) - 1))
    whole = fit_batch(kind, x, y, np.broadcast_to(each, shape).copy())
    short = fit_batch(kind, x, y, each)
    np.testing.assert_array_equal(short.chi2_reduced, whole.chi2_reduced)
    assert short.reason.tolist() == whole.reason.tolist()
    with pytest.raises(TraceError, match="sigma has shape"):
        fit_batch(kind, x, y, each[:2])


def test_what_a_kind_takes_is_named_once():
    x = np.linspace(-1, 1, 31)
    takes = r"it takes expected, extremum, interleaved, shots, sigma$"
    with pytest.raises(TraceError, match=takes):
        fit_batch("drag", x, x**2, what=3)
