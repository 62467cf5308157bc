"""Units in text at the edges, SI floats inside: "4.91 GHz" <-> 4.91e9."""

from __future__ import annotations

import math
import re

PREFIXES = {
    "G": 1e9, "M": 1e6, "k": 1e3, "": 1.0, "m": 1e-3, "u": 1e-6, "µ": 1e-6, "μ": 1e-6, "n": 1e-9,
    "p": 1e-12,
}  # fmt: skip
SCALED = ("Hz", "s", "V", "K", "W", "A", "rad", "Pa", "mol")
BAR = "bar", 1e5  # Pa: what gauges are read in
LONG_TIMES = ("min", "h", "d")
PLAIN = ("", "dBm", "dB", "deg", "%")

_TEXT = re.compile(r"\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*([^\s,]*)\s*")


def split_unit(text: str) -> tuple[str, float]:
    """Return the base unit of a unit text and the factor to SI, e.g. "us" -> ("s", 1e-6).

    Raises
    ------
    ValueError
        The text is no unit that Kammerton knows.
    """
    if text in PLAIN or text in SCALED:
        return text, 1.0
    over, slash, under = text.partition("/")
    if slash and under:
        return _split_rate(over, under)
    for unit in SCALED:
        if text.endswith(unit) and text[: -len(unit)] in PREFIXES:
            return unit, PREFIXES[text[: -len(unit)]]
    if text.endswith(BAR[0]) and text[: -len(BAR[0])] in PREFIXES:
        return "Pa", PREFIXES[text[: -len(BAR[0])]] * BAR[1]
    known = {p + unit for unit in (*SCALED, BAR[0]) for p in PREFIXES} | set(PLAIN)
    meant = sorted(unit for unit in known if unit.lower() == text.lower())
    also = f"; did you mean {' or '.join(meant)}?" if meant else ""
    also = "; a time is written in s, ms, us or ns" if text in LONG_TIMES else also
    raise ValueError(f"{text!r} is not a unit{also}")


def _split_rate(over: str, under: str) -> tuple[str, float]:
    """Split what changes with time: "mV/us" is ("V/s", 1e3)."""
    unit, factor = split_unit(over)
    second, duration = split_unit(under)
    if second != "s" or not unit:
        raise ValueError(f"{over + '/' + under!r} is not a rate such as V/s")
    return f"{unit}/s", factor / duration if duration >= 1 else factor * round(1 / duration)


def parse(text: str, unit: str) -> float:
    """Return the SI value of a quantity written with its unit, e.g. parse("4.91 GHz", "Hz").

    Raises
    ------
    ValueError
        No number, no unit, or a unit of another kind than `unit`.
    """
    match = _TEXT.fullmatch(text)
    if match is None:
        comma = "; write a decimal point, not a comma" if "," in text else ""
        raise ValueError(f'{text!r} is not a quantity such as "1.5 {usual_unit(unit)}"{comma}')
    number, written = match.groups()
    if unit and not written:
        raise ValueError(f'{text!r} has no unit; write "{text.strip()} {usual_unit(unit)}"')
    base, factor = split_unit(written)
    if base != unit:
        raise ValueError(f"{text!r} is in {base or 'no unit'}, but this needs {unit or 'no unit'}")
    value = _scaled(float(number), factor)
    if not math.isfinite(value):
        raise ValueError(f"{text!r} is too large")
    return value


def bare(text: str) -> bool:
    """Return whether a text is a number without a unit."""
    match = _TEXT.fullmatch(text)
    return match is not None and not match[2]


def _scaled(number: float, factor: float) -> float:
    """Return number * factor, correctly rounded: 1e-9 is no exact float, but 1e9 is."""
    return number * factor if factor >= 1 else number / round(1 / factor)


def usual_unit(unit: str) -> str:
    """Return what a quantity of an SI unit is usually written in."""
    return {
        "Hz": "GHz",
        "s": "us",
        "K": "mK",
        "V": "V",
        "Hz/s": "GHz/s",
        "Pa": "mbar",
        "mol/s": "mmol/s",
    }.get(unit, unit)


