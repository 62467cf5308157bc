"""The session that the adapters share: errors with names, opened anew after a failure."""

import asyncio
import contextlib
import threading
import time
from collections.abc import Iterator

import pytest
from qcodes.instrument import Instrument

from kammerton.model import InstrumentError
from kammerton.model.roles import Identity
from kammerton_drivers import session as session_module
from kammerton_drivers.session import Session


class Shop:
    """Opens instruments and keeps what it opened."""

    def __init__(self) -> None:
        self.opened: list[str] = []
        self.fail: Exception | None = None
        self.serial = "1"

    def who(self, instrument: Instrument) -> Identity:
        return Identity("Maker", "Box", self.serial, "0")

    def __call__(self, label: str) -> Instrument:
        if self.fail is not None:
            raise self.fail
        self.opened.append(label)
        return Instrument(label)


@pytest.fixture
def shop() -> Shop:
    return Shop()


@pytest.fixture
def session(shop) -> Iterator[Session[Instrument]]:
    session = Session("lo", "somewhere", shop, shop.who)
    session.connect()
    yield session
    asyncio.run(session.close())


def fail(instrument: Instrument) -> None:
    raise ValueError("answers nonsense", "asking for power")


def test_names_are_unique_in_the_process(shop, session):
    other = Session("lo", "somewhere", shop, shop.who)
    other.connect()
    asyncio.run(other.close())
    assert len(set(shop.opened)) == 2


def test_a_failure_names_instrument_address_action_and_cause(session):
    with pytest.raises(InstrumentError) as caught:
        asyncio.run(session.do("read power", fail))
    assert str(caught.value) == "lo (somewhere): read power: answers nonsense asking for power"


def test_after_a_failure_the_next_call_opens_anew(shop, session):
    async def main() -> str:
        with pytest.raises(InstrumentError):
            await session.do("read power", fail)
        return await session.do("name", lambda instrument: instrument.name)

    assert asyncio.run(main()) == shop.opened[1]
    assert len(shop.opened) == 2
    assert shop.opened[0] not in Instrument._all_instruments


def test_an_error_of_the_adapter_itself_keeps_the_session(shop, session):
    def refuse(instrument: Instrument) -> None:
        raise InstrumentError("no triggers")

    async def main() -> None:
        with pytest.raises(InstrumentError, match=r"^no triggers$"):
            await session.do("acquire", refuse)
        await session.do("name", lambda instrument: instrument.name)

    asyncio.run(main())
    assert len(shop.opened) == 1


def test_a_session_that_cannot_be_opened_again_says_so_every_time(shop, session):
    async def main() -> None:
        with pytest.raises(InstrumentError):
            await session.do("read power", fail)
        shop.fail = ConnectionRefusedError(111, "refused")
        for _ in range(2):
            with pytest.raises(InstrumentError, match=r"lo \(somewhere\): name: 111 refused"):
                await session.do("name", lambda instrument: instrument.name)

    asyncio.run(main())


@pytest.mark.parametrize("end", ["returns", "raises"])
def test_a_call_that_hangs_is_left_behind_and_the_next_opens_anew(shop, session, end):
    go, gone = threading.Event(), threading.Event()

    def hang(instrument: Instrument) -> None:
        close, instrument.close = instrument.close, lambda: (close(), gone.set())
        assert go.wait(30)
        if end == "raises":
            raise OSError("late")

    async def main() -> list[str]:
        with pytest.raises(InstrumentError, match=r"lo: .* did not return within 0.05 s"):
            await session.do("hang", hang, deadline=0.05)
        names = [await session.do("name", lambda instrument: instrument.name)]
        go.set()
        assert await asyncio.to_thread(gone.wait, 10)  # what was left behind is closed
        return [*names, await session.do("name", lambda instrument: instrument.name)]

    assert asyncio.run(main()) == [shop.opened[1]] * 2


def test_what_cannot_be_opened_at_all_is_named():
    shop = Shop()
    shop.fail = OSError("unreachable")
    with pytest.raises(InstrumentError, match=r"lo \(somewhere\): connect: unreachable"):
        Session("lo", "somewhere", shop, shop.who).connect()
    assert "lane lo" not in [thread.name for thread in threading.enumerate()]


def test_i3_another_serial_number_after_a_failure_is_refused_and_both_are_named(shop, session):
    async def main() -> None:
        with pytest.raises(InstrumentError):
            await session.do("read power", fail)
        shop.serial = "2"
        for _ in range(2):
            with pytest.raises(InstrumentError, match=r"no. 2.* instead of Maker Box no. 1") as no:
                await session.do("name", lambda instrument: instrument.name)
            assert no.value.instrument == "lo"
        shop.serial = "1"
        await session.do("name", lambda instrument: instrument.name)

    asyncio.run(main())
    assert shop.opened[1] not in Instrument._all_instruments


