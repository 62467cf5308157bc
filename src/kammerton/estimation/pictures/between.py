"""A fitted curve between the points of its trace.

A fit hands back its curve where something was measured. Between those points a spline may be far
off: fringes of three points each look like whatever the spline makes of them, and a decay at a few
lengths dips below its end. But a fitted curve has no noise, and most of its numbers are published;
so its law is found again, exactly, and drawn. Where that cannot be, straight pieces lead from point
to point, or nothing where the points do not show how the curve turns.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares

from kammerton.estimation.pictures.cable import turns_of_cable
from kammerton.estimation.pictures.law import LINES, RESONATING, SWINGING, Law, frequencies, laws
from kammerton.model import Fit
from kammerton.model.trace import FloatArray

Curve = NDArray[Any]

EXACT = 1e-4
"""Of the curve's height: what a law found again may miss of it anywhere."""

FINER, MOST = 12, 4000
"""Points drawn for each that was measured, and of all."""

SEARCHED, STEPS = 400, 30
"""Points in which a law is looked for, and steps of that."""

CALM, RESTLESS = 3, 0.2
"""Turns, and turns for each point, beyond which nobody can tell a curve from its points."""

ROUND, BROAD = 8.0, 6.0
"""Points of a fringe, and within a line's width, that show how they run."""

LENGTHS = ("period", "t2_star", "t_rabi", "linewidth")
RATES = ("frequency", "frequency_splitting")
"""Published values of a sweep in the unit of x, and in that of 1/x."""


@dataclass(frozen=True, eq=False)
class Line:
    """A fitted curve: x and y (K,), ascending; joined where a line may lead through them."""

    x: FloatArray
    y: Curve
    joined: bool


def between(fit: Fit, x: FloatArray, curve: Curve, repetitions: float = 1.0) -> Line:
    """Return the fitted curve between the points that were measured, too.

    x (M,): in any order, and as often as it was measured. curve (M,): finite; real or complex.
    repetitions: of a train of pulses; its period is the published one over this.
    """
    once, first = np.unique(x, return_index=True)
    along, span = curve[first], float(np.ptp(once))
    largest = float(np.abs(along).max())
    if once.size < 2 or not largest > 0:
        return Line(once, along, once.size > 1)
    y, zero = along / largest, once[0] if min(abs(once[0]), abs(once[-1])) > span else 0.0
    inside, dense = (once - zero) / span, fine(once)
    values = in_windows(fit, zero, span, repetitions)
    centres = frequencies(values) if fit.kind == LINES else []
    widths = np.array([width_at(inside, y, each) for each in centres])
    turns = None
    if fit.kind in RESONATING and np.iscomplexobj(y):
        turns = turns_of_cable(once, np.asarray(y, dtype=np.complex128))
    for law in laws(fit.kind, values, widths, turns):
        found = through(law, inside, y, (dense - zero) / span)
        if found is not None:
            return Line(dense, largest * found, True)
    if restless(y) or hidden(fit.kind, values, widths, once.size):
        return Line(once, along, False)
    return Line(once, along, True)


def in_windows(fit: Fit, zero: float, span: float, repetitions: float) -> dict[str, float]:
    """Return what a fit has published, for windows instead of the unit of x."""
    values = {name: v.value for name, v in fit.values.items()}
    if fit.kind in SWINGING:
        times = {name: values[name] / span for name in LENGTHS if name in values}
        found = times | {name: values[name] * span for name in RATES if name in values}
        return found | ({"period": found["period"] / repetitions} if "period" in found else {})
    centres = {n: (v - zero) / span for n, v in values.items() if n.startswith("frequency")}
    width = values.get("linewidth", 0.0) / span
    return centres | ({"linewidth": width} if width > 0 else {})


def through(law: Law, x: FloatArray, curve: Curve, dense: FloatArray) -> Curve | None:
    """Return a law through the curve (M,) over x (M,) at dense (K,); None where it misses it."""
    theta = np.array(law.start)
    if theta.size + law.columns(theta, x).shape[1] >= np.unique(np.abs(x).round(9)).size:
        return None  # both signs of an amplitude say the same
    if theta.size:
        some = np.unique(np.linspace(0, x.size - 1, SEARCHED).astype(int))
        theta = _nearest(law, theta, x[some], curve[some] ** law.power)
    weights = np.linalg.lstsq(law.columns(theta, x), curve**law.power)[0]
    found, drawn = (law.columns(theta, at) @ weights for at in (x, dense))
    if law.power == 2:
        found, drawn = (np.sqrt(np.maximum(part, 0.0)) for part in (found, drawn))
    height = float(np.abs(curve - curve.mean()).max()) or 1.0
    return drawn if np.abs(found - curve).max() <= EXACT * height else None


def _nearest(law: Law, start: FloatArray, x: FloatArray, target: Curve) -> FloatArray:
    def residual(theta: FloatArray) -> FloatArray:
        columns = law.columns(theta, x)
        left = target - columns @ np.linalg.lstsq(columns, target)[0]
        return np.concatenate([left.real, left.imag])

    found = least_squares(residual, start, xtol=1e-12, ftol=1e-15, gtol=1e-15, max_nfev=STEPS)
    return np.asarray(found.x)


def width_at(x: FloatArray, curve: Curve, centre: float) -> float:
    """Return the full width of a line as it looks, at half its height."""
    away = np.abs(curve - np.median(curve.real) - 1j * np.median(curve.imag))
    middle = int(np.argmin(np.abs(x - centre)))
    low = np.flatnonzero(away < away[middle] / 2)
    points = 2 * int(np.abs(low - middle).min(initial=x.size)) - 1
    return points * float(x[-1] - x[0]) / (x.size - 1)


def hidden(kind: str, values: Mapping[str, float], widths: FloatArray, points: int) -> bool:
    """Return whether points stand too far apart to show a fringe or a line."""
    if kind in SWINGING:
        turns = values.get("frequency", 0.0) + 1 / values.get("period", np.inf)
        return turns * ROUND > points
    narrow = min([*widths, values.get("linewidth", np.inf)])
    return kind in (LINES, *RESONATING) and narrow * (points - 1) < BROAD


def fine(x: FloatArray) -> FloatArray:
    """Return ascending x (M,) with more between: as many in each gap, and evenly besides."""
    count = max(x.size, min(FINER * x.size, MOST))
    gaps = np.interp(np.linspace(0, x.size - 1, count), np.arange(x.size), x)
    return np.unique(np.concatenate([x, gaps, np.linspace(x[0], x[-1], count)]))


def restless(curve: Curve) -> bool:
    """Return whether a curve turns so often that its points do not show how."""
    most = max(CALM, RESTLESS * curve.size)
    ways = (np.sign(np.diff(part)) for part in (curve.real, curve.imag))
    moves = (way[way != 0] for way in ways)
    return any(np.count_nonzero(way[1:] != way[:-1]) > most for way in moves)
