"""What is said to be known, and cannot be."""

from __future__ import annotations

import numpy as np
import pytest

from kammerton.estimation import FIT_KINDS, fit_batch
from kammerton.model import TraceError
from tests.unit.estimation.good_traces import good

IMPOSSIBLE = {
    "contrast": [0.0, [0.5, 0.0]], "within": [0.0, -1.0], "period": [0.0, -1.0],
    "asymmetry": [2.0, -0.5, 1.0], "anharmonicity": [0.0], "qubit_frequency": [0.0, -1.0],
    "bare_frequency": [-1.0], "dead": [-0.1, 5.0], "qubits": [0, 1.5, 2000], "angle": [0.0],
    "population": [3, "x"], "population_0": [2.0], "expected": ["x", 1j, np.inf],
    "geometry": [["notch", "notch"], 3], "envelope": [["exponential"], 1],
    "extremum": [["minimum"], np.array(["minimum"] * 2), 2],
    "interleaved": [1, "x", np.array([True, False])], "offset": [1j, np.nan], "shots": [0, "x", 1j],
    "in_phase": [1, "x", np.array([True, False])],
}  # fmt: skip


@pytest.mark.parametrize("kind", FIT_KINDS)
def test_what_cannot_be_known_is_refused_by_name(kind):
    x, y, _, known = good(kind, False)
    for name in FIT_KINDS[kind].known:
        for value in IMPOSSIBLE.get(name, []):
            with pytest.raises(TraceError, match=name):
                fit_batch(kind, x, y, **{**known, name: value})


ABSURD = [
    np.nan,
    np.inf,
    -np.inf,
    "x",
    1j,
    1e300,
    1e30,
    -1e30,
    1e15,
    -1000.0,
    1000.0,
    -2.0,
    2.0,
    True,
]
SENSIBLE = {
    "shots": [1000.0, 2.0], "within": [1000.0, 2.0], "qubits": [2.0], "expected": [-2.0, 2.0],
    "interleaved": [True], "in_phase": [True], "population": [True], "angle": [2.0, -2.0],
}  # fmt: skip


@pytest.mark.parametrize("kind", FIT_KINDS)
def test_nothing_absurd_is_known_in_silence(kind):
    """Each is refused by name, or what it contradicts is not accepted."""
    x, y, sigma, known = good(kind, True)
    for name in FIT_KINDS[kind].known:
        noise = None if name == "shots" else sigma
        for value in (v for v in ABSURD if v not in SENSIBLE.get(name, [])):
            try:
                found = fit_batch(kind, x, y, noise, **{**known, name: value})
            except TraceError as error:
                assert name in str(error)  # noqa: PT017
                continue
            assert (found.verdict != "accepted").all(), (name, value)


@pytest.mark.parametrize("contrast", [1.2, 2.0, -2.0, 1000.0])
def test_no_contrast_of_a_population_is_beyond_one(contrast):
    x, y, sigma, known = good("fine_amplitude", True)
    with pytest.raises(TraceError, match=f"contrast is {contrast:g}, but y goes from"):
        fit_batch("fine_amplitude", x, y, sigma, **{**known, "contrast": contrast})


def test_a_contrast_in_the_unit_of_y_is_known_whatever_the_unit():
    x, y, sigma, known = good("fine_amplitude", True)
    volts = {name: 2000.0 * value for name, value in known.items()}
    plain = fit_batch("fine_amplitude", x, y, sigma, **known)
    found = fit_batch("fine_amplitude", x, 2000.0 * y, 2000.0 * sigma, **volts)
    np.testing.assert_allclose(found.values["angle_error"], plain.values["angle_error"], rtol=1e-6)


@pytest.mark.parametrize("expected", [1e30, 2e4, -2e4])
def test_a_coefficient_is_expected_near_those_that_were_swept(expected):
    for kind in ("drag", "drag_sequences", "drag_repetitions"):
        x, y, sigma, _ = good(kind, True)
        with pytest.raises(TraceError, match=r"expected is .*, but x goes from"):
            fit_batch(kind, x, y, sigma, expected=expected)


def test_a_word_for_no_word_is_named():
    x, y, _, _ = good("drag", False)
    with pytest.raises(TraceError, match="it must be one of minimum, maximum, either"):
        fit_batch("drag", x, y, extremum="saddle")
    assert fit_batch("drag", x, y, interleaved=np.True_).verdict[0] == "accepted"


def test_a_slope_between_known_levels_tells_t1_where_no_drift_can_follow_x():
    x = np.linspace(0.0, 10e-6, 51)
    y = 0.05 + 0.9 * np.exp(-x / 50e-6) + 0.01 * np.random.default_rng(8).standard_normal((200, 51))
    levels = {"contrast": 0.9, "offset": 0.05}
    told = fit_batch("t1", x, y, 0.01, interleaved=True, **levels)
    pull = (told.values["t1"] - 50e-6) / told.stderr["t1"]
    assert (told.verdict == "accepted").all()
    assert abs(pull.mean()) < 0.3
    assert 0.85 < pull.std() < 1.15
    assert "1 % of drift of either would be worth about 7 % of T1" in " ".join(told.reason)
    for known in (levels, {"interleaved": True}, {"interleaved": True, "contrast": 0.9}):
        found = fit_batch("t1", x, y, 0.01, **known)
        assert set(found.status) == {"range too narrow"}