def show(value: float, unit: str, stderr: float | None = None) -> str:
    """Return a value, and its standard error when given, as a physicist writes it.

    The error has two digits, be the last a zero: so many places has the value too.

    >>> show(4.91072e9, "Hz", 2.1e3)
    '4.9107200 GHz ± 2.1 kHz'
    >>> show(6.2e-05, "s"), show(2.17e-12, "W"), show(-43.9794, "dBm")
    ('62 µs', '2.17 pW', '-43.979 dBm')
    >>> show(7.86e-05, "s", 2e-06)
    '78.6 µs ± 2.0 µs'
    >>> show(-3e-10, "V", 2e-06)
    '0.0 µV ± 2.0 µV'
    """
    if not math.isfinite(value):
        return "—"
    if stderr is None or not math.isfinite(stderr) or stderr <= 0:
        return _significant(value, unit, 5 if unit in ("dBm", "dB") else 6)
    places = 1 - math.floor(math.log10(_rounded(stderr, 2)))
    try:
        factor, prefix = _prefix(round(value, places) or _rounded(stderr, 2), unit)
    except OverflowError:  # beyond what a float can hold; no quantity of this world
        return f"{value:.6g} {unit} ± {stderr:.2g} {unit}"
    decimals = min(max(0, places + round(math.log10(factor))), 12)
    style = "f" if abs(value) < 1e15 * factor else "e"
    text = f"{value / factor:z.{decimals}{style}} {prefix}{unit}".rstrip()
    return f"{text} ± {two_digits(stderr, unit)}"


def brief(value: float, unit: str, stderr: float) -> str:
    """Return a value with the standard error of its last digits, in one narrow word and its unit.

    >>> brief(4.91072e9, "Hz", 2.1e3)
    '4.9107200(21) GHz'
    >>> brief(6.2e-05, "s", 0.0)
    '62 µs'
    """
    shown = show(value, unit, stderr)
    number, _, rest = shown.partition(" ± ")
    digits, _, of = number.partition(" ")
    if not rest or "e" in digits:
        return shown
    decimals = len(digits.partition(".")[2])
    last = split_unit(of)[1] / 10**decimals  # what one in the last digit stands for
    return f"{digits}({round(stderr / last)}) {of}".rstrip()


def exact(value: float, unit: str) -> str:
    """Return a setting with all of its digits and its unit.

    >>> exact(4.95000012e9, "Hz")
    '4.95000012 GHz'
    """
    factor, prefix = _prefix(value, unit)
    return f"{value / factor:z.12g} {prefix}{unit}".rstrip()


def two_digits(stderr: float, unit: str) -> str:
    """Return an error with both of its digits; one too small to be written out, as it is short.

    >>> two_digits(0.00288889, "V")
    '2.9 mV'
    """
    stderr = _rounded(stderr, 2)
    factor, prefix = _prefix(stderr, unit)
    if not 1e-11 <= stderr / factor < 1e6:
        return _significant(stderr, unit, 2)
    decimals = max(0, 1 - math.floor(math.log10(stderr / factor * (1 + 1e-9))))
    return f"{stderr / factor:.{decimals}f} {prefix}{unit}".rstrip()


def _significant(value: float, unit: str, digits: int) -> str:
    """Return a value rounded to so many digits, without an exponent where a prefix serves."""
    value = _rounded(value, digits)
    factor, prefix = _prefix(value, unit)
    return f"{value / factor:z.{max(digits, 4)}g} {prefix}{unit}".rstrip()


def _rounded(value: float, digits: int) -> float:
    rounded = float(f"{value:.{digits - 1}e}")
    return rounded if math.isfinite(rounded) else value


def _prefix(value: float, unit: str) -> tuple[float, str]:
    if unit.removesuffix("/s") not in SCALED or unit == "rad" or value == 0:
        return 1.0, ""
    for prefix in ("G", "M", "k", "", "m", "µ", *(("n",) if unit == "W" else ())):
        if abs(value) >= PREFIXES[prefix]:
            return PREFIXES[prefix], prefix
    return (PREFIXES["p"], "p") if unit == "W" else (PREFIXES["n"], "n")
