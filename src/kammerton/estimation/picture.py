"""One page of the lab notebook: data, fit, residuals, values and verdict of every target."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure, SubFigure
from matplotlib.ticker import MaxNLocator
from scipy.interpolate import Akima1DInterpolator

from kammerton.estimation.reduce import axis_of
from kammerton.estimation.scales import labelled, largest, on_axis, prefix_of, written
from kammerton.model import Fit, Trace, Verdict
from kammerton.model.trace import ComplexArray, FloatArray

INK, DATA, CURVE, ONE, PALE = "#333333", "#1f4e79", "#d9541e", "#b3246b", "#b8c0c8"
COLOURS = {
    Verdict.ACCEPTED: "#2e7d32",
    Verdict.INSUFFICIENT: "#b26a00",
    Verdict.REJECTED: "#b00020",
}
TITLE, HEIGHT, DPI, SMALL = 0.35, 3.5, 100, 8.0
"""Inches, dots an inch, and points."""

MOST_SHOTS = 2000
SYMBOLS = {
    "t1": "T₁", "t2_star": "T₂*", "t2_echo": "T₂ echo", "frequency": "f", "linewidth": "FWHM",
    "q_loaded": "Q", "q_internal": "Q internal", "q_coupling": "Q coupling",
    "frequency_gf_half": "f 02/2", "pi_amplitude": "A π", "assignment_fidelity": "F",
    "readout_angle": "angle", "readout_threshold": "threshold", "readout_contrast": "contrast",
}  # fmt: skip

Page = Figure | SubFigure


def draw(
    traces: Mapping[str, Trace],
    fits: Mapping[str, Fit],
    path: Path,
    title: str,
    shots: Mapping[str, ComplexArray] | None = None,
) -> None:
    """Draw one panel for each target and write the picture (png, pdf or svg).

    traces, fits: by target. shots: target -> (S, 2) single shots in V, prepared in 0 and in 1;
    where given, the panel shows them in the IQ plane with the discriminator.

    Raises
    ------
    OSError
        The picture cannot be written.
    """
    shots = shots or {}
    wide = any(np.iscomplexobj(trace.y) for trace in traces.values())
    columns = max(1, min(2 if wide else 3, len(traces)))
    rows = max(1, math.ceil(len(traces) / columns))
    figure = Figure(figsize=((5.6 if wide else 4.2) * columns, HEIGHT * rows + TITLE), dpi=DPI)
    FigureCanvasAgg(figure)
    _title(figure, title)
    pages = figure.add_gridspec(rows + 1, columns, height_ratios=[TITLE] + rows * [HEIGHT])
    for place, (target, trace) in enumerate(traces.items()):
        page = figure.add_subfigure(pages[1 + place // columns, place % columns])
        _panel(page, trace, fits.get(target), shots.get(target))
    metadata = {"Software": None} if path.suffix.lower() == ".png" else None
    figure.savefig(path, metadata=metadata)


def _title(figure: Figure, title: str) -> None:
    height = figure.get_figheight()
    figure.text(0.012, 1 - 0.12 / height, title, va="top", fontsize=10, color=INK,
                parse_math=False)  # fmt: skip


def _panel(page: Page, trace: Trace, fit: Fit | None, shots: ComplexArray | None) -> None:
    _headline(page, trace.target, fit)
    if shots is not None:
        _shots(page, shots, fit)
    elif np.iscomplexobj(trace.y):
        _complex(page, trace, fit)
    else:
        _real(page, trace, fit)


def _headline(page: Page, target: str, fit: Fit | None) -> None:
    page.text(0.13, 0.955, target, va="top", fontsize=11, weight="bold", color=INK,
              parse_math=False)  # fmt: skip
    verdict = "not fitted" if fit is None else f"{fit.verdict}: {fit.status}"
    colour = INK if fit is None else COLOURS[fit.verdict]
    page.text(0.97, 0.95, verdict, va="top", ha="right", fontsize=9, color=colour,
              parse_math=False)  # fmt: skip
    if fit is not None:
        page.text(0.97, 0.895, _words(fit), va="top", ha="right", fontsize=SMALL, color=INK,
                  linespacing=1.25, parse_math=False)  # fmt: skip


def _words(fit: Fit) -> str:
    """The values of an accepted fit; else the reason."""
    if fit.verdict is not Verdict.ACCEPTED:
        return "\n".join(textwrap.wrap(fit.reason, 62)[:3])
    values = [
        f"{SYMBOLS.get(name, name.replace('_', ' '))} = {written(v.value, v.unit, v.stderr)}"
        for name, v in fit.values.items()
        if math.isfinite(v.value)
    ]
    if math.isfinite(fit.chi2_reduced):
        values.append(f"χ²/ν = {fit.chi2_reduced:.2f}")
    return "\n".join("   ".join(values[i : i + 3]) for i in range(0, len(values), 3))


def _axes(page: Page, **place: float) -> tuple[Axes, Axes]:
    grid = page.add_gridspec(
        2, 1, height_ratios=(3.6, 1), hspace=0.07, bottom=0.14, top=0.76, **place
    )
    above = page.add_subplot(grid[0])
    below = page.add_subplot(grid[1], sharex=above)
    above.tick_params(labelbottom=False)
    for axes in (above, below):
        _plain(axes)
    below.yaxis.set_major_locator(MaxNLocator(2, symmetric=True))
    return above, below


def _plain(axes: Axes) -> None:
    axes.tick_params(labelsize=SMALL, color=INK, labelcolor=INK, length=3)
    axes.spines[["top", "right"]].set_visible(False)
    axes.xaxis.set_major_locator(MaxNLocator(5))
    axes.yaxis.set_major_locator(MaxNLocator(4))
    axes.ticklabel_format(useOffset=False, style="plain")


def _label(axes: Axes, x: str = "", y: str = "") -> None:
    style: dict[str, Any] = {"fontsize": SMALL + 0.5, "color": INK, "parse_math": False}
    axes.set_xlabel(x, labelpad=2, **style)
    axes.set_ylabel(y, labelpad=2, **style)


def _real(page: Page, trace: Trace, fit: Fit | None) -> None:
    y = np.real(trace.y)
    curve = None if fit is None or fit.curve is None else np.real(fit.curve)
    _sweep(page, trace, y, curve, (y - curve) if curve is not None else None,
           "population of 1" if not trace.y_unit else "signal", left=0.15, right=0.97)  # fmt: skip


def _complex(page: Page, trace: Trace, fit: Fit | None) -> None:
    curve = None if fit is None else fit.curve
    y, name = np.abs(trace.y), "|S|"
    shown = None if curve is None else np.abs(curve)
    if fit is not None and fit.kind == "qubit_spectroscopy":  # fitted along one line in the plane
        turn = np.exp(-1j * axis_of(np.asarray(trace.y, dtype=np.complex128)))
        y, name = (trace.y * turn).real, "along the axis"
        shown = None if curve is None else (curve * turn).real
    _sweep(page, trace, y, shown, None if shown is None else y - shown, name, left=0.12, right=0.58)
    plane = page.add_axes((0.70, 0.14, 0.27, 0.60))
    factor, prefix = prefix_of(largest(trace.y), trace.y_unit)
    unit = prefix + trace.y_unit
    plane.plot(trace.y.real / factor, trace.y.imag / factor, "o", ms=2.2, mew=0, color=DATA)
    if curve is not None:
        plane.plot(curve.real / factor, np.imag(curve) / factor, "-", lw=1.2, color=CURVE)
    _plain(plane)
    plane.xaxis.set_major_locator(MaxNLocator(4))
    _square(plane)
    _label(plane, labelled("I", unit), labelled("Q", unit))


def _sweep(
    page: Page, trace: Trace, y: FloatArray, curve: FloatArray | None,
    apart: FloatArray | None, name: str, **place: float,
) -> None:  # fmt: skip
    """Data with error bars and fit; below, what the fit leaves, in sigmas where they are known."""
    above, below = _axes(page, **place)
    x, _, _, x_label = on_axis(trace.x, trace.x_name, trace.x_unit)
    factor, prefix = prefix_of(largest(y), trace.y_unit)
    known = bool((trace.sigma > 0).any())
    bars = trace.sigma / factor if known else None
    above.errorbar(x, y / factor, bars, fmt="o", ms=2.8, mew=0, lw=0.8, color=DATA)
    if curve is not None and np.isfinite(curve).all():
        above.plot(*_smooth(x, curve / factor), "-", lw=1.4, color=CURVE, zorder=3)
    _label(above, "", labelled(name, prefix + trace.y_unit))
    below.axhline(0, lw=0.8, color=CURVE)
    if apart is not None:
        scale = np.where(trace.sigma > 0, trace.sigma, np.nan) if known else factor
        below.plot(x, apart / scale, "o", ms=2.2, mew=0, color=DATA)
    _label(below, x_label, "residual / σ" if known else "residual")


def _smooth(x: FloatArray, curve: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return a curve without corners between few points; it passes through every one."""
    if x.size > 150 or x.size < 5 or not (np.diff(x) > 0).all():
        return x, curve
    dense = np.linspace(x[0], x[-1], 8 * x.size)
    return dense, Akima1DInterpolator(x, curve)(dense)


