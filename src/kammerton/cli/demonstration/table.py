"""Tables: what is published, live; and at the end, beside the truth."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from rich.console import Group
from rich.markup import escape
from rich.table import Table

from kammerton.cli.demonstration.compare import Compared
from kammerton.model import Estimate
from kammerton.model.quantity import show

QUBIT = ("f01", "pi_amplitude", "t1", "t2_star", "t2_echo", "assignment_fidelity")
RESONATOR = ("frequency", "linewidth")

# heading, unit and its factor: so narrow that a terminal of 80 columns holds a row
COLUMNS = {
    "f01": ("f01", "GHz", 1e9),
    "pi_amplitude": ("pi", "mV", 1e-3),
    "t1": ("T1", "µs", 1e-6),
    "t2_star": ("T2*", "µs", 1e-6),
    "t2_echo": ("T2e", "µs", 1e-6),
    "assignment_fidelity": ("fidelity", "", 1.0),
    "frequency": ("frequency", "GHz", 1e9),
    "linewidth": ("linewidth", "MHz", 1e6),
}


def expected(qubits: int) -> list[str]:
    """Return the parameters that a demonstration must publish."""
    names = [f"q{k}.{name}" for k in range(qubits) for name in QUBIT]
    return names + [f"r{k}.{name}" for k in range(qubits) for name in RESONATOR]


def live(qubits: int, received: Mapping[str, Estimate], now: datetime, doing: str) -> Group:
    """Return the tables of what the subscriber holds now: value(stderr of the last digits)."""
    return Group(
        _table("qubit", "q", QUBIT, qubits, received, now),
        _table("resonator", "r", RESONATOR, qubits, received, now),
        f"[dim]now: {escape(doing)}[/dim]",
    )


def _table(
    title: str,
    letter: str,
    names: Sequence[str],
    count: int,
    received: Mapping[str, Estimate],
    now: datetime,
) -> Table:
    table = Table(
        title, box=None, padding=(0, 1), collapse_padding=True, pad_edge=False, header_style="bold"
    )
    for name in names:
        heading, unit, _ = COLUMNS[name]
        table.add_column(f"{heading} {unit}".strip(), justify="right")
    table.add_column("age", justify="right")
    for k in range(count):
        mine = [received.get(f"{letter}{k}.{name}") for name in names]
        cells = [_cell(e, COLUMNS[name][2]) for e, name in zip(mine, names, strict=True)]
        table.add_row(f"{letter}{k}", *cells, _age(mine, now))
    return table


def _cell(estimate: Estimate | None, factor: float) -> str:
    if estimate is None:
        return "[dim]·[/dim]"
    return brief(estimate.value / factor, estimate.stderr / factor)


def brief(value: float, stderr: float) -> str:
    """Return a value with its standard error in its last digits: 4.75142(17)."""
    if not stderr > 0:
        return f"{value:.6g}"
    digits = max(0, 1 - math.floor(math.log10(stderr)))
    return f"{value:.{digits}f}({round(stderr * 10**digits)})"


def _age(estimates: Sequence[Estimate | None], now: datetime) -> str:
    times = [e.time for e in estimates if e is not None]
    return f"{(now - min(times)).total_seconds():.0f} s" if times else ""


def comparison(rows: Mapping[str, Compared], failed: Collection[str]) -> Table:
    """Return the final table: what the subscriber received beside the hidden truth."""
    table = Table(
        title="received over MQTT, beside the hidden truth at the time it was measured",
        caption="pull: by how many of its error bars what was received lies beside the truth",
    )
    for column in ("parameter", "received", "truth", "pull"):
        table.add_column(column, justify="left" if column == "parameter" else "right")
    for name, row in rows.items():
        style = "bold red" if name in failed else "" if row.good else "dim"
        received = show(row.value, row.unit, row.stderr) if row.value is not None else "nothing"
        truth = "—" if row.truth is None else _truth(row.truth, row)
        pull = f"{row.pull:+.2f}" if row.pull is not None else "—"
        table.add_row(name, received, truth, pull, style=style)
    return table


def _truth(truth: float, row: Compared) -> str:
    """Return the truth with as many digits as the received value has."""
    return show(truth, row.unit, row.stderr).split(" ± ")[0]
