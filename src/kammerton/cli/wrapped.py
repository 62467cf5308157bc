"""Lines as wide as the terminal, and no wider; commands, and numbers with units, stay whole."""

from __future__ import annotations

import re
import shutil
import sys
import textwrap
from collections.abc import Iterable
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from rich.console import Console

COMMAND = re.compile(r"`[^`]*`|(?:(?<=[:;,] )|(?<=\())kammerton [^;,()]*")
"""What is copied as it stands: a command in backticks, or one that words lead to."""

QUANTITY = re.compile(r"(?<=\d) (?=(?:[fpnuµmkMG]?(?:Hz|s|V|A|W|ohm|K|bar|B)|dBm?|mm|min|h|%)\b|%)")
"""The space between a number and its unit."""

INDENT = 4

_TIE = "\ue000"  # stands for a space at which no line ends; it is in no text


def wrapped(line: str, indent: int, width: int | None = None) -> str:
    """Return a line with what does not fit below it, indented; a command is never broken.

    width: the terminal's, if not said.
    """
    width = shutil.get_terminal_size((80, 24)).columns if width is None else width
    filled = textwrap.fill(
        _tied(line),
        max(width, indent + 20),
        subsequent_indent=" " * indent,
        break_on_hyphens=False,
        break_long_words=False,  # a terminal breaks them so that they can be copied
    )
    return filled.replace(_TIE, " ")


def print_styled(console: Console, line: str, style: str | None = None) -> None:
    """Print a line that may have markup: as wide as a terminal, in a file as one line.

    What does not fit goes on below, indented, as far as that breaks no command.
    """
    told = console.render_str(_tied(line), style=style or "")
    longest = max(map(len, told.plain.split()), default=0)
    indent = max(0, min(INDENT, console.width - longest))
    lines = told.wrap(console, console.width - indent) if console.is_terminal else [told]
    with console.capture() as shown:
        for number, each in enumerate(lines):
            each.rstrip()
            console.print(" " * indent * bool(number), each, sep="", soft_wrap=True)
    _echo(shown.get().replace(_TIE, " "))


def _echo(text: str) -> None:
    """Print to the stream that spells out what it lacks: by itself typer takes one in UTF-8."""
    typer.echo(text, nl=False, file=sys.stdout)


def _tied(line: str) -> str:
    whole = COMMAND.sub(lambda found: found[0].replace(" ", _TIE), line)
    return QUANTITY.sub(_TIE, whole)


def print_wrapped(line: str, indent: int) -> None:
    """Print a line; what does not fit goes on below, indented."""
    _echo(wrapped(line, indent) + "\n")


def print_labelled(lines: Iterable[tuple[str, str]]) -> None:
    """Print lines of words, each beside its label."""
    told = list(lines)
    indent = max((len(label) for label, _ in told), default=0) + 2
    for label, words in told:
        text = wrapped(f"{label:{indent}}{words}", indent)
        _echo(typer.style(text[:indent], dim=True) + text[indent:] + "\n")
