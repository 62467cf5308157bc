"""Maps and their fitted line; several sweeps over one axis."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Normalize
from matplotlib.patheffects import withStroke
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from kammerton.estimation.grid import Grid
from kammerton.estimation.layouts import LAYOUTS
from kammerton.estimation.page import (
    CURVE,
    DATA,
    INK,
    MARKS,
    SMALL,
    STATES,
    Page,
    axes_pair,
    label,
    legend,
    plain,
    smooth,
    square,
)
from kammerton.estimation.scales import labelled, largest, on_axis, prefix_of
from kammerton.model import Fit
from kammerton.model.trace import FloatArray

UPRIGHT = ("cz_chevron",)
"""Kinds whose first axis runs to the right; elsewhere it runs up."""
LEFT, RIGHT = (0.09, 0.14, 0.44, 0.56), (0.56, 0.14, 0.37, 0.56)


def draw_map(page: Page, grid: Grid, fit: Fit | None) -> None:
    """Draw the map with the line that was fitted, and what the fit leaves."""
    kind = "" if fit is None else fit.kind
    curve = _fitted(fit)
    spectra = kind in LAYOUTS and LAYOUTS[kind].phase
    shown, name = _contrast(grid.y, spectra)
    factor, prefix = prefix_of(largest(shown), grid.y_unit)
    unit = prefix + grid.y_unit
    axes = page.add_axes(LEFT)
    _image(page, axes, grid, kind, shown / factor, "viridis", labelled(name, unit))
    if curve is not None and np.isfinite(curve).any():
        if spectra:
            _line(axes, grid, kind, line_of(grid.x[0], curve))
        elif fit is not None:
            _cross(axes, grid, kind, fit)
    apart = page.add_axes(RIGHT)
    if curve is None or not np.isfinite(curve).any():
        apart.set_axis_off()
        apart.text(0.5, 0.5, "no curve was fitted", ha="center", fontsize=SMALL, color=INK)
        return
    known = bool((grid.sigma > 0).any())
    rest = grid.y - curve
    left = np.abs(rest) if np.iscomplexobj(rest) else rest
    scaled = np.asarray(left / (np.where(grid.sigma > 0, grid.sigma, np.nan) if known else factor))
    colours = "viridis" if np.iscomplexobj(rest) else "RdBu_r"
    word = "|residual|" if np.iscomplexobj(rest) else "residual"
    _image(page, apart, grid, kind, scaled, colours, f"{word} / σ" if known else
           labelled(word, unit), named=False)  # fmt: skip


def _fitted(fit: Fit | None) -> NDArray[Any] | None:
    """Return the fitted image; NaN in columns that the fit left out."""
    if fit is None or fit.curve is None:
        return None
    curve = np.array(fit.curve)
    curve[:, (curve == 0).all(axis=0)] = np.nan
    return curve


def _contrast(y: NDArray[Any], spectra: bool) -> tuple[FloatArray, str]:
    """Return what shows a line: what stands out of each spectrum's background."""
    values = np.asarray(y)
    if not spectra:
        return values.astype(np.float64), "signal"
    if not np.iscomplexobj(values):
        return values - _median(values), "signal − median"
    middle = _median(values.real) + 1j * _median(values.imag)
    return np.abs(values - middle), "|S − median|"


def _median(values: FloatArray) -> FloatArray:
    empty = np.isnan(values).all(axis=0)
    middle: FloatArray = np.nanmedian(np.where(empty, 0.0, values), axis=0)
    return np.where(empty, np.nan, middle)


def line_of(frequency: FloatArray, curve: NDArray[Any]) -> FloatArray:
    """Return the place of the line in every column (B,) of a fitted image (A, B), else NaN.

    A Lorentzian over a straight background bends most at its centre.
    """
    order = np.argsort(frequency)
    f, image = frequency[order], np.asarray(curve)[order]
    bend = np.diff(np.diff(image, axis=0) / np.diff(f)[:, None], axis=0)
    bend[~np.isfinite(bend)] = 0.0
    peak = np.abs(bend).argmax(axis=0)
    columns = np.arange(bend.shape[1])
    top = bend[peak, columns]
    near = peak + np.arange(-2, 3)[:, None]
    weight = np.maximum((bend[np.clip(near, 0, len(bend) - 1), columns] * top.conj()).real, 0.0)
    inner = (peak > 0) & (peak < len(bend) - 1) & (np.abs(top) > 0)
    weight[(near < 0) | (near >= len(bend))] = 0.0
    places = f[1:-1][np.clip(near, 0, len(bend) - 1)]
    total = np.where(inner, weight.sum(axis=0), 1.0)
    return np.where(inner, (weight * places).sum(axis=0) / total, np.nan)


