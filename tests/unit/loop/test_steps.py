"""S6: the computer's clock is set while the loop runs, or was wrong when it began."""

from __future__ import annotations

import asyncio
import shutil
from datetime import UTC, datetime, timedelta

import pytest

from kammerton.loop import outage
from kammerton.loop.loop import Loop
from kammerton.model import clock as model_clock
from kammerton.store import Store, clock
from kammerton.verify import verify
from tests.unit.loop.laboratory import Chip
from tests.unit.loop.test_loop import make

YEAR, MOMENT, NEAR = timedelta(days=365), timedelta(seconds=0.1), timedelta(seconds=2)


class Computer:
    """A computer whose clock a test sets; at first it is a year ahead."""

    by = YEAR

    def utc(self) -> datetime:
        return datetime.now(UTC) + self.by

    def keeps(self, loop: Loop) -> None:
        loop.clock.utc = self.utc
        loop.clock.follow(loop.clock.apart())


@pytest.fixture(scope="module")
def settled(tmp_path_factory):
    """The folder of a database in which all is measured, by a clock that was a year ahead."""
    folder = tmp_path_factory.mktemp("settled")
    with Store.open(folder / "kammerton.sqlite", "two") as store, pytest.MonkeyPatch.context() as m:
        m.setattr(clock, "wall", Computer().utc)
        loop, _ = make(folder, store, Chip())
        Computer().keeps(loop)
        asyncio.run(loop.settle())
    return folder


@pytest.fixture
def computer(monkeypatch):
    monkeypatch.setattr(model_clock, "LASTS", 0.0)
    return Computer()


@pytest.fixture
def loop(settled, tmp_path, computer):
    """A loop in that database, on a computer whose clock is a year ahead."""
    shutil.copytree(settled, tmp_path, dirs_exist_ok=True)
    with Store.open(tmp_path / "kammerton.sqlite", "two") as store:
        loop, _ = make(tmp_path, store, Chip())
        computer.keeps(loop)
        yield loop


def test_s6_a_clock_that_is_set_back_makes_nothing_older_or_younger(loop, computer, caplog):
    before, lab = loop.store.parameters(), loop.clock.now()
    loop.patience.park("q1", "no line", lab)
    until = loop.patience.parked["q1"].until
    computer.by = timedelta()
    asyncio.run(loop.step())
    after = loop.store.parameters()
    assert {n: (e.value, e.run) for n, e in after.items()} == {
        n: (e.value, e.run) for n, e in before.items()
    }
    for name, old in before.items():
        assert abs(after[name].time - (old.time - YEAR)) < MOMENT
        assert loop.book[name].time == after[name].time
    assert abs(loop.clock.now() - (lab - YEAR)) < timedelta(minutes=2)
    assert abs(loop.patience.parked["q1"].until - (until - YEAR)) < MOMENT
    assert "was set back by 365 d; laboratory time follows" in caplog.text
    assert loop.store.log(1, "clock")[0].why == "this computer's clock was set back by 365 d"
    assert loop.store.doubted() == {}
    assert verify(loop.store.path).findings == ()


def test_s6_what_was_measured_before_a_step_forward_is_measured_again(loop, computer):
    lab, before = loop.clock.now(), loop.store.parameters()
    computer.by = 2 * YEAR
    asyncio.run(loop.settle())
    after = loop.store.parameters()
    aged = [name for name, e in before.items() if e.valid_until is not None]
    assert aged
    assert [name for name in aged if after[name].time < lab + YEAR - timedelta(days=1)] == []


def test_s6_what_comes_back_from_a_time_to_come_is_doubted_and_measured_again(loop, computer):
    """By a revert to before the clock was set right: those times were not moved."""
    computer.by = timedelta()
    asyncio.run(loop.settle())
    now, head = loop.clock.now(), loop.store.revision()
    loop.store.revert(head - 1, who="anna", why="it was better")
    before = [n for n, e in loop.store.parameters().items() if e.time > now and e.stderr > 0]
    assert before
    asyncio.run(loop._conclusions.follow())
    asyncio.run(loop._conclusions.by_the_clock())
    assert set(before) <= loop.store.doubted().keys()
    asyncio.run(loop.settle())
    assert [n for n in before if loop.store.parameters()[n].time > loop.clock.now()] == []


def test_s6_a_step_counts_once_it_lasts(loop, computer, monkeypatch):
    monkeypatch.setattr(model_clock, "LASTS", 3600.0)
    computer.by = timedelta()
    asyncio.run(loop.step())
    assert loop.clock.apart() < -1e6
    loop.clock.played(3600.0, 0.0)
    asyncio.run(loop.step())
    assert abs(loop.clock.apart()) < 1


@pytest.mark.parametrize("by", [-4.0, 4.0])
def test_s6_moments_are_not_followed(loop, computer, by):
    revision = loop.store.revision()
    computer.by += timedelta(seconds=by)
    asyncio.run(loop.step())
    assert abs(loop.clock.apart() - by) < 0.5
    assert loop.store.revision() == revision


@pytest.mark.parametrize(("pause", "turns"), [(0.04, 0), (0.05, 2)])
def test_s6_laboratory_time_follows_while_an_instrument_is_away_for_long(
    loop, computer, monkeypatch, pause, turns
):
    """In a short pause nothing is in the way of switching off."""
    monkeypatch.setattr(outage, "LOUD", 0.05)
    monkeypatch.setattr(outage, "TURN", 0.02)
    before = loop.clock.now()
    computer.by = timedelta()
    asyncio.run(loop._outage.sleep(pause))
    assert (abs(loop.clock.now() - (before - YEAR)) < timedelta(minutes=2)) == bool(turns)


@pytest.mark.parametrize("by", [timedelta(hours=-1), timedelta(hours=1)])
def test_s6_a_step_in_a_run_leaves_laboratory_time_as_far_ahead_as_it_is_meant_to_be(
    tmp_path, computer, monkeypatch, by
):
    """To whoever reads, and to a daemon that starts then, whether it was followed or not."""
    monkeypatch.setattr(clock, "wall", computer.utc)
    with Store.open(tmp_path / "k.sqlite", "two") as store:
        loop, bench = make(tmp_path, store, Chip())
        computer.keeps(loop)
        while not store.parameters():
            asyncio.run(loop.step())
        play = bench.acquire

        async def acquire(program):
            computer.by = YEAR + by
            return await play(program)

        bench.acquire = acquire
        assert asyncio.run(loop.step())
        assert abs(store.now() - computer.utc() - timedelta(seconds=loop.clock.ahead)) < NEAR
        assert bool(store.clock_set_back()) == (by < timedelta()), "nobody has followed"
        asyncio.run(loop._conclusions.by_the_clock())
        assert abs(store.now() - loop.clock.now()) < NEAR
        assert not store.clock_set_back()
