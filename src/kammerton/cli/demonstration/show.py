"""The demonstration itself: start everything, watch, compare, stop everything."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.live import Live

from kammerton.cli.demonstration import broker as brokers
from kammerton.cli.demonstration.compare import Compared, compare
from kammerton.cli.demonstration.folder import DATABASE, prepare
from kammerton.cli.demonstration.processes import LAST, child, kammerton, ready_line, tail
from kammerton.cli.demonstration.subscriber import Received, subscribed
from kammerton.cli.demonstration.table import comparison, expected, live
from kammerton.cli.started import seconds_since_start
from kammerton.client.hindrance import hindrances
from kammerton.model import KammertonError, StoreError
from kammerton.store import Store

REFRESH = 0.25  # s between two looks
NOT_ACCEPTED = 3  # the daemon has parked a qubit: the comparison will tell
TERMINATED = 128 + 15  # before it could say how it ended


@dataclass(frozen=True)
class Outcome:
    """What the demonstration found."""

    qubits: list[str]
    rows: Mapping[str, Compared]
    instrument_seconds: float
    wall_seconds: float
    first_published_seconds: float | None
    note: str
    stopped: bool = False

    @property
    def missing(self) -> list[str]:
        """Return the parameters that were not measured."""
        return [name for name, row in self.rows.items() if row.value is None]

    @property
    def failed(self) -> list[str]:
        """Return the parameters that are further than 4 sigma from the truth, or missing.

        Where a person has stopped it, what was not measured by then did not fail.
        """
        excused = self.missing if self.stopped else ()
        return [name for name, row in self.rows.items() if not row.good and name not in excused]

    @property
    def unfinished(self) -> bool:
        """Whether a person has stopped it before everything was measured."""
        return self.stopped and bool(self.missing)

    def as_json(self) -> dict[str, Any]:
        """Return the object that `--json` prints."""
        return {
            "qubits": self.qubits,
            "parameters": {
                name: {
                    "value": row.value,
                    "stderr": row.stderr,
                    "unit": row.unit,
                    "truth": row.truth,
                    "pull": row.pull,
                }
                for name, row in self.rows.items()
                if row.value is not None
            },
            "instrument_seconds": self.instrument_seconds,
            "wall_seconds": self.wall_seconds,
            "first_published_seconds": self.first_published_seconds,
            "failed": self.failed,
            "stopped": self.stopped,
            "note": self.note,
        }


class Demonstration:
    """One showing, in one folder."""

    def __init__(
        self, folder: Path, qubits: int, seed: int, console: Console, *, once: bool
    ) -> None:
        self._folder = folder
        self._qubits, self._seed, self._once = qubits, seed, once
        self._console, self._stopped = console, False
        self._names = expected(qubits)
        self._note = f"simulated device, hidden truth, seed {seed}"

    async def run(self) -> Outcome:
        """Show it; Ctrl-C ends the watching, not the comparison."""
        folder = self._folder = prepare(self._folder)
        port = brokers.free_port()
        async with brokers.broker(folder, port) as name, self._laboratory(port) as ready:
            self._console.print(
                f"{self._note}: {_counted(self._qubits)}; broker {name} on port {port}; "
                f"all of it is kept in {_from_here(folder)} until the next demonstration"
            )
            async with subscribed(port) as received:
                first = await self._watch(received)
                rows = await compare(folder, ready["control"], self._names, received.parameters)
        return self._conclude(rows, first)

    @asynccontextmanager
    async def _laboratory(self, broker_port: int) -> AsyncIterator[dict[str, Any]]:
        folder = self._folder
        log = folder / "laboratory.log"
        command = kammerton(
            "sim", "--qubits", str(self._qubits), "--seed", str(self._seed),
            "--write-chip", str(folder / "chip.toml"), "--write-lab", str(folder / "lab.toml"),
            "--broker", f"mqtt://127.0.0.1:{broker_port}",
        )  # fmt: skip
        async with child(*command, log=log, stdout=subprocess.PIPE, outlives=LAST) as process:
            yield await ready_line(process, log)

    async def _watch(self, received: Received) -> float | None:
        started, already = time.monotonic(), seconds_since_start()
        log = self._folder / "daemon.log"
        how = "--once" if self._once else "--no-spare"
        command = kammerton("run", str(self._folder / "lab.toml"), how)
        async with child(*command, log=log) as daemon:
            try:
                await self._until_done(daemon, received)
            except asyncio.CancelledError:
                if not received.parameters:
                    self._console.print("stopping: outputs off ...")
                    raise  # there is nothing to compare
                _heard()
                self._stopped = True
                self._console.print("stopping: outputs off, then the comparison ...")
        if daemon.returncode not in (0, NOT_ACCEPTED, TERMINATED):
            raise KammertonError(f"the daemon ended with {daemon.returncode}:\n{tail(log)}")
        return None if received.first is None else received.first - started + already

    async def _until_done(self, daemon: asyncio.subprocess.Process, received: Received) -> None:
        ended = asyncio.ensure_future(daemon.wait())
        if not self._console.is_terminal:  # where the table comes only when all is over
            does = _from_here(self._folder / "daemon.log")
            self._console.print(f"the daemon is at work; its log: {does}")
        try:
            with Live(console=self._console, auto_refresh=False, transient=False) as screen:
                while not ended.done():
                    screen.update(self._table(received), refresh=True)
                    await asyncio.wait([ended], timeout=REFRESH)
                await asyncio.sleep(REFRESH)
                screen.update(self._table(received), refresh=True)
        finally:
            self._console.print()  # in a file the table leaves its last line open

    def _table(self, received: Received) -> Any:
        return live(self._qubits, received.parameters, received.now(), self._doing())

    def _doing(self) -> str:
        try:
            with Store.read(self._folder / DATABASE) as store:
                said = store.current_activity()
        except StoreError:  # the daemon has not made it yet
            said = None
        return "the daemon starts" if said is None else said.what or "the daemon has ended"

    def _conclude(self, rows: Mapping[str, Compared], first: float | None) -> Outcome:
        with Store.read(self._folder / DATABASE) as store:
            seconds = sum(run.instrument_seconds for run in store.runs(limit=100_000))
        qubits = [f"q{k}" for k in range(self._qubits)]
        took = seconds_since_start()
        outcome = Outcome(qubits, rows, seconds, took, first, self._note, self._stopped)
        self._report(outcome)
        return outcome

    def _report(self, outcome: Outcome) -> None:
        self._console.print(comparison(outcome.rows, outcome.failed))
        good = sum(row.good for row in outcome.rows.values())
        self._console.print(
            f"{good} of {len(outcome.rows)} parameters published and within 4 sigma of the "
            f"truth ({self._note}).\n"
            f"{outcome.instrument_seconds:.0f} s of instrument time in "
            f"{outcome.wall_seconds:.1f} s of wall time; first parameter after "
            f"{outcome.first_published_seconds or float('nan'):.1f} s.\n"
            f"Look into {_from_here(self._folder)}: lab.toml, daemon.log, {DATABASE}, "
            "runs/*.png, runs/*.nc\n"
            f"Ask: {Path(sys.argv[0])} why q0.f01 {_from_here(self._folder / 'lab.toml')}"
        )
        if outcome.unfinished:
            self._console.print(f"stopped before this was measured: {', '.join(outcome.missing)}")
        elif outcome.missing:
            self._console.print(f"[red]not measured: {', '.join(outcome.missing)}[/red]")
            self._explain()
        for name in outcome.failed:
            if name not in outcome.missing:
                self._console.print(f"[red]further than 4 sigma from the truth: {name}[/red]")

    def _explain(self) -> None:
        with Store.read(self._folder / DATABASE) as store:
            for _, each in sorted(hindrances(store).items()):
                self._console.print(str(each), style="red", markup=False)


def _heard() -> None:
    """Ctrl-C ended the watching; what follows may run to its end."""
    task = asyncio.current_task()
    if task is not None:
        task.uncancel()


def _counted(qubits: int) -> str:
    return "1 qubit" if qubits == 1 else f"{qubits} qubits"


def _from_here(path: Path) -> Path:
    """Return a path as one types it in this folder."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path
