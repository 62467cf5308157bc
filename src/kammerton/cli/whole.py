"""Whole numbers on a command line, refused in our words, and not in those of a library."""

from __future__ import annotations

import math
from collections.abc import Callable

import typer


def whole(least: int | None = None, most: int | None = None) -> Callable[[str | int], int]:
    """Return what reads a whole number within bounds, or any where whoever takes it has its own.

    >>> whole(1, 10)("7")
    7
    """
    bounds = "" if least is None else f" not below {least}"
    bounds = bounds if most is None else f" from {least} to {most}"
    lowest, highest = -math.inf if least is None else least, math.inf if most is None else most

    def read(said: str | int) -> int:
        try:
            number = int(said)
        except ValueError:
            number = None
        if number is None or not lowest <= number <= highest:
            raise typer.BadParameter(f"must be a whole number{bounds}, not {str(said)!r}")
        return number

    return read
