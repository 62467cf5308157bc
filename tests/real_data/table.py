"""Print, as Markdown, our fits of measured traces beside the laboratories' own.

Run it as `python -m tests.real_data.table`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from kammerton.estimation.pictures.scales import written
from tests.real_data.further import further
from tests.real_data.laboratories import (
    LABORATORY,
    Comparison,
    compared,
    entries,
    fitted,
    folder,
    verdict,
)
from tests.real_data.left_out import left_out

HEADER = (
    "Pull: the difference in combined standard errors. Of what the laboratories stored of their "
    "fits, levels, heights, phases and chi-squares are left out, and what says the same in another "
    "form; a line without a number of ours is of something that our fit does not give.",
    "",
    "| trace | parameter | verdict | Kammerton | laboratory | pull | remark |",
    "|---|---|---|---|---|---|---|",
)


def table() -> Iterator[str]:
    """Yield a line for every number that a laboratory gives, and for every trace.

    Without traces, one line that says so.
    """
    stored = entries(set(LABORATORY))
    if not stored:
        yield f"No measured traces in {folder()}."
        return
    yield from HEADER
    for entry in stored:
        fit = fitted(entry)
        if not fit.values:
            yield f"| {entry['name']} | | {verdict(fit)} | | | | {fit.reason} |"
        yield from (row(c) for c in compared(entry, fit) if c.theirs is not None)
    yield from map(row, (*further(), *left_out()))


def row(compared: Comparison) -> str:
    """Return one line of the table."""
    ours, theirs = compared.ours, compared.theirs
    unit = compared.unit if ours is None else ours.unit
    lab = "" if theirs is None else written(theirs[0], unit, theirs[1])
    pull = f"{compared.pull:+.1f}" if math.isfinite(compared.pull) else ""
    mine = "" if ours is None else written(ours.value, unit, ours.stderr)
    remark = compared.remark.replace("|", "\\|")
    cells = (compared.trace, compared.name, compared.verdict, mine, lab, pull, remark)
    return f"| {' | '.join(cells)} |"


def main() -> None:
    """Print the table."""
    print("## Measured traces of other laboratories\n")
    print("\n".join(table()))


if __name__ == "__main__":
    main()
