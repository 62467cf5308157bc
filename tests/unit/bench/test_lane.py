"""The lane: order, no overlap, poison, bounded close."""

import asyncio
import math
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from kammerton.bench import Lane
from kammerton.bench import lane as lane_module
from kammerton.bench.lane import beyond_reach
from kammerton.model import InstrumentError


@pytest.fixture
def lane() -> Iterator[Lane]:
    lane = Lane("source")
    yield lane
    lane.close()


class Busy:
    """A call that waits until it is let go, and notices when another enters."""

    def __init__(self) -> None:
        self.go = threading.Event()
        self.started = threading.Event()
        self.inside = 0
        self.overlaps = 0

    def __call__(self) -> str:
        self.overlaps += self.inside
        self.inside += 1
        self.started.set()
        assert self.go.wait(10)
        self.inside -= 1
        return "done"


def long_ago(lane: Lane) -> None:
    """Let what waits in a lane have waited for longer than any time that it may take."""
    for call in lane._calls:
        assert call is not None
        call.since -= 60.0


async def until(event: threading.Event) -> None:
    assert await asyncio.to_thread(event.wait, 5)


def test_a_process_ends_before_ever_more_threads_of_one_instrument_hang(monkeypatch):
    monkeypatch.setattr(lane_module, "MANY", 3)
    end = threading.Event()
    hung: list[Lane] = []
    try:
        for _ in range(4):
            assert beyond_reach() == []
            hung.append(Lane("vna"))
            hung[-1].call(int, timeout=10)  # its thread runs: what it is given next, it begins
            with pytest.raises(InstrumentError, match="did not return"):
                hung[-1].call(end.wait, 20, timeout=0.2)
            hung[-1].close(0.0)
        (said,) = beyond_reach()
        assert said.startswith("vna: ")
    finally:
        end.set()
    for each in hung:
        each._worker.thread.join(5)
    assert beyond_reach() == []


def test_calls_keep_their_order_and_their_thread(lane: Lane) -> None:
    seen: list[tuple[int, str]] = []

    def note(number: int) -> int:
        seen.append((number, threading.current_thread().name))
        return number

    async def main() -> list[int]:
        return await asyncio.gather(*(lane.run(note, n) for n in range(50)))

    assert asyncio.run(main()) == list(range(50))
    assert seen == [(n, "lane source") for n in range(50)]


def test_an_exception_reaches_the_caller_and_the_lane_goes_on(lane: Lane) -> None:
    def fail() -> None:
        raise ValueError("no such range")

    async def main() -> int:
        with pytest.raises(ValueError, match="no such range"):
            await lane.run(fail)
        return await lane.run(int, "7")

    assert asyncio.run(main()) == 7


def test_a_timeout_error_of_the_instrument_does_not_poison(lane: Lane) -> None:
    def fail() -> None:
        raise TimeoutError("the instrument's own")

    async def main() -> None:
        with pytest.raises(TimeoutError, match="own"):
            await lane.run(fail, timeout=5)

    asyncio.run(main())
    with pytest.raises(TimeoutError, match="own"):
        lane.call(fail, timeout=5)
    assert lane.poisoned is None


def test_after_a_cancelled_call_the_next_one_waits(lane: Lane) -> None:
    busy = Busy()

    async def main() -> str:
        first = asyncio.create_task(lane.run(busy))
        await until(busy.started)
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        second = asyncio.create_task(lane.run(busy))
        await asyncio.sleep(0.02)
        assert busy.inside == 1
        busy.go.set()
        return await second

    assert asyncio.run(main()) == "done"
    assert busy.overlaps == 0


def test_a_cancelled_call_that_has_not_begun_never_begins(lane: Lane) -> None:
    busy, called = Busy(), threading.Event()

    async def main() -> None:
        first = asyncio.create_task(lane.run(busy))
        await until(busy.started)
        second = asyncio.create_task(lane.run(called.set))
        await asyncio.sleep(0)
        second.cancel()
        with pytest.raises(asyncio.CancelledError):
            await second
        busy.go.set()
        await first
        await lane.run(int)

    asyncio.run(main())
    assert not called.is_set()


