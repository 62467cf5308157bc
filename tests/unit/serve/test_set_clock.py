"""S6: the computer's clock was wrong before the start, or is set while the daemon runs."""

from __future__ import annotations

import asyncio
import threading
import time
from datetime import UTC, datetime, timedelta

import pytest

from kammerton.model import LabClock, StoreUnavailable
from kammerton.model import clock as model_clock
from kammerton.publish.alarms import Alarms
from kammerton.serve import set_clock
from kammerton.serve.made_up import believed, made_up
from kammerton.serve.set_clock import SetClock
from kammerton.store import Store, clock
from kammerton.verify import verify
from tests.stored import estimate, run
from tests.unit.loop.laboratory import two_qubits

YEAR, HOUR = timedelta(days=365), timedelta(hours=1)


def test_s6_what_a_clock_a_year_ahead_left_is_neither_good_nor_believed(tmp_path, monkeypatch):
    lab, told = two_qubits(tmp_path), []
    wrong = datetime.now(UTC) + YEAR
    with Store.open(tmp_path / "k.sqlite", "two") as store:
        monkeypatch.setattr(clock, "wall", lambda: wrong)
        store.commit(run(started=wrong), {"q0.t1": estimate(time=wrong, valid_until=wrong + HOUR)})
        monkeypatch.undo()
        mine = LabClock.not_before(store.now())
        assert abs(mine.now() - datetime.now(UTC)) < timedelta(seconds=5), "new times are right"

        assert made_up(lab, store, mine, told.append)
        held = store.parameters()["q0.t1"]
        assert held.time <= mine.now()
        assert held.valid_until <= mine.now()
        assert "how old" in store.doubted()["q0.t1"].why
        assert believed(lab, store, mine).stale(["q0"], mine.now()) == ["q0.t1"]
        assert [(each.kind, each.on) for each in told] == [("clock", True)]
        assert store.log(1, "clock")
        assert not made_up(lab, store, mine, told.append), "once"
    assert verify(tmp_path / "k.sqlite").findings == ()


def test_s6_nothing_is_moved_where_the_clock_is_right(tmp_path):
    with Store.open(tmp_path / "k.sqlite", "two") as store:
        store.commit(run(), {"q0.t1": estimate()})
        assert not made_up(two_qubits(tmp_path), store, LabClock.not_before(store.now()), print)
        assert store.revision() == 1


class Computer:
    """A computer whose clock a test sets."""

    by = timedelta()

    def clock(self) -> LabClock:
        return LabClock(utc=lambda: datetime.now(UTC) + self.by)


@pytest.fixture
def computer(monkeypatch):
    monkeypatch.setattr(set_clock, "PERIOD", 0.01)
    monkeypatch.setattr(set_clock, "LASTS", 0.05)
    monkeypatch.setattr(model_clock, "LASTS", 0.03)
    return Computer()


@pytest.fixture
def store(tmp_path):
    with Store.open(tmp_path / "k.sqlite", "two") as store:
        now = datetime.now(UTC)
        store.commit(run(started=now), {"q0.t1": estimate(time=now, valid_until=now + HOUR)})
        yield store


def test_s6_a_clock_that_is_set_is_told_until_the_loop_has_followed(store, computer):
    told, mine = [], computer.clock()
    watch = SetClock(store, mine, told.append, print)

    async def main() -> None:
        async with watch.left, watch.watched():
            await asyncio.sleep(0.05)
            assert told == []
            computer.by = -5 * HOUR
            await asyncio.sleep(0.1)
            assert len(told) == 1, "as long as nobody has followed"
            mine.follow(-18000.0)
            await asyncio.sleep(0.1)

    asyncio.run(main())
    assert [(each.on, each.subject) for each in told] == [(True, "two"), (False, "two")]
    assert "this computer's clock was set back by 5 h, to " in told[0].text
    assert store.revision() == 1, "the loop's to do"


