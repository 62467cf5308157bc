"""One T1 of five qubits through every wire: 51 points, 1000 shots, share of each stage."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from kammerton.bench import Bench, open_bench
from kammerton.estimation import warm
from kammerton.lab import Lab, load
from kammerton.loop import BeliefBook, load_calibrations
from kammerton.loop.planner import Plan
from kammerton.loop.runner import proposals, run_calibration
from kammerton.model import Effort, Estimate, LabClock
from kammerton.store import Store
from tests.system.laboratory import Laboratory, laboratory

QUBITS, REPEATS = 5, 9
STAGES = ("compile", "upload", "acquire", "demodulate", "read back, fit", "commit", "total")


def know(book: BeliefBook, laboratory: Laboratory, clock: LabClock) -> None:
    """Believe the truth, so that the benchmark times a T1 and not a bring-up."""
    values: dict[str, float] = {}
    for k in range(QUBITS):
        for name in (f"q{k}.f01", f"q{k}.t1", f"r{k}.frequency"):
            values[name] = laboratory.ask(op="truth", parameter=name)["value"]
        values[f"r{k}.readout_frequency"] = values[f"r{k}.frequency"]
        values |= {f"r{k}.readout_angle": 0.0, f"r{k}.readout_threshold": 0.0}
        values |= {f"r{k}.readout_contrast": 0.01}
    book.update({n: Estimate(v, 0.0, "", clock.now(), "r000000") for n, v in values.items()})


async def one(plan: Plan, bench: Bench, store: Store, clock: LabClock) -> Mapping[str, float]:
    """Run the T1 once; return the wall seconds of each stage."""
    start = time.perf_counter()
    run = await run_calibration(plan, bench, clock)
    measured = time.perf_counter()
    await asyncio.to_thread(store.commit, run, {})
    end = time.perf_counter()
    proposals(plan, run)
    stages = dict(bench.last_stages)
    played = stages["compile"] + stages["upload"] + stages["acquire"]
    stages["acquire"] -= stages["demodulate"]
    return stages | {
        "read back, fit": measured - start - played,
        "commit": end - measured,
        "total": end - start,
    }


async def measure(lab: Lab, laboratory: Laboratory, folder: Path) -> list[Mapping[str, float]]:
    """Return the stages of each repetition."""
    clock = LabClock()
    warm()
    t1 = next(c for c in load_calibrations() if c.name == "t1")
    book = BeliefBook(lab, clock.now())
    know(book, laboratory, clock)

    def plan(k: int) -> Plan:  # other delays each time, so that nothing uploaded can be used again
        effort = Effort(window=1 + 0.02 * k)
        targets = tuple(book.target(name, clock.now(), effort) for name in lab.qubits)
        return Plan(t1, targets, 1, 1)

    store = Store.open(folder / "bench.sqlite", lab.computer)
    try:
        async with open_bench(lab, clock) as bench:
            return [await one(plan(k), bench, store, clock) for k in range(REPEATS)]
    finally:
        store.close()


def main() -> None:
    """Print the table."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder)
        with laboratory(path, QUBITS, seed=1) as lab:
            rows = asyncio.run(measure(load(lab.lab), lab, path))
    print("## T1 of five qubits through the wire, 51 points x 1000 shots (wall ms)\n")
    print("| | " + " | ".join(STAGES) + " |\n|" + "---|" * (len(STAGES) + 1))
    for name, chosen in (("first", rows[:1]), ("median, warm", rows[1:])):
        cells = [f"{1e3 * np.median([row[s] for row in chosen]):.0f}" for s in STAGES]
        print(f"| {name} | " + " | ".join(cells) + " |")
    print(f"| best | {' | '.join(f'{1e3 * min(r[s] for r in rows):.0f}' for s in STAGES)} |")
    print("\nGoal: total under 800 ms warm. Traces are fitted without a calibrated readout.")


if __name__ == "__main__":
    main()
