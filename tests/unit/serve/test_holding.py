"""Leases against a loop: the next safe point, five seconds, or at once."""

import asyncio
import threading
import time
from dataclasses import dataclass, field
from types import SimpleNamespace

import pytest

from kammerton.model import LastingFault, StoreError, StoreUnavailable
from kammerton.model.alarm import Alarm
from kammerton.publish import Alarms
from kammerton.serve import holding
from kammerton.serve.holding import Holds
from kammerton.store.given_back import GIVEN_BACK
from kammerton.store.held_again import AGAIN
from kammerton.store.leases import DAEMON

GRACE = 0.6
"""s; by which a busy machine may be late."""


@dataclass
class Lease:
    scope: str
    number: int = 1
    owner: str = "Ada"
    why: str = "by hand"
    until: None = None


@dataclass
class FakeStore:
    held: list[Lease] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    problem: Exception | None = None
    refusals: list[Exception] = field(default_factory=list)
    audited: list[SimpleNamespace] = field(default_factory=list)

    computer: str = "two"
    lost: bool = False

    def log(self, limit: int, what: str | None = None) -> list[SimpleNamespace]:
        return [row for row in reversed(self.audited) if what in (None, row.what)][:limit]

    def newest(self, whats: set[str]) -> dict[str, str]:
        return {row.what: row.new for row in self.audited if row.what in whats}

    def audit(self, who: str, what: str, old: str, new: str, why: str) -> None:
        if self.refusals:
            raise self.refusals.pop(0)
        self.audited.append(SimpleNamespace(number=len(self.audited), what=what, new=new, why=why))

    def hold(self, scope: str, owner: str, why: str) -> None:
        if self.refusals:
            raise self.refusals.pop(0)
        self.held.append(Lease(scope, len(self.held) + 1, owner, why))

    def leases(self) -> tuple[Lease, ...]:
        if self.problem is not None:
            raise self.problem
        return tuple(self.held)

    def activity(self, what: str) -> None:
        self.said.append(what)


@dataclass
class FakeLoop:
    """Works in steps of `step` s until told to leave, or for ever without looking."""

    measured: frozenset[str] = frozenset()
    step: float = 0.01
    looks: bool = True
    leave: str = ""
    interrupted: list[str] = field(default_factory=list)
    cancelled: bool = False

    async def keep(self) -> None:
        try:
            while not (self.leave and self.looks):  # noqa: ASYNC110 - this is a loop of steps
                await asyncio.sleep(self.step)
        except asyncio.CancelledError:
            self.cancelled = True
            raise

    def interrupt(self, why: str) -> None:
        self.interrupted.append(why)
        self.measured = frozenset()


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(holding, "PERIOD", 0.01)
    monkeypatch.setattr(holding, "GRACE", 0.2)
    monkeypatch.setattr(holding, "AGAIN", 0.1)
    monkeypatch.setattr(holding, "SPACING", 0.01)


@pytest.fixture
def patient(monkeypatch):
    monkeypatch.setattr(holding, "GRACE", GRACE)


LAB = SimpleNamespace(computer="two", instruments={"awg1": None})


def obeyed(loop: FakeLoop, scope: str, *, now: bool = False, seconds: float = 20.0) -> object:
    """Hold a scope while the loop runs; return what `obeyed` gave and after how many s."""

    async def main() -> object:
        store = FakeStore()
        holds = Holds(LAB, store, print)
        if now:
            holds.told(SimpleNamespace(verb="hold", arguments={"scope": scope, "now": True}))
        async with holds.followed(), asyncio.timeout(seconds):
            store.held.append(Lease(scope))
            if now:
                holds._at_once.add(scope)
            start = asyncio.get_running_loop().time()
            result = await holds.obeyed(loop, loop.keep())
            return result, asyncio.get_running_loop().time() - start

    return asyncio.run(main())


@pytest.mark.usefixtures("patient")
@pytest.mark.parametrize("scope", ["computer", "awg1"])
def test_the_loop_leaves_at_its_next_safe_point(scope):
    loop = FakeLoop()
    result, seconds = obeyed(loop, scope)
    assert result is None
    assert not loop.cancelled
    assert seconds < 0.9 * GRACE