def _shots(page: Page, shots: ComplexArray, fit: Fit | None) -> None:
    factor, prefix = prefix_of(largest(shots), "V")
    z = shots[np.isfinite(shots).all(axis=1)] / factor
    if z.size == 0:
        return
    values = {} if fit is None else fit.values
    found = "readout_threshold" in values
    angle = (
        values["readout_angle"].value if found else float(np.angle(z[:, 1].mean() - z[:, 0].mean()))
    )
    boundary = values["readout_threshold"].value / factor if found else None
    _plane(page.add_axes((0.11, 0.14, 0.42, 0.60)), z, angle, boundary, prefix + "V")
    _projected(page.add_axes((0.64, 0.14, 0.33, 0.60)), z, angle, boundary, prefix + "V")


def _plane(axes: Axes, z: ComplexArray, angle: float, boundary: float | None, unit: str) -> None:
    for state, colour in ((0, DATA), (1, ONE)):
        some = z[:MOST_SHOTS, state]
        axes.plot(
            some.real,
            some.imag,
            "o",
            ms=1.6,
            mew=0,
            alpha=0.35,
            color=colour,
            label=f"prepared {state}",
        )
    _plain(axes)
    _square(axes)
    if boundary is not None:
        point = boundary * np.exp(1j * angle)
        axes.axline(
            (point.real, point.imag), slope=math.tan(angle + math.pi / 2), lw=1, color=INK, ls="--"
        )
    axes.legend(fontsize=SMALL - 1, frameon=False, markerscale=3, loc="best")
    _label(axes, labelled("I", unit), labelled("Q", unit))


def _projected(
    axes: Axes, z: ComplexArray, angle: float, boundary: float | None, unit: str
) -> None:
    u = (z * np.exp(-1j * angle)).real
    edges = np.linspace(float(u.min()), float(u.max()) + 1e-9, 81)
    _plain(axes)
    for state, colour in ((0, DATA), (1, ONE)):
        axes.stairs(np.histogram(u[:, state], edges)[0] + 0.1, edges, lw=1.1, color=colour)
    if boundary is not None:
        axes.axvline(boundary, lw=1, color=INK, ls="--")
    axes.set_yscale("log")
    axes.set_ylim(bottom=0.5)
    _label(axes, labelled("from 0 to 1", unit), "shots")


def _square(axes: Axes) -> None:
    axes.set_aspect("equal", adjustable="datalim")
