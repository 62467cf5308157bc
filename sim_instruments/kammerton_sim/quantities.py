"""Numbers with their units, as they are said to a person."""

from __future__ import annotations

import math

_PREFIXES = {"G": 1e9, "M": 1e6, "k": 1e3, "": 1.0, "m": 1e-3, "µ": 1e-6, "n": 1e-9}
LONG = {"d": 86400.0, "h": 3600.0, "min": 60.0}
"""s of what a person says of a long time."""
MOST_AT_ONCE = 366 * LONG["d"]
"""s of the laboratory's clock that can pass at once: all that follows from them is computed."""
_SCALED = ("Hz", "s", "V", "A", "W", "K", "K/s", "Sa/s")
_BOUNDLESS = 1e300
_LEAST, _MOST = 1e-15, 1e15
_LARGE = ("G", "M", "k")


def quantity(value: float, unit: str, digits: int = 6) -> str:
    """Return a value with a prefix that fits: 9 GHz, 0.5 V is 500 mV, 15 dBm."""
    prefix = _prefix(float(f"{value:.{digits}g}"), unit)  # 999.9999999 µV are 1 mV
    return f"{value / _PREFIXES[prefix]:.{digits}g} {prefix}{unit}".rstrip()


def lasted(seconds: float) -> str:
    """Return how long something was: 12 ms, 3.25 s, 7.2 h."""
    for unit, factor in LONG.items():
        if seconds >= factor:
            return f"{seconds / factor:.4g} {unit}"
    prefix = _prefix(float(f"{seconds:.4g}"), "s")
    return f"{seconds / _PREFIXES[prefix]:.4g} {prefix}s"


def measured(value: float, stderr: float, unit: str) -> str:
    """Return a value and its standard error, two digits of it: 15.6 ± 1.2 µs."""
    prefix, places = _rounded(value, stderr, unit)
    factor = _PREFIXES[prefix]
    return f"{value / factor:.{places}f} ± {stderr / factor:.{places}f} {prefix}{unit}".rstrip()


def beside(value: float, stderr: float, unit: str) -> str:
    """Return a value to the digits that a standard error leaves: 15.6 µs."""
    prefix, places = _rounded(value, stderr, unit)
    return f"{value / _PREFIXES[prefix]:.{places}f} {prefix}{unit}".rstrip()


def limits(low: float, high: float, unit: str) -> str:
    """Return what a value should have been: 4 GHz to 6 GHz, or at most, or at least."""
    if high >= _BOUNDLESS:
        return f"at least {quantity(low, unit)}"
    if low <= -_BOUNDLESS:
        return f"at most {quantity(high, unit)}"
    return f"{quantity(low, unit)} to {quantity(high, unit)}"


def _rounded(value: float, stderr: float, unit: str) -> tuple[str, int]:
    """Return the prefix of a value, and how many decimals show two digits of its error."""
    prefix = _prefix(value, unit)
    return prefix, min(max(0, 1 - math.floor(math.log10(stderr / _PREFIXES[prefix]))), 12)


def _prefix(value: float, unit: str) -> str:
    if unit not in _SCALED or value == 0:
        return ""
    if not _LEAST <= abs(value) < _MOST:  # no prefix makes a number of it that one would say
        return ""
    fit = (p for p, factor in _PREFIXES.items() if abs(value) >= factor)
    prefix = next(fit, "n")
    return "" if unit == "s" and prefix in _LARGE else prefix  # nobody says ks
