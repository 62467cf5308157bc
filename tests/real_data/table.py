"""Print, as Markdown, our fits of measured traces beside the laboratories' own.

Run it as `python -m tests.real_data.table`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from kammerton.estimation.pictures.scales import written
from tests.real_data.further import further
from tests.real_data.laboratories import LABORATORY, Comparison, compared, entries, fitted, folder

HEADER = (
    "| trace | parameter | Kammerton | laboratory | pull | remark |",
    "|---|---|---|---|---|---|",
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
            yield f"| {entry['name']} | {fit.verdict}: {fit.status} | | | | {fit.reason} |"
        yield from (row(c) for c in compared(entry, fit) if c.theirs is not None)
    yield from map(row, further())


def row(compared: Comparison) -> str:
    """Return one line of the table."""
    ours, theirs = compared.ours, compared.theirs
    lab = "" if theirs is None else written(theirs[0], ours.unit, theirs[1])
    pull = f"{compared.pull:+.1f}" if math.isfinite(compared.pull) else ""
    mine = written(ours.value, ours.unit, ours.stderr)
    return f"| {compared.trace} | {compared.name} | {mine} | {lab} | {pull} | {compared.remark} |"


def main() -> None:
    """Print the table."""
    print("## Measured traces of other laboratories\n")
    print("\n".join(table()))


if __name__ == "__main__":
    main()
