"""What the loop does when an instrument fails: wait, longer and longer, and tell somebody once."""

from __future__ import annotations

import asyncio
import logging
import random
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest

from kammerton.bench.last_seen import LastSeen
from kammerton.loop.outage import Outage, breaker
from kammerton.model import InstrumentError, LastingFault, SettingsChanged
from kammerton.model.alarm import Alarm
from kammerton.store import Store
from tests.unit.loop.laboratory import Chip
from tests.unit.loop.test_loop import make

pytestmark = pytest.mark.usefixtures("without_files")

LOST = InstrumentError("lo: no answer", instrument="lo")
NIGHT = datetime(2026, 11, 28, 0, 31, 2, tzinfo=UTC)


@dataclass
class Away:
    """A bench whose instrument is away for so many attempts, and a clock without waiting."""

    attempts: int = 0
    now: float = 1000.0
    asked: int = 0
    said: list[str] = field(default_factory=list)
    alarms: list[Alarm] = field(default_factory=list)
    pauses: list[float] = field(default_factory=list)
    seen: LastSeen = field(default_factory=lambda: LastSeen(lambda: NIGHT))

    async def recover(self, failure: InstrumentError) -> frozenset[str]:
        self.asked += 1
        if self.asked <= self.attempts:
            raise LOST
        return frozenset()

    async def say(self, what: str) -> None:
        self.said.append(what)

    async def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds

    def outage(self) -> Outage:
        pauses = breaker()
        pauses.chance, pauses.monotonic = random.Random(1), lambda: self.now
        return Outage(self, self.say, "two", self.alarms.append, pauses, self.sleep)


def test_a_hiccup_costs_a_moment_and_no_alarm():
    away = Away()
    asyncio.run(away.outage().after(LOST, None))
    assert sum(away.pauses) < 1.0
    assert away.alarms == []
    assert away.said == ["waiting: lo: no answer; trying again in 0.2 s"]


def test_while_it_is_away_the_pauses_grow_to_five_minutes_and_one_alarm_names_it():
    away = Away(attempts=20)
    asyncio.run(away.outage().after(LOST, None))
    assert max(away.pauses) <= 300.0
    assert min(away.pauses[-5:]) >= 150.0
    assert [(a.kind, a.subject, a.on) for a in away.alarms] == [("instrument", "lo", True)]
    assert away.asked == 21


def test_what_is_known_of_its_outputs_is_told_and_when_one_may_be_on_an_alarm_of_outputs():
    """No sentence says that an output is off which was not read back as off."""
    away = Away(attempts=20)
    away.seen.on("lo")

    async def recover(failure: InstrumentError) -> frozenset[str]:
        back = await Away.recover(away, failure)
        away.seen.off("lo")
        return back

    outage = away.outage()
    outage.bench = SimpleNamespace(seen=away.seen, recover=recover)
    asyncio.run(outage.after(LOST, None))
    last = "last switched on at 2026-11-28 00:31:02 UTC"
    known = f"lo: no answer; lo is not known to be off: {last}"
    assert away.said[0].startswith(f"waiting: {known}; trying again in ")
    assert [(a.kind, a.subject, a.text) for a in away.alarms] == [
        ("instrument", "lo", known),
        ("outputs", "two", f"outputs of two are not known to be off: lo: {last}"),
        ("outputs", "two", "switched off, and read back as off: lo"),
    ]
    assert [a.on for a in away.alarms] == [True, True, False]


def test_who_was_off_is_said_to_have_been_off_when_last_read_and_is_no_alarm_of_outputs():
    away = Away(attempts=20)
    away.seen.off("lo")
    asyncio.run(away.outage().after(LOST, None))
    (alarm,) = away.alarms
    assert alarm.text.endswith("lo was off when it was last read back, at 2026-11-28 00:31:02 UTC")
    assert "off" not in alarm.what_to_do.replace("not known to be off", "")


def test_i11_a_hundred_flaps_are_one_alarm_and_the_pauses_grow():
    away = Away()

    async def main() -> None:
        outage = away.outage()
        for _ in range(100):
            await outage.after(LOST, None)
            away.now += 1.0  # it works, and a run succeeds
            outage.calm()
        away.now += 601.0
        outage.calm()

    asyncio.run(main())
    assert [a.on for a in away.alarms] == [True, False]
    assert max(away.pauses) > 150.0


def test_after_ten_calm_minutes_a_failure_is_a_hiccup_again():
    away = Away(attempts=10)

    async def main() -> None:
        outage = away.outage()
        await outage.after(LOST, None)
        away.now += 601.0
        outage.calm()
        await outage.after(LOST, None)

    asyncio.run(main())
    assert away.pauses[-1] < 0.5