@pytest.mark.usefixtures("patient")
def test_a_run_that_is_too_long_for_the_person_is_cancelled():
    loop = FakeLoop(looks=False)
    result, seconds = obeyed(loop, "computer")
    assert result is None
    assert loop.cancelled
    assert GRACE <= seconds < 5 * GRACE


@pytest.mark.usefixtures("patient")
def test_at_once_means_at_once():
    loop = FakeLoop(looks=False)
    _, seconds = obeyed(loop, "computer", now=True)
    assert loop.cancelled
    assert seconds < 0.9 * GRACE


NOW = SimpleNamespace(verb="hold", arguments={"scope": "computer", "now": True})


def test_a_slow_look_from_before_does_not_forget_that_it_is_to_be_at_once():
    read, go = threading.Event(), threading.Event()

    class Slow(FakeStore):
        def leases(self):
            found = super().leases()
            read.set()
            assert go.wait(20)
            return found

    async def main() -> None:
        store = Slow()
        holds = Holds(LAB, store, print)
        look = asyncio.create_task(holds._read())
        await asyncio.to_thread(read.wait, 20)
        store.held.append(Lease("computer"))
        holds.told(NOW)
        go.set()
        await look
        assert holds.on_bench() is None  # it was read before
        await holds._read()
        assert holds._over(holds.on_bench())

    asyncio.run(main())


def test_at_once_is_forgotten_with_the_hold_it_was_said_of_or_refused():
    async def main() -> None:
        store = FakeStore()
        holds = Holds(LAB, store, print)
        holds.told(NOW)  # refused
        store.problem = StoreUnavailable("locked")
        await holds._read()
        assert holds._at_once  # nobody knows yet
        store.problem = None
        await holds._read()
        store.held.append(Lease("computer"))
        await holds._read()
        assert not holds._over(holds.on_bench())

    asyncio.run(main())


def interrupted(loop: FakeLoop, measured: str, long: float) -> float:
    """Hold q0 while it is measured, from `long` s after; return how long it still was, in s.

    A busy machine may take its time: what is waited for is the interruption, not an instant.
    """

    async def main() -> float:
        store = FakeStore()
        holds = Holds(LAB, store, print)
        now = asyncio.get_running_loop().time
        async with holds.followed(), asyncio.timeout(20):
            working = asyncio.ensure_future(holds.obeyed(loop, loop.keep()))
            store.held.append(Lease("q0"))
            await asyncio.sleep(long)
            loop.measured, start = frozenset({"q0", measured}), now()
            while not loop.interrupted:  # noqa: ASYNC110 - it is a list that is watched
                await asyncio.sleep(0.005)
            took = now() - start
            assert not working.done()
            assert not loop.leave
            loop.leave = "q0 is held by anna: cabling"
            await working
        return took

    return asyncio.run(main())


def test_a_target_that_is_measured_is_given_up_after_a_while_and_the_loop_goes_on():
    loop = FakeLoop()
    assert interrupted(loop, "r0", long=0) >= 0.9 * holding.GRACE
    assert loop.interrupted == ["q0 is held by Ada: by hand"]


@pytest.mark.usefixtures("patient")
def test_a_run_that_begins_on_what_has_long_been_held_has_no_time_of_its_own():
    """The five seconds count from when the hold was seen, not from when the run began."""
    loop = FakeLoop()
    assert interrupted(loop, "r0", long=1.2 * GRACE) < 0.9 * GRACE
    assert loop.interrupted == ["q0 is held by Ada: by hand"]


def test_what_is_not_measured_is_not_given_up():
    loop = FakeLoop(measured=frozenset({"q1", "r1"}))
    with pytest.raises(TimeoutError):
        obeyed(loop, "q0", seconds=0.4)
    assert loop.interrupted == []


def test_a_failure_of_the_loop_is_not_taken_for_obedience():
    loop = FakeLoop()

    async def fail() -> None:
        loop.leave = "q0 is held by anna: cabling"
        raise ZeroDivisionError

    async def main() -> None:
        holds = Holds(LAB, FakeStore(), print)
        async with holds.followed():
            await holds.obeyed(loop, fail())

    with pytest.raises(ZeroDivisionError):
        asyncio.run(main())


