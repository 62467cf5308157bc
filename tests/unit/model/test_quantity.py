"""Units in text at the edges, SI floats inside."""

import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kammerton.model.quantity import PLAIN, PREFIXES, SCALED, brief, parse, show, split_unit

UNITS = st.sampled_from(SCALED)
FINITE = st.floats(1e-9, 1e11) | st.floats(-1e11, -1e-9)


@pytest.mark.parametrize(
    ("text", "unit", "value"),
    [
        ("4.91 GHz", "Hz", 4.91e9),
        ("4.91GHz", "Hz", 4.91e9),
        ("  -200   MHz ", "Hz", -200e6),
        ("50 us", "s", 50e-6),
        ("50 µs", "s", 50e-6),
        ("50 μs", "s", 50e-6),
        ("3 ns", "s", 3e-9),
        ("45 mV", "V", 0.045),
        ("3 mbar", "Pa", 300.0),
        ("1.2 bar", "Pa", 1.2e5),
        ("2 kPa", "Pa", 2000.0),
        ("0.2 mmol/s", "mol/s", 2e-4),
        (".5 V", "V", 0.5),
        ("1e-3 V", "V", 1e-3),
        ("-20 dBm", "dBm", -20.0),
        ("50 mK", "K", 0.05),
        ("0.98", "", 0.98),
        ("90 deg", "deg", 90.0),
    ],
)
def test_reads_what_a_physicist_writes(text, unit, value):
    assert parse(text, unit) == value


@pytest.mark.parametrize(
    ("text", "unit", "complaint"),
    [
        ("4.91", "Hz", 'has no unit; write "4.91 GHz"'),
        ("16 dBm", "V", "is in dBm, but this needs V"),
        ("5.1 s", "Hz", "is in s, but this needs Hz"),
        ("0.98 V", "", "is in V, but this needs no unit"),
        ("90 deg", "rad", "is in deg"),
        ("4.91 ghz", "Hz", "did you mean GHz"),
        ("5 mhz", "Hz", "did you mean MHz or mHz"),
        ("5 parsec", "Hz", "'parsec' is not a unit"),
        ("4,91 GHz", "Hz", "decimal point"),
        ("4,91GHz", "Hz", "decimal point"),
        ("GHz", "Hz", "is not a quantity"),
        ("", "Hz", "is not a quantity"),
        ("nan Hz", "Hz", "is not a quantity"),
        ("inf Hz", "Hz", "is not a quantity"),
        ("1e999 Hz", "Hz", "too large"),
        ("1e308 GHz", "Hz", "too large"),
        ("4.9 GHz GHz", "Hz", "is not a quantity"),
        ("-", "", "is not a quantity"),
    ],
)
def test_refuses_and_says_why(text, unit, complaint):
    with pytest.raises(ValueError, match=complaint):
        parse(text, unit)


@given(st.text(max_size=30), st.sampled_from((*SCALED, *PLAIN)))
def test_any_text_is_a_finite_number_or_a_value_error(text, unit):
    try:
        value = parse(text, unit)
    except ValueError:
        return
    assert math.isfinite(value)


@given(st.sampled_from(sorted(PREFIXES)), UNITS, st.integers(-9999, 9999))
def test_prefixes_scale_without_rounding_error(prefix, unit, number):
    exponent = round(math.log10(PREFIXES[prefix]))
    assert parse(f"{number} {prefix}{unit}", unit) == float(f"{number}e{exponent}")


@given(FINITE, st.sampled_from((*SCALED, "dBm", "dB", "deg", "")))
def test_what_is_shown_can_be_read_again(value, unit):
    digits = 1e-4 if unit in ("dBm", "dB") else 1e-5
    assert parse(show(value, unit), unit) == pytest.approx(value, rel=digits)


@given(FINITE, UNITS.filter(lambda unit: unit != "rad"), st.floats(1e-6, 0.5))
def test_shown_errors_can_be_read_again_and_hide_nothing(value, unit, relative):
    stderr = relative * abs(value)
    mean, error = show(value, unit, stderr).split(" ± ")
    assert parse(error, unit) == pytest.approx(stderr, rel=0.06)
    assert abs(parse(mean, unit) - value) <= 0.06 * stderr + 1e-12 * abs(value)


