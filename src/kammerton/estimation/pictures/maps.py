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
from kammerton.estimation.pictures.page import (
    CURVE,
    INK,
    SMALL,
    Page,
    label,
    plain,
)
from kammerton.estimation.pictures.scales import called, labelled, largest, on_axis, prefix_of
from kammerton.model import Fit
from kammerton.model.trace import FloatArray

UPRIGHT = ("cz_chevron",)
"""Kinds whose first axis runs to the right; elsewhere it runs up."""
RESONATORS = ("punch_out", "resonator_flux_map")
"""Kinds whose line is a dip in the transmission."""

ROUNDING = 1e-9

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
                _line(axes, grid, line)
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
    """Return the fitted image; NaN in columns that the fit left out."""
    if fit is None or fit.curve is None:
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


def lines_of(grid: Grid, fit: Fit | None, curve: NDArray[Any]) -> list[FloatArray]:
    """Return the fitted lines of a map, each its place in every column (B,), in Hz."""
    if fit is not None and "crossing_bias" in fit.values:
        return branches_of(grid.x[1], fit)
    return [line_of(grid.x[0], curve)]


def branches_of(bias: FloatArray, fit: Fit) -> list[FloatArray]:
    """Return both branches of an avoided crossing (B,): of two straight lines that couple by g."""
    names = ("crossing_bias", "crossing_frequency", "coupling", "slope_upper", "slope_lower")
    place, middle, g, one, other = (fit.values[name].value for name in names)
    away = bias - place
    half = np.hypot(0.5 * (one - other) * away, g)
    return [middle + 0.5 * (one + other) * away + sign * half for sign in (1.0, -1.0)]


def line_of(frequency: FloatArray, curve: NDArray[Any]) -> FloatArray:
    """Return the place of the line in every column (B,) of a fitted image (A, B), else NaN.

    A Lorentzian over a straight background bends most at its centre.
    """
    order = np.argsort(frequency)
    f, image = frequency[order], np.asarray(curve)[order]
    bend = np.diff(np.diff(image, axis=0) / np.diff(f)[:, None], axis=0)
    bend = np.where(np.isfinite(bend), np.abs(bend) ** 2, 0.0)
    flat = ROUNDING * largest(image) / float(np.median(np.diff(f))) ** 2
    places = np.arange(len(bend), dtype=np.float64)
    peak = bend.argmax(axis=0)
    inner = (peak > 0) & (peak < len(bend) - 1) & (bend.max(axis=0) > flat**2)
    at = peak.astype(np.float64)
    for _ in range(8):  # the mean of what bends around it
        near = bend * np.exp(-0.5 * (places[:, None] - at) ** 2)
        at = np.where(inner, (near.T @ places) / np.where(inner, near.sum(axis=0), 1.0), at)
    return np.where(inner, np.interp(at, places, f[1:-1]), np.nan)


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


def _line(axes: Axes, grid: Grid, line: FloatArray) -> None:
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
