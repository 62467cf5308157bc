"""One page of the lab notebook: data, fit, residuals, values and verdict of every target."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray

from kammerton.estimation.files.grid import Grid, axes_of
from kammerton.estimation.files.layouts import LAYOUTS, OF_Y, Form
from kammerton.estimation.pictures.between import Line, between
from kammerton.estimation.pictures.maps import draw_map
from kammerton.estimation.pictures.page import (
    COLOURS,
    CURVE,
    DATA,
    INK,
    SMALL,
    Page,
    axes_pair,
    draw_curve,
    label,
    line_style,
    measured,
)
from kammerton.estimation.pictures.pairs import draw_pairs
from kammerton.estimation.pictures.plane import draw_plane
from kammerton.estimation.pictures.scales import (
    called,
    labelled,
    largest,
    on_axis,
    prefix_of,
    written,
)
from kammerton.estimation.pictures.series import draw_series
from kammerton.estimation.pictures.shots import draw_shots, shots_of
from kammerton.estimation.pictures.wording import given
from kammerton.estimation.reduce import axis_of
from kammerton.model import Fit, Trace, Verdict
from kammerton.model.advised import in_words
from kammerton.model.trace import ComplexArray, FloatArray

TITLE, NOTE, HEIGHT, NARROW, WIDE, DPI = 0.35, 0.15, 3.5, 4.6, 7.0, 100
"""Inches, and dots an inch."""

LETTERS = 14.5
"""Of the small print in an inch, wide ones too."""

Shown = Callable[[NDArray[Any]], FloatArray]
"""What of a signal is drawn."""

NOTHING = "no signal"
"""The finding after which a fitted curve shows nothing: it follows the noise."""

ROWS, MORE = 3, " …"
"""Lines of values above a picture, and what says that there are more."""

SOME = 10
"""More shots than two means, which the loop fits as a trace of two points."""

LEFT_OUT = ("centre_", "counted_", "readout_angle", "p0_", "p1_given_1", "p2_given_2")
"""Values that the picture of single shots shows itself."""

OF_PERIOD = ("period", "amplitude", "offset")
"""Values that say nothing where so little of a period was swept that it is not known."""

SYMBOLS = {
    "t1": "T₁", "t2_star": "T₂*", "t2_echo": "T₂ echo", "t2_cpmg": "T₂ CPMG", "frequency": "f",
    "linewidth": "FWHM", "q_loaded": "Q", "q_internal": "Q internal", "q_coupling": "Q coupling",
    "frequency_gf_half": "f 02/2", "pi_amplitude": "A π", "pi_length": "t π",
    "rabi_frequency": "f Rabi", "t_rabi": "T Rabi", "bare_frequency": "f bare",
    "assignment_fidelity": "F", "readout_angle": "angle", "readout_threshold": "threshold",
    "readout_contrast": "contrast", "drag_coefficient": "DRAG", "depolarization": "p",
    "depolarization_interleaved": "p interleaved", "error_per_clifford": "error/Clifford",
    "error_per_gate": "error/gate", "error_per_gate_bound": "bound", "allxy_deviation": "deviation",
    "angle_error": "angle error", "detuning_angle": "detuning", "drag_error": "DRAG error",
    "coupling": "g", "cz_length": "t CZ", "frequency_0": "f₀", "frequency_1": "f₁",
    "resonator_shift": "2χ", "readout_frequency": "f readout", "lines": "lines",
    "p1_given_0": "P(1|0)", "thermal_population": "thermal", "dispersive_shift": "χ",
    "amplitude_scale": "scale",
}  # fmt: skip

SMALLEST, LETTER = 5.5, 0.56
"""Points of a title that is too long for its picture, and the width of a letter in its size."""


def draw(
    traces: Mapping[str, Trace] | Mapping[str, Trace | Grid],
    fits: Mapping[str, Fit],
    path: Path,
    title: str,
    shots: Mapping[str, ComplexArray] | None = None,
    note: str = "",
    dpi: int = DPI,
) -> None:
    """Draw one panel for each target and write the picture (png, pdf or svg).

    traces, fits: by target. shots: target -> (S, 2) single shots in V, prepared in 0 and in 1;
    where given, the panel shows them in the IQ plane with the discriminator. note: a small line
    below the title. dpi: dots per inch of a png; the daemon draws one a run, and keeps it small.

    Raises
    ------
    OSError
        The picture cannot be written.
    """
    shots = shots or {}
    wide = any(_is_wide(trace) for trace in traces.values())
    columns = max(1, min(2 if wide else 3, len(traces)))
    rows = max(1, math.ceil(len(traces) / columns))
    head = TITLE + (NOTE if note else 0.0)
    figure = Figure(figsize=((WIDE if wide else NARROW) * columns, HEIGHT * rows + head), dpi=dpi)
    FigureCanvasAgg(figure)
    _title(figure, title, note)
    pages = figure.add_gridspec(rows + 1, columns, height_ratios=[head] + rows * [HEIGHT])
    for place, (target, trace) in enumerate(traces.items()):
        page = figure.add_subfigure(pages[1 + place // columns, place % columns])
        _panel(page, trace, fits.get(target), shots.get(target))
    metadata = {"Software": None} if path.suffix.lower() == ".png" else None
    figure.savefig(path, metadata=metadata)


def _title(figure: Figure, title: str, note: str) -> None:
    height, room = figure.get_figheight(), 72 * 0.976 * figure.get_figwidth()
    for down, words, size in ((0.12, title, 10), (0.32, note, SMALL)):
        fits = max(SMALLEST, min(size, room / (LETTER * max(len(words), 1))))
        most = int(room / (LETTER * fits))
        shown = words if len(words) <= most else f"{words[: most // 2]}…{words[1 - most // 2 :]}"
        figure.text(0.012, 1 - down / height, shown, va="top", fontsize=fits, color=INK,
                    parse_math=False)  # fmt: skip


def _panel(page: Page, trace: Trace | Grid, fit: Fit | None, shots: ComplexArray | None) -> None:
    _headline(page, trace, fit)
    kind = "" if fit is None else fit.kind
    form = LAYOUTS[kind].form if kind in LAYOUTS else Form.SWEEP
    if isinstance(trace, Grid):
        (draw_series if form is Form.SERIES else draw_map)(page, trace, fit)
    elif shots is not None:
        draw_shots(page, list(shots[np.isfinite(shots).all(axis=1)].T), fit, "V")
    elif form is Form.SHOTS and set(np.unique(trace.x)) <= {0, 1, 2} and trace.x.size > SOME:
        draw_shots(page, shots_of(trace), fit, trace.y_unit)
    elif np.iscomplexobj(trace.y):
        _complex(page, trace, fit)
    elif kind == "allxy":
        draw_pairs(page, trace, fit)
    else:
        _real(page, trace, fit)


def _headline(page: Page, trace: Trace | Grid, fit: Fit | None) -> None:
    inches = WIDE if _is_wide(trace) else NARROW
    letters = int(LETTERS * inches)
    verdict = "not fitted" if fit is None else _verdict(fit)
    target = _shortened(trace.target, int(8.8 * inches - 0.68 * len(verdict)) - 4)
    page.text(0.13, 0.955, target, va="top", fontsize=11, weight="bold", color=INK,
              parse_math=False)  # fmt: skip
    colour = INK if fit is None else _colour(fit)
    page.text(0.97, 0.95, verdict, va="top", ha="right", fontsize=9, color=colour,
              parse_math=False)  # fmt: skip
    if fit is not None:
        words = _words(fit, trace, letters)
        page.text(0.97, 0.895, words, va="top", ha="right", fontsize=SMALL, color=INK,
                  linespacing=1.25, parse_math=False)  # fmt: skip


def _verdict(fit: Fit) -> str:
    return str(fit.verdict) if fit.status == "success" else f"{fit.verdict}: {fit.status}"


def _colour(fit: Fit) -> str:
    """Green is kept for what needs nobody: an accepted fit may still have found a fault."""
    found = fit.verdict is Verdict.ACCEPTED and fit.status != "success"
    return COLOURS[Verdict.INSUFFICIENT if found else fit.verdict]


def _is_wide(trace: Trace | Grid) -> bool:
    return isinstance(trace, Grid) or bool(np.iscomplexobj(trace.y))


def _shortened(name: str, letters: int) -> str:
    return name if len(name) <= letters else name[: letters - 1] + "…"


def _words(fit: Fit, trace: Trace | Grid, letters: int) -> str:
    """The values of an accepted fit; else the reason, and what to change."""
    if fit.verdict is not Verdict.ACCEPTED:
        advice = "; ".join(in_words(fit.advice, axes_of(trace)))
        text = fit.reason + (f" → {advice}" if advice else "")
        return "\n".join(textwrap.wrap(text, letters)[:3])
    period = fit.values.get("period")
    unseen = OF_PERIOD if period is not None and period.stderr > abs(period.value) else ()
    values = [
        f"{SYMBOLS.get(name, name.replace('_', ' '))} = "
        + written(v.value, v.unit or (trace.y_unit if name in OF_Y else ""), v.stderr)
        + given(name, v)
        for name, v in fit.values.items()
        if math.isfinite(v.value) and not name.startswith(LEFT_OUT) and name not in unseen
    ]
    if math.isfinite(fit.chi2_reduced):
        values.append(f"χ²/ν = {fit.chi2_reduced:.2f}")
    lines = _lines(values, letters - len(MORE))
    return "\n".join(lines[:ROWS]) + (MORE if len(lines) > ROWS else "")


def _lines(values: list[str], letters: int) -> list[str]:
    lines = [""]
    for value in values:
        joined = f"{lines[-1]}   {value}" if lines[-1] else value
        if len(joined) <= letters:
            lines[-1] = joined
        else:
            lines.append(value)
    return lines


def _real(page: Page, trace: Trace, fit: Fit | None) -> None:
    name = called(np.real(trace.y), trace.y_unit, trace.y_name)
    _sweep(page, trace, fit, _line(trace, fit), np.real, name, left=0.15, right=0.97)


def _complex(page: Page, trace: Trace, fit: Fit | None) -> None:
    shown: Shown = np.abs
    name = trace.y_name or "|S|"
    if fit is not None and fit.kind == "qubit_spectroscopy":  # fitted along one line in the plane
        turn = np.exp(-1j * axis_of(np.asarray(trace.y, dtype=np.complex128)))
        shown, name = partial(_along, turn), "along the axis"
    line = _line(trace, fit)
    _sweep(page, trace, fit, line, shown, name, left=0.12, right=0.58)
    draw_plane(page, trace, fit, line)


def _along(turn: complex, y: NDArray[Any]) -> FloatArray:
    return np.asarray((y * turn).real)


def _line(trace: Trace, fit: Fit | None) -> Line | None:
    """Return the fitted curve as it is drawn; None where there is none."""
    if fit is None or fit.curve is None or not np.isfinite(fit.curve).all():
        return None
    return between(fit, trace.x, fit.curve)


def _sweep(
    page: Page, trace: Trace, fit: Fit | None, line: Line | None, shown: Shown, name: str,
    **place: float,
) -> None:  # fmt: skip
    """Data with error bars and fit; below, what the fit leaves, in sigmas where they are known.

    shown: what of y is drawn.
    """
    above, below = axes_pair(page, **place)
    x, origin, unit, x_label = on_axis(trace.x, trace.x_name, trace.x_unit)
    y = shown(trace.y)
    factor, prefix = prefix_of(largest(y), trace.y_unit)
    known = bool((trace.sigma > 0).any())
    measured(above, x, y / factor, trace.sigma / factor if known else None)
    label(above, "", labelled(name, prefix + trace.y_unit))
    below.axhline(0, lw=0.8, color=CURVE)
    label(below, x_label, "res. / σ" if known else "residual")
    if fit is None or fit.curve is None or line is None:
        return
    curve, line = shown(fit.curve), replace(line, y=shown(line.y))
    if fit.status == NOTHING and np.isfinite(y).any():
        curve, line = _flat(trace.x, y)
    draw_curve(above, (line.x - origin) / unit, line.y / factor, line.joined, **line_style(fit))
    scale = np.where(trace.sigma > 0, trace.sigma, np.nan) if known else factor
    below.plot(x, (y - curve) / scale, "o", ms=2.2, mew=0, color=DATA)


def _flat(x: FloatArray, y: FloatArray) -> tuple[FloatArray, Line]:
    """Return what a trace without a signal is, at its points and as it is drawn: its mean."""
    level = np.full(y.shape, np.nanmean(y))
    return level, Line(np.sort(x), level, True)