def test_it_waits_until_the_bench_is_free_and_says_for_whom():
    async def main() -> list[str]:
        store = FakeStore([Lease("computer")])
        holds = Holds(LAB, store, print)
        async with holds.followed(), asyncio.timeout(20):
            waiting = asyncio.create_task(holds.free("outputs are off"))
            await asyncio.sleep(0.05)
            assert not waiting.done()
            store.held.clear()
            await waiting
        return store.said

    said = asyncio.run(main())
    assert said[0] == "hands off: computer is held by Ada: by hand; outputs are off"


def on_bench(*problems: Exception | None) -> list[str | None]:
    """Read the leases with one problem after the other; return who has the bench after each."""

    async def main() -> list[str | None]:
        store = FakeStore()
        holds = Holds(LAB, store, print)
        found = []
        for problem in problems:
            store.problem = problem
            await holds._read()
            lease = holds.on_bench()
            found.append(lease.why if lease else None)
        return found

    return asyncio.run(main())


def test_nobody_has_looked_and_so_all_is_held():
    assert Holds(LAB, FakeStore(), print).on_bench() is not None


@pytest.mark.parametrize("problem", [StoreError("torn"), StoreUnavailable("locked")])
def test_a_first_look_that_fails_holds_the_computer_until_one_succeeds(problem):
    first, second, third = on_bench(problem, problem, None)
    assert first == second == f"the leases cannot be read: {problem}"
    assert third is None


@pytest.mark.parametrize("problem", [StoreError("torn"), OverflowError("a date")])
def test_leases_that_can_no_longer_be_read_hold_the_computer(problem):
    assert on_bench(None, problem, None) == [None, f"the leases cannot be read: {problem}", None]


@pytest.mark.parametrize("cancelled", [False, True])
def test_what_a_person_holds_stays_held_while_nobody_can_read_it(cancelled):
    """All is switched off then, but the bias of a held qubit moves for nobody."""

    async def main() -> None:
        store = FakeStore([Lease("q0")])
        holds = Holds(LAB, store, print)
        await holds._read()
        store.problem = StoreError("torn")
        for _ in range(2):
            look = asyncio.create_task(holds._read())
            if cancelled:
                await begun(holds)
                look.cancel()
            await asyncio.wait([look])
            assert holds.elements() == {"q0", "computer"}
            assert len(holds.leases) == 2
        store.problem = None
        await holds._read()
        assert holds.elements() == {"q0"}

    asyncio.run(main())


class Shaky(FakeStore):
    """A store of which the next `failing` looks fail; None: all of them."""

    failing: int | None = 0
    looks = 0

    def leases(self) -> tuple[Lease, ...]:
        self.looks += 1
        if self.failing is None or self.failing:
            self.failing = self.failing and self.failing - 1
            raise StoreError("disk I/O error")
        return super().leases()


def looked_at(failing: int | None, body) -> Shaky:
    """Let looks fail once one has succeeded, and do `body(holds, the look)` meanwhile."""
    store = Shaky()

    async def main() -> None:
        holds = Holds(LAB, store, print)
        await holds._read()
        store.failing, store.looks = failing, 0
        look = asyncio.create_task(holds._read())
        async with asyncio.timeout(20):
            await body(holds, look)
            await asyncio.gather(look, return_exceptions=True)

    asyncio.run(main())
    return store


async def begun(holds: Holds) -> None:
    while holds._certain.is_set():  # noqa: ASYNC110 - what is waited for is any fact
        await asyncio.sleep(0)


def test_one_look_that_fails_is_no_hold_and_nothing_is_written_before_the_next_is_good(
    monkeypatch,
):
    monkeypatch.setattr(holding, "AGAIN", 20.0)

    async def body(holds: Holds, look: asyncio.Task[None]) -> None:
        await begun(holds)
        assert holds.on_bench() is None
        assert holds.elements() == frozenset()
        waiting = asyncio.create_task(holds.certain())
        await asyncio.sleep(0)
        assert not waiting.done()
        await look
        await waiting
        assert holds.on_bench() is None

    assert looked_at(3, body).looks == 4


