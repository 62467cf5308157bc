"""Which line of somebody's code raised an error."""

from __future__ import annotations

from collections.abc import Collection
from traceback import walk_tb

OURS = "kammerton"


def package_of(function: object) -> str:
    """Return the package that a function is of; "" where nothing tells, or it is the core."""
    package = str(getattr(function, "__module__", None) or "").partition(".")[0]
    return "" if package == OURS else package


def line_of(error: BaseException, packages: Collection[str]) -> str:
    """Return the last line of these packages on the way to an error, as " (file, line 3)"; or "".

    >>> line_of(SyntaxError("'(' was never closed", ("mine.py", 3, 1, "f(")), {"mine"})
    ' (mine.py, line 3)'
    """
    if isinstance(error, SyntaxError) and error.filename:
        return f" ({error.filename}, line {error.lineno})"
    mine = [
        (frame.f_code.co_filename, line)
        for frame, line in walk_tb(error.__traceback__)
        if str(frame.f_globals.get("__name__")).partition(".")[0] in packages
    ]
    return " ({}, line {})".format(*mine[-1]) if mine else ""
