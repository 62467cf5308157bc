"""Signs that a terminal's encoding does not have are spelt out: "us" for "µs", "+-" for "±"."""

from __future__ import annotations

import codecs
import io
import sys

SPELT = "kammerton.spelt"
"""The name of the error handler, as `codecs` knows it."""

_SPELLING = {
    "µ": "u", "μ": "u", "±": "+-", "²": "^2", "³": "^3", "°": "deg", "×": "x", "·": "*", "−": "-",
    "—": "-", "…": "...", "→": "->", "π": "pi", "σ": "sigma", "χ": "chi", "ν": "nu",
    "─": "-", "│": "|", "├": "+", "└": "+", "⟨": "<", "⟩": ">",
}  # fmt: skip


def _spelt(problem: UnicodeError) -> tuple[str, int]:
    if not isinstance(problem, UnicodeEncodeError):
        raise problem
    signs = problem.object[problem.start : problem.end]
    return "".join(_SPELLING.get(sign, "?") for sign in signs), problem.end


def spell_out() -> None:
    """Have stdout and stderr spell out what their encoding lacks, where that ends a program else.

    That is a terminal, or a file, that is not in UTF-8: an old locale, a Windows code page.
    """
    codecs.register_error(SPELT, _spelt)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=SPELT)
