"""A warm-up that no bench saw: an instrument set aside, a restart, software that is down."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from kammerton.bench.warmth import BLIND, UNSEEN
from kammerton.loop.record import Record
from kammerton.model import LabClock
from kammerton.serve.safe import stay_safe
from kammerton.serve.unseen import EVERY, LAST, SPARED, Noted, unseen
from kammerton.serve.warmed import Warmed
from kammerton.store import Doubt, Store
from kammerton.store import clock as clocks
from kammerton.store.laboratory_time import FRIDGE
from tests.stored import estimate, run
from tests.unit.loop.laboratory import two_qubits
from tests.unit.serve import test_tuning
from tests.unit.serve.test_tuning import Asked, store, tuned

__all__ = ["store"]


class Boot:
    """The clock of a boot, s, and the wall's, as a test sets them."""

    def __init__(self) -> None:
        self.seconds, self.name, self.ahead = 5000.0, "a boot", 0.0
        self.began = datetime.now(UTC)

    def passes(self, seconds: float) -> None:
        self.seconds += seconds
        self.ahead += seconds

    def wall(self) -> datetime:
        return self.began + timedelta(seconds=self.ahead)


@pytest.fixture
def boot(monkeypatch: pytest.MonkeyPatch) -> Boot:
    boot = Boot()
    monkeypatch.setattr(clocks, "ticks", lambda: int(boot.seconds * 1e6))
    monkeypatch.setattr(clocks, "boot", lambda: boot.name)
    monkeypatch.setattr(clocks, "wall", boot.wall)
    return boot


def process(tmp_path: Path, store: Store, *does: Callable[[Warmed], object]) -> None:
    """Let a process watch for warmth, and end in order after that."""

    async def say(what: str) -> None:
        pass

    async def main() -> None:
        warmed = Warmed(Record(store, say), two_qubits(tmp_path), LabClock())
        async with warmed.watched(store.audit):
            await warmed.heeded()
            for each in does:
                each(warmed)
            await warmed.heeded()

    asyncio.run(main())


def reads(kelvin: float) -> Callable[[Warmed], None]:
    return lambda warmed: warmed.warmth.look(kelvin)


@pytest.mark.parametrize(("hours", "believed"), [(40.0, False), (0.4, True)])
def test_f1_what_nobody_saw_while_an_instrument_was_set_aside_is_not_believed(
    tmp_path, store, monkeypatch, boot, hours, believed
):
    """Two openings of the bench: for 40 h nobody reads, and both times it is cold."""

    async def set_aside(self, fault) -> None:
        self.held = frozenset()
        boot.passes(3600.0 * hours)

    monkeypatch.setattr(test_tuning.Holding, "set_aside", set_aside)
    first, after = tuned(tmp_path, store, monkeypatch, Asked())
    assert first == pytest.approx(1.0)
    assert (after == pytest.approx(1.0)) is believed
    assert (store.doubted() == {}) is believed
    assert {each.why for each in store.doubted().values()} <= {UNSEEN}


@pytest.mark.parametrize(("seconds", "believed"), [(BLIND - 60.0, True), (BLIND + 60.0, False)])
def test_f1_for_how_long_nobody_has_seen_it_counts_over_a_restart(
    tmp_path, store, boot, seconds, believed
):
    boot.passes(SPARED + 1)
    process(tmp_path, store, reads(0.012))
    boot.passes(seconds)
    process(tmp_path, store)
    assert (store.doubted() == {}) is believed
    assert (store.revisions(1)[0].who != FRIDGE) is believed, "stale, as whoever subscribes hears"


def test_f1_restarts_do_not_begin_the_time_anew(tmp_path, store, boot):
    """Each process ends before it has read anything: the refrigerator's software is down."""
    boot.passes(SPARED + 1)
    process(tmp_path, store, reads(0.012))
    for _ in range(3):
        assert store.doubted() == {}
        boot.passes(BLIND / 3 + 1)
        process(tmp_path, store)
    assert {each.why for each in store.doubted().values()} == {UNSEEN}


