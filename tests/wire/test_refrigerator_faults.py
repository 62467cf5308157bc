"""Rows F1 to F4: the refrigerator fails while a program plays; drive goes off in the stated time.

Stated: at once (the next reading) when it reads warm or a pump stops; within `max_age` and one
reading when there is no reading; within `frozen_after` when a reading stands still. When outputs
went off is read from the laboratory's ledger.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from types import SimpleNamespace

import pytest

from kammerton.bench import Bench, open_bench
from kammerton.lab import Lab, load
from kammerton.model import DriveInhibited, LabClock
from kammerton_sim.chip import random_chip
from kammerton_sim.laboratory import Laboratory
from kammerton_sim.world.warm import warm
from kammerton_sim.write_lab import write_lab
from tests.wire.test_bench_on_the_laboratory import on, program, until_playing
from tests.yardstick import stretch

PERIOD, MAX_AGE, FROZEN = 0.05, 1.0, 1.0
SLACK = 1.5  # s for switching off, and more by as much as the machine is slow meanwhile


def settings(text: str) -> str:
    """Give a lab.toml an interlock that is quick enough for tests."""
    times = f'max_age = "{MAX_AGE} s"\nfrozen_after = "{FROZEN} s"\nrearm_readings = 2'
    return text.replace('max_age = "30 s"', times)


@pytest.fixture(scope="module")
def laboratory() -> Iterator[Laboratory]:
    warm()  # it is in this process: what it compiled would keep the bench from its turn
    with Laboratory(random_chip(2, 3), pace=1.0) as laboratory:
        yield laboratory


@pytest.fixture
def lab(laboratory, tmp_path) -> Iterator[Lab]:
    laboratory.world.temperature = 0.012  # held there: what a fault has warmed cools for hours
    path = tmp_path / "lab.toml"
    text = write_lab(laboratory.chip, laboratory.ports, 3)
    path.write_text(settings(text), encoding="utf-8")
    yield load(path)
    laboratory.faults.clear(None)


def struck(laboratory: Laboratory, lab: Lab, fault: str, **given: object) -> SimpleNamespace:
    """Play; put a fault on; return how long drive lasted, what was said, what happens after."""
    seen = SimpleNamespace()

    async def body(bench: Bench) -> None:
        loop = asyncio.get_running_loop()
        running = asyncio.create_task(bench.acquire(program(lab, 600_000)))
        await until_playing(laboratory, running)
        slow = stretch()
        laboratory.faults.inject(fault, **given)
        began = loop.time()
        with pytest.raises(DriveInhibited) as inhibition:
            await running
        async with asyncio.timeout(30):
            while on(laboratory):  # noqa: ASYNC110 - another thread knows
                await asyncio.sleep(0.01)
        seen.seconds, seen.said = loop.time() - began, str(inhibition.value)
        seen.slack = SLACK * max(slow, stretch())
        with pytest.raises(DriveInhibited):
            await bench.acquire(program(lab, 20))
        laboratory.faults.clear(None)
        laboratory.world.temperature = 0.012
        async with asyncio.timeout(30):
            while bench.gate.cold.objection():  # noqa: ASYNC110 - what is waited for is any fact
                await asyncio.sleep(0.02)
        assert (await bench.acquire(program(lab, 20))).blocks

    async def main() -> None:
        async with open_bench(
            lab, LabClock(), fridge_period=PERIOD, lock_folder=lab.path.parent
        ) as bench:
            await body(bench)

    asyncio.run(main())
    return seen


def test_f1_a_chamber_that_warms_up_is_noticed_at_the_next_reading(laboratory, lab):
    seen = struck(laboratory, lab, "temperature", kelvin=0.5)
    assert "the mixing chamber reads" in seen.said
    assert seen.seconds < PERIOD + seen.slack


@pytest.mark.parametrize("fault", ["sensor-nan", "sensor-over-range", "sensor-unplugged"])
def test_f2_no_reading_is_not_a_good_reading(laboratory, lab, fault):
    seen = struck(laboratory, lab, fault)
    assert "no valid reading younger than 1 s" in seen.said
    assert seen.seconds < MAX_AGE + PERIOD + seen.slack


def test_f2_a_frozen_sensor_is_no_reading(laboratory, lab):
    seen = struck(laboratory, lab, "sensor-frozen")
    assert "is frozen" in seen.said
    assert seen.seconds < FROZEN + PERIOD + seen.slack


def test_f3_a_pump_that_trips_switches_off_though_it_is_still_cold(laboratory, lab):
    seen = struck(laboratory, lab, "trip", machine="turbo")
    assert "turbo of the refrigerator stopped" in seen.said
    assert seen.seconds < PERIOD + seen.slack


def test_f3_a_condensing_line_that_blocks_switches_off_though_it_is_still_cold(laboratory, lab):
    text = f'{lab.path.read_text(encoding="utf-8")}\n[interlock.pressures.p2]\nmax = "1 bar"\n'
    lab.path.write_text(text, encoding="utf-8")
    seen = struck(laboratory, load(lab.path), "block")
    assert "p2 of the refrigerator reads 200" in seen.said
    assert "outside 100 kPa" in seen.said
    assert seen.seconds < PERIOD + seen.slack


def test_f4_a_refrigerator_that_does_not_answer_counts_as_warm(laboratory, lab):
    seen = struck(laboratory, lab, "refuse", instrument="fridge")
    assert "no valid reading younger than 1 s" in seen.said
    assert seen.seconds < MAX_AGE + PERIOD + 10.0 + seen.slack  # a reading may take 10 s to fail


def test_f1_what_was_measured_while_it_warmed_up_is_not_believed(laboratory, lab):
    """Readings may be old here, as on a busy machine; once it was measured, one is taken."""
    text = lab.path.read_text(encoding="utf-8")
    lab.path.write_text(text.replace(f'max_age = "{MAX_AGE} s"', 'max_age = "30 s"'))
    lab = load(lab.path)

    async def main() -> None:
        async with open_bench(
            lab, LabClock(), fridge_period=60.0, lock_folder=lab.path.parent
        ) as bench:
            await bench.acquire(program(lab, 20))
            record = bench._record

            async def warmed(*args: object) -> None:
                await record(*args)
                laboratory.faults.inject("temperature", kelvin=0.5)
                await asyncio.sleep(1.1)

            bench._record = warmed
            with pytest.raises(DriveInhibited, match="what was measured: drive is refused"):
                await bench.acquire(program(lab, 20))

    asyncio.run(main())