def test_levels_that_rise_tell_no_t1():
    x, y = np.linspace(0.0, 10e-6, 51), 0.05 + 0.9 * np.exp(np.linspace(0.0, 0.2, 51))
    found = fit_batch("t1", x, y, 0.01, interleaved=True, contrast=0.9, offset=0.05)
    assert found.status[0] == "range too narrow"


LEVELS = {"contrast": "amplitude", "offset": "offset"}


@pytest.mark.parametrize(
    "kind", [kind for kind, how in FIT_KINDS.items() if set(LEVELS) <= set(how.known)]
)
def test_what_is_known_for_certain_has_no_error_and_keeps_its_value(kind):
    x, y, sigma, known = good(kind, False)
    measured = fit_batch(kind, x, y, sigma, **{k: v for k, v in known.items() if k not in LEVELS})
    levels = {name: float(measured.values[value][0]) for name, value in LEVELS.items()}
    half = 0.5 if kind.startswith(("rabi", "ramsey")) else 1.0
    if half < 1:  # about a middle half the contrast above 0; of rabi the qubit begins in 0
        contrast = 2 * levels["contrast"] * (-1 if kind.startswith("rabi") else 1)
        levels = {"contrast": contrast, "offset": levels["offset"] - contrast / 2}
    fit = fit_batch(kind, x, y, sigma, **{**known, **levels})
    sure = fit.stderr["amplitude"] == 0.0
    assert sure.any()
    assert (fit.stderr["offset"][sure] == 0.0).all()
    held = np.abs(fit.values["amplitude"][sure])
    np.testing.assert_allclose(held, half * abs(levels["contrast"]), rtol=1e-6)
    others = [e[sure] for n, e in fit.stderr.items() if n not in ("amplitude", "offset")]
    assert np.nanmin(others) > 0


def test_a_level_that_is_known_to_be_zero_is_zero():
    """Held by a large weight it comes out as some 1e-13, which nobody gave."""
    x = np.linspace(0, 1e-4, 41)
    y = np.exp(-x / 3e-5) + 0.01 * np.random.default_rng(1).normal(size=41)
    found = fit_batch("t1", x, y, contrast=1.0, offset=0.0)
    assert (found.values["offset"][0], found.stderr["offset"][0]) == (0.0, 0.0)
    free = fit_batch("t1", x, y)
    assert free.values["offset"][0] != 0.0


def test_of_a_rabi_oscillation_the_contrast_alone_leaves_the_middle_free():
    x, y, sigma, _ = good("rabi_amplitude", False)
    assert (fit_batch("rabi_amplitude", x, y, sigma, contrast=0.8).stderr["offset"] > 0).all()


@pytest.mark.parametrize(("contrast", "offset"), [(0.5, 0.05), (0.9, 0.5), (-0.9, 0.95)])
def test_a_rabi_oscillation_between_other_levels_than_the_known_ones_is_not_accepted(
    contrast, offset
):
    x = np.linspace(0.0, 1.0, 51)
    scatter = 0.03 * np.random.default_rng(0).standard_normal((100, 51))
    y = 0.5 - 0.45 * np.cos(6 * np.pi * x) + scatter
    for kind in ("rabi_length", "rabi_amplitude"):
        assert set(fit_batch(kind, x, y, 0.03, contrast=0.9, offset=0.05).status) == {"success"}
        found = fit_batch(kind, x, y, 0.03, contrast=contrast, offset=offset)
        assert (found.verdict != "accepted").all()


@pytest.mark.parametrize("kind", ["rabi_length", "rabi_amplitude"])
def test_an_offset_alone_tells_a_rabi_law_nothing_and_is_said(kind):
    x = np.linspace(0.0, 1.0, 51)
    with pytest.raises(TraceError, match="offset is known, but not contrast"):
        fit_batch(kind, x, np.cos(9 * x), 0.1, offset=0.05)


@pytest.mark.parametrize(
    ("kind", "name", "given", "said"),
    [
        ("t1", "contrast", True, "True"), ("t1", "offset", False, "False"),
        ("t1", "contrast", [True], "True"), ("t1", "contrast", np.array([True]), r"\[ True\]"),
        ("t1", "shots", True, "True"), ("qubit_spectroscopy", "expected", True, "True"),
    ],
)  # fmt: skip
def test_true_or_false_is_no_number(kind, name, given, said):
    x = np.linspace(0.0, 1e-4, 51)
    with pytest.raises(TraceError, match=f"{name} is {said}; it must be a number, not true or"):
        fit_batch(kind, x, np.exp(-x / 3e-5), **{name: given})


def test_interleaved_of_none_is_not_given():
    x = np.linspace(0.0, 1e-4, 51)
    y = np.exp(-x / 3e-5) + np.random.default_rng(1).normal(0, 0.01, 51)
    assert fit_batch("t1", x, y, interleaved=None).reason == fit_batch("t1", x, y).reason
