"""Units that were chosen for the axes of a map."""

from __future__ import annotations

from kammerton.estimation.files.layouts import Axis
from kammerton.estimation.files.units import si
from kammerton.model import TraceError


def chosen_units(source: str, axes: tuple[Axis, ...], written: str | None) -> list[str | None]:
    """Return for each axis which of the units, parted by commas, is its own; None for none.

    Raises
    ------
    TraceError
        A unit fits none of the axes.
    """
    result: list[str | None] = [None] * len(axes)
    for text in [] if written is None else [part.strip() for part in written.split(",")]:
        fits = [n for n, axis in enumerate(axes) if result[n] is None and _fits(text, axis)]
        exact = [n for n in fits if axes[n].unit is not None]
        if not fits:
            raise TraceError(f"{source}: no axis is in {text!r} (--x-unit)")
        result[(exact or fits)[0]] = text
    return result


def _fits(text: str, axis: Axis) -> bool:
    try:
        return axis.unit in (None, si(text)[0])
    except ValueError:
        return axis.unit is None
