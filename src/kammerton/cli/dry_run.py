"""`kammerton run --dry-run`: every planned write, with units and limits; nothing is connected."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from kammerton.loop.intended import Write


def dry_run(labs: Sequence[Path]) -> int:
    """List what each lab.toml would have the daemon write; 3 when the gate would refuse some."""
    from datetime import UTC, datetime

    from kammerton.cli.loading import load_or_exit
    from kammerton.loop import load_calibrations
    from kammerton.loop.intended import intended

    refused = 0
    for path in labs:
        lab = load_or_exit(path)
        writes = intended(lab, load_calibrations(), datetime.now(UTC))
        typer.echo(f"{lab.computer}: what would be written; nothing was connected\n")
        _show(writes)
        refused += sum(write.refused is not None for write in writes)
    typer.echo(f"\nthe gate would refuse {refused or 'nothing'}")
    return 3 if refused else 0


def _show(writes: Sequence[Write]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False)
    for heading in ("when", "output", "quantity", "from", "to", "limit"):
        table.add_column(heading, overflow="fold")
    last = ""
    for write in (w for w in writes if not w.refused):
        when = "" if write.when == last else write.when
        last = write.when
        cells = (when, write.output, write.quantity, write.old, write.new, write.limit)
        table.add_row(*(Text(cell) for cell in cells))
    Console().print(table)
    for write in (w for w in writes if w.refused):
        typer.echo(f"\nrefused: {write.when}: {write.refused}")
