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
from matplotlib import get_data_path
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray

from kammerton.estimation.files.grid import Grid
from kammerton.estimation.files.layouts import LAYOUTS, Form
from kammerton.estimation.pictures.between import Line, between
from kammerton.estimation.pictures.flat import NOTHING, without_signal
from kammerton.estimation.pictures.lengths import spread_out
from kammerton.estimation.pictures.maps import draw_map
from kammerton.estimation.pictures.page import (
    COLOURS,
    CURVE,
    INK,
    LETTER,
    ROUNDING,
    SMALL,
    Page,
    axes_pair,
    draw_curve,
    fitted,
    key_to_means,
    label,
    left_over,
    line_style,
    measured,
    remainder,
    settle,
)
from kammerton.estimation.pictures.pairs import draw_pairs
from kammerton.estimation.pictures.plane import draw_plane
from kammerton.estimation.pictures.scales import (
    called,
    labelled,
    largest,
    on_axis,
    prefix_of,
)
from kammerton.estimation.pictures.series import draw_series
from kammerton.estimation.pictures.shots import draw_shots, shots_of
from kammerton.estimation.pictures.wording import words_of
from kammerton.estimation.reduce import axis_of
from kammerton.model import Fit, Trace, Verdict
from kammerton.model.trace import ComplexArray, FloatArray

TITLE, NOTE, HEIGHT, NARROW, WIDE, DPI = 0.35, 0.15, 3.5, 4.6, 7.0, 100
"""Inches, and dots an inch."""

FINE = 1e-3
"""What a fit leaves has its own prefix below this: its numbers were longer than their room."""

LETTERS = 14.5
"""Of the small print in an inch, wide ones too."""