def test_who_shall_settle_does_not_wait_for_ever():
    away = Away(attempts=1000)
    with pytest.raises(InstrumentError, match="lo: no answer"):
        asyncio.run(away.outage().after(LOST, 0.0))


def test_an_aborted_run_leaves_nothing_and_the_loop_measures_again(tmp_path):
    with Store.open(tmp_path / "kammerton.sqlite", "two") as store:
        loop, bench = make(tmp_path, store, Chip())
        acquire, failures = bench.acquire, [LOST, InstrumentError("lo: nonsense")]
        recovered = []

        async def failing(program):
            if failures:
                raise failures.pop()
            return await acquire(program)

        async def recover(failure):
            recovered.append(str(failure))
            return frozenset()

        bench.acquire, bench.recover = failing, recover
        loop._outage.sleep = lambda seconds: asyncio.sleep(0)

        async def main() -> None:
            for _ in range(2):
                await loop.step()
            assert store.runs() == []
            assert "waiting" in str(store.current_activity())
            assert await loop.settle() == {}

        asyncio.run(main())
        assert recovered == ["lo: nonsense", "lo: no answer"]
        assert "q0.t2_echo" in store.parameters()


LASTS = LastingFault('50,"no reference"', "see to the cable", instrument="lo")


def test_what_lasts_is_not_waited_for(monkeypatch):
    away = Away()

    async def recover(failure):
        raise LASTS

    monkeypatch.setattr(away, "recover", recover)
    with pytest.raises(LastingFault):
        asyncio.run(away.outage().after(LOST, None))
    assert len(away.pauses) == 1


OTHER = LastingFault("590", "see to the cable", instrument="digitizer")
STILL = "it is still away, and nobody tries to reach it now: lo: no answer"


@pytest.mark.parametrize(
    ("end", "leave", "told"),
    [
        (LASTS, "", (False, "it answers again, and was verified")),
        (OTHER, "", (True, f"{STILL}; {OTHER}")),
        (asyncio.CancelledError(), "", (True, f"{STILL}; the daemon ends")),
        (asyncio.CancelledError(), "x is held by ann", (True, f"{STILL}; x is held by ann")),
    ],
)
def test_who_is_away_when_the_loop_ends_is_not_told_to_be_back(monkeypatch, end, leave, told):
    away = Away()

    async def recover(failure):
        away.asked += 1
        raise LOST if away.asked < 20 else end

    async def loop() -> None:
        outage = away.outage()
        with outage.ended(lambda: leave):
            await outage.after(LOST, None)
            raise AssertionError

    monkeypatch.setattr(away, "recover", recover)
    with pytest.raises(type(end)):
        asyncio.run(loop())
    assert [(a.subject, a.on, a.text) for a in away.alarms[1:]] == [("lo", *told)]


def test_however_a_loop_ends_it_says_what_became_of_its_alarm(tmp_path):
    told: list[Alarm] = []
    with Store.open(tmp_path / "kammerton.sqlite", "two") as store:
        for work in ("keep", "settle"):
            loop, bench = make(tmp_path, store, Chip())
            loop._outage.alarm, loop._outage._alarmed = told.append, "awg"
            loop._outage._away = "awg: no answer"

            async def failing(program):
                raise LASTS

            bench.acquire = failing
            with pytest.raises(LastingFault):
                asyncio.run(getattr(loop, work)())
    assert [(a.subject, a.on) for a in told] == [("awg", True)] * 2


def test_i9_what_lasts_ends_the_loop_and_nothing_of_the_run_is_stored(tmp_path):
    with Store.open(tmp_path / "kammerton.sqlite", "two") as store:
        loop, bench = make(tmp_path, store, Chip())

        async def failing(program):
            raise LASTS

        bench.acquire = failing
        with pytest.raises(LastingFault):
            asyncio.run(loop.keep())
        assert store.runs() == []
        (attempt,) = store.attempts()
        assert attempt.outcome == 'aborted: lo says 50,"no reference"; see to the cable'


@pytest.mark.parametrize(
    ("failure", "words"),
    [
        (LOST, "lo answers again and is verified"),
        (InstrumentError("lo: no answer"), "all instruments answer again and are verified"),
        (
            SettingsChanged("lo is not set as it was", instrument="lo"),
            "lo is used again after that change",
        ),
    ],
)
def test_who_is_back_is_said_and_is_no_warning(caplog, failure, words):
    caplog.set_level(logging.INFO)
    asyncio.run(Away().outage().after(failure, None))
    assert [(each.levelname, each.getMessage()) for each in caplog.records] == [("INFO", words)]
