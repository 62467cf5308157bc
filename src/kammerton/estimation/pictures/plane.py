"""A resonance in the plane: a circle, once the cable's delay is taken out."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from kammerton.estimation.pictures.between import Line
from kammerton.estimation.pictures.cable import turns_seen, unwinding
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
from kammerton.model import Fit, Trace


def name_unwound(plane: Axes) -> None:
    """Say that what is drawn lacks the turns of a cable."""
    plane.set_title("cable's delay taken out", fontsize=SMALL - 1, color=INK, pad=3)


def draw_plane(page: Page, trace: Trace, fit: Fit | None, line: Line | None) -> None:
    """Draw I and Q with the fitted curve; of a resonance without the turns of its cable."""
    plane = page.add_axes((0.70, 0.14, 0.27, 0.60))
    factor, prefix = prefix_of(largest(trace.y), trace.y_unit)
    unit = prefix + trace.y_unit
    y = trace.y / factor
    if fit is not None and line is not None and fit.status != "no signal":
        turns = turns_seen(fit, trace.x, np.asarray(fit.curve, dtype=np.complex128))
        if turns != 0:
            name_unwound(plane)
            y = y * unwinding(trace.x, turns)
        z = line.y * unwinding(line.x, turns) / factor
        draw_curve(plane, z.real, z.imag, line.joined, "x", **line_style(fit))
    plane.plot(y.real, y.imag, "o", ms=2.2, mew=0, color=DATA)
    plain(plane)
    plane.xaxis.set_major_locator(MaxNLocator(4))
    square(plane)
    label(plane, labelled("I", unit), labelled("Q", unit))
