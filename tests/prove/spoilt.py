"""I6 and I8 again and again: another box at the address, and settings that are not taken.

Which instrument, which setting and how, is drawn with a seed. While the fault lasts, recovery is
tried twice, as the daemon would. Wrong: runs that were believed meanwhile.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from random import Random
from typing import Any

from kammerton.bench import Bench, open_bench
from kammerton.lab import Lab
from kammerton.model import InstrumentError, LabClock
from kammerton_sim.evidence.audit import wrong_box
from kammerton_sim.laboratory import Laboratory
from tests.prove.frame import Row
from tests.wire.test_bench_on_the_laboratory import program

Drawn = Sequence[tuple[str, dict[str, Any]]]
TRIES = 2
SOURCES = ("drive_lo", "readout_lo")


def another_box(chance: Random) -> Drawn:
    """Another serial number, model or maker answers; at times its connection was lost before."""
    box = chance.choice(("awg1", *SOURCES))
    told = chance.choice(({}, {"identity": "Maker,MODEL-1,4711,1.0"}))
    lost = [("hang-up", {"instrument": box})] if chance.random() < 0.5 else []
    return [("wrong-identity", {"instrument": box, **told}), *lost]


def not_taken(chance: Random) -> Drawn:
    """A source that lost its power, or a level turned by hand, and what is written gets lost."""
    level = {"instrument": "awg1", "setting": "amplitude"}
    if chance.random() < 0.25:
        value = f"{chance.uniform(0.5, 0.9):.2f}"
        return [("lost-setting", level), ("front-panel", {**level, "value": value})]
    source = {"instrument": chance.choice(SOURCES)}
    step = 1234567.0 * chance.randint(1, 9)
    return [
        chance.choice((
            ("lost-setting", {**source, "setting": "power"}),
            ("lost-setting", {**source, "setting": "frequency"}),
            ("clamped-setting", {**source, "setting": "power", "largest": chance.uniform(-9, 3)}),
            ("rounded-setting", {**source, "setting": "frequency", "step": step}),
        )),
        ("power-cycle", source),
    ]  # fmt: skip


SPOILT: Sequence[tuple[str, Callable[[Random], Drawn]]] = (
    ("I6 another box at the address", another_box),
    ("I8 settings lost, clamped or rounded", not_taken),
)


async def spoilt(
    laboratory: Laboratory, lab: Lab, name: str, draw: Callable[[Random], Drawn], times: int
) -> Row:
    """Spoil a box so often; T_rec counts from when it is sound again."""
    chance, seen, back, wrong = Random(3), [0.0], [0.0], 0
    since = len(laboratory.ledger.since())
    async with open_bench(lab, LabClock(), lock_folder=lab.path.parent) as bench:
        await bench.acquire(program(lab, 40))
        for _ in range(times):
            numbers = [laboratory.faults.inject(fault, **given) for fault, given in draw(chance)]
            began = time.monotonic()
            failure = await believed(bench, lab)
            seen.append(time.monotonic() - began)
            wrong += await _believed_meanwhile(bench, lab, failure)
            for number in numbers:
                laboratory.faults.clear(number)
            sound = time.monotonic()
            while failure is not None:
                with suppress(InstrumentError):
                    await bench.recover(failure)
                failure = await believed(bench, lab)
            back.append(time.monotonic() - sound)
    spans = laboratory.questions.unsafe(lab.path)["found"]
    unsafe = len(spans) + len(wrong_box(laboratory.ledger.since(since)))
    return Row(name, times, max(seen), max(back), wrong=wrong, unsafe=unsafe, within=30.0)


async def _believed_meanwhile(bench: Bench, lab: Lab, failure: InstrumentError | None) -> int:
    """Return how many runs were believed while the fault lasts."""
    if failure is None:
        return 1
    for _ in range(TRIES):
        try:
            await bench.recover(failure)
        except InstrumentError:
            continue
        return int(await believed(bench, lab) is None)
    return 0


async def believed(bench: Bench, lab: Lab) -> InstrumentError | None:
    """Return why a run is not believed; None: it is."""
    try:
        await bench.acquire(program(lab, 40))
    except InstrumentError as failure:
        return failure
    return None