def test_a_timeout_names_what_hangs_and_poisons_until_rebuilt(lane: Lane) -> None:
    busy = Busy()

    def hang() -> str:
        return busy()

    async def main() -> int:
        with pytest.raises(InstrumentError, match=r"source: .*hang did not return within 0.05 s"):
            await lane.run(hang, timeout=0.05)
        with pytest.raises(InstrumentError, match=r"hang did not return .* must be rebuilt"):
            await lane.run(int)
        lane.rebuild()
        return await lane.run(int, "3")

    assert asyncio.run(main()) == 3
    busy.go.set()


def test_a_timeout_behind_another_call_names_that_one(lane: Lane) -> None:
    busy, late = Busy(), threading.Event()

    def slow_query() -> str:
        return busy()

    async def main() -> None:
        first = asyncio.create_task(lane.run(slow_query))
        await until(busy.started)
        with pytest.raises(InstrumentError, match="slow_query did not return"):
            await lane.run(late.set, timeout=0.05)
        busy.go.set()
        assert await first == "done"

    asyncio.run(main())
    assert not late.is_set()


def test_the_time_of_a_queued_call_counts_from_when_it_begins(lane: Lane) -> None:
    """To wait for a slow one is not to hang; to hang is, once it has begun."""
    busy, hung = Busy(), Busy()

    async def main() -> str:
        first = asyncio.create_task(lane.run(busy))
        await until(busy.started)
        second = asyncio.create_task(lane.run(str, "told", timeout=10.0, queued=True))
        await asyncio.sleep(0)
        long_ago(lane)
        busy.go.set()
        await first
        told = await second
        with pytest.raises(InstrumentError, match="did not return within"):
            await lane.run(hung, timeout=0.05, queued=True)
        return told

    assert asyncio.run(main()) == "told"
    hung.go.set()


def test_what_waits_behind_a_call_that_hangs_goes_on_in_the_fresh_thread(lane: Lane) -> None:
    busy = Busy()

    async def main() -> str:
        hung = asyncio.create_task(lane.run(busy, timeout=1.0))
        await until(busy.started)
        waiting = asyncio.create_task(lane.run(str, "told", timeout=5.0))
        with pytest.raises(InstrumentError, match="did not return"):
            await hung
        lane.rebuild()
        return await waiting

    assert asyncio.run(main()) == "told"
    busy.go.set()


@pytest.mark.parametrize("queued", [False, True])
def test_a_call_that_hangs_poisons_though_nobody_waits_for_it_any_more(
    lane: Lane, *, queued: bool
) -> None:
    """Callers that give up sooner than the call's own time would leave it hanging for good."""
    busy = Busy()

    async def main() -> str:
        caller = asyncio.create_task(lane.run(busy, timeout=1.0, queued=queued))
        await until(busy.started)
        caller.cancel()
        with pytest.raises(asyncio.CancelledError):
            await caller
        await asyncio.sleep(1.1)
        with pytest.raises(InstrumentError, match=r"did not return within 1 s; .* rebuilt"):
            await lane.run(int)
        lane.rebuild()
        return await lane.run(str, "told")

    assert asyncio.run(main()) == "told"
    busy.go.set()


@pytest.mark.parametrize(("limit", "queued"), [(10.0, True), (10.0, False), (None, False)])
def test_a_long_call_whose_caller_left_is_no_hang_within_its_own_time(
    lane: Lane, *, limit: float | None, queued: bool
) -> None:
    """An upload goes on: of one that had to wait, its time counts from when it began."""
    first, long = Busy(), Busy()

    async def main() -> str:
        before = asyncio.create_task(lane.run(first))
        await until(first.started)
        caller = asyncio.create_task(lane.run(long, timeout=limit, queued=queued))
        await asyncio.sleep(0)
        if queued:
            long_ago(lane)
        first.go.set()
        await before
        await until(long.started)
        caller.cancel()
        assert lane.poisoned is None
        long.go.set()
        return await lane.run(str, "told")

    assert asyncio.run(main()) == "told"
    assert lane.poisoned is None


