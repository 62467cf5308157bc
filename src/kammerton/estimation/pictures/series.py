"""Several sweeps over one axis, each with its fit."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from matplotlib.ticker import MaxNLocator

from kammerton.estimation.files.grid import Grid
from kammerton.estimation.pictures.between import Line, between
from kammerton.estimation.pictures.cable import turns_seen, unwinding
from kammerton.estimation.pictures.flat import NOTHING, without_signal
from kammerton.estimation.pictures.lengths import spread_out
from kammerton.estimation.pictures.page import (
    DATA,
    INK,
    MARKS,
    STATES,
    Page,
    axes_pair,
    draw_curve,
    key_above,
    label,
    left_over,
    measured,
    plain,
    remainder,
    settle,
    square,
)
from kammerton.estimation.pictures.plane import name_unwound
from kammerton.estimation.pictures.scales import called, labelled, largest, on_axis, prefix_of
from kammerton.model import Fit, Verdict


def draw_series(page: Page, grid: Grid, fit: Fit | None) -> None:
    """Draw several sweeps over one axis, each with its fit."""
    flat = np.iscomplexobj(grid.y)
    above, below = axes_pair(page, left=0.12, right=0.58 if flat else 0.97, top=0.71)
    x, origin, unit, x_label = on_axis(grid.x[1], grid.names[1], grid.units[1])
    shown = np.abs if flat else np.real
    factor, prefix = prefix_of(largest(grid.y), grid.y_unit)
    known = bool((grid.sigma > 0).any())
    below.axhline(0, lw=0.8, color=INK)
    lines = _lines(grid, fit)
    for n, (colour, mark) in enumerate(_styles(len(grid.x[0]))):
        y = shown(grid.y[n])
        bars = grid.sigma[n] / factor if known else None
        measured(above, x, y / factor, bars, colour, mark, _called(grid, n))
        if n not in lines or fit is None or fit.curve is None:
            continue
        line = lines[n]
        curve, line = shown(fit.curve[n]), replace(line, y=shown(line.y))
        if fit.status == NOTHING and np.isfinite(y).any():
            curve, line = without_signal(grid.x[1], y, fit.kind)
        draw_curve(above, (line.x - origin) / unit, line.y / factor, line.joined, color=colour,
                   **_style(fit))  # fmt: skip
        scale = np.where(grid.sigma[n] > 0, grid.sigma[n], np.nan) if known else factor
        left_over(below, x, (y - curve) / scale, colour, mark)
    settle(above, below)
    spread_out(above, "" if fit is None else fit.kind, x)
    key_above(above, len(grid.x[0]))
    name = (grid.y_name or "|S|") if flat else called(grid.y, grid.y_unit, grid.y_name)
    label(above, "", labelled(name, prefix + grid.y_unit))
    label(below, x_label, remainder(known, prefix + grid.y_unit))
    if flat:
        _plane(page, grid, fit, lines, factor, prefix)


def _lines(grid: Grid, fit: Fit | None) -> dict[int, Line]:
    """Return the fitted curves, of the sweeps that have one."""
    if fit is None or fit.curve is None:
        return {}
    return {
        n: between(fit, grid.x[1], curve, float(grid.x[0][n]))
        for n, curve in enumerate(fit.curve)
        if np.isfinite(curve).all()
    }


def _style(fit: Fit) -> dict[str, Any]:
    """Return how fitted curves are drawn: those that were rejected stand back."""
    return {"lw": 0.9, "alpha": 0.4} if fit.verdict is Verdict.REJECTED else {"lw": 1.4}


def _plane(
    page: Page, grid: Grid, fit: Fit | None, lines: dict[int, Line], factor: float, prefix: str
) -> None:
    """Draw I and Q of every sweep; of resonances without the turns of their cable."""
    plane = page.add_axes((0.70, 0.14, 0.27, 0.60))
    turns = 0.0
    if fit is not None and fit.curve is not None and 0 in lines:
        turns = turns_seen(fit, grid.x[1], np.asarray(fit.curve[0], dtype=np.complex128))
    if turns != 0:
        name_unwound(plane)
    for n, (colour, mark) in enumerate(_styles(len(grid.x[0]))):
        z = grid.y[n] * unwinding(grid.x[1], turns) / factor
        plane.plot(z.real, z.imag, mark, ms=2.0, mew=0, alpha=0.6, color=colour)
        if fit is not None and n in lines and fit.status != NOTHING:
            line = lines[n].y * unwinding(lines[n].x, turns) / factor
            draw_curve(plane, line.real, line.imag, lines[n].joined, "x", color=colour,
                       **_style(fit))  # fmt: skip
    plain(plane)
    plane.xaxis.set_major_locator(MaxNLocator(4))
    square(plane)
    unit = prefix + grid.y_unit
    label(plane, labelled("I", unit), labelled("Q", unit))


def _called(grid: Grid, n: int) -> str:
    value = f"{grid.x[0][n]:g}"
    name = grid.labels[n] if grid.labels else value
    return name if name != value else f"{grid.names[0]} {value}"


def _styles(count: int) -> list[tuple[str, str]]:
    colours = (*STATES, "#8a6d00", "#cc79a7", DATA)
    return [(colours[n % len(colours)], MARKS[n % len(MARKS)]) for n in range(count)]
