"""Several sweeps over one axis, each with its fit."""

from __future__ import annotations

import numpy as np

from kammerton.estimation.files.grid import Grid
from kammerton.estimation.pictures.between import Line, between
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
    measured,
    plain,
    square,
)
from kammerton.estimation.pictures.scales import called, labelled, largest, on_axis, prefix_of
from kammerton.model import Fit


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
        draw_curve(above, (line.x - origin) / unit, shown(line.y) / factor, line.joined, lw=1.4,
                   color=colour)  # fmt: skip
        scale = np.where(grid.sigma[n] > 0, grid.sigma[n], np.nan) if known else factor
        below.plot(x, (y - shown(fit.curve[n])) / scale, mark, ms=2.2, mew=0, color=colour)
    key_above(above, len(grid.x[0]))
    name = (grid.y_name or "|S|") if flat else called(grid.y, grid.y_unit, grid.y_name)
    label(above, "", labelled(name, prefix + grid.y_unit))
    label(below, x_label, "res. / σ" if known else "residual")
    if flat:
        _plane(page, grid, lines, factor, prefix)


def _lines(grid: Grid, fit: Fit | None) -> dict[int, Line]:
    """Return the fitted curves, of the sweeps that have one."""
    if fit is None or fit.curve is None:
        return {}
    return {
        n: between(fit, grid.x[1], curve, float(grid.x[0][n]))
        for n, curve in enumerate(fit.curve)
        if np.isfinite(curve).all()
    }


def _plane(page: Page, grid: Grid, lines: dict[int, Line], factor: float, prefix: str) -> None:
    plane = page.add_axes((0.70, 0.14, 0.27, 0.60))
    for n, (colour, mark) in enumerate(_styles(len(grid.x[0]))):
        z = grid.y[n] / factor
        plane.plot(z.real, z.imag, mark, ms=2.0, mew=0, alpha=0.6, color=colour)
        if n in lines:
            line = lines[n].y / factor
            draw_curve(plane, line.real, line.imag, lines[n].joined, "x", lw=1.2, color=colour)
    plain(plane)
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
