"""Single shots in the IQ plane, and along the line from 0 to 1."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

from kammerton.estimation.page import INK, SMALL, STATES, Page, label, legend, plain, square
from kammerton.estimation.scales import labelled, prefix_of
from kammerton.model import Fit, Trace
from kammerton.model.trace import ComplexArray

MOST = 2000
"""Shots of one state that are drawn; the histogram counts all."""

LEFT, RIGHT = (0.11, 0.14, 0.40, 0.60), (0.62, 0.14, 0.34, 0.60)


def shots_of(trace: Trace) -> list[ComplexArray]:
    """Return the shots of each prepared state, without those that are missing."""
    y = np.asarray(trace.y, dtype=np.complex128)
    return [y[(trace.x == state) & np.isfinite(y)] for state in np.unique(trace.x)]


def draw_shots(page: Page, sets: Sequence[ComplexArray], fit: Fit | None, unit: str) -> None:
    """Draw the shots by what was prepared, with the discriminator where one was found."""
    if any(z.size == 0 for z in sets):
        return
    factor, prefix = prefix_of(_extent(sets), unit)
    scaled = [z / factor for z in sets]
    values = {} if fit is None else fit.values
    found = "readout_threshold" in values
    angle = (
        values["readout_angle"].value if found
        else float(np.angle(scaled[1].mean() - scaled[0].mean()))
    )  # fmt: skip
    boundary = values["readout_threshold"].value / factor if found else None
    _plane(page.add_axes(LEFT), scaled, angle, boundary, prefix + unit)
    _projected(page.add_axes(RIGHT), scaled, angle, boundary, prefix + unit)


def _extent(sets: Sequence[ComplexArray]) -> float:
    return max(float(np.abs(z).max()) for z in sets)


def _plane(
    axes: Axes, sets: Sequence[ComplexArray], angle: float, boundary: float | None, unit: str
) -> None:
    for state, (z, colour) in enumerate(zip(sets, STATES, strict=False)):
        axes.plot(z[:MOST].real, z[:MOST].imag, "o", ms=1.8, mew=0, alpha=0.3, color=colour,
                  zorder=2, label=f"prepared {state}")  # fmt: skip
    plain(axes)
    square(axes)
    if boundary is not None:
        point = boundary * np.exp(1j * angle)
        axes.axline((point.real, point.imag), slope=math.tan(angle + math.pi / 2), lw=1,
                    color=INK, ls="--")  # fmt: skip
    for handle in axes.get_legend_handles_labels()[0]:
        handle.set_zorder(2)
    legend(axes, markerscale=3, loc="lower left", bbox_to_anchor=(0, 1.0), ncols=len(sets),
           handletextpad=0.1, columnspacing=0.9, borderpad=0)  # fmt: skip
    label(axes, labelled("I", unit), labelled("Q", unit))


def _projected(
    axes: Axes, sets: Sequence[ComplexArray], angle: float, boundary: float | None, unit: str
) -> None:
    along = [(z * np.exp(-1j * angle)).real for z in sets]
    low, high = min(u.min() for u in along), max(u.max() for u in along)
    edges = np.linspace(float(low), float(high) + 1e-9, 81)
    plain(axes)
    for u, colour in zip(along, STATES, strict=False):
        axes.stairs(np.histogram(u, edges)[0] + 0.1, edges, lw=1.1, color=colour)
    if boundary is not None:
        axes.axvline(boundary, lw=1, color=INK, ls="--")
        axes.text(boundary, 1.0, " threshold", transform=axes.get_xaxis_transform(), va="bottom",
                  ha="center", fontsize=SMALL - 1, color=INK)  # fmt: skip
    axes.set_yscale("log")
    axes.set_ylim(bottom=0.5)
    label(axes, labelled("from 0 to 1", unit), "shots")
