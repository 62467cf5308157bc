"""Tables: what is published, live; and at the end, beside the truth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from rich.table import Table

from kammerton.cli.demonstration.compare import Compared
from kammerton.model import Estimate
from kammerton.model.quantity import show

QUBIT = ("f01", "pi_amplitude", "t1", "t2_star", "t2_echo", "assignment_fidelity")
RESONATOR = ("frequency", "linewidth")


def expected(qubits: int) -> list[str]:
    """Return the parameters that a demonstration must publish."""
    names = [f"q{k}.{name}" for k in range(qubits) for name in QUBIT]
    return names + [f"r{k}.{name}" for k in range(qubits) for name in RESONATOR]


def live(
    names: Sequence[str], received: Mapping[str, Estimate], now: datetime, doing: str
) -> Table:
    """Return the table of what the subscriber holds now: one row a qubit."""
    table = Table(
        title="published over MQTT", caption=doing, title_justify="left", caption_justify="left"
    )
    table.add_column("qubit")
    for name in QUBIT:
        table.add_column(name, justify="right")
    table.add_column("resonator", justify="right")
    table.add_column("linewidth", justify="right")
    table.add_column("oldest", justify="right")
    for qubit in sorted({n.split(".")[0] for n in names if n.startswith("q")}):
        resonator = f"r{qubit[1:]}"
        mine = [f"{qubit}.{n}" for n in QUBIT] + [f"{resonator}.{n}" for n in RESONATOR]
        table.add_row(qubit, *(_cell(received.get(n)) for n in mine), _age(mine, received, now))
    return table


def _cell(estimate: Estimate | None) -> str:
    if estimate is None:
        return "[dim]·[/dim]"
    return show(estimate.value, estimate.unit, estimate.stderr).replace(" ± ", "\n± ")


def _age(names: Sequence[str], received: Mapping[str, Estimate], now: datetime) -> str:
    times = [received[n].time for n in names if n in received]
    if not times:
        return ""
    return f"{(now - min(times)).total_seconds():.0f} s"


def comparison(rows: Mapping[str, Compared]) -> Table:
    """Return the final table: what the subscriber received beside the hidden truth."""
    table = Table(
        title="received over MQTT, beside the laboratory's hidden truth", title_justify="left"
    )
    for column in ("parameter", "received", "truth", "pull"):
        table.add_column(column, justify="left" if column == "parameter" else "right")
    for name, row in rows.items():
        style = "" if row.good else "bold red"
        received = show(row.value, row.unit, row.stderr) if row.value is not None else "nothing"
        truth = "—" if row.truth is None else _truth(row.truth, row)
        pull = f"{row.pull:+.2f}" if row.pull is not None else "—"
        table.add_row(name, received, truth, pull, style=style)
    return table


def _truth(truth: float, row: Compared) -> str:
    """Return the truth with as many digits as the received value has."""
    return show(truth, row.unit, row.stderr).split(" ± ")[0]
