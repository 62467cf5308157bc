"""F2, F3 and F4 with the whole daemon: what is published once no reading counts: nothing.

The thermometer, a pump or the control software fails at a random moment while instruments play for
a calibration, with the daemon's own times (`max_age` 30 s, `frozen_after` 10 min, a reading every
2 s). Behind it the chamber warms as soon as drive is off, which nobody can see. Wrong: revisions
that the database got, and values that a subscriber heard, from then until it reads cold again, and
values that the laboratory's truth contradicts. Unsafe: outputs that were on later than
docs/safety.md says, or that went on again before. Stuck: times that nothing was measured after.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from kammerton.bench.thermometer import LOOK
from kammerton.client.follower import Update
from kammerton.lab import Lab, load
from kammerton_sim.chip import random_chip
from kammerton_sim.laboratory import Laboratory
from kammerton_sim.write_lab import write_lab
from tests.brokers import BrokerProcess
from tests.prove.frame import Row, proof
from tests.prove.warm import COLD, READING, SLACK, WARM, Watched, revision, tuned, until
from tests.system.test_broker_faults import counting
from tests.system.test_publish import at
from tests.wire.test_bench_on_the_laboratory import on
from tests.yardstick import stretch

STAYS = 6.0  # s that it stays so once the outputs are off
FITTED = 2.0  # s in which what was measured before is fitted and stored
PATIENCE = 120.0  # s for a value afterwards


@dataclass(frozen=True)
class Failing:
    """A fault, what it takes, and s until all outputs are off by docs/safety.md.

    longer: it takes the frozen sensor's ten minutes, and is seen a few times only.
    """

    called: str
    fault: str
    given: Mapping[str, Any] = field(default_factory=dict)
    longer: bool = False

    def stated(self, lab: Lab) -> float:
        """Return s from the fault until all outputs are off."""
        if self.fault == "trip":
            return READING
        return READING + (
            lab.interlock.frozen_after if self.longer else lab.interlock.max_age + LOOK
        )


FAILING: Sequence[Failing] = (
    Failing("F3 turbo trips", "trip", {"machine": "turbo"}),
    Failing("F2 no number", "sensor-nan"),
    Failing("F2 over range", "sensor-over-range"),
    Failing("F4 API gone", "refuse", {"instrument": "fridge"}),
    Failing("F4 API hangs", "black-hole", {"instrument": "fridge"}),
    Failing("F2 frozen", "sensor-frozen", longer=True),
)
QUICK = FAILING[:2]


class Seen(Watched):
    """What was seen of one fault."""

    def row(self, called: str) -> Row:
        """Return the line of the table."""
        return Row(
            f"{called} while a calibration plays, the whole daemon with its own times",
            len(self.reaction), max(self.reaction), max(self.recovery, default=None),
            wrong=self.wrong, unsafe=len(self.unsafe), stuck=0 if self.recovery else None,
        )  # fmt: skip


async def struck(
    laboratory: Laboratory, lab: Lab, updates: list[Update], chance: random.Random,
    failing: Failing, seen: Seen,
) -> None:  # fmt: skip
    """Strike while instruments play; watch until it is well again and something was measured."""
    before = revision(lab)
    await until(lambda: revision(lab) > before and laboratory.rig.playing, "a calibration")
    await asyncio.sleep(chance.uniform(0.0, 0.3))
    await until(lambda: laboratory.rig.playing, "a program")
    slow, stated = stretch(), failing.stated(lab)
    number = laboratory.faults.inject(failing.fault, **failing.given)
    took = await until(lambda: not on(laboratory), "outputs off", stated + PATIENCE)
    seen.reaction.append(took)
    if took > stated + SLACK * max(slow, stretch()):
        seen.unsafe.append(f"outputs on for {took:.1f} s")
    laboratory.world.temperature = WARM
    await asyncio.sleep(FITTED)
    stored, began = revision(lab), time.monotonic()
    while time.monotonic() - began < STAYS:
        if on(laboratory):
            seen.unsafe.append(f"{on(laboratory)} on without a reading")
        await asyncio.sleep(0.02)
    seen.stored += range(stored, revision(lab))
    seen.heard += [update for update in updates if update.revision > stored]
    laboratory.world.temperature = COLD
    laboratory.faults.clear(number)
    if not failing.longer:  # else all is known by now, and nothing due for minutes
        seen.recovery.append(
            await until(lambda: revision(lab) > stored, "a value afterwards", PATIENCE)
        )


def contradicted(laboratory: Laboratory, updates: Sequence[Update]) -> list[Update]:
    """Return what was heard and the truth of its time contradicts by five standard errors."""
    told = [each for each in updates if each.estimate.stderr > 0]
    values = [
        {"name": each.name, "value": each.estimate.value, "stderr": each.estimate.stderr,
         "time": each.estimate.time.timestamp(), "number": number}
        for number, each in enumerate(told)
    ]  # fmt: skip
    answer = laboratory.questions.contradicted(values)
    assert answer["checked"] > 0
    return [told[each["number"]] for each in answer["found"]]


async def blinded(folder: Path, failing: Failing, seed: int) -> Seen:
    """Strike once while a computer is brought up, with a broker and a subscriber."""
    process, seen, chance = BrokerProcess(folder), Seen(), random.Random(seed)
    process.start()
    try:
        with Laboratory(random_chip(2, 3), pace=1.0) as laboratory:
            laboratory.world.temperature = COLD
            path, broker = folder / "lab.toml", f"mqtt://127.0.0.1:{process.port}"
            path.write_text(write_lab(laboratory.chip, laboratory.ports, 3, broker))
            lab = load(path)
            assert (lab.interlock.max_age, lab.interlock.frozen_after) == (30.0, 600.0)
            async with counting(at(process), lab.computer) as (_, updates), tuned(lab):
                await struck(laboratory, lab, updates, chance, failing, seen)
                seen.heard += contradicted(laboratory, updates)
    finally:
        process.kill()
    return seen


@proof("blind")
def blind(quick: bool) -> Iterator[Row]:
    """Once in each bring-up: one bring-up of two faults when quick, otherwise of all a few."""
    for failing in QUICK if quick else FAILING:
        seen = Seen()
        for seed in range(1 if quick else 2 if failing.longer else 5):
            with TemporaryDirectory() as folder:
                once = asyncio.run(blinded(Path(folder), failing, seed))
            for mine, its in zip(vars(seen).values(), vars(once).values(), strict=True):
                mine.extend(its)
        yield seen.row(failing.called)
