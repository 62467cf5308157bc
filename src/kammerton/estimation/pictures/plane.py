"""A resonance in the plane: a circle, once the cable's delay is taken out."""

from __future__ import annotations

import numpy as np
from matplotlib.ticker import MaxNLocator

from kammerton.estimation.pictures.between import Line
from kammerton.estimation.pictures.cable import turns_of_cable, unwinding
from kammerton.estimation.pictures.page import (
    DATA,
    INK,
    SMALL,
    Page,
    draw_curve,
    label,
    line_style,
    plain,
    square,
)
from kammerton.estimation.pictures.scales import labelled, largest, prefix_of
from kammerton.model import Fit, Trace, Verdict
from kammerton.model.trace import FloatArray

SEEN = 0.01
"""Turns across the window that nobody would see."""


def draw_plane(page: Page, trace: Trace, fit: Fit | None, line: Line | None) -> None:
    """Draw I and Q with the fitted curve; of a resonance without the turns of its cable."""
    plane = page.add_axes((0.70, 0.14, 0.27, 0.60))
    factor, prefix = prefix_of(largest(trace.y), trace.y_unit)
    unit = prefix + trace.y_unit
    y = trace.y / factor
    if fit is not None and line is not None and fit.status != "no signal":
        turns = _of_cable(fit, trace.x)
        if turns != 0:
            plane.set_title("cable's delay taken out", fontsize=SMALL - 1, color=INK, pad=3)
            y = y * unwinding(trace.x, turns)
        z = line.y * unwinding(line.x, turns) / factor
        draw_curve(plane, z.real, z.imag, line.joined, "x", **line_style(fit))
    plane.plot(y.real, y.imag, "o", ms=2.2, mew=0, color=DATA)
    plain(plane)
    plane.xaxis.set_major_locator(MaxNLocator(4))
    square(plane)
    label(plane, labelled("I", unit), labelled("Q", unit))


def _of_cable(fit: Fit, x: FloatArray) -> float:
    if fit.kind != "resonator_spectroscopy" or fit.verdict is not Verdict.ACCEPTED:
        return 0.0
    turns = turns_of_cable(x, np.asarray(fit.curve, dtype=np.complex128))
    return 0.0 if abs(turns) < SEEN else turns
