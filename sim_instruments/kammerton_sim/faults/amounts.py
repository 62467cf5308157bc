"""What a fault takes, as it is written and said: numbers with their units and bounds."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from kammerton_sim.quantities import LONG, lasted, quantity

Value = float | int | str

UNITS: Mapping[str, str] = {
    "hz": "Hz", "linewidth": "Hz", "t1": "s", "seconds": "s", "every": "s", "watts": "W",
    "kelvin": "K", "kelvin_per_s": "K/s",
}  # fmt: skip
"""What a number is in, by the parameter's name; it may be written with that unit: 3MHz."""

_EXAMPLES = {
    "Hz": "3e5 or 300kHz", "s": "1e-5, 10us or 2h", "W": "5e-5 or 50uW", "K": "0.02 or 20mK",
    "K/s": "1e-3 or 1mK/s", "dBm": "-5 or -5dBm", "dB": "0.5 or 0.5dB", "V": "0.2 or 200mV",
    "A": "2e-3 or 2mA",
}  # fmt: skip
_PREFIXES = {"G": 9, "M": 6, "k": 3, "": 0, "m": -3, "u": -6, "µ": -6, "μ": -6, "n": -9}
_QUANTITY = re.compile(r"\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*([^\d\s].*?)\s*")


@dataclass(frozen=True)
class Bound:
    """What a number must be; says it in words, with {} for each of its ends."""

    holds: Callable[[float], bool]
    says: str
    ends: tuple[float, ...] = ()

    def told(self, unit: str) -> str:
        """Return it in words, in the unit of the number."""
        return self.says.format(*(with_unit(end, unit) for end in self.ends))


def above(low: float, most: float = math.inf) -> Bound:
    """Return the bound low < x <= most."""
    end = " and at most {}" if most < math.inf else ""
    return Bound(lambda x: low < x <= most, f"above {{}}{end}", _finite(low, most))


def from_to(least: float, most: float = math.inf) -> Bound:
    """Return the bound least <= x <= most."""
    end = " to {}" if most < math.inf else " on"
    return Bound(lambda x: least <= x <= most, f"from {{}}{end}", _finite(least, most))


def not_zero(bound: Bound) -> Bound:
    """Return a bound that 0 does not keep, as it would change nothing."""
    return Bound(lambda x: x != 0 and bound.holds(x), f"other than 0, {bound.says}", bound.ends)


def _finite(*ends: float) -> tuple[float, ...]:
    return tuple(end for end in ends if end < math.inf)


PART = Bound(lambda x: 0 <= x < 1, "from 0 on and below 1")


def plain(given: Any, unit: str) -> Any:
    """Return "3MHz" as "3e6", where that is the unit; anything else as it was given.

    A time may be in min, h or d, too.
    """
    match = _QUANTITY.fullmatch(given) if unit and isinstance(given, str) else None
    if match is not None and unit == "s" and match[2] in LONG:
        return repr(float(match[1]) * LONG[match[2]])
    if match is None or not match[2].endswith(unit):
        return given
    prefix = match[2].removesuffix(unit)
    number, _, exponent = match[1].lower().partition("e")
    return f"{number}e{int(exponent or 0) + _PREFIXES[prefix]}" if prefix in _PREFIXES else given


def number(given: Any) -> float:
    """Return a number, which may be written in percent: "5%" is 0.05."""
    percent = isinstance(given, str) and given.endswith("%")
    return float(given[:-1]) / 100 if percent else float(given)


def shown(name: str, value: Value, units: Mapping[str, str] = UNITS) -> str:
    """Return a value as it may be written, with its unit where it has one: 200kHz, 0.01, awg1."""
    if not isinstance(value, float):
        return str(value)
    unit = units.get(name, "")
    if not unit:
        return f"{value:g}"
    for long, seconds in LONG.items() if unit == "s" else ():
        if value >= seconds and value % (seconds / 10) == 0:
            return f"{value / seconds:.10g}{long}"
    return quantity(value, unit, 10).replace(" ", "").replace("µ", "u")


def with_unit(value: float, unit: str) -> str:
    """Return a number as it is said to a person: 10 s, 300 kHz, 0.5."""
    return lasted(value) if unit == "s" else quantity(value, unit, 10)


def has_unit(given: Any) -> bool:
    """Return whether it is written with a unit."""
    match = _QUANTITY.fullmatch(given) if isinstance(given, str) else None
    return match is not None and match[2] != "%"


def wanted(kind: str, unit: str) -> str:
    """Return what a value of a kind is in words, with an example."""
    if kind == "int":
        return "a whole number"
    return f"a number in {unit}, such as {_EXAMPLES[unit]}" if unit in _EXAMPLES else "a number"