def test_an_identity_that_was_misheard_at_first_is_no_identity(shop):
    told = iter(("1", "2"))
    session = Session("lo", "x", shop, lambda i: Identity("Maker", "Box", next(told), "0"))
    with pytest.raises(InstrumentError, match="another instrument answers"):
        session.connect()


def failing(times: int):
    """Return what fails so many times, then answers."""
    left = [times]

    def read(instrument: Instrument) -> str:
        left[0] -= 1
        if left[0] >= 0:
            raise TimeoutError("no answer")
        return instrument.name

    return read


@pytest.mark.parametrize("times", [1, 2])
def test_i1_a_reading_is_asked_for_again_each_time_on_a_new_session(shop, session, times):
    assert asyncio.run(session.read("read power", failing(times))) == shop.opened[times]


def test_i1_a_reading_is_not_asked_for_for_ever(shop, session):
    with pytest.raises(InstrumentError, match="read power: no answer"):
        asyncio.run(session.read("read power", failing(3)))
    assert len(shop.opened) == 3


def test_i1_a_slow_failure_is_not_repeated(shop, session, monkeypatch):
    monkeypatch.setattr(session_module, "READING", -1.0)
    with pytest.raises(InstrumentError, match="read power: no answer"):
        asyncio.run(session.read("read power", failing(1)))
    assert len(shop.opened) == 1


def test_i1_a_setting_is_tried_once(shop, session):
    with pytest.raises(InstrumentError, match="set power: no answer"):
        asyncio.run(session.do("set power", failing(1)))
    assert len(shop.opened) == 1


@pytest.mark.parametrize("cause", ["raises", "hangs"])
def test_after_a_failure_nothing_is_set_before_the_outputs_are_verified(shop, cause):
    session, go = Session("lo", "x", shop, shop.who, guarded=True), threading.Event()
    session.connect()

    async def main() -> None:
        how, limit = (fail, 5.0) if cause == "raises" else (lambda i: go.wait(30), 0.05)
        with pytest.raises(InstrumentError):
            await session.do("read power", how, deadline=limit)
        with pytest.raises(InstrumentError, match=r"the connection was lost .* verified first"):
            await session.do("on", lambda instrument: instrument.name)
        await session.do("off", lambda instrument: instrument.name, in_doubt=True)
        assert await session.read("read", lambda i: i.name) == shop.opened[1]
        with pytest.raises(InstrumentError, match="verified first"):
            await session.do("on", lambda instrument: instrument.name)
        session.trust()
        await session.do("on", lambda instrument: instrument.name)
        go.set()
        await session.close()

    asyncio.run(main())


def test_an_output_goes_off_though_every_caller_gave_up_before_the_call_that_hangs(
    shop, monkeypatch
):
    """Callers have 0.1 s here, the call itself 0.3 s: the try after that has a new session."""
    monkeypatch.setattr(
        Session.do, "__kwdefaults__", {**Session.do.__kwdefaults__, "deadline": 0.3}
    )
    session, on, go = Session("lo", "x", shop, shop.who, guarded=True), [True], threading.Event()
    session.connect()

    async def tried(fn) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0.1):
                await session.do("off", fn, in_doubt=True)

    async def main() -> None:
        await tried(lambda _: go.wait(30))
        for _ in range(8):
            await tried(lambda _: on.clear())
        assert not on
        assert len(shop.opened) == 2
        await session.close()
        go.set()

    asyncio.run(main())


def test_what_waited_behind_a_call_that_hangs_is_not_set_before_the_outputs_are_verified(shop):
    session, go, on = Session("lo", "x", shop, shop.who, guarded=True), threading.Event(), [False]
    session.connect()

    async def main() -> None:
        hung = asyncio.create_task(session.do("read power", lambda _: go.wait(30), deadline=0.1))
        waiting = asyncio.create_task(session.do("on", lambda _: on.append(True)))
        with pytest.raises(InstrumentError, match="did not return"):
            await hung
        await session.do("off", lambda _: on.append(False), in_doubt=True)
        session.trust()
        with pytest.raises(InstrumentError, match=r"lo \(x\): on: .* verified first"):
            await waiting
        assert on == [False, False]
        go.set()
        await session.close()

    asyncio.run(main())