def _image(
    page: Page,
    axes: Axes,
    grid: Grid,
    kind: str,
    values: FloatArray,
    colours: str,
    name: str,
    named: bool = True,
) -> None:
    across, up = _sides(kind)
    x, _, _, x_label = on_axis(grid.x[across], grid.names[across], grid.units[across])
    y, _, _, y_label = on_axis(grid.x[up], grid.names[up], grid.units[up])
    image = np.ma.masked_invalid(values if up == 0 else values.T)
    plain(axes)
    axes.set_facecolor("#f2f2f2")
    axes.patch.set(hatch="////", edgecolor="#c8c8c8", linewidth=0)
    there = image.compressed()
    axes.set_title(name, loc="left", fontsize=SMALL, color=INK, pad=3, parse_math=False)
    if there.size:
        low, high = np.percentile(there, (0.5, 99.5) if named else (3, 97))
        if colours == "RdBu_r":
            high = max(abs(low), abs(high))
            low = -high
        norm = Normalize(float(low), float(max(high, low + 1e-300)))
        i, j = np.argsort(y), np.argsort(x)
        drawn = axes.pcolormesh(x[j], y[i], image[np.ix_(i, j)], cmap=colours, norm=norm,
                                shading="nearest", rasterized=True)  # fmt: skip
        bar = page.colorbar(drawn, ax=axes, pad=0.02, fraction=0.06)
        bar.ax.tick_params(labelsize=SMALL - 1, color=INK, labelcolor=INK, length=2)
        bar.outline.set_visible(False)
        bar.locator = MaxNLocator(4)
        bar.update_ticks()
    label(axes, x_label, y_label if named else "")
    axes.tick_params(labelleft=named)
    axes.set_ylim(*_ends(y))


def _ends(values: FloatArray) -> tuple[float, float]:
    half = 0.5 * float(np.median(np.diff(np.unique(values))))
    return float(values.min()) - half, float(values.max()) + half


def _sides(kind: str) -> tuple[int, int]:
    return (0, 1) if kind in UPRIGHT else (1, 0)


def _line(axes: Axes, grid: Grid, kind: str, line: FloatArray) -> None:
    x, _, _, _ = on_axis(grid.x[1], grid.names[1], grid.units[1])
    _, origin, factor, _ = on_axis(grid.x[0], grid.names[0], grid.units[0])
    order = np.argsort(x)
    axes.plot(x[order], (line[order] - origin) / factor, "-", lw=1.3, color=CURVE,
              path_effects=[withStroke(linewidth=2.6, foreground="white")])  # fmt: skip


def _cross(axes: Axes, grid: Grid, kind: str, fit: Fit) -> None:
    """Mark the gate of a chevron: its amplitude and its length."""
    for axis, name, line in ((0, "amplitude", axes.axvline), (1, "cz_length", axes.axhline)):
        if name in fit.values:
            _, origin, factor, _ = on_axis(grid.x[axis], grid.names[axis], grid.units[axis])
            line((fit.values[name].value - origin) / factor, lw=1.3, ls="--", color=CURVE,
                 path_effects=[withStroke(linewidth=2.6, foreground="white")])  # fmt: skip


def draw_series(page: Page, grid: Grid, fit: Fit | None) -> None:
    """Draw several sweeps over one axis, each with its fit."""
    curve = None if fit is None or fit.curve is None else np.asarray(fit.curve)
    flat = np.iscomplexobj(grid.y)
    above, below = axes_pair(page, left=0.12, right=0.58 if flat else 0.97)
    x, _, _, x_label = on_axis(grid.x[1], grid.names[1], grid.units[1])
    shown = np.abs(grid.y) if flat else grid.y
    factor, prefix = prefix_of(largest(shown), grid.y_unit)
    known = bool((grid.sigma > 0).any())
    below.axhline(0, lw=0.8, color=INK)
    for n, (colour, mark) in enumerate(_styles(len(grid.x[0]))):
        bars = grid.sigma[n] / factor if known else None
        above.errorbar(x, shown[n] / factor, bars, fmt=mark, ms=2.8, mew=0, lw=0.8, color=colour,
                       label=_called(grid, n))  # fmt: skip
        if curve is None or not np.isfinite(curve[n]).any():
            continue
        fitted = np.abs(curve[n]) if flat else curve[n]
        once, first = np.unique(x, return_index=True)
        above.plot(*smooth(once, fitted[first] / factor), "-", lw=1.4, color=colour, zorder=3)
        scale = np.where(grid.sigma[n] > 0, grid.sigma[n], np.nan) if known else factor
        below.plot(x, (shown[n] - fitted) / scale, mark, ms=2.2, mew=0, color=colour)
    legend(above, loc="best", ncols=2 if len(grid.x[0]) > 3 else 1)
    name = "|S|" if flat else "signal" if grid.y_unit else "population of 1"
    label(above, "", labelled(name, prefix + grid.y_unit))
    label(below, x_label, "residual / σ" if known else "residual")
    if flat:
        _planes(page, grid, curve, factor, prefix)


def _planes(page: Page, grid: Grid, curve: NDArray[Any] | None, factor: float, prefix: str) -> None:
    plane = page.add_axes((0.70, 0.14, 0.27, 0.60))
    for n, (colour, mark) in enumerate(_styles(len(grid.x[0]))):
        z = grid.y[n] / factor
        plane.plot(z.real, z.imag, mark, ms=2.0, mew=0, alpha=0.6, color=colour)
        if curve is not None:
            fitted = np.asarray(curve[n], dtype=np.complex128) / factor
            plane.plot(fitted.real, fitted.imag, "-", lw=1.2, color=colour)
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
