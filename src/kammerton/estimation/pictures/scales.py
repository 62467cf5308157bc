"""Numbers and axes as a laboratory notebook shows them."""

from __future__ import annotations

import math

import numpy as np

from kammerton.model.quantity import PREFIXES, SCALED, show
from kammerton.model.trace import ComplexArray, FloatArray

NARROW = 2e-3
"""A frequency axis narrower than this fraction of its centre is shown relative to the centre."""

LARGEST = 1e6
"""A number that is not written out any more."""

BEYOND = 0.3
"""How far noise may take a population below 0 and above 1."""

_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_SHOWN = ("G", "M", "k", "", "m", "µ", "n")


def written(value: float, unit: str, stderr: float) -> str:
    """Return a value with its standard error in the last digits.

    >>> written(3.508e-05, "s", 7.1e-07)
    '35.08(71) µs'
    >>> written(0.98145, "", 0.0019)
    '0.9815(19)'
    >>> written(0.0035721, "", 0.0002)
    '3.57(20)×10⁻³'
    >>> written(1.4012e9, "Hz/V", 3.3e5)
    '1.40120(33) GHz/V'
    >>> written(-6.4937e16, "Hz/A^2", 2.3e13)
    '−64.937(23)×10¹⁵ Hz/A²'
    """
    if not (math.isfinite(value) and math.isfinite(stderr) and stderr > 0):
        return show(value, unit)
    factor, power, unit = scale_of(max(abs(value), 10 * stderr), unit)
    digits = places(stderr / factor)
    last = round(stderr / factor * 10 ** max(digits, 0), min(digits, 0))
    number = f"{round(value / factor, digits):z.{max(digits, 0)}f}({last:.0f})".replace("-", "−")
    return f"{number}×{power} {unit}".rstrip() if power else f"{number} {unit}".rstrip()


def scale_of(size: float, unit: str) -> tuple[float, str, str]:
    """Return factor, power of ten ("" for none) and unit in which a number is best written.

    A unit over another takes the prefix of its first; where none is large enough, a power of ten.

    >>> scale_of(1.4e9, "Hz/V"), scale_of(6.5e16, "Hz/A^2")
    ((1000000000.0, '', 'GHz/V'), (1000000000000000.0, '10¹⁵', 'Hz/A²'))
    """
    unit = unit.replace("^2", "²")
    over = unit.partition("/")[0]
    if over in SCALED:
        factor, prefix = prefix_of(size, over)
        if unit == over or size < LARGEST * factor:
            return factor, "", prefix + unit
    factor, power = prefix_of(size, "")
    return factor, power, unit


def places(stderr: float) -> int:
    """Return how many decimals show two digits of an error; negative for hundreds."""
    return 1 - math.floor(math.log10(float(f"{stderr:.1e}")))


def prefix_of(size: float, unit: str) -> tuple[float, str]:
    """Return the SI prefix, as factor and text, in which a number of this size is best read.

    Very small or large numbers without a unit get a power of a thousand as their unit.
    """
    if not size > 0 or not math.isfinite(size):
        return 1.0, ""
    if unit == "" and not 1e-2 <= size < LARGEST:
        power = 3 * math.floor(math.log10(size) / 3)
        return 10.0**power, "10" + str(power).translate(_RAISED)
    if unit not in SCALED or unit == "rad":
        return 1.0, ""
    prefix = next((p for p in _SHOWN if size >= PREFIXES[p] * (1 - 1e-9)), "n")
    return PREFIXES[prefix], prefix


def on_axis(values: FloatArray, name: str, unit: str) -> tuple[FloatArray, float, float, str]:
    """Return values scaled for an axis, the origin and factor taken off, and the label."""
    finite = values[np.isfinite(values)]
    if finite.size == 0:
        return values, 0.0, 1.0, labelled(name, unit)
    span = float(np.ptp(finite))
    centre = float(0.5 * (finite.min() + finite.max()))
    if unit == "Hz" and 0 < span < NARROW * abs(centre):
        origin = float(f"{centre:.6g}")
        factor, prefix = prefix_of(0.5 * span, unit)
        label = labelled(f"{name} − {show(origin, unit)}", prefix + unit)
        return (values - origin) / factor, origin, factor, label
    factor, prefix = prefix_of(largest(finite), unit)
    return values / factor, 0.0, factor, labelled(name, prefix + unit)


def largest(values: FloatArray | ComplexArray) -> float:
    """Return the largest finite magnitude, 0 where there is none."""
    return float(np.max(np.abs(values), initial=0.0, where=np.isfinite(values)))


def called(y: FloatArray, unit: str, name: str = "") -> str:
    """Return what y is: its name in the file.

    What the loop measured has none: it is a population where it has no unit and, but for noise,
    could be one.
    """
    if name:
        return name
    finite = y[np.isfinite(y)]
    within = finite.size == 0 or bool(finite.min() > -BEYOND and finite.max() < 1 + BEYOND)
    return "population of |1⟩" if within and not unit else "signal"


def labelled(name: str, unit: str) -> str:
    """Return the label of an axis."""
    return f"{name} ({unit})" if unit else name
