"""Which of several extrema is the right one, and whether that can be told."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kammerton.estimation.numeric.prepare import Batch
from kammerton.estimation.verdict.findings import Findings
from kammerton.estimation.verdict.outcome import one_word, per_trace
from kammerton.model import Advice, TraceError

Array = NDArray[np.float64]

PRECISE = 0.1  # error in parts of the window, or of the period
ORDERS = 100.0  # windows from what was swept, where nothing can be meant
UNDECIDED = 0.25  # of a period: an extremum so far from the expected one has a rival

SORTS = {"minimum": (np.pi, 2 * np.pi), "maximum": (0.0, 2 * np.pi), "either": (0.0, np.pi)}
"""Phase of a cosine at an extremum, and from one such extremum to the next."""


@dataclass(frozen=True, eq=False)
class Place:
    """An extremum (N,): where it is, its error, from it to the next, and where it is expected.

    All in the unit of x, as is the window from low to high. sort, between: "minimum" or "maximum",
    and where the nearest of the other sort lies to the window's middle (N,); where that is known.
    """

    at: Array
    stderr: Array
    period: Array
    expected: Array
    low: Array
    high: Array
    sort: str = ""
    between: Array | None = None


def sort_of(known: dict[str, object]) -> tuple[float, float]:
    """Return phase and distance of the extrema that are wanted."""
    return SORTS[one_word(known, "extremum", SORTS) or "minimum"]


def expectation(known: dict[str, object], batch: Batch, low: Array, high: Array) -> Array:
    """Return where the extremum is expected (N,): as said, or the middle of the window.

    Raises
    ------
    TraceError
        It is `ORDERS` windows from there, as of a number in another unit.
    """
    value, middle = per_trace(known, "expected", batch), (low + high) / 2.0
    if value is None:
        return middle
    far = np.flatnonzero(np.abs(value - middle) > ORDERS * (high - low))
    if len(far):
        n = far[0]
        raise TraceError(
            f"expected is {value[n]:g}, but x goes from {low[n]:g} to {high[n]:g}: it must be "
            "near them, and in their unit"
        )
    return value


def judge_place(findings: Findings, place: Place) -> None:
    """Object to an extremum outside its window, to one of several, and to an unsharp one."""
    length = place.high - place.low
    over = np.maximum(place.low - place.at, place.at - place.high)
    findings.insufficient(
        over > 0, "range too narrow",
        lambda n: _outside(place, n),
        lambda n: Advice(centre_on=_centre(place, n)),
    )  # fmt: skip
    away = np.abs(place.at - place.expected)
    findings.insufficient(
        (place.period < length) & (away > UNDECIDED * place.period), "window too long",
        lambda n: f"extrema follow every {place.period[n]:.3g}, and the nearest to where the right "
        f"one is expected is {away[n]:.3g} away: another may be meant",
        lambda n: Advice(window_times=float(np.clip(0.7 * place.period[n] / length[n], 0.1, 0.7))),
    )  # fmt: skip
    findings.insufficient(
        ~(place.stderr < PRECISE * np.minimum(length, place.period)), "error too large",
        lambda n: f"the extremum is known only to {place.stderr[n]:.2g}",
        Advice(shots_times=4.0),
    )  # fmt: skip


def _centre(place: Place, n: int) -> float:
    """Return where to look next: at most a window beyond this one."""
    length = place.high[n] - place.low[n]
    return float(np.clip(place.at[n], place.low[n] - length, place.high[n] + length))


def _outside(place: Place, n: int) -> str:
    """Return where an extremum lies that is not in the window, and which other one is."""
    said = f"the {place.sort or 'extremum'} lies outside of the window, "
    side = "below" if place.at[n] < place.low[n] else "above"
    near = place.at[n] == _centre(place, n)
    said += f"at {place.at[n]:.3g}" if near else f"far {side} it"
    if place.between is None or not place.low[n] <= place.between[n] <= place.high[n]:
        return said
    other = "maximum" if place.sort == "minimum" else "minimum"
    return f"{said}; in it lies a {other}, at {place.between[n]:.3g}"
