"""Advice as one would say it at the bench."""

from __future__ import annotations

from collections.abc import Sequence

from kammerton.model import Advice, Value
from kammerton.model.quantity import show

COUNTED = ("lines",)
"""Values that are counts, which have no error either."""


def given(name: str, value: Value) -> str:
    """Return what to say of a value that was given and not measured."""
    return " (known)" if value.stderr == 0 and name not in COUNTED else ""


def in_words(advice: Advice, axes: Sequence[tuple[str, str]]) -> list[str]:
    """Return what to change, one sentence each; axes are name and unit of each axis."""
    name, unit = axes[min(advice.axis, len(axes) - 1)]
    window = f"the window of {name!r}" if len(axes) > 1 else "the window"
    words = []
    if advice.window_times is not None:
        verb = "extend" if advice.window_times >= 1 else "shorten"
        length = advice.extend_window_to
        words.append(
            f"{verb} {window} {advice.window_times:.2g} times" if length is None
            else f"{verb} {window} to {_short(length, unit)}"
        )  # fmt: skip
    if advice.centre_on is not None:
        centre = f"centre {window}" if len(axes) > 1 else "centre"
        words.append(f"{centre} on {show(float(f'{advice.centre_on:.5g}'), unit)}")
    if advice.shots_times is not None:
        words.append(f"take {_factor(advice.shots_times)} times the shots")
    return words


def _short(value: float, unit: str) -> str:
    return show(float(f"{value:.2g}"), unit)


def _factor(times: float) -> str:
    return f"{times:.2g}" if times < 10 else f"{times:.0f}"
