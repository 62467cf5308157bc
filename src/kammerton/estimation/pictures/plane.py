"""A resonance in the plane: a circle, once the cable's delay is taken out."""

from __future__ import annotations

import numpy as np
from matplotlib.ticker import MaxNLocator
from scipy.optimize import minimize_scalar

from kammerton.estimation.pictures.page import (
    DATA,
    INK,
    SMALL,
    Page,
    label,
    line_style,
    plain,
    square,
    turned,
)
from kammerton.estimation.pictures.scales import labelled, largest, prefix_of
from kammerton.model import Fit, Trace, Verdict
from kammerton.model.trace import ComplexArray, FloatArray

TRIED = np.linspace(-1.5, 1.5, 61)
"""Turns about those of the fitted curve: a resonance turns the phase once at most."""

SEEN = 0.01
"""Turns across the window that nobody would see."""


def draw_plane(page: Page, trace: Trace, fit: Fit | None) -> None:
    """Draw I and Q with the fitted curve; of a resonance without the turns of its cable."""
    plane = page.add_axes((0.70, 0.14, 0.27, 0.60))
    factor, prefix = prefix_of(largest(trace.y), trace.y_unit)
    unit = prefix + trace.y_unit
    y, curve = trace.y / factor, None if fit is None else fit.curve
    if fit is not None and curve is not None and fit.status != "no signal":
        turns = np.ones(y.size, dtype=np.complex128)
        if fit.kind == "resonator_spectroscopy" and fit.verdict is Verdict.ACCEPTED:
            turns = without_cable(trace.x, np.asarray(curve, dtype=np.complex128))
        if np.ptp(turns.imag) > 0:
            plane.set_title("cable's delay taken out", fontsize=SMALL - 1, color=INK, pad=3)
        y = y * turns
        plane.plot(*turned(trace.x, curve * turns / factor), "-", zorder=3, **line_style(fit))
    plane.plot(y.real, y.imag, "o", ms=2.2, mew=0, color=DATA)
    plain(plane)
    plane.xaxis.set_major_locator(MaxNLocator(4))
    square(plane)
    label(plane, labelled("I", unit), labelled("Q", unit))


def without_cable(x: FloatArray, curve: ComplexArray) -> ComplexArray:
    """Return the factors (M,) that take a cable's delay out of a fitted curve over x (M,).

    Of all delays it is the one that leaves a circle: a fit's curve has no noise.
    """
    order = np.argsort(x)
    along = (x - 0.5 * (x.min() + x.max())) / np.ptp(x)
    phase = np.unwrap(np.angle(curve[order]))
    wound = -(phase[-1] - phase[0]) / (2 * np.pi)

    def off(turns: float) -> float:
        return off_circle(curve * np.exp(2j * np.pi * turns * along))

    tried = [*(wound + TRIED), 0.0]
    best = tried[int(np.argmin([off(turns) for turns in tried]))]
    step = float(TRIED[1] - TRIED[0])
    found = float(minimize_scalar(off, bounds=(best - step, best + step), method="bounded").x)
    turns = 0.0 if abs(found) < SEEN else found
    return np.asarray(np.exp(2j * np.pi * turns * along))


def off_circle(z: ComplexArray) -> float:
    """Return how far points (M,) are from the circle through them (rms), by Kasa's method."""
    rows = np.column_stack([2 * z.real, 2 * z.imag, np.ones(z.size)])
    (i, q, _), *_ = np.linalg.lstsq(rows, np.abs(z) ** 2, rcond=None)
    radii = np.abs(z - complex(i, q))
    return float(radii.std())
