"""What was measured before the mixing chamber was warm is neither good nor believed."""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from kammerton.model import StoreUnavailable
from kammerton.publish.payloads import quality
from kammerton.serve.warmed import Warmed, doubt_all
from kammerton.store import Store
from kammerton.verify import verify
from tests.unit.loop.laboratory import Chip, two_qubits
from tests.unit.loop.test_loop import make, store

__all__ = ["store"]

pytestmark = pytest.mark.usefixtures("without_files")

WHY = "the mixing chamber was warm: it read 4.2 K"
LATER = timedelta(seconds=1)

STEPS = 4
"""Runs after which a resonator is known, and stored."""


def test_f1_after_a_warm_up_everything_is_stale_at_once_and_measured_anew(
    tmp_path: Path, store: Store
) -> None:
    chip = Chip()
    loop, bench = make(tmp_path, store, chip)
    asyncio.run(loop.settle())
    before, played = store.parameters(), len(bench.played)
    assert doubt_all(loop.lab, store, loop.clock, WHY) == sorted(before)
    now = loop.clock.now() + LATER
    assert {quality(e, now) for e in store.parameters().values()} <= {"stale", "setting"}
    assert {n: (e.value, e.stderr, e.time, e.run) for n, e in store.parameters().items()} == {
        n: (e.value, e.stderr, e.time, e.run) for n, e in before.items()
    }
    asyncio.run(loop._conclusions.follow())
    assert loop.book["q0.f01"].sigma == 8e6, "the design's"
    chip.f01 += 3e6
    assert asyncio.run(loop.settle()) == {}
    assert bench.played[played].name == "resonator_spectroscopy", "as of a chip just cooled down"
    measured = {name: e for name, e in store.parameters().items() if e.stderr > 0}
    assert {n for n, e in measured.items() if e.run == before[n].run} == set()
    for qubit in ("q0", "q1"):
        assert abs(measured[f"{qubit}.f01"].value - chip.f01) < 5 * measured[f"{qubit}.f01"].stderr
    assert store.doubts() == {}
    assert verify(tmp_path / "kammerton.sqlite").findings == ()


def test_f1_a_restart_does_not_forget_that_it_was_warm(tmp_path: Path, store: Store) -> None:
    chip = Chip()
    loop, _ = make(tmp_path, store, chip)
    asyncio.run(loop.settle())
    before = store.parameters()
    doubt_all(loop.lab, store, loop.clock, WHY)
    chip.f01 += 3e6
    again, _ = make(tmp_path, store, chip)
    asyncio.run(again.settle())
    kept = {n for n, e in store.parameters().items() if e.stderr > 0 and e.run == before[n].run}
    assert kept == set()


def test_f1_what_is_doubted_already_makes_no_further_revision(tmp_path: Path, store: Store) -> None:
    loop, _ = make(tmp_path, store, Chip())
    assert doubt_all(loop.lab, store, loop.clock, WHY) == [], "nothing is known"
    asyncio.run(loop.settle())
    assert doubt_all(loop.lab, store, loop.clock, WHY) != []
    made = store.revision()
    assert doubt_all(loop.lab, store, loop.clock, "it is still warm") == []
    assert store.revision() == made


def test_f1_a_run_that_ended_before_it_was_warm_and_is_stored_after_changes_nothing(
    tmp_path: Path, store: Store
) -> None:
    """Its traces were taken in the cold; they are fitted while the chamber warms up."""
    loop, bench = make(tmp_path, store, Chip())
    acquire, struck = bench.acquire, list[str]()

    async def warms(program):
        records = await acquire(program)
        if program.name == "t1" and not struck:
            struck.append(program.name)
            asyncio.get_running_loop().call_later(0.0, warm)
        return records

    def warm() -> None:
        loop.warm()
        doubt_all(loop.lab, store, loop.clock, WHY)

    bench.acquire = warms
    asyncio.run(loop.settle())
    assert struck
    late = next(r for r in reversed(store.runs(100)) if r.calibration == "t1")
    assert late.revision is None
    assert store.parameters()["q0.t1"].run != late.id, "measured anew"


def test_f1_what_waits_for_a_pulse_is_forgotten(tmp_path: Path, store: Store) -> None:
    loop, bench = make(tmp_path, store, Chip())
    acquire, seen = bench.acquire, list[str]()

    async def warms(program):
        seen.append(program.name)
        if program.name == "rabi_amplitude" and seen.count(program.name) == 1:
            assert loop._conclusions.waiting()
            loop.warm()
            assert loop._conclusions.waiting() == []
        return await acquire(program)

    bench.acquire = warms
    assert asyncio.run(loop.settle()) == {}
    assert seen.count("qubit_spectroscopy") >= 2, "the line is looked for again"


def test_f1_s6_a_clock_that_is_set_back_after_a_warm_up_costs_no_run(
    tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next run begins earlier, by that clock, than it was warm."""
    monkeypatch.setattr("kammerton.model.clock.LASTS", 0.0)
    loop, _ = make(tmp_path, store, Chip())
    loop.warm()
    loop.clock.utc = lambda: datetime.now(UTC) - timedelta(days=1)

    async def steps() -> None:
        for _ in range(STEPS):
            assert await loop.step()

    asyncio.run(steps())
    assert loop.clock.followed < -86000.0
    assert store.parameters(), "it was cold since these runs began"


def test_f1_a_database_that_cannot_be_written_is_waited_for(
    tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    loop, _ = make(tmp_path, store, Chip())
    asyncio.run(loop.settle())
    monkeypatch.setattr("kammerton.loop.record.PAUSE", 0.0)
    real, tries, forgot = store.move_times, list[int](), list[int]()

    def locked(*given, **how):
        tries.append(1)
        if len(tries) < 3:
            raise StoreUnavailable("locked")
        return real(*given, **how)

    monkeypatch.setattr(store, "move_times", locked)

    async def main() -> None:
        warmed = Warmed(loop._record, two_qubits(tmp_path), loop.clock, lambda: forgot.append(1))
        warmed.warmth.look(4.2)
        task = asyncio.create_task(warmed.watch())
        while store.doubts() == {}:  # noqa: ASYNC110 - a thread knows
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.05)
        task.cancel()
        await asyncio.wait({task})

    with caplog.at_level(logging.WARNING):
        asyncio.run(main())
    assert (len(tries), forgot) == (3, [1])
    assert f"{WHY}; {len(store.parameters())} values hold no longer" in caplog.text
