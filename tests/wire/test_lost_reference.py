"""The common 10 MHz goes: what each box says of it, and that nothing is measured without it.

The unchanged drivers on the simulated laboratory (hidden truth, seed 3), the cable pulled there.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from pathlib import Path
from unittest.mock import AsyncMock

import numpy as np
import pytest

from kammerton.bench import Bench
from kammerton.lab import Lab, load
from kammerton.model import InstrumentError, LastingFault
from kammerton.serve import computer
from kammerton.serve.computer import run_computer
from kammerton.serve.kernels import Kernels
from kammerton.store import Store, change
from kammerton.store.leases import DAEMON
from kammerton.store.rows import Lease
from kammerton_sim.chip import random_chip
from kammerton_sim.evidence.contradicted import contradicted
from kammerton_sim.laboratory import Laboratory
from kammerton_sim.write_lab import write_lab
from tests.proxied import Restless
from tests.wire.test_bench_on_the_laboratory import program, use


@pytest.fixture(scope="module")
def laboratory() -> Iterator[Laboratory]:
    with Laboratory(random_chip(1, 3)) as laboratory:
        yield laboratory


@pytest.fixture
def lab(laboratory: Laboratory, tmp_path: Path) -> Iterator[Lab]:
    path = tmp_path / "lab.toml"
    path.write_text(write_lab(laboratory.chip, laboratory.ports, 3), encoding="utf-8")
    yield replace(load(path), broker=None, pictures=False)
    laboratory.faults.clear(None)


# ---------------------------------------------------------------- the bench


@pytest.mark.parametrize(
    ("instrument", "times"),
    [("drive_lo", 2), ("readout_lo", 2), ("awg1", 1)],  # the first look empties the queue
)
def test_i9_a_reference_that_is_lost_lasts_until_it_is_back(laboratory, lab, instrument, times):
    async def body(bench: Bench) -> None:
        await bench.acquire(program(lab, 40))
        laboratory.faults.inject("reference-lost", instrument=instrument, ppm=2)
        for _ in range(times):
            with pytest.raises(LastingFault, match="the common 10 MHz") as fault:
                await bench.acquire(program(lab, 40))
            assert fault.value.instrument == instrument
        with pytest.raises(LastingFault):
            await bench.recover(fault.value)
        laboratory.faults.clear(None)
        await bench.recover(fault.value)
        await bench.acquire(program(lab, 40))

    use(lab, body)


@pytest.mark.parametrize("instrument", ["drive_lo", "awg1", "board"])
def test_i9_a_bench_does_not_open_without_the_reference(laboratory, lab, instrument):
    laboratory.faults.inject("reference-lost", instrument=instrument, ppm=2)

    async def body(bench: Bench) -> None:
        pytest.fail("the bench opened")

    with pytest.raises(LastingFault, match="the common 10 MHz") as fault:
        use(lab, body)
    assert lab.instruments[str(fault.value.instrument)]
    assert not any(laboratory.outputs().values())


@pytest.mark.parametrize("instrument", ["drive_lo", "awg1"])
def test_i9_what_is_over_sets_nothing_aside(laboratory, lab, instrument):
    """The reference was away while nobody looked: the queue still says so, the box no longer."""
    laboratory.sources["drive_lo"].receive(b":ROSC:SOUR EXT")
    laboratory.generators["awg1"].receive(b":CLOC:SOUR EFIX")
    number = laboratory.faults.inject("reference-lost", instrument=instrument, ppm=2)
    laboratory.faults.clear(number)

    async def body(bench: Bench) -> None:
        records = await bench.acquire(program(lab, 40))
        assert records.clipped == 0
        assert all(np.isfinite(blocks).all() for blocks in records.blocks.values())

    use(lab, body)


def test_i9_any_other_error_is_an_event(laboratory, lab):
    async def body(bench: Bench) -> None:
        laboratory.faults.inject("error", instrument="drive_lo", code=-222)
        with pytest.raises(InstrumentError) as failure:
            await bench.acquire(program(lab, 40))
        assert not isinstance(failure.value, LastingFault)

    use(lab, body)


# ---------------------------------------------------------------- the daemon


def leases(lab: Lab) -> tuple[Lease, ...]:
    with Store.read(lab.database) as store:
        return tuple(store.leases())


def aside(lab: Lab, after: int = 0) -> bool:
    return any(held.owner == DAEMON and held.number > after for held in leases(lab))


def runs(lab: Lab) -> int:
    with Store.read(lab.database) as store:
        return len(store.runs(10_000))


def wrong(laboratory: Laboratory, lab: Lab) -> list[object]:
    """Return every value that was ever published and that the truth contradicts."""
    with Store.read(lab.database) as store:
        published = [
            {"name": c.name, "value": e.value, "stderr": e.stderr, "time": e.time.timestamp()}
            for name in store.parameters()
            for c in store.history(name, 10_000)
            if (e := c.estimate).stderr > 0
        ]
    answer = contradicted(published, laboratory.world.truth)
    assert answer["checked"] > 10
    return list(answer["contradicted"])


@contextlib.asynccontextmanager
async def tuning(lab: Lab, said: list[str]) -> AsyncIterator[None]:
    task = asyncio.ensure_future(run_computer(lab, doing=said.append))
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not true():  # noqa: ASYNC110 - what is waited for is any fact
            await asyncio.sleep(0.1)


async def released(lab: Lab) -> None:
    await asyncio.to_thread(change, lab.database, "release", {"scope": "drive_lo"}, "ada")


@pytest.mark.timeout(240)
def test_i9_without_its_reference_nothing_wrong_is_ever_published(
    laboratory, lab, monkeypatch, caplog
):
    async def measured_until_it_is_lost() -> int:
        said: list[str] = []
        async with tuning(lab, said):
            before = runs(lab)
            await until(lambda: runs(lab) > before)
            laboratory.faults.inject("reference-lost", instrument="drive_lo", ppm=2)
            await until(lambda: aside(lab))
            await until(lambda: "hands off" in "".join(said[-1:]))
            stored = runs(lab)
            await asyncio.sleep(1.0)
            assert not any(laboratory.outputs().values())
            assert runs(lab) == stored
        return stored

    async def restarted_released_and_mended(stored: int) -> None:
        said: list[str] = []
        since = len(laboratory.ledger.since())
        async with tuning(lab, said):
            await until(lambda: "hands off" in "".join(said[-1:]))
            written = [c for c in laboratory.ledger.since(since) if c["instrument"] != "fridge"]
            assert written == []  # nobody has even connected but to the thermometer
            number = max(held.number for held in leases(lab))
            await released(lab)  # although nothing was mended
            await until(lambda: aside(lab, number))
            assert runs(lab) == stored
            laboratory.faults.clear(None)
            await until(lambda: "hands off" in "".join(said[-1:]))
            await released(lab)
            await until(lambda: runs(lab) > stored + 2)
            assert not aside(lab)

    assert asyncio.run(run_computer(lab, once=True)) == {}
    monkeypatch.setattr(computer, "Planner", Restless)
    stored = asyncio.run(measured_until_it_is_lost())
    (held,) = leases(lab)
    assert held.scope == "drive_lo"
    assert held.why == (
        '50,"External reference out of range or disconnected"; see to the cable of the common '
        "10 MHz and to what feeds it, then: kammerton release drive_lo"
    )
    alarms = [r.getMessage() for r in caplog.records if r.name == "kammerton.publish.alarms"]
    assert any(words.startswith("drive_lo is set aside: 50,") for words in alarms)
    asyncio.run(restarted_released_and_mended(stored))
    assert wrong(laboratory, lab) == []


def test_i9_after_an_unclean_end_all_is_switched_off_though_the_daemon_holds_it(
    laboratory, lab, monkeypatch
):
    monkeypatch.setattr(Kernels, "load", AsyncMock())
    laboratory.faults.inject("front-panel", instrument="readout_lo", setting="on", value="ON")
    with Store.open(lab.database, lab.computer, data=lab.data) as store:
        store.hold("drive_lo", DAEMON, "no reference")
        store.activity("t1 on q0")

    def verified() -> bool:
        with Store.read(lab.database) as store:
            return any(
                "unclean end" in row.why and "verified off" in row.why for row in store.log()
            )

    async def main() -> None:
        said: list[str] = []
        async with tuning(lab, said):
            await until(lambda: "hands off" in "".join(said[-1:]))
            assert not any(laboratory.outputs().values())
            await until(verified)

    asyncio.run(main())
    assert aside(lab)
    assert runs(lab) == 0
    with Store.read(lab.database) as store:
        assert store.current_activity().what is None  # the next one finds a clean end


def test_i9_who_shall_only_settle_ends_and_leaves_the_hold(laboratory, lab, monkeypatch):
    monkeypatch.setattr(Kernels, "load", AsyncMock())
    laboratory.faults.inject("reference-lost", instrument="drive_lo", ppm=2)
    with pytest.raises(LastingFault):
        asyncio.run(run_computer(lab, once=True))
    assert aside(lab)
    assert not any(laboratory.outputs().values())
