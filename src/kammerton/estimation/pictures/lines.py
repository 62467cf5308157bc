"""Where the line of a fitted map runs."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

from kammerton.estimation.files.grid import Grid
from kammerton.estimation.pictures.scales import largest
from kammerton.model import Fit
from kammerton.model.trace import FloatArray

RESONATORS = ("punch_out", "resonator_flux_map")
"""Kinds whose line is a dip in the transmission; the square of a magnitude has its shape."""

ROUNDING, LEAST = 1e-9, 6
"""Of a number, and points of a column in which a line can be placed."""

ABOUT, AWAY = 4.0, 1.5
"""Widths of a line, and steps of the frequency, about its rough place that say where it is."""


def lines_of(grid: Grid, fit: Fit | None, curve: NDArray[Any]) -> list[FloatArray]:
    """Return the fitted lines of a map, each its place in every column (B,), in Hz."""
    if fit is not None and "crossing_bias" in fit.values:
        return branches_of(grid.x[1], fit)
    frequency = np.asarray(grid.x[0])
    rough = line_of(frequency, curve)
    width = None if fit is None else fit.values.get("linewidth")
    if width is None or not width.value > 0:
        return [rough]
    squared = fit is not None and fit.kind in RESONATORS and not np.iscomplexobj(curve)
    image = np.asarray(curve) ** (2 if squared else 1)
    columns = zip(image.T, rough, strict=True)
    return [np.array([nearer(frequency, y, at, width.value) for y, at in columns])]


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


def nearer(frequency: FloatArray, y: NDArray[Any], rough: float, width: float) -> float:
    """Return the place of the line in one column (A,), of known full width, from a rough one."""
    step = float(np.median(np.diff(np.sort(frequency))))
    reach = ABOUT * max(width, step)
    near = np.abs(frequency - rough) <= reach
    if not np.isfinite(rough) or np.count_nonzero(near) < LEAST:
        return rough
    f, part = frequency[near], y[near]

    def missed(centre: float) -> float:
        u = 2 * (f - centre) / width
        pole = 1 / (1 + 1j * u)
        shapes = [pole] if np.iscomplexobj(part) else [pole.real, pole.imag]
        columns = np.column_stack([*shapes, np.ones(f.size), (f - rough) / reach])
        left = part - columns @ np.linalg.lstsq(columns, part)[0]
        return float(np.sum(np.abs(left) ** 2))

    ends = rough - AWAY * step, rough + AWAY * step
    found = minimize_scalar(missed, bounds=ends, method="bounded", options={"xatol": 0.01 * step})
    return float(found.x)
