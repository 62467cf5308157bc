"""Between runs the loop looks at the instruments, and acts as after a run."""

from __future__ import annotations

import asyncio
import shutil
from unittest.mock import AsyncMock

import pytest

from kammerton.loop import looks
from kammerton.loop.conclusion import DOUBT
from kammerton.loop.looks import EVERY, WELL, Looks
from kammerton.model import InstrumentError, LastingFault, SettingsChanged
from kammerton.store import Store
from tests.unit.loop.laboratory import Chip
from tests.unit.loop.test_loop import make

CHANGED = SettingsChanged("lo is not set as it was: output is on, not off", instrument="lo")


class Watched:
    """A bench that has something to say at each of its next looks, and is well then."""

    def __init__(self, *failures: InstrumentError) -> None:
        self.failures, self.looked, self.asked = list(failures), 0, True

    async def look(self) -> bool:
        self.looked += 1
        if self.failures:
            raise self.failures.pop(0)
        return self.asked


def test_it_looks_now_and_then_also_after_something_was_wrong():
    now = [0.0]
    bench = Watched(CHANGED)
    mine = Looks(bench, lambda: now[0])
    found = []
    for _ in range(12):
        now[0] += EVERY / 4
        found.append(asyncio.run(mine.when_due()))
    assert (bench.looked, [each for each in found if each]) == (3, [CHANGED])


def test_only_a_look_at_all_of_them_says_that_all_are_well():
    """What the interlock switches off just then, or a person holds, nobody has asked."""
    bench, now, said = Watched(CHANGED), [0.0], []
    mine = Looks(bench, lambda: now[0], lambda: said.append(now[0]))
    for bench.asked in (True, False, True):
        now[0] += EVERY
        asyncio.run(mine.when_due())
    assert said == [3 * EVERY]


@pytest.fixture(scope="module")
def settled(tmp_path_factory):
    """The folder of a database in which all is measured."""
    folder = tmp_path_factory.mktemp("settled")
    with Store.open(folder / "kammerton.sqlite", "two") as store:
        asyncio.run(make(folder, store, Chip())[0].settle())
    return folder


@pytest.fixture
def idle(settled, tmp_path, monkeypatch):
    """A loop that has nothing to measure, and its bench."""
    shutil.copytree(settled, tmp_path, dirs_exist_ok=True)
    with Store.open(tmp_path / "kammerton.sqlite", "two") as store:
        loop, bench = make(tmp_path, store, Chip())
        monkeypatch.setattr(looks, "EVERY", 0.0)
        monkeypatch.setattr("kammerton.loop.loop.IDLE", 0.0)
        loop._looks._due = 0.0
        yield loop, bench


def test_i10_what_rests_on_a_box_that_a_look_finds_changed_is_doubted(idle, caplog):
    loop, bench = idle
    before, told = loop.book["q0.f01"].sigma, []

    async def recover(failure):
        told.append(failure)
        loop.leave = "seen"
        return frozenset()

    bench.look, bench.recover = Watched(CHANGED).look, recover
    asyncio.run(loop.keep())
    assert told == [CHANGED]
    assert loop.book["q0.f01"].sigma > 2 * before
    assert f"found between two runs: {CHANGED}" in caplog.text
    assert "is aborted" not in caplog.text


def test_i7_all_that_rests_on_a_box_that_lost_its_settings_is_measured_again(idle):
    """Also what was known so well that five times its error would still serve."""
    loop, _ = idle
    before = {n: e.run for n, e in loop.store.parameters().items() if e.stderr > 0}
    loop.book.doubt_what_uses({"lo"}, DOUBT, loop.clock.now())
    asyncio.run(loop.settle())
    after = loop.store.parameters()
    assert [name for name, run in before.items() if after[name].run == run] == []


def test_nobody_looks_once_a_person_wants_the_instruments(idle):
    loop, bench = idle
    watched = Watched()
    bench.look, loop.said = watched.look, lambda what: setattr(loop, "leave", "lo is held by ann")
    asyncio.run(loop.keep())
    assert watched.looked == 0


def test_whoever_holds_what_a_look_finds_changed_waits_for_no_recovery(idle):
    loop, bench = idle
    before, told = loop.book["q0.f01"].sigma, []

    async def look() -> bool:
        loop.leave = "lo is held by ann"
        raise CHANGED

    async def recover(failure):
        told.append(failure)
        return frozenset()

    bench.look, bench.recover = look, recover
    asyncio.run(loop.keep())
    assert told == []
    assert loop.book["q0.f01"].sigma > 2 * before


def test_i11_a_look_that_finds_all_well_ends_the_alarm_though_nothing_is_measured(idle):
    """Else whoever was told in the night waits for the next run, which may be hours later."""
    loop, bench = idle
    heard, now = [], [0.0]
    loop._outage.alarm, loop._outage.sleep = heard.append, AsyncMock()
    loop._outage.backoff.monotonic = lambda: now[0]
    failures = [InstrumentError("lo: no answer", instrument="lo")] * 6

    async def look() -> bool:
        if failures:
            raise failures.pop()
        now[0] += 300.0
        if len(heard) == 2 or now[0] > 3000.0:
            loop.leave = "seen"
        return True

    async def recover(failure):
        return frozenset()

    bench.look, bench.recover = look, recover
    asyncio.run(loop.keep())
    assert [(each.subject, each.on, each.text) for each in heard][1:] == [("lo", False, WELL)]


def test_i9_what_lasts_and_is_found_by_a_look_ends_the_work(idle):
    loop, bench = idle
    lost = LastingFault("50", "see to the cable", instrument="lo")
    bench.look = Watched(lost).look
    with pytest.raises(LastingFault):
        asyncio.run(loop.keep())