def test_what_hung_while_it_opened_sets_nothing_when_it_is_open_at_last(shop):
    """Nobody can hang up on what is not open yet; by then another session is in use."""
    session, on = Session("lo", "x", shop, shop.who), []
    go, gone = threading.Event(), threading.Event()
    session.connect()

    def who(instrument: Instrument) -> Identity:
        if len(shop.opened) == 2:
            close, instrument.close = instrument.close, lambda: (close(), gone.set())
            assert go.wait(30)
        return shop.who(instrument)

    async def main() -> None:
        with pytest.raises(InstrumentError):
            await session.do("read power", fail)
        session._identify = who
        with pytest.raises(InstrumentError, match="did not return"):
            await session.do("on", on.append, deadline=0.1)
        session._identify = shop.who
        name = await session.do("off", lambda instrument: instrument.name)
        go.set()
        assert await asyncio.to_thread(gone.wait, 10)
        assert await session.do("read", lambda instrument: instrument.name) == name
        assert not on
        await session.close()

    asyncio.run(main())


def test_a_session_that_opens_after_connecting_was_given_up_is_closed(shop, monkeypatch):
    go, closed = threading.Event(), threading.Event()

    def slow(label: str) -> Instrument:
        assert go.wait(30)
        instrument = shop(label)
        close, instrument.close = instrument.close, lambda: (close(), closed.set())
        return instrument

    monkeypatch.setattr(session_module, "DEADLINE", 0.1)
    session = Session("lo", "x", slow, shop.who)
    with pytest.raises(InstrumentError, match="did not return"):
        session.connect()
    go.set()
    assert closed.wait(10)
    assert not session.connected


def test_what_fails_right_after_the_outputs_were_verified_leaves_them_in_doubt(shop):
    """Though the loop, busy with something else, hears of both at once."""
    session, failed = Session("lo", "x", shop, shop.who, guarded=True), threading.Event()
    session.connect()

    def lost(instrument: Instrument) -> None:
        failed.set()
        raise ConnectionResetError("peer gone")

    async def main() -> None:
        off = asyncio.create_task(session.do("off", lambda _: None, verifies=True))
        errors = asyncio.create_task(session.do("read errors", lost, in_doubt=True))
        await asyncio.sleep(0)
        assert failed.wait(10)
        await asyncio.gather(off, errors, return_exceptions=True)
        with pytest.raises(InstrumentError, match="must be verified first"):
            await session.do("on", lambda _: None)
        await session.do("off", lambda _: None, verifies=True)
        await session.do("on", lambda _: None)
        assert await session.do("off", lambda _: ["ch1"], verifies=True) == ["ch1"]
        await session.close()

    asyncio.run(main())


def test_what_waits_behind_a_call_that_hung_is_not_hung_up_on_in_its_midst(shop, monkeypatch):
    """One that ends a little late must not pass its thread on to what waits, and then cost it."""
    hung_up = list[Instrument]()
    monkeypatch.setattr(session_module, "hang_up", lambda line, *_: hung_up.append(line))
    monkeypatch.setattr(session_module, "sockets", lambda instrument: [instrument])
    session, late, begun, go = (
        Session("lo", "x", shop, shop.who, guarded=True),
        threading.Event(), threading.Event(), threading.Event(),
    )  # fmt: skip
    session.connect()

    def off(instrument: Instrument) -> list[str]:
        begun.set()
        assert go.wait(30)
        return ["hung up on"] if instrument in hung_up else []

    async def main() -> None:
        slow = asyncio.create_task(session.do("slow", lambda _: late.wait(30), deadline=0.1))
        waiting = asyncio.create_task(session.do("off", off, verifies=True))
        with pytest.raises(InstrumentError, match="did not return"):
            await slow
        late.set()
        assert await asyncio.to_thread(begun.wait, 10)
        asking = asyncio.create_task(session.do("who", shop.who, in_doubt=True))
        await asyncio.sleep(0.05)
        go.set()
        assert await waiting == []
        await asking
        await session.close()

    asyncio.run(main())


def test_closing_that_is_cancelled_behind_a_call_keeps_no_event_loop(shop):
    session, begun, go = Session("lo", "x", shop, shop.who), threading.Event(), threading.Event()
    session.connect()

    def busy(_: Instrument) -> None:
        begun.set()
        go.wait(30)

    async def main() -> float:
        reading = asyncio.create_task(session.do("read", busy))
        await asyncio.to_thread(begun.wait, 10)
        closing = asyncio.create_task(session.close())
        await asyncio.sleep(0.01)
        closing.cancel()
        start = time.monotonic()
        await asyncio.wait([closing])
        stood_still = time.monotonic() - start
        go.set()
        await asyncio.gather(reading, return_exceptions=True)
        return stood_still

    assert asyncio.run(main()) < session_module.JOIN
