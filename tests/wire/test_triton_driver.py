"""The Triton adapter on the upstream driver, over TCP to the simulated fridge computer."""

import asyncio
import math
import socket
import time
from collections.abc import Callable, Iterator
from types import SimpleNamespace

import pytest

from kammerton.model import InstrumentError
from kammerton.model.roles import FridgeMonitor
from kammerton_drivers.oxford_triton import Triton, connect
from kammerton_sim.instruments.triton import Triton as Simulated
from kammerton_sim.ledger import Ledger
from kammerton_sim.wire.lines import LineServer


@pytest.fixture
def rig() -> Iterator[SimpleNamespace]:
    ledger = Ledger(time.monotonic)
    device = Simulated("fridge", ledger, lambda: 0.012)
    rig = SimpleNamespace(ledger=ledger, answer=device.answer, sent=[])

    def answer(line: str) -> str:
        rig.sent.append(line)
        return rig.answer(line)

    rig.server = LineServer("fridge", 0, answer, watch=device.watch)
    rig.address = f"tcp://127.0.0.1:{rig.server.port}"
    rig.serve = lambda: LineServer("fridge", rig.server.port, answer)
    yield rig
    rig.server.close()


@pytest.fixture
def triton(rig) -> Iterator[Triton]:
    triton = connect("fridge", rig.address)
    yield triton
    asyncio.run(triton.close())


def saying(rig: SimpleNamespace, reading: str) -> Callable[[str], str]:
    usual = rig.answer
    return lambda line: (
        f"STAT:DEV:T8:TEMP:SIG:TEMP:{reading}"
        if line == "READ:DEV:T8:TEMP:SIG:TEMP"
        else usual(line)
    )


def test_it_is_a_fridge_monitor(triton):
    assert isinstance(triton, FridgeMonitor)


def test_it_reads_the_mixing_chamber(triton):
    assert asyncio.run(triton.temperature()) == pytest.approx(0.012, rel=0.05)


def test_it_reads_again_every_time(rig, triton):
    async def main() -> list[float]:
        readings = []
        for text in ("0.010000K", "0.090000K"):
            rig.answer = saying(rig, text)
            readings.append(await triton.temperature())
        return readings

    assert asyncio.run(main()) == [0.010, 0.090]


def test_it_never_sets_anything(rig, triton):
    async def main() -> None:
        await triton.temperature()
        await triton.safe()
        await triton.identity()

    asyncio.run(main())
    assert rig.sent
    assert not [line for line in rig.sent if line.startswith("SET")]
    assert {c["what"] for c in rig.ledger.since()} == {"connection"}


def test_identity(triton):
    identity = asyncio.run(triton.identity())
    assert (identity.vendor, identity.model) == ("OXFORD INSTRUMENTS", "TRITON 400")


@pytest.mark.parametrize("reading", ["nanK", "infK", "0.000000K", "-0.01K", "999K", "NOT_FOUND"])
def test_what_is_no_temperature_is_no_valid_reading(rig, triton, reading):
    rig.answer = saying(rig, reading)
    with pytest.raises(InstrumentError, match=r"fridge \(tcp://.*\): no valid reading"):
        asyncio.run(triton.temperature())


def test_nonsense_is_an_error_that_names_the_fridge(rig, triton):
    rig.answer = saying(rig, "warm")
    with pytest.raises(InstrumentError, match=r"fridge \(tcp://.*\): read the mixing chamber"):
        asyncio.run(triton.temperature())


def test_a_fridge_without_mixing_chamber_is_refused(rig):
    usual = rig.answer
    rig.answer = lambda line: "STAT:SYS:DR:CHAN:PT2:T1" if "CHAN" in line else usual(line)
    with pytest.raises(InstrumentError, match="names no mixing chamber"):
        connect("fridge", rig.address)


def test_a_fridge_that_goes_and_comes_back_is_read_again(rig, triton):
    async def main() -> float:
        rig.server.close()
        with pytest.raises(InstrumentError, match="read the mixing chamber"):
            await triton.temperature()
        rig.server = rig.serve()
        return await triton.temperature()

    assert math.isclose(asyncio.run(main()), 0.012, rel_tol=0.05)


def test_an_answer_that_comes_too_late_is_not_taken_for_the_next(rig, triton, monkeypatch):
    """Upstream's socket would hand the late answer to the next question."""

    async def main() -> float:
        usual = rig.answer
        await triton.session.do("shorten the timeout", lambda t: t.set_timeout(0.1))
        rig.answer = lambda line: (time.sleep(0.3), saying(rig, "0.500000K")(line))[1]
        with pytest.raises(InstrumentError, match="timed out"):
            await triton.temperature()
        rig.answer = usual
        await asyncio.sleep(0.3)
        return await triton.temperature()

    assert asyncio.run(main()) < 0.1


def test_nobody_at_the_address_is_named():
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(InstrumentError, match=rf"fridge \(tcp://127.0.0.1:{port}\): connect: "):
        connect("fridge", f"tcp://127.0.0.1:{port}")


@pytest.mark.parametrize(
    "address", ["", "127.0.0.1:33576", "tcp://:1", "tcp://host", "tcp://host:x", "tcp://[::1"]
)
def test_what_is_no_address_is_refused(address):
    with pytest.raises(InstrumentError, match="is not an address like"):
        connect("fridge", address)