def test_f1_each_start_that_reads_it_cold_begins_the_time_anew_and_a_warm_one_does_not(
    tmp_path, store, boot
):
    boot.passes(SPARED + 1)
    for _ in range(4):
        process(tmp_path, store, reads(0.012))
        boot.passes(BLIND / 2)
    assert store.doubted() == {}
    for _ in range(2):  # too short for each process to call it warm
        process(tmp_path, store, reads(0.3))
        boot.passes(BLIND / 2)
    process(tmp_path, store, reads(0.012))
    assert {each.why for each in store.doubted().values()} == {UNSEEN}


def test_another_boot_has_seen_nothing_and_a_wall_that_was_set_back_hides_nothing(
    tmp_path, store, boot
):
    boot.passes(SPARED + 1)
    process(tmp_path, store, reads(0.012))
    boot.ahead -= 7200.0
    boot.seconds += BLIND
    assert unseen(store) == pytest.approx(BLIND, abs=1)
    boot.ahead += 14400.0
    assert unseen(store) == pytest.approx(7200.0, abs=1), "whichever says longer"
    boot.name = "another boot"
    assert unseen(store) == float("inf")
    process(tmp_path, store, reads(0.012))
    assert store.doubted() != {}
    assert unseen(store) == pytest.approx(0.0, abs=1), "and from then on it is seen"


def test_a_database_of_before_goes_by_its_last_run(tmp_path, store, boot):
    boot.passes(300.0)
    assert unseen(store) == pytest.approx(300.0, abs=5)
    with Store.open(tmp_path / "new.sqlite", "new") as new:
        assert unseen(new) == 0.0


def test_while_it_is_read_few_lines_of_the_audit_log_say_so(tmp_path, store, boot):
    """Every 2 s for a day: one each 10 min, so that a kill costs no more than that."""

    def a_day(warmed: Warmed) -> None:
        noted = Noted(warmed.warmth, store.audit, 0.0)
        for _ in range(86400 // 2):
            boot.passes(2.0)
            warmed.warmth.look(0.012)
            noted.keep()

    process(tmp_path, store, a_day)
    assert len(store.log(1000, LAST)) <= 86400 / EVERY + 1
    assert unseen(store) <= SPARED


def test_f1_a_database_that_is_locked_at_the_start_hides_nothing(
    tmp_path, store, boot, monkeypatch
):
    """No instrument waits for it: it is read before anybody knows of an earlier reading."""
    boot.passes(SPARED + 1)
    process(tmp_path, store, reads(0.012))
    boot.passes(40 * 3600.0)
    warmed = Warmed(None, two_qubits(tmp_path), LabClock())
    warmed.warmth.look(0.012)
    warmed.warmth.unseen_before(unseen(store))
    assert warmed.warmth.untold


def test_f1_in_safe_mode_nobody_reads_and_the_time_counts(tmp_path, boot, monkeypatch):
    """What is published there goes on being so; what a weekend has made of it nobody saw."""
    monkeypatch.setattr("kammerton.serve.warmed.LOOK", 0.01)
    lab = replace(two_qubits(tmp_path), broker=None)
    with Store.open(lab.database, lab.computer) as store:
        store.commit(run(), {"q0.t1": estimate(60e-6, 1e-6)})

    async def main() -> dict[str, Doubt]:
        task = asyncio.create_task(stay_safe(lab, "it crashed", print, touch=False))
        await asyncio.sleep(1.0)
        with Store.read(lab.database) as seen:
            assert seen.doubted() == {}
            boot.passes(BLIND)
            while not (doubted := seen.doubted()):
                assert not task.done(), task.exception()
                await asyncio.sleep(0.05)
        task.cancel()
        await asyncio.wait({task})
        return doubted

    assert {each.why for each in asyncio.run(asyncio.wait_for(main(), 60)).values()} == {UNSEEN}