@given(st.floats(1e-9, 9.99e11), UNITS.filter(lambda unit: unit != "rad"))
def test_a_prefix_leaves_a_number_from_1_to_1000(value, unit):
    number = re.match(r"[\d.]+", show(value, unit))
    assert number is not None
    assert 1 <= float(number[0]) < 1000


@pytest.mark.parametrize(
    ("value", "unit", "stderr", "text"),
    [
        (4.91072e9, "Hz", 2.1e3, "4.9107200 GHz ± 2.1 kHz"),
        (62e-6, "s", None, "62 µs"),
        (999_999_999.0, "Hz", None, "1 GHz"),
        (999_999.6, "Hz", 10e3, "1.000 MHz ± 10 kHz"),
        (1e6, "Hz", 250e3, "1.00 MHz ± 250 kHz"),
        (5.0, "s", 0.0, "5 s"),
        (5.0, "s", -1.0, "5 s"),
        (5.0, "s", math.inf, "5 s"),
        (math.nan, "s", 1.0, "—"),
        (0.0, "Hz", 2.1e3, "0.0 kHz ± 2.1 kHz"),
        (0.981, "", 0.0012, "0.9810 ± 0.0012"),
        (4.9e9, "Hz", 1e-9, "4.900000000000 GHz ± 1.0 nHz"),
        (-200e6, "Hz", 250.0, "-200.00000 MHz ± 250 Hz"),
        (13.0, "dBm", None, "13 dBm"),
        (78.6e-6, "s", 2e-6, "78.6 µs ± 2.0 µs"),
        (0.9952, "", 0.001, "0.9952 ± 0.0010"),
        (1.653, "rad", 0.004, "1.6530 rad ± 0.0040 rad"),
        (1.0012e-3, "V", 8e-6, "1.0012 mV ± 8.0 µV"),
        (51e-6, "s", 600e-9, "51.00 µs ± 600 ns"),
        (4.91072e9, "Hz", 999.0, "4.9107200 GHz ± 1.0 kHz"),
    ],
)
def test_shows_a_value_as_a_physicist_writes_it(value, unit, stderr, text):
    assert show(value, unit, stderr) == text


@given(st.floats(allow_nan=True), st.floats(allow_nan=True), st.sampled_from((*SCALED, *PLAIN)))
def test_every_number_can_be_shown_on_a_line(value, stderr, unit):
    assert 0 < len(show(value, unit, stderr)) < 60


@pytest.mark.parametrize(("text", "expected"), [("us", ("s", 1e-6)), ("K", ("K", 1.0))])
def test_splits_a_unit(text, expected):
    assert split_unit(text) == expected


@pytest.mark.parametrize(
    ("value", "unit", "stderr", "text"),
    [
        (4.66070887e9, "Hz", 160.0, "4.66070887(16) GHz"),
        (5.1e-5, "s", 6e-7, "51.00(60) µs"),
        (1.1e-3, "s", 2e-3, "1.1(20) ms"),
        (0.9872, "", 0.0017, "0.9872(17)"),
        (1.5153, "rad", 0.0042, "1.5153(42) rad"),
        (-2e-5, "s", 4e-7, "-20.00(40) µs"),
        (3e7, "Hz/s", 1e6, "30.0(10) MHz/s"),
        (0.045, "V", 0.0, "45 mV"),
        (float("nan"), "s", 1.0, "—"),
        (1e300, "Hz", 1e299, "1e+291 GHz ± 1e+290 GHz"),
    ],
)
def test_brief_puts_the_error_in_the_last_digits(value, unit, stderr, text):
    assert brief(value, unit, stderr) == text


@given(FINITE, st.floats(1e-12, 1e12) | st.just(0.0), UNITS)
def test_no_zero_is_negative(value, stderr, unit):
    for text in (show(value, unit, stderr), show(value * 1e-9, unit, stderr), show(-0.0, unit)):
        shown = text.split()[0]
        assert not (shown.startswith("-") and float(shown) == 0.0), text


def test_what_is_zero_within_its_error_has_the_errors_unit():
    assert show(-1e-9, "V", 1e-4) == "0 µV ± 100 µV"
    assert brief(-1e-9, "V", 1e-4) == "0(100) µV"
    assert show(0.0, "V", 9.96e-4) == "0.0 mV ± 1.0 mV"
    assert brief(0.0, "V", 9.96e-4) == "0.0(10) mV"
