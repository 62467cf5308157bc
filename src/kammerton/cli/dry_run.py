"""`kammerton run --dry-run`: every planned write, with units and limits; nothing is connected."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from kammerton.cli.wrapped import print_wrapped

if TYPE_CHECKING:
    from kammerton.loop.intended import Write


RULES = {
    "never refused": "switching off is always allowed",
    "cold, and not held": "only while the refrigerator is cold and nobody holds it",
}
"""Rules of the gate that are no limits, as a laboratory says them."""

FROM_DESIGN = "each calibration once, from design values: measured ones differ, within limits"


def dry_run(labs: Sequence[Path]) -> int:
    """List what each lab.toml would have the daemon write; 3 when the gate would refuse some."""
    from datetime import UTC, datetime

    from kammerton.cli.loading import calibrations_or_exit, load_or_exit
    from kammerton.loop.intended import intended

    refused, calibrations = 0, calibrations_or_exit()
    for path in labs:
        lab = load_or_exit(path)
        writes = intended(lab, calibrations, datetime.now(UTC))
        typer.echo(f"{lab.computer}: what would be written; nothing was connected")
        typer.echo(f"{FROM_DESIGN}\n")
        _show(writes)
        refused += sum(write.refused is not None for write in writes)
    typer.echo(f"\nthe gate would refuse {refused or 'nothing'}")
    return 3 if refused else 0


def _show(writes: Sequence[Write]) -> None:
    """Print what goes to each instrument: every value once, with all that write it."""
    allowed = [write for write in writes if not write.refused]
    for instrument in dict.fromkeys(_instrument(write) for write in allowed):
        mine = [write for write in allowed if _instrument(write) == instrument]
        before = ", ".join(dict.fromkeys(write.old for write in mine if write.old))
        typer.echo(f"{instrument} (before: {before})" if before else instrument)
        for kind in dict.fromkeys(map(_kind, mine)):
            print_wrapped(f"  {kind}", 4)
            _show_values([write for write in mine if _kind(write) == kind])
    for write in (w for w in writes if w.refused):
        typer.echo(f"\nrefused: {write.when}: {write.refused}")


def _show_values(writes: Sequence[Write]) -> None:
    for value in dict.fromkeys(write.new for write in writes):
        who = ", ".join(dict.fromkeys(write.when for write in writes if write.new == value))
        print_wrapped(f"    {value}: {who}", 6)


def _instrument(write: Write) -> str:
    return write.output.partition(".")[0]


def _kind(write: Write) -> str:
    """Return what is written and its limit, e.g. "awg1.1 volts (-1 V to 1 V, 1 GV/s)"."""
    what = f"{write.output} {write.quantity}".rstrip()
    limit = RULES.get(write.limit, write.limit)
    return f"{what} ({limit})" if limit else what
