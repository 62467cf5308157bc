"""A fitted curve between the points of its trace.

A fit hands back its curve where something was measured. Between those points a spline may be far
off: fringes of three points each look like whatever the spline makes of them. But a fitted curve
has no noise, and most of its numbers are published; so its law is found again, exactly, and drawn.
Where that cannot be, nothing is drawn between points of a curve that turns to and fro.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import Akima1DInterpolator
from scipy.optimize import least_squares

from kammerton.estimation.pictures.cable import turns_of_cable
from kammerton.estimation.pictures.law import Law, laws
from kammerton.model import Fit
from kammerton.model.trace import FloatArray

Curve = NDArray[Any]

EXACT = 1e-4
"""Of the curve's height: what a law found again may leave of it anywhere."""

FINER, MOST = 12, 4000
"""Points drawn for each that was measured, and of all."""

CALM, RESTLESS = 3, 0.2
"""Turns, and turns for each point, beyond which nobody can tell a curve from its points."""


@dataclass(frozen=True, eq=False)
class Line:
    """A fitted curve: x and y (K,), ascending; joined where a line may lead through them."""

    x: FloatArray
    y: Curve
    joined: bool


def between(fit: Fit, x: FloatArray, curve: Curve, repeated: float = 1.0) -> Line:
    """Return the fitted curve between the points that were measured, too.

    x (M,): in any order, and as often as it was measured. curve (M,): finite; real or complex.
    repeated: how often that was repeated which turns once a period.
    """
    once, first = np.unique(x, return_index=True)
    along, span = curve[first], float(np.ptp(once))
    if once.size < 2:
        return Line(once, along, False)
    values = {name: v.value for name, v in fit.values.items()}
    if "period" in values:
        values["period"] /= repeated
    turns = turns_of_cable(once, along) if np.iscomplexobj(along) else 0.0
    dense = fine(once)
    for law in laws(fit.kind, values, span, turns):
        found = through(law, once / span, along, dense / span)
        if found is not None:
            return Line(dense, found, True)
    return Line(once, along, False) if restless(along) else smooth(once, along)


def through(law: Law, x: FloatArray, curve: Curve, dense: FloatArray) -> Curve | None:
    """Return a law through the curve (M,) over x (M,) at dense (K,); None where it misses it."""
    y, theta = curve**law.power, np.array(law.start)
    height = float(np.abs(y - y.mean()).max()) or 1.0
    if theta.size + law.columns(theta, x).shape[1] >= x.size:
        return None

    def left(at: FloatArray) -> FloatArray:
        columns = law.columns(at, x)
        missed = (y - columns @ np.linalg.lstsq(columns, y)[0]) / height
        return np.concatenate([missed.real, missed.imag])

    if theta.size and np.abs(left(theta)).max() > EXACT:
        theta = least_squares(left, theta, xtol=1e-12, ftol=1e-15, gtol=1e-15).x
    if not np.abs(left(theta)).max() <= EXACT:
        return None
    weights = np.linalg.lstsq(law.columns(theta, x), y)[0]
    found = np.asarray(law.columns(theta, dense) @ weights)
    return np.asarray(np.sqrt(np.maximum(found, 0.0)) if law.power == 2 else found)


def fine(x: FloatArray) -> FloatArray:
    """Return ascending x (M,) with more between: as many in each gap, and evenly besides."""
    count = max(x.size, min(FINER * x.size, MOST))
    gaps = np.interp(np.linspace(0, x.size - 1, count), np.arange(x.size), x)
    return np.unique(np.concatenate([x, gaps, np.linspace(x[0], x[-1], count)]))


def restless(curve: Curve) -> bool:
    """Return whether a curve turns so often that its points do not show how."""
    most = max(CALM, RESTLESS * curve.size)
    steps = (np.sign(np.diff(part)) for part in (curve.real, curve.imag))
    return any(np.count_nonzero(step[1:] * step[:-1] < 0) > most for step in steps)


def smooth(x: FloatArray, curve: Curve) -> Line:
    """Return a curve without corners between few points; it passes through every one."""
    if x.size > 150 or x.size < 5:
        return Line(x, curve, True)
    first = x[1] - x[0]
    if np.ptp(np.diff(x)) < 2 * first:
        dense = np.linspace(x[0], x[-1], 8 * x.size)
        return Line(dense, _akima(x, curve, dense), True)
    even = np.log1p((x - x[0]) / first)  # lengths are often spaced like 1, 2, 4, 8
    dense = np.linspace(even[0], even[-1], 8 * x.size)
    return Line(x[0] + first * np.expm1(dense), _akima(even, curve, dense), True)


def _akima(x: FloatArray, curve: Curve, at: FloatArray) -> Curve:
    real, imag = Akima1DInterpolator(x, np.column_stack([curve.real, curve.imag]))(at).T
    return np.asarray(real + 1j * imag if np.iscomplexobj(curve) else real)
