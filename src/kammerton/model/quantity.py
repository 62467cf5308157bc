"""Units in text at the edges, SI floats inside: "4.91 GHz" <-> 4.91e9."""

from __future__ import annotations

import math
import re

PREFIXES = {
    "G": 1e9, "M": 1e6, "k": 1e3, "": 1.0, "m": 1e-3, "u": 1e-6, "µ": 1e-6, "μ": 1e-6, "n": 1e-9,
}  # fmt: skip
SCALED = ("Hz", "s", "V", "K", "W", "A", "rad")
PLAIN = ("", "dBm", "dB", "deg", "%")

_TEXT = re.compile(r"\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*(\S*)\s*")


def split_unit(text: str) -> tuple[str, float]:
    """Return the base unit of a unit text and the factor to SI, e.g. "us" -> ("s", 1e-6).

    Raises
    ------
    ValueError
        The text is no unit that Kammerton knows.
    """
    if text in PLAIN or text in SCALED:
        return text, 1.0
    for unit in SCALED:
        if text.endswith(unit) and text[: -len(unit)] in PREFIXES:
            return unit, PREFIXES[text[: -len(unit)]]
    raise ValueError(f"{text!r} is not a unit")


def parse(text: str, unit: str) -> float:
    """Return the SI value of a quantity written with its unit, e.g. parse("4.91 GHz", "Hz").

    Raises
    ------
    ValueError
        No number, no unit, or a unit of another kind than `unit`.
    """
    match = _TEXT.fullmatch(text)
    if match is None:
        raise ValueError(f'{text!r} is not a quantity such as "1.5 {_example(unit)}"')
    number, written = match.groups()
    if unit and not written:
        raise ValueError(f'{text!r} has no unit; write "{text.strip()} {_example(unit)}"')
    base, factor = split_unit(written)
    if base != unit:
        raise ValueError(f"{text!r} is in {base or 'no unit'}, but this needs {unit or 'no unit'}")
    return float(number) * factor


def _example(unit: str) -> str:
    return {"Hz": "GHz", "s": "us", "K": "mK", "V": "V"}.get(unit, unit)


def show(value: float, unit: str, stderr: float | None = None) -> str:
    """Return a value, and its standard error when given, as a physicist writes it.

    >>> show(4.91072e9, "Hz", 2.1e3)
    '4.9107200 GHz ± 2.1 kHz'
    >>> show(6.2e-05, "s")
    '62 µs'
    """
    if not math.isfinite(value):
        return "—"
    factor, prefix = _prefix(value, unit)
    if stderr is None or not math.isfinite(stderr) or stderr <= 0:
        return f"{value / factor:.6g} {prefix}{unit}".rstrip()
    digits = max(0, 1 - math.floor(math.log10(stderr / factor)))
    small, small_prefix = _prefix(stderr, unit)
    text = f"{value / factor:.{min(digits, 12)}f} {prefix}{unit}".rstrip()
    return f"{text} ± {stderr / small:.2g} {small_prefix}{unit}".rstrip()


def _prefix(value: float, unit: str) -> tuple[float, str]:
    if unit not in SCALED or unit == "rad" or value == 0:
        return 1.0, ""
    for prefix in ("G", "M", "k", "", "m", "µ"):
        if abs(value) >= PREFIXES[prefix]:
            return PREFIXES[prefix], prefix
    return PREFIXES["n"], "n"
