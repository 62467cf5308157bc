"""The gate again and again: the refrigerator's faults, and settings changed behind its back.

On a bench with the unchanged drivers. Unsafe: outputs that stayed on longer than stated, spans of
the ledger outside the limits of lab.toml, and writes to a box that said it was another. Wrong: runs
that were believed although a setting was not what it should have been.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from kammerton.bench import guard, open_bench
from kammerton.lab import Lab, load
from kammerton.model import LabClock
from kammerton_sim.chip import random_chip
from kammerton_sim.evidence.audit import wrong_box
from kammerton_sim.laboratory import Laboratory
from kammerton_sim.write_lab import write_lab
from tests.prove.frame import Row, proof
from tests.prove.spoilt import SPOILT, believed, spoilt
from tests.wire.test_bench_on_the_laboratory import program
from tests.wire.test_refrigerator_faults import MAX_AGE, PERIOD, SLACK, settings, struck

REFRIGERATOR: Sequence[tuple[str, str, dict[str, Any], float]] = (
    ("F1 warm at once", "temperature", {"kelvin": 0.5}, PERIOD + SLACK),
    ("F2 no number", "sensor-nan", {}, MAX_AGE + PERIOD + SLACK),
    ("F2 over range", "sensor-over-range", {}, MAX_AGE + PERIOD + SLACK),
    ("F2 frozen", "sensor-frozen", {}, MAX_AGE + PERIOD + SLACK),
    ("F3 turbo trips", "trip", {"machine": "turbo"}, PERIOD + SLACK),
    ("F4 API gone", "refuse", {"instrument": "fridge"}, MAX_AGE + PERIOD + 10.0 + SLACK),
)
"""What it is called, the fault, what it takes, and the stated s until all outputs are off."""

BOXES: Sequence[tuple[str, str, dict[str, Any]]] = (
    ("I7 source off and on", "power-cycle", {"instrument": "drive_lo"}),
    ("I7 generator off and on", "power-cycle", {"instrument": "awg1"}),
    ("I9 errors in a queue", "error", {"instrument": "readout_lo", "count": 40}),
    ("I10 power turned", "front-panel",
     {"instrument": "drive_lo", "setting": "power", "value": "3"}),
    ("I10 carrier turned", "front-panel",
     {"instrument": "readout_lo", "setting": "frequency", "value": "7.2E9"}),
    ("I10 level turned", "front-panel",
     {"instrument": "awg1", "setting": "amplitude", "value": "0.9"}),
)  # fmt: skip


@contextmanager
def site(pace: float | None = None) -> Iterator[tuple[Laboratory, Lab]]:
    """A laboratory of two qubits and its lab.toml, with the interlock's times of the tests."""
    with TemporaryDirectory() as folder, Laboratory(random_chip(2, 3), pace=pace) as laboratory:
        path = Path(folder) / "lab.toml"
        text = write_lab(laboratory.chip, laboratory.ports, 3)
        path.write_text(settings(text) if pace else text, encoding="utf-8")
        yield laboratory, load(path)


@proof("refrigerator")
def refrigerator(quick: bool) -> Iterator[Row]:
    """Each fault of the refrigerator while a program plays."""
    times = 1 if quick else 20
    with site(pace=1.0) as (laboratory, lab):
        for name, fault, given, stated in REFRIGERATOR:
            laboratory.world.temperature = 0.012
            took = [struck(laboratory, lab, fault, **given).seconds for _ in range(times)]
            yield Row(name, times, t_det=max(took), unsafe=sum(s > stated for s in took))


@proof("boxes")
def boxes(quick: bool) -> Iterator[Row]:
    """Each change behind the gate's back between two runs."""
    guard.PAUSE = guard.HANDS = 0.0  # nobody is at these boxes
    with site() as (laboratory, lab):
        for name, fault, given in BOXES:
            yield asyncio.run(_struck_often(laboratory, lab, name, fault, given, quick))
        for name, draw in SPOILT:
            yield asyncio.run(spoilt(laboratory, lab, name, draw, 4 if quick else 100))


async def _struck_often(
    laboratory: Laboratory, lab: Lab, name: str, fault: str, given: Any, quick: bool
) -> Row:
    times, seen, back, wrong = 2 if quick else 100, [0.0], [0.0], 0
    since = len(laboratory.ledger.since())
    async with open_bench(lab, LabClock(), lock_folder=lab.path.parent) as bench:
        await bench.acquire(program(lab, 40))
        for _ in range(times):
            number = laboratory.faults.inject(fault, **given)
            began = time.monotonic()
            failure = await believed(bench, lab)
            wrong += failure is None
            seen.append(time.monotonic() - began)
            laboratory.faults.clear(number)
            while failure is not None:
                await bench.recover(failure)
                failure = await believed(bench, lab)
            back.append(time.monotonic() - began)
    spans = laboratory.questions.unsafe(lab.path)["found"]
    unsafe = len(spans) + len(wrong_box(laboratory.ledger.since(since)))
    return Row(name, times, max(seen), max(back), wrong=wrong, unsafe=unsafe)
