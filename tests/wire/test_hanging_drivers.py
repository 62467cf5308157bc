"""R4: drivers that hang, for good and not until a timeout: how soon an output is off, and stays."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Iterator

import pytest
from qcodes.instrument import Instrument

from kammerton.bench import hangs
from kammerton.bench.lane import beyond_reach
from kammerton.model import InstrumentError
from kammerton_drivers import session as session_module
from kammerton_drivers.session import Session
from tests.wire.test_driver_session import Shop


@pytest.fixture
def shop() -> Shop:
    return Shop()


@pytest.fixture
def session(shop) -> Iterator[Session[Instrument]]:
    session = Session("awg", "usb", shop, shop.who, guarded=True)
    session.connect()
    yield session
    asyncio.run(session.close())


class Rack:
    """Two outputs, and a driver that hangs between them while they are switched on."""

    def __init__(self) -> None:
        self.on: set[int] = set()
        self.hangs, self.go, self.ended = threading.Event(), threading.Event(), threading.Event()

    def switch_on(self, _: Instrument) -> None:
        self.on.add(1)
        self.hangs.set()
        assert self.go.wait(30)
        self.on.add(2)
        self.ended.set()

    def switch_off(self, _: Instrument) -> set[int]:
        self.on.clear()
        return set(self.on)


def test_r4_what_a_call_beyond_reach_may_switch_on_again_is_not_verified_off(session, monkeypatch):
    """Without a line to hang up on, the rest of it comes when it comes."""
    monkeypatch.setattr(hangs, "LOOK", 0.01)
    rack = Rack()

    async def main() -> None:
        with pytest.raises(InstrumentError, match="did not return within"):
            await session.do("on", rack.switch_on, deadline=0.05)
        with pytest.raises(InstrumentError, match=r"it may come on again: awg: .* hangs"):
            await session.do("off", rack.switch_off, verifies=True)
        assert not rack.on
        assert beyond_reach()
        with pytest.raises(InstrumentError, match="this process ends"):
            await hangs.look_for_hangs()
        with pytest.raises(InstrumentError, match="verified first"):
            await session.do("on", rack.switch_on)
        rack.go.set()
        assert await asyncio.to_thread(rack.ended.wait, 10)
        while beyond_reach():  # noqa: ASYNC110 - it ends in its own thread, just now
            await asyncio.sleep(0.001)
        assert rack.on == {2}
        assert not await session.do("off", rack.switch_off, verifies=True)
        await session.do("on", lambda _: None)

    asyncio.run(main())


def test_r4_what_hangs_for_good_without_outputs_ends_the_process_after_a_while(shop, monkeypatch):
    """A digitizer's library, say: its board is in use until then, and no run would come to pass."""
    monkeypatch.setattr(hangs, "LOOK", 0.01)
    monkeypatch.setattr(session_module, "LOST", 0.2)
    session, go = Session("board", "dll", shop, shop.who), threading.Event()
    session.connect()

    async def main() -> None:
        with pytest.raises(InstrumentError, match="did not return within"):
            await session.do("acquire", lambda _: go.wait(30), deadline=0.05)
        assert await session.do("name", lambda i: i.name) == shop.opened[1]
        assert not beyond_reach()
        with pytest.raises(InstrumentError, match=r"board: .* this process ends"):
            await asyncio.wait_for(hangs.look_for_hangs(), 10)
        go.set()
        await session.close()

    asyncio.run(main())


def test_r4_a_call_that_hangs_has_a_few_seconds_once_an_output_shall_go_off(session, monkeypatch):
    """Its own time would be 15 s, or minutes for an upload."""
    monkeypatch.setattr(session_module, "HURRY", 0.1)
    rack = Rack()

    async def main() -> float:
        hung = asyncio.create_task(session.do("load", rack.switch_on, deadline=120.0))
        await asyncio.to_thread(rack.hangs.wait, 10)
        start = time.monotonic()
        with contextlib.suppress(InstrumentError):  # it may come on again
            await session.do("off", rack.switch_off, verifies=True)
        assert not rack.on
        rack.go.set()
        await asyncio.gather(hung, return_exceptions=True)
        return time.monotonic() - start

    assert asyncio.run(main()) < 5.0


def test_r4_what_hangs_is_hung_up_on_in_its_time_though_its_caller_is_gone(session, shop):
    """What waits behind it goes on then, and not when somebody asks for something else."""
    rack = Rack()

    async def main() -> str:
        hung = asyncio.create_task(session.do("on", rack.switch_on, deadline=0.1))
        await asyncio.to_thread(rack.hangs.wait, 10)
        waiting = asyncio.create_task(session.do("name", lambda i: i.name, in_doubt=True))
        await asyncio.sleep(0)
        hung.cancel()
        async with asyncio.timeout(5.0):
            name = await waiting
        rack.go.set()
        return name

    assert asyncio.run(main()) == shop.opened[1]


def test_r4_what_is_beyond_reach_is_known_though_no_thread_follows_at_once(session, monkeypatch):
    """The system may have none left: it is rebuilt later, and the call hangs on."""
    rack, left = Rack(), [InstrumentError("awg: can't start new thread")]
    begun = threading.Thread.start

    def start(thread: threading.Thread) -> None:
        if left and thread.name == "lane awg":
            left.pop()
            raise RuntimeError("can't start new thread")
        begun(thread)

    async def main() -> None:
        monkeypatch.setattr(threading.Thread, "start", start)
        with pytest.raises(InstrumentError, match="can't start new thread"):
            await session.do("on", rack.switch_on, deadline=0.05)
        with pytest.raises(InstrumentError, match="it may come on again"):
            await session.do("off", rack.switch_off, verifies=True)
        rack.go.set()
        assert await asyncio.to_thread(rack.ended.wait, 10)

    asyncio.run(main())
