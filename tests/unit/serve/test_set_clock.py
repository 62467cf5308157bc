"""S6: the computer's clock was wrong before the start, or is set while the daemon runs."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

from kammerton.loop import BeliefBook
from kammerton.model import LabClock
from kammerton.serve import set_clock
from kammerton.serve.set_clock import clock_watched, made_up
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

        def book() -> BeliefBook:
            found = BeliefBook(lab, mine.now())
            found.update(store.parameters())
            found.recall(store.doubts())
            return found

        assert made_up(store, mine, book, told.append)
        held = store.parameters()["q0.t1"]
        assert held.time <= mine.now()
        assert held.valid_until <= mine.now()
        assert "how old" in store.doubted()["q0.t1"].why
        assert book().stale(["q0"], mine.now()) == ["q0.t1"]
        assert [(each.kind, each.on) for each in told] == [("clock", True)]
        assert store.log(1, "clock")
        assert not made_up(store, mine, book, told.append), "once"
    assert verify(tmp_path / "k.sqlite").findings == ()


def test_s6_nothing_is_moved_where_the_clock_is_right(tmp_path):
    with Store.open(tmp_path / "k.sqlite", "two") as store:
        store.commit(run(), {"q0.t1": estimate()})
        assert not made_up(store, LabClock.not_before(store.now()), None, None)
        assert store.revision() == 1


def test_s6_a_clock_that_is_set_is_told_until_laboratory_time_follows(monkeypatch):
    monkeypatch.setattr(set_clock, "PERIOD", 0.01)
    monkeypatch.setattr(set_clock, "LASTS", 0.05)
    by, told = [0.0], []
    mine = LabClock(utc=lambda: datetime.now(UTC) + timedelta(seconds=by[0]))

    async def main() -> None:
        async with clock_watched(mine, "two", told.append):
            await asyncio.sleep(0.05)
            assert told == []
            by[0] = -18000.0
            await asyncio.sleep(0.1)
            assert len(told) == 1, "as long as nobody has followed"
            mine.follow(-18000.0)
            await asyncio.sleep(0.1)

    asyncio.run(main())
    assert [(each.on, each.subject) for each in told] == [(True, "two"), (False, "two")]
    assert "this computer's clock was set back by 5 h;" in told[0].text