def test_no_two_talk_at_once_when_a_call_that_hung_ends_as_it_is_left_behind(lane: Lane) -> None:
    """Hanging up ends the call: its thread is free just when the fresh one takes what waits."""
    inside, most, told = 0, 0, list[int]()

    def talk(number: int) -> None:
        nonlocal inside, most
        inside += 1
        most = max(most, inside)
        time.sleep(0.002)
        inside -= 1
        told.append(number)

    async def main() -> None:
        for _ in range(20):
            busy, begun = Busy(), list[int]()
            hung = asyncio.create_task(lane.run(busy))
            await until(busy.started)
            waiting = [asyncio.create_task(lane.run(talk, n)) for n in range(4)]
            await asyncio.sleep(0)
            with pytest.raises(InstrumentError, match="did not return"):
                await lane.run(begun.append, 1, timeout=0.001)
            busy.go.set()
            lane.rebuild()
            await asyncio.gather(hung, *waiting)

    asyncio.run(main())
    assert most == 1
    assert told == [*range(4)] * 20


def test_without_a_thread_to_spare_a_lane_goes_on_in_its_own_once_the_call_has_ended(
    lane: Lane, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The session was closed: what hung has ended by that, and threads may be short for long."""
    busy = Busy()

    def none(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    async def main() -> str:
        hung = asyncio.create_task(lane.run(busy, timeout=0.05))
        with pytest.raises(InstrumentError, match="did not return"):
            await hung
        with monkeypatch.context() as short:
            short.setattr(threading.Thread, "start", none)
            with pytest.raises(InstrumentError, match="source: can't start new thread"):
                lane.rebuild()
        busy.go.set()
        while lane.remaining < math.inf:  # noqa: ASYNC110 - it ends in its own thread, just now
            await asyncio.sleep(0.001)
        return await lane.run(str, "told", timeout=5.0)

    assert asyncio.run(main()) == "told"


def test_a_call_that_was_left_behind_poisons_no_fresh_thread(lane: Lane) -> None:
    """Who still waits for it is told, and nobody hangs up on what works."""
    busy, works = Busy(), Busy()

    async def main() -> str:
        hung = asyncio.create_task(lane.run(busy, timeout=0.4))
        await until(busy.started)
        with pytest.raises(InstrumentError, match="did not return"):
            await lane.run(int, timeout=0.05)
        lane.rebuild()
        working = asyncio.create_task(lane.run(works))
        await until(works.started)
        with pytest.raises(InstrumentError, match=r"did not return within 0.4 s"):
            await hung
        assert lane.poisoned is None
        works.go.set()
        return await working

    assert asyncio.run(main()) == "done"
    busy.go.set()


def test_a_queued_call_that_is_cancelled_never_begins(lane: Lane) -> None:
    busy, called = Busy(), threading.Event()

    async def main() -> None:
        first = asyncio.create_task(lane.run(busy))
        await until(busy.started)
        second = asyncio.create_task(lane.run(called.set, timeout=5.0, queued=True))
        await asyncio.sleep(0.02)
        second.cancel()
        with pytest.raises(asyncio.CancelledError):
            await second
        busy.go.set()
        await first
        await lane.run(int)

    asyncio.run(main())
    assert not called.is_set()


@pytest.mark.parametrize("how", ["call", "run"])
def test_a_closed_lane_refuses(how: str) -> None:
    lane = Lane("source")
    lane.close()
    ask: Callable[[], object] = (
        (lambda: lane.call(int)) if how == "call" else lambda: asyncio.run(lane.run(int))
    )
    with pytest.raises(InstrumentError, match="source: the connection is closed"):
        ask()


def test_a_blocking_call_returns_times_out_and_poisons(lane: Lane) -> None:
    busy = Busy()
    assert lane.call(int, "5") == 5
    with pytest.raises(InstrumentError, match="did not return"):
        lane.call(busy, timeout=0.05)
    with pytest.raises(InstrumentError, match="rebuilt"):
        lane.call(int)
    busy.go.set()


def test_closing_a_poisoned_lane_does_not_wait() -> None:
    lane, busy = Lane("source"), Busy()
    with pytest.raises(InstrumentError):
        lane.call(busy, timeout=0.01)
    start = time.monotonic()
    lane.close(timeout=30)
    assert time.monotonic() - start < 10
    busy.go.set()


def test_a_hung_call_does_not_keep_the_process_alive() -> None:
    script = (
        "import threading\n"
        "from kammerton.bench import Lane\n"
        "from kammerton.model import InstrumentError\n"
        "lane = Lane('dead')\n"
        "try:\n"
        "    lane.call(threading.Event().wait, timeout=0.05)\n"
        "except InstrumentError as error:\n"
        "    print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], timeout=60, capture_output=True, text=True, check=True
    )
    assert "dead: Event.wait did not return within 0.05 s" in done.stdout