def test_s6_another_step_is_told_though_one_was_told_and_nobody_has_followed(store, computer):
    told, mine = [], computer.clock()
    watch = SetClock(store, mine, told.append, print)

    async def main() -> None:
        async with watch.left, watch.watched():
            for by in (-7, -7, -11, -3600, -3600):
                computer.by = timedelta(seconds=by)
                await asyncio.sleep(0.1)
            mine.follow(-3600.0)
            await asyncio.sleep(0.03)
            computer.by -= timedelta(seconds=7)
            await asyncio.sleep(0.03)

    asyncio.run(main())
    heard = Alarms()
    for each in told:
        heard.tell(each)
    heard.hurry()
    assert [text for notice in heard.due() for text in notice.texts][1:2] == [told[1].text]
    steps = [each.text.partition(", to ")[0].rpartition(" by ")[2] for each in told if each.on]
    assert steps == ["7 s", "1 h", "7 s"]


def test_s6_a_step_as_large_as_the_one_before_is_heard_as_well(store, computer):
    told, mine = [], computer.clock()
    heard = Alarms()
    watch = SetClock(store, mine, lambda alarm: (told.append(alarm), heard.tell(alarm)), print)

    async def main() -> None:
        async with watch.left, watch.watched():
            for _ in range(4):
                computer.by += timedelta(minutes=25)
                await asyncio.sleep(0.03)
                mine.follow(1500.0)
                await asyncio.sleep(0.02)

    asyncio.run(main())
    heard.hurry()
    texts = {text for notice in heard.due() if notice.on for text in notice.texts}
    assert len(texts) == len([each for each in told if each.on]) == 4


@pytest.mark.parametrize("by", [-5 * HOUR, 5 * HOUR])
def test_s6_while_no_loop_calibrates_laboratory_time_follows_all_the_same(store, computer, by):
    told, noted, mine = [], [], computer.clock()
    before = store.parameters()["q0.t1"]

    async def main() -> None:
        async with SetClock(store, mine, told.append, lambda *row: noted.append(row)).watched():
            computer.by = by
            await asyncio.sleep(0.3)

    asyncio.run(main())
    after, moved = store.parameters()["q0.t1"], min(by, timedelta())
    for old, new in ((before.time, after.time), (before.valid_until, after.valid_until)):
        assert abs(new - (old + moved)) < timedelta(seconds=1)
    assert abs(mine.now() - computer.clock().now()) < timedelta(seconds=1)
    assert [each.on for each in told] == [True, False]
    assert len(noted) == 1
    assert "this computer's clock was set" in noted[0][-1]


def test_s6_a_step_is_followed_once_the_database_is_written_again(
    store, computer, monkeypatch, caplog
):
    mine, real, tries = computer.clock(), store.move_times, []

    def moves(*given: object) -> int:
        tries.append(given)
        if len(tries) < 3:
            raise StoreUnavailable("the disk is full")
        return real(*given)

    monkeypatch.setattr(store, "move_times", moves)

    async def main() -> None:
        async with SetClock(store, mine, print, print).watched():
            computer.by = -5 * HOUR
            await asyncio.sleep(0.3)

    asyncio.run(main())
    assert len(tries) == 3
    assert abs(mine.now() - computer.clock().now()) < timedelta(seconds=1)
    assert caplog.text.count("cannot follow yet: the disk is full") == 1


def test_s6_though_nobody_waits_any_more_times_and_clock_go_together(store, computer, monkeypatch):
    """As where a hold is released in that moment: else the loop would move them twice."""
    mine, real = computer.clock(), store.move_times
    began = threading.Event()

    def slowly(*given: object) -> int:
        began.set()
        time.sleep(0.2)
        return real(*given)

    monkeypatch.setattr(store, "move_times", slowly)

    async def main() -> None:
        async with SetClock(store, mine, print, print).watched():
            computer.by = -5 * HOUR
            await asyncio.to_thread(began.wait, 10)

    asyncio.run(main())
    assert store.revision() == 2
    assert abs(mine.apart()) < 1
