"""Neither the unit of y nor its zero changes what is found."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kammerton.estimation import FIT_KINDS, fit_batch
from kammerton.estimation.scaled import of_y
from tests.catalogue.registry import truths
from tests.unit.estimation.good_traces import MAPS, good

POPULATIONS = ("randomized_benchmarking", "interleaved_randomized_benchmarking")  # lie in 0 to 1
QUICK = [kind for kind in FIT_KINDS if kind not in MAPS]
LEVEL = ("t1", "t2_echo", "cpmg", "ramsey", "rabi_amplitude", "rabi_length", "qubit_spectroscopy",
         "drag", "drag_sequences", "drag_repetitions")  # fmt: skip
EXPONENTS = st.one_of(st.integers(-250, 250), st.sampled_from([-200, -31, -30, 30, 31, 200]))


def free(kind):
    """Return traces of which nothing is known that has the unit of y."""
    x, y, sigma, known = good(kind, True)
    if kind in POPULATIONS:
        known["population"] = False
    return x, y, sigma, {k: v for k, v in known.items() if k not in ("contrast", "offset")}


def check(plain, found, factor=1.0):
    assert list(found.status) == list(plain.status), found.reason
    for name, value in plain.values.items():
        if name == "offset":
            continue  # moves with the level
        unit = factor if of_y(name, plain.units[name]) else 1.0
        error = plain.stderr[name]
        assert found.stderr[name] / unit == pytest.approx(error, rel=1e-3, nan_ok=True), name
        assert np.isnan(found.values[name]).tolist() == np.isnan(value).tolist(), name
        away, room = found.values[name] / unit - value, 1e-3 * error + 1e-12 * np.abs(value)
        assert not (np.abs(away) > room).any(), name


@pytest.mark.parametrize("kind", QUICK)
@settings(max_examples=8)
@given(exponent=EXPONENTS, with_sigma=st.booleans())
def test_scale(kind, exponent, with_sigma):
    x, y, sigma, known = free(kind)
    factor = 10.0**exponent
    sigma = sigma if with_sigma else None
    plain = fit_batch(kind, x, y, sigma, **known)
    found = fit_batch(kind, x, y * factor, None if sigma is None else sigma * factor, **known)
    check(plain, found, factor)
    assert found.curve / factor == pytest.approx(plain.curve, rel=1e-3, abs=1e-3, nan_ok=True)


@pytest.mark.parametrize("exponent", [-200, 200])
@pytest.mark.parametrize("kind", MAPS)
def test_scale_of_maps(kind, exponent):
    x, y, sigma, known = free(kind)
    plain = fit_batch(kind, x, y[:1], sigma[:1], **known)
    check(plain, fit_batch(kind, x, y[:1] * 10.0**exponent, sigma[:1] * 10.0**exponent, **known),
          10.0**exponent)  # fmt: skip


@pytest.mark.parametrize("kind", LEVEL)
@settings(max_examples=8)
@given(level=st.floats(-1e4, 1e4), with_sigma=st.booleans())
def test_level(kind, level, with_sigma):
    x, y, sigma, known = free(kind)
    sigma = sigma if with_sigma else None
    check(*(fit_batch(kind, x, each, sigma, **known) for each in (y, y + level)))


def test_known_levels_have_the_unit_of_y():
    x, y, sigma, _ = good("t1", True)
    known = {"contrast": 0.8, "offset": 0.1}
    far = {name: 1e200 * value for name, value in known.items()}
    plain = fit_batch("t1", x, y, sigma, **known)
    check(plain, fit_batch("t1", x, 1e200 * y, 1e200 * sigma, **far), 1e200)


@pytest.mark.parametrize("size", [1e-300, 1e-200, 1e200, 1e300])
@pytest.mark.parametrize("kind", FIT_KINDS)
def test_a_sigma_beyond_all_reason_is_no_exception(kind, size):
    x, y, sigma, known = good(kind, True)
    if sigma is None:
        assert kind == "single_shot_readout"
        return
    one = {k: v[:1] if np.ndim(v) else v for k, v in known.items()}
    found = fit_batch(kind, x, y[:1], sigma[:1] * size, **one)
    assert found.reason[0]
    assert all(error[0] >= 0 or np.isnan(error[0]) for error in found.stderr.values())
    if size > 1 and kind not in POPULATIONS:  # whose errors are the scatter of their sequences
        assert found.verdict[0] != "accepted", "nothing can be seen in that"


WEAK = [
    name for name, truth in truths().items()
    if truth.kind not in (*MAPS, *POPULATIONS) and truth.shots is None
]  # fmt: skip


@pytest.mark.parametrize("name", WEAK)
@pytest.mark.parametrize("factor", [1e-6, 1e6])
def test_the_unit_of_y_does_not_matter_to_what_is_hardly_known_either(name, factor):
    """Windows good and bad, an SNR of 5: some parameters are known to many times their size."""
    truth = truths()[name]
    rng = np.random.default_rng(5)
    some = truth.measured(rng, truth.draw(rng, 60), 5.0)
    known = {k: v * factor if k in ("contrast", "offset") else v for k, v in some.known.items()}
    plain = fit_batch(truth.kind, some.x, some.y, some.sigma, **some.known)
    found = fit_batch(truth.kind, some.x, some.y * factor, some.sigma * factor, **known)
    assert list(found.status) == list(plain.status)
    for value in plain.values:
        if value != "offset":
            unit = factor if of_y(value, plain.units[value]) else 1.0
            assert found.stderr[value] / unit == pytest.approx(
                plain.stderr[value], rel=1e-2, nan_ok=True
            ), value


SWEPT = {
    "t1": "s", "t2_echo": "s", "cpmg": "s", "ramsey": "s", "rabi_length": "s",
    "rabi_amplitude": "V", "qubit_spectroscopy": "Hz", "resonator_spectroscopy": "Hz",
}  # fmt: skip
INVERSE = {"s": "Hz", "Hz": "s", "V": "none"}


@pytest.mark.parametrize("exponent", [-12, -3, 6, 12])
@pytest.mark.parametrize("kind", SWEPT)
def test_the_scale_of_x_is_that_of_what_is_found(kind, exponent):
    """A time 1000 times as long is 1000 times as long, its rate a thousandth, and nothing else."""
    x, y, sigma, known = good(kind, True)
    known |= {"rise": 1e-9} if kind == "rabi_length" else {}  # what is usual is so in seconds
    factor, unit = 10.0**exponent, SWEPT[kind]
    scaled = {n: v * factor if n in ("expected", "within", "rise") else v for n, v in known.items()}
    plain = fit_batch(kind, x, y, sigma, **known)
    found = fit_batch(kind, np.asarray(x) * factor, y, sigma, **scaled)
    assert list(found.status) == list(plain.status)
    for name, value in plain.values.items():
        power = {unit: 1, INVERSE[unit]: -1}.get(plain.units[name], 0)
        error, scale = plain.stderr[name], factor**power
        away = np.abs(found.values[name] / scale - value)
        assert (np.isnan(value) | (away <= 1e-6 * error + 1e-12 * np.abs(value))).all(), name
        assert found.stderr[name] / scale == pytest.approx(error, rel=1e-6, nan_ok=True), name