def test_looks_that_fail_for_long_are_a_hold_whose_time_began_with_the_first(monkeypatch):
    monkeypatch.setattr(holding, "AGAIN", 1.0)

    async def body(holds: Holds, look: asyncio.Task[None]) -> None:
        first = asyncio.get_running_loop().time()
        await begun(holds)
        await holds.certain()
        assert holds.on_bench().why == "the leases cannot be read: disk I/O error"
        assert asyncio.get_running_loop().time() - first >= holding.AGAIN
        assert list(holds._since.values()) == [pytest.approx(first, abs=0.4)]

    assert looked_at(None, body).looks > 2


def test_a_second_look_that_is_cancelled_leaves_a_hold_and_nobody_waiting():
    async def body(holds: Holds, look: asyncio.Task[None]) -> None:
        await begun(holds)
        look.cancel()
        await holds.certain()
        assert holds.on_bench() is not None

    looked_at(None, body)


def test_what_may_pass_leaves_what_was_read():
    assert on_bench(None, StoreUnavailable("locked")) == [None, None]


def test_requests_that_cannot_be_read_count_as_a_hold_on_the_computer():
    loop, alarms = FakeLoop(looks=False), []

    async def main() -> object:
        holds = Holds(LAB, FakeStore(), print, alarms.append)
        async with holds.followed(), asyncio.timeout(20):
            assert holds.on_bench() is None
            holds.unread("locked up")
            holds.unread("not a database")
            holds.unread("not a database")
            assert "computer" in holds.elements()
            assert [each.scope for each in holds()] == ["computer"]
            result = await holds.obeyed(loop, loop.keep())
            holds.unread(None)
            assert holds.on_bench() is None
            holds.unread(None)
        return result

    assert asyncio.run(main()) is None
    assert loop.cancelled, "within the time that any hold has"
    assert [(a.kind, a.on, a.text.rpartition(": ")[2]) for a in alarms] == [
        ("requests", True, "locked up"), ("requests", True, "not a database"),
        ("requests", False, "they can be read again"),
    ], "once for each reason, not at each look"  # fmt: skip


# ---------------------------------------------------------------- set aside by the daemon

FAULT = LastingFault('50,"no reference"', "see to the cable", instrument="awg1")


def set_aside(store: FakeStore) -> tuple[Holds, list[Alarm]]:
    alarms: list[Alarm] = []
    holds = Holds(LAB, store, print, alarms.append)

    async def main() -> None:
        async with asyncio.timeout(20):
            await holds.set_aside(FAULT)

    asyncio.run(main())
    return holds, alarms


def test_what_lasts_is_held_in_the_daemons_name_and_says_what_to_do():
    store = FakeStore()
    holds, alarms = set_aside(store)
    lease = holds.on_bench()
    assert (lease.scope, lease.owner) == ("awg1", DAEMON)
    assert lease.why == '50,"no reference"; see to the cable, then: kammerton release awg1'
    assert [(a.kind, a.subject, a.on) for a in alarms] == [("set aside", "awg1", True)]
    store.held.clear()
    asyncio.run(holds._read())
    assert holds.on_bench() is None
    assert [a.on for a in alarms] == [True, False]


def test_who_starts_meanwhile_is_told_again():
    alarms: list[Alarm] = []
    holds = Holds(LAB, FakeStore([Lease("awg1", 1, DAEMON)]), print, alarms.append)
    asyncio.run(holds._read())
    assert [(a.subject, a.on) for a in alarms] == [("awg1", True)]


def test_leases_that_cannot_be_read_release_nothing():
    store = FakeStore()
    holds, alarms = set_aside(store)
    store.problem = StoreError("torn")
    asyncio.run(holds._read())
    assert [a.on for a in alarms] == [True]


def test_a_database_that_is_locked_is_waited_for_before_anything_goes_on():
    store = FakeStore(refusals=[StoreUnavailable("locked"), StoreUnavailable("locked")])
    holds, _ = set_aside(store)
    assert [lease.scope for lease in store.held] == ["awg1"]
    assert holds.on_bench() is not None


def test_what_cannot_be_read_back_counts_all_the_same():
    async def main() -> None:
        store = FakeStore()
        holds = Holds(LAB, store, print)
        await holds._read()
        store.problem = StoreUnavailable("locked")
        await holds.set_aside(FAULT)
        assert [lease.scope for lease in holds.leases] == ["awg1"]

    asyncio.run(main())


