"""A measurement over two axes: a map, or several sweeps over one axis."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from kammerton.model import Trace
from kammerton.model.trace import FloatArray


@dataclass(frozen=True, eq=False)
class Grid:
    """One target's map, ready to fit: axes x (A,) and (B,), y (A, B), NaN where missing.

    sigma (A, B): of each point, or of each part of a complex one; NaN where unknown. names,
    units: of the axes. labels: what the values of the first axis are called, where they are words.
    y_name: what y is, where a file says it.
    """

    target: str
    x: tuple[FloatArray, FloatArray]
    y: NDArray[Any]
    sigma: FloatArray
    names: tuple[str, str]
    units: tuple[str, str]
    y_unit: str = ""
    labels: tuple[str, ...] = ()
    y_name: str = ""


def axes_of(trace: Trace | Grid) -> list[tuple[str, str]]:
    """Return name and unit of each axis that has a window: of series only that of their sweep."""
    if isinstance(trace, Grid):
        axes = list(zip(trace.names, trace.units, strict=True))
        return axes[1:] if trace.labels else axes
    return [(trace.x_name, trace.x_unit)]
