"""Maps and their fitted line; several sweeps over one axis."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Normalize
from matplotlib.patheffects import withStroke
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from kammerton.estimation.files.grid import Grid
from kammerton.estimation.files.layouts import LAYOUTS
from kammerton.estimation.pictures.flat import NOTHING
from kammerton.estimation.pictures.lines import RESONATORS, lines_of
from kammerton.estimation.pictures.page import (
    CURVE,
    INK,
    PALE,
    SMALL,
    Page,
    label,
    plain,
)
from kammerton.estimation.pictures.scales import called, labelled, largest, on_axis, prefix_of
from kammerton.model import Fit, Verdict
from kammerton.model.trace import FloatArray

UPRIGHT = ("cz_chevron",)
"""Kinds whose first axis runs to the right; elsewhere it runs up."""

LEFT, RIGHT = (0.09, 0.14, 0.44, 0.56), (0.58, 0.14, 0.36, 0.56)


def draw_map(page: Page, grid: Grid, fit: Fit | None) -> None:
    """Draw the map with the line that was fitted, and what the fit leaves."""
    kind = "" if fit is None else fit.kind
    curve = _fitted(fit)
    shown, name = _contrast(grid, kind)
    own = "" if kind in RESONATORS else grid.y_unit
    factor, prefix = prefix_of(largest(shown), own)
    axes = page.add_axes(LEFT)
    _image(page, axes, grid, kind, shown / factor, "viridis", labelled(name, prefix + own))
    if curve is not None and np.isfinite(curve).any():
        if _spectra(kind):
            for line in lines_of(grid, fit, curve):
                _line(axes, grid, line, fit)
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
    factor, prefix = prefix_of(largest(left), grid.y_unit)
    scaled = np.asarray(left / (np.where(grid.sigma > 0, grid.sigma, np.nan) if known else factor))
    colours = "viridis" if np.iscomplexobj(rest) else "RdBu_r"
    word = "|residual|" if np.iscomplexobj(rest) else "residual"
    _image(page, apart, grid, kind, scaled, colours, f"{word} / σ" if known else
           labelled(word, prefix + grid.y_unit), named=False)  # fmt: skip


def _fitted(fit: Fit | None) -> NDArray[Any] | None:
    """Return the fitted image, NaN in columns that the fit left out; None where it is of noise."""
    if fit is None or fit.curve is None or fit.status == NOTHING:
        return None
    curve = np.array(fit.curve)
    curve[:, (curve == 0).all(axis=0)] = np.nan
    return curve


def _contrast(grid: Grid, kind: str) -> tuple[FloatArray, str]:
    """Return what shows a line: what stands out of each spectrum's background."""
    y = grid.y
    if not _spectra(kind):
        return np.asarray(y.real), called(y.real, grid.y_unit, grid.y_name)
    if kind in RESONATORS:
        size = np.abs(y)
        middle = _median(size)
        return size / np.where(middle > 0, middle, np.nan), "|S| / median"
    if not np.iscomplexobj(y):
        return y - _median(y), "signal − median"
    return np.abs(y - _median(y.real) - 1j * _median(y.imag)), "|S − median|"


def _spectra(kind: str) -> bool:
    return kind in LAYOUTS and LAYOUTS[kind].phase


def _median(values: FloatArray) -> FloatArray:
    empty = np.isnan(values).all(axis=0)
    middle: FloatArray = np.nanmedian(np.where(empty, 0.0, values), axis=0)
    return np.where(empty, np.nan, middle)


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


def _line(axes: Axes, grid: Grid, line: FloatArray, fit: Fit | None) -> None:
    x, _, _, _ = on_axis(grid.x[1], grid.names[1], grid.units[1])
    _, origin, factor, _ = on_axis(grid.x[0], grid.names[0], grid.units[0])
    order = np.argsort(x)
    axes.plot(x[order], (line[order] - origin) / factor, "-", **_style(fit))


def _style(fit: Fit | None) -> dict[str, Any]:
    """Return how a fitted line is drawn: one that was rejected stands back."""
    if fit is not None and fit.verdict is Verdict.REJECTED:
        return {"lw": 1.1, "color": PALE}
    return {"lw": 1.3, "color": CURVE,
            "path_effects": [withStroke(linewidth=2.6, foreground="white")]}  # fmt: skip


def _cross(axes: Axes, grid: Grid, kind: str, fit: Fit) -> None:
    """Mark the gate of a chevron, its amplitude and its length, where the map has them."""
    for axis, name, line in ((0, "amplitude", axes.axvline), (1, "cz_length", axes.axhline)):
        along = grid.x[axis]
        if name in fit.values and along.min() <= fit.values[name].value <= along.max():
            _, origin, factor, _ = on_axis(along, grid.names[axis], grid.units[axis])
            line((fit.values[name].value - origin) / factor, ls="--", **_style(fit))
