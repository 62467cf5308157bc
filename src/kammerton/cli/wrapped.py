"""Lines as wide as the terminal, and no wider."""

from __future__ import annotations

import shutil
import textwrap

import typer


def print_wrapped(line: str, indent: int) -> None:
    """Print a line; what does not fit goes on below, indented."""
    width = max(shutil.get_terminal_size((80, 24)).columns, indent + 20)
    more = " " * indent
    typer.echo(
        textwrap.fill(
            line, width, subsequent_indent=more, break_on_hyphens=False, drop_whitespace=True
        )
    )
