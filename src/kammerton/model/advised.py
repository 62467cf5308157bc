"""Advice as one would say it at the bench."""

from __future__ import annotations

from collections.abc import Sequence

from kammerton.model.fit import Fit
from kammerton.model.quantity import show

SWEPT = {
    "t1": "s", "t2_echo": "s", "cpmg": "s", "ramsey": "s", "rabi_length": "s",
    "rabi_amplitude": "V", "resonator_spectroscopy": "Hz", "qubit_spectroscopy": "Hz",
}  # fmt: skip
"""The unit of what is swept, of fits that a daemon makes."""

COUNTED = {
    "randomized_benchmarking": "Cliffords", "interleaved_randomized_benchmarking": "Cliffords",
    "fine_amplitude": "gates",
}  # fmt: skip
"""What a length without a unit is a number of."""


def advised(fit: Fit) -> str:
    """Return what to change for a fit of one axis, in words; "" where nothing is."""
    unit = SWEPT.get(fit.kind)
    if unit is None:
        return ""
    return "; ".join(in_words(fit, [("x", unit)]))


def in_words(fit: Fit, axes: Sequence[tuple[str, str]]) -> list[str]:
    """Return what to change, one sentence each; axes are name and unit of each axis."""
    advice = fit.advice
    name, unit = axes[min(advice.axis, len(axes) - 1)]
    window = f"the window of {name!r}" if len(axes) > 1 else "the window"
    words = []
    if advice.window_times is not None:
        verb = "extend" if advice.window_times >= 1 else "shorten"
        length = advice.extend_window_to
        words.append(
            f"{verb} {window} {advice.window_times:.2g} times" if length is None
            else f"{verb} {window} to {_short(length, unit)}{_counted(fit.kind, unit)}"
        )  # fmt: skip
    if advice.centre_on is not None:
        centre = f"centre {window}" if len(axes) > 1 else "centre"
        words.append(f"{centre} on {show(float(f'{advice.centre_on:.5g}'), unit)}")
    if advice.shots_times is not None:
        words.append(f"take {_factor(advice.shots_times)} times the shots")
    return words


def _short(value: float, unit: str) -> str:
    return show(float(f"{value:.2g}"), unit)


def _counted(kind: str, unit: str) -> str:
    return f" {COUNTED[kind]}" if kind in COUNTED and not unit else ""


def _factor(times: float) -> str:
    return f"{times:.2g}" if times < 10 else f"{times:.0f}"