FACE = Path(get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf"
"""Of a target's name; bold letters of few dots have hair lines, and look like a serif face."""

Shown = Callable[[NDArray[Any]], FloatArray]
"""What of a signal is drawn."""

MARGIN = 0.03
"""Of the width of a panel, beside what is written: titles begin where the names of targets do."""

ACROSS = 72 * (1 - 2 * MARGIN)
"""Points of an inch of width that a title may take."""

UNDER, ROW = 0.885, 0.04
"""Parts of a panel: where its axes end below no words, and how much lower for each line of them."""

POOR = 0.5
"""Of the variance of y: a rejected curve that leaves more of it shows nothing."""

SOME = 10
"""More shots than two means, which the loop fits as a trace of two points."""

NAME, SMALLER = 13, 0.6
"""Points of a target's name, and the part of them down to which a long one shrinks."""


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
    where given, the panel shows them in the IQ plane with the discriminator. note: small lines
    below the title. dpi: dots per inch of a png; the daemon draws one a run, and keeps it small.

    Raises
    ------
    OSError
        The picture cannot be written.
    """
    shots = shots or {}
    wide = any(_is_wide(trace, fits.get(target)) for target, trace in traces.items())
    columns = max(1, min(2 if wide else 3, len(traces)))
    rows = max(1, math.ceil(len(traces) / columns))
    width = (WIDE if wide else NARROW) * columns
    notes = _note_lines(note, width)
    head = TITLE + NOTE * len(notes)
    figure = Figure(figsize=(width, HEIGHT * rows + head), dpi=dpi)
    FigureCanvasAgg(figure)
    _title(figure, title, notes, MARGIN / columns)
    pages = figure.add_gridspec(rows + 1, columns, height_ratios=[head] + rows * [HEIGHT])
    panels = {
        target: figure.add_subfigure(pages[1 + place // columns, place % columns])
        for place, target in enumerate(traces)
    }
    most = max((_headline(panels[t], traces[t], fits.get(t)) for t in traces), default=0)
    for target, page in panels.items():
        top = UNDER - ROW * most
        _panel(page, traces[target], fits.get(target), shots.get(target), top)
    metadata = {"Software": None} if path.suffix.lower() == ".png" else None
    figure.savefig(path, metadata=metadata)


def _note_lines(note: str, inches: float) -> list[str]:
    """Return the lines of a note, each no wider than a picture of so many inches."""
    letters = int(ACROSS * inches / (LETTER * SMALL))
    return [part for line in note.splitlines() for part in textwrap.wrap(line, letters)]


def _title(figure: Figure, title: str, notes: list[str], left: float) -> None:
    height, room = figure.get_figheight(), ACROSS * figure.get_figwidth()
    lines = [(title, 10.0), *((line, SMALL) for line in notes)]
    for k, (words, size) in enumerate(lines):
        down = 0.12 + (0.2 + NOTE * (k - 1) if k else 0.0)
        shown, points = fitted(words, size, room)
        figure.text(left, 1 - down / height, shown, va="top", fontsize=points, color=INK,
                    parse_math=False)  # fmt: skip


def _panel(
    page: Page, trace: Trace | Grid, fit: Fit | None, shots: ComplexArray | None, top: float
) -> None:
    """Draw what was measured. top: where the axes of a sweep end, in parts of the panel."""
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
        _real(page, trace, fit, top)


def _headline(page: Page, trace: Trace | Grid, fit: Fit | None) -> int:
    """Say what was measured and what came of it; return in how many lines."""
    inches = WIDE if _is_wide(trace, fit) else NARROW
    letters = int(LETTERS * inches)
    verdict = "not fitted" if fit is None else _verdict(fit)
    room = 8.8 * inches - 0.68 * len(verdict) - 4
    size = NAME * max(SMALLER, min(1.0, room / max(len(trace.target), 1)))
    target = _shortened(trace.target, math.ceil(room * NAME / size))
    page.text(MARGIN, 0.975, target, va="top", font=FACE, fontsize=size, color=INK,
              parse_math=False)  # fmt: skip
    colour = INK if fit is None else _colour(fit)
    page.text(1 - MARGIN, 0.965, verdict, va="top", ha="right", fontsize=9, color=colour,
              parse_math=False)  # fmt: skip
    if fit is None:
        return 0
    words = words_of(fit, trace, letters)
    page.text(1 - MARGIN, 0.912, words, va="top", ha="right", fontsize=SMALL, color=INK,
              linespacing=1.25, parse_math=False)  # fmt: skip
    return words.count("\n") + 1


def _verdict(fit: Fit) -> str:
    return str(fit.verdict) if fit.status == "success" else f"{fit.verdict}: {fit.status}"


def _colour(fit: Fit) -> str:
    """Green is kept for what needs nobody: an accepted fit may still have found a fault."""
    found = fit.verdict is Verdict.ACCEPTED and fit.status != "success"
    return COLOURS[Verdict.INSUFFICIENT if found else fit.verdict]


def _is_wide(trace: Trace | Grid, fit: Fit | None) -> bool:
    pairs = fit is not None and fit.kind == "allxy"
    return pairs or isinstance(trace, Grid) or bool(np.iscomplexobj(trace.y))


def _shortened(name: str, letters: int) -> str:
    return name if len(name) <= letters else name[: letters - 1] + "…"


def _real(page: Page, trace: Trace, fit: Fit | None, top: float) -> None:
    name = called(np.real(trace.y), trace.y_unit, trace.y_name)
    _sweep(page, trace, fit, _line(trace, fit), np.real, name, left=0.15, right=0.97, top=top)


def _complex(page: Page, trace: Trace, fit: Fit | None) -> None:
    shown: Shown = np.abs
    name = trace.y_name or "|S|"
    if fit is not None and fit.kind == "qubit_spectroscopy":  # fitted along one line in the plane
        turn = np.exp(-1j * axis_of(np.asarray(trace.y, dtype=np.complex128)))
        shown, name = partial(_along, turn), "signal along its axis"
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


def _is_poor(y: FloatArray, curve: FloatArray) -> bool:
    """Whether a curve follows hardly anything of y."""
    return bool(np.nanvar(y - curve) > POOR * np.nanvar(y))


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
    label(below, x_label, remainder(known, prefix + trace.y_unit))
    spread_out(above, "" if fit is None else fit.kind, x)
    if fit is None or fit.curve is None or line is None:
        key_to_means(above)
        return
    curve, line = shown(fit.curve), replace(line, y=shown(line.y))
    if fit.status == NOTHING and np.isfinite(y).any():
        curve, line = without_signal(trace.x, y, fit.kind)
    elif fit.verdict is Verdict.REJECTED and _is_poor(y, curve):
        line = replace(line, joined=False)
    if line.joined or fit.verdict is not Verdict.REJECTED:  # else marks that nobody can follow
        draw_curve(above, (line.x - origin) / unit, line.y / factor, line.joined, **line_style(fit))
    if not known and ROUNDING * largest(y) < largest(y - curve) < FINE * factor:
        factor, prefix = prefix_of(largest(y - curve), trace.y_unit)
        label(below, x_label, remainder(known, prefix + trace.y_unit))
    scale = np.where(trace.sigma > 0, trace.sigma, np.nan) if known else factor
    left_over(below, x, (y - curve) / scale)
    settle(above, below)
    key_to_means(above)
