"""The session that the adapters share: errors with names, opened anew after a failure."""

import asyncio
import threading
from collections.abc import Iterator

import pytest
from qcodes.instrument import Instrument

from kammerton.model import InstrumentError
from kammerton_drivers.session import Session


class Shop:
    """Opens instruments and keeps what it opened."""

    def __init__(self) -> None:
        self.opened: list[str] = []
        self.fail: Exception | None = None

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
    session = Session("lo", "somewhere", shop)
    session.connect()
    yield session
    asyncio.run(session.close())


def fail(instrument: Instrument) -> None:
    raise ValueError("answers nonsense", "asking for power")


def test_names_are_unique_in_the_process(shop, session):
    other = Session("lo", "somewhere", shop)
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
        Session("lo", "somewhere", shop).connect()
    assert "lane lo" not in [thread.name for thread in threading.enumerate()]