def test_s6_a_hold_that_was_noted_as_given_back_and_holds_again_is_noted_so():
    """Its end was by a clock that was wrong: what a person changes from now on is doubted too."""
    store = FakeStore([Lease("q0", number=3)])
    store.audited.append(SimpleNamespace(what="hold 3 of q0", new=GIVEN_BACK))
    store.refusals.append(StoreUnavailable("locked"))
    holds = Holds(LAB, store, print)

    async def main():
        async with holds.followed():
            await asyncio.sleep(0.1)
            store.held.append(Lease("q1", number=4))
            await asyncio.sleep(0.1)

    asyncio.run(main())
    assert [(row.what, row.new) for row in store.audited[1:] if "hold" in row.what] == [
        ("hold 3 of q0", AGAIN)
    ]


def test_a_slow_look_from_before_does_not_free_what_is_set_aside():
    class Slow(FakeStore):
        looks = 0

        def leases(self):
            found = super().leases()
            self.looks += 1
            time.sleep(0.3 if self.looks == 1 else 0.0)  # the first answers last
            return found

    async def main() -> None:
        holds = Holds(LAB, Slow(), print)
        follow = asyncio.create_task(holds._read())
        await asyncio.sleep(0.1)
        await holds.set_aside(FAULT)
        await follow
        assert [lease.scope for lease in holds.leases] == ["awg1"]

    asyncio.run(main())


def test_what_a_person_holds_already_is_the_persons():
    store = FakeStore([Lease("awg1")], refusals=[StoreError("awg1 is held by Ada: by hand")])
    holds, alarms = set_aside(store)
    assert holds.on_bench().owner == "Ada"
    assert alarms == []


def test_what_can_never_be_written_is_an_error():
    with pytest.raises(StoreError, match="torn"):
        set_aside(FakeStore(refusals=[StoreError("torn")]))


def test_a_person_comes_before_the_daemon():
    store = FakeStore([Lease("awg1", 1, DAEMON), Lease("computer", 2)])
    holds = Holds(LAB, store, print)
    asyncio.run(holds._read())
    assert holds.on_bench().owner == "Ada"


# ---------------------------------------------------------------- alarms of an earlier process


def told(store: FakeStore, unread: str | None = None) -> list[tuple[str, str, bool]]:
    """Let a process live for a moment; return what alarms one hears of it."""
    alarms = Alarms()

    async def main() -> None:
        holds = Holds(LAB, store, print, alarms.tell)
        holds.unread(unread)
        async with holds.followed(), asyncio.timeout(20):
            while store.refusals:  # noqa: ASYNC110 - what is waited for is the last of them
                await asyncio.sleep(0.01)
            await asyncio.sleep(0.2)

    asyncio.run(main())
    return [(alarm.kind, alarm.subject, alarm.on) for _, alarm in alarms._new]


def test_an_alarm_that_an_earlier_process_left_on_is_told_over_once():
    store = FakeStore([Lease("awg1", 1, DAEMON)])
    on = {("requests", "requests to two", True), ("set aside", "awg1", True)}
    assert set(told(store, "not a database")) == on
    assert set(told(store, "not a database")) == on, "it is told by each that finds it so"
    store.held.clear()
    assert set(told(store)) == {(kind, subject, False) for kind, subject, _ in on}
    assert told(store) == [], "nothing is left to be over"
    assert [row.new for row in store.audited][1:] == ["none"]


def test_while_leases_cannot_be_read_nothing_is_over():
    store = FakeStore([Lease("awg1", 1, DAEMON)])
    told(store)
    store.problem = StoreError("torn")
    assert told(store) == []
    store.problem = None
    store.held.clear()
    assert told(store) == [("set aside", "awg1", False)]


def test_what_cannot_be_kept_now_is_kept_later():
    store = FakeStore([Lease("awg1", 1, DAEMON)], refusals=[StoreUnavailable("locked")] * 2)
    told(store)
    store.held.clear()
    store.refusals.append(StoreUnavailable("locked"))
    assert told(store) == [("set aside", "awg1", False)]
