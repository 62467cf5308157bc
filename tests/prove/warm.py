"""F1 with the whole daemon: what is published while the refrigerator is warm: nothing.

The refrigerator warms at a random moment while instruments play for a calibration, with the
daemon's own times. Wrong: revisions that the database got, and values that a subscriber heard,
while it was warm. Unsafe: outputs that were on later than the next reading and switching off take,
or that went on again before it was cold. Stuck: times that nothing was measured afterwards.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from kammerton.client.follower import Update
from kammerton.lab import Lab, load
from kammerton.model import StoreError
from kammerton.serve.computer import run_computer
from kammerton.store import Store
from kammerton_sim.chip import random_chip
from kammerton_sim.laboratory import Laboratory
from kammerton_sim.write_lab import write_lab
from tests.brokers import BrokerProcess
from tests.prove.frame import Row, proof
from tests.system.test_broker_faults import counting
from tests.system.test_publish import at
from tests.wire.test_bench_on_the_laboratory import on

COLD, WARM = 0.012, 0.5  # K
READING = 2.0  # s between two readings of the daemon
SLACK = 1.5  # s for switching off, on a machine that does something else as well
STAYS = 6.0  # s that it stays warm once the outputs are off
PATIENCE = 90.0


@dataclass
class Watched:
    """What was seen of an interlock; the three lists at the end must stay empty."""

    reaction: list[float] = field(default_factory=list)
    recovery: list[float] = field(default_factory=list)
    stored: list[int] = field(default_factory=list)
    heard: list[Update] = field(default_factory=list)
    unsafe: list[str] = field(default_factory=list)

    @property
    def wrong(self) -> int:
        """How many values were stored, or published, that should not be."""
        return len(self.stored) + len(self.heard)


@dataclass
class Warm(Watched):
    """What was seen of so many warm-ups."""

    times: int = 0

    def add(self, other: Warm) -> None:
        """Add what was seen in another bring-up."""
        self.times += other.times
        for mine, its in zip(self._lists(), other._lists(), strict=True):
            mine.extend(its)

    def _lists(self) -> tuple[list[Any], ...]:
        return self.reaction, self.recovery, self.stored, self.heard, self.unsafe

    def row(self, fault: str) -> Row:
        """Return the line of the table."""
        return Row(
            fault, self.times, max(self.reaction), max(self.recovery),
            wrong=self.wrong, unsafe=len(self.unsafe), stuck=0,
        )  # fmt: skip


def revision(lab: Lab) -> int:
    try:
        with Store.read(lab.database) as store:
            return store.revision()
    except StoreError:  # it is just being made
        return 0


async def until(true: Callable[[], object], what: str, seconds: float = PATIENCE) -> float:
    """Wait until a callable says so; return the seconds that it took."""
    began = time.monotonic()
    while not true():
        if time.monotonic() - began > seconds:
            raise AssertionError(f"{what} did not happen within {seconds} s")
        await asyncio.sleep(0.005)
    return time.monotonic() - began


async def warm_once(
    laboratory: Laboratory,
    lab: Lab,
    updates: list[Update],
    chance: random.Random,
    seen: Warm,
    *,
    stays: float,
    slack: float,
) -> None:
    """Warm it while instruments play; watch until it is cold again and something was measured."""
    before = revision(lab)
    await until(lambda: revision(lab) > before and laboratory.rig.playing, "a calibration")
    await asyncio.sleep(chance.uniform(0.0, 0.3))
    await until(lambda: laboratory.rig.playing, "a program")
    laboratory.world.temperature = WARM
    stored = revision(lab)
    seen.reaction.append(await until(lambda: not on(laboratory), "outputs off"))
    if seen.reaction[-1] > READING + slack:
        seen.unsafe.append(f"outputs on for {seen.reaction[-1]:.1f} s")
    began = time.monotonic()
    while time.monotonic() - began < stays:
        if on(laboratory):
            seen.unsafe.append(f"{on(laboratory)} on while warm")
        await asyncio.sleep(0.02)
    seen.stored += range(stored, revision(lab))
    seen.heard += [update for update in updates if update.revision > stored]
    laboratory.world.temperature = COLD
    seen.recovery.append(
        await until(lambda: revision(lab) > stored, "a value after it was cold again")
    )
    seen.times += 1


@contextlib.asynccontextmanager
async def tuned(lab: Lab) -> AsyncIterator[None]:
    """Run the whole daemon of a computer meanwhile."""
    task = asyncio.create_task(run_computer(lab))
    try:
        yield
        assert not task.done(), task
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def warmed(
    folder: Path,
    times: int,
    seed: int = 7,
    *,
    stays: float = STAYS,
    slack: float = SLACK,
    pace: float = 1.0,
) -> Warm:
    """Warm it so often while a computer is brought up.

    pace: instrument seconds that pass in one of the wall.
    More than twice may wait in vain: once all is known, nothing is due for minutes.
    """
    process, seen, chance = BrokerProcess(folder), Warm(), random.Random(seed)
    process.start()
    try:
        with Laboratory(random_chip(2, 3), pace=pace) as laboratory:
            laboratory.world.temperature = COLD
            path = folder / "lab.toml"
            broker = f"mqtt://127.0.0.1:{process.port}"
            path.write_text(write_lab(laboratory.chip, laboratory.ports, 3, broker))
            lab = load(path)
            async with counting(at(process), lab.computer) as (_, updates), tuned(lab):
                for _ in range(times):
                    await warm_once(
                        laboratory, lab, updates, chance, seen, stays=stays, slack=slack
                    )
    finally:
        process.kill()
    return seen


@proof("warm")
def warm(quick: bool) -> Iterator[Row]:
    """Twice in each bring-up: of one when quick, otherwise of fifteen."""
    all_seen = Warm()
    for seed in range(1 if quick else 15):
        with TemporaryDirectory() as folder:
            all_seen.add(asyncio.run(warmed(Path(folder), 2, seed)))
    yield all_seen.row("F1 warm while a calibration plays, the whole daemon with its own times")
