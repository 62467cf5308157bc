"""The Triton adapter on the upstream driver, over TCP to the simulated fridge computer."""

import asyncio
import contextlib
import math
import socket
import threading
import time
from collections.abc import Callable, Iterator
from types import SimpleNamespace

import pytest
from qcodes.instrument_drivers.oxford import OxfordTriton

from kammerton.model import InstrumentError
from kammerton.model.roles import FridgeMonitor
from kammerton_drivers import oxford_triton
from kammerton_drivers.oxford_triton import Triton, connect
from kammerton_sim.evidence.ledger import Ledger
from kammerton_sim.fridge import PULSE_TUBE, TURBO, Refrigerator, Status
from kammerton_sim.instruments.triton import Triton as Simulated
from kammerton_sim.wire.lines import LineServer


@pytest.fixture
def rig() -> Iterator[SimpleNamespace]:
    ledger = Ledger(time.monotonic)
    refrigerator = Refrigerator(time.monotonic)
    device = Simulated("fridge", ledger, refrigerator)
    rig = SimpleNamespace(
        ledger=ledger, answer=device.answer, sent=[], refrigerator=refrigerator, device=device
    )

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


def test_to_open_it_asks_for_nothing_that_is_not_read(rig, triton):
    """Of software that takes a second for an answer each question keeps the temperature away."""
    assert rig.sent == ["READ:SYS:DR:CHAN:MC", "*IDN?", "*IDN?"]


def test_identity(triton):
    identity = asyncio.run(triton.identity())
    assert (identity.vendor, identity.model) == ("OXFORD INSTRUMENTS", "TRITON 400")


@pytest.mark.parametrize("reading", ["nanK", "infK", "0.000000K", "-0.01K", "999K", "NOT_FOUND"])
def test_i5_what_is_no_temperature_is_no_valid_reading(rig, triton, reading):
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


def test_two_clients_read_the_same_fridge(rig, triton):
    other = connect("other", rig.address)

    async def main() -> list[float]:
        each = [await monitor.temperature() for monitor in (triton, other, triton)]
        await other.close()
        return each

    assert asyncio.run(main()) == pytest.approx([0.012] * 3, rel=0.05)
    assert len({c["new"] for c in rig.ledger.since() if c["what"] == "connection"} - {None}) == 2


def test_a_power_cycle_leaves_the_refrigerator_as_it_is(rig, triton):
    rig.refrigerator.load("somebody", {"mixing_chamber": 100e-6})
    rig.device.power_cycle()
    rig.server.server.drop()

    async def main() -> float:
        with contextlib.suppress(InstrumentError):  # the read that meets the end of the old session
            await triton.temperature()
        return await triton.temperature()

    assert asyncio.run(main()) > 0
    assert rig.refrigerator.conditions().running[PULSE_TUBE]
    assert "power cycle" in [c["what"] for c in rig.ledger.since()]


def test_every_set_is_declined_and_nonsense_answered(rig):
    assert rig.answer("SET:DEV:TURB1:PUMP:SIG:STATE:OFF").endswith(":INVALID")
    assert rig.answer("READ:DEV:T99:TEMP:SIG:TEMP").endswith(":NOT_FOUND")
    assert rig.answer("\x00garbage").endswith(":INVALID")
    assert rig.refrigerator.conditions().running[TURBO]


def test_upstream_reads_that_the_heaters_loop_is_off(rig):
    host, port = "127.0.0.1", rig.server.port
    fridge = OxfordTriton("looped", address=host, port=port)
    try:
        loop = fridge.pid_mode(), fridge.pid_ramp(), fridge.pid_setpoint()
        assert loop == ("off", "off", 0.0)
        assert (fridge.pid_rate(), fridge.pid_range()) == (0.0, 0.0)
        assert (fridge.pid_p(), fridge.pid_i(), fridge.pid_d()) == (0.0, 0.0, 0.0)
    finally:
        fridge.close()
    assert rig.answer("READ:DEV:T5:TEMP:LOOP:COLOUR").endswith(":NOT_FOUND")


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
        with monkeypatch.context() as hasty:
            hasty.setattr(oxford_triton, "TIMEOUT", 0.1)  # of the sessions that follow
            rig.answer = lambda line: (time.sleep(0.3), saying(rig, "0.500000K")(line))[1]
            with pytest.raises(InstrumentError, match="timed out"):
                await triton.temperature()
        rig.answer = usual
        await asyncio.sleep(0.3)
        return await triton.temperature()

    assert asyncio.run(main()) < 0.1


def test_gauges_are_read_in_pascal(rig, triton):
    rig.refrigerator.hold(0.012)
    true = rig.refrigerator.conditions().pressures
    found = asyncio.run(triton.gauges(("p2", "p3")))
    assert found == pytest.approx({"p2": true["condensing"], "p3": true["still"]}, rel=1e-3)
    for unknown in ("flow", "p9"):
        with pytest.raises(InstrumentError, match=f"tells no pressure of {unknown.upper()}"):
            asyncio.run(triton.gauges((unknown,)))


def hanging(rig: SimpleNamespace, over: threading.Event) -> None:
    """Let the turbo pump be asked for in vain until it is over."""
    usual = rig.answer

    def answer(line: str) -> str:
        if "TURB1" in line:
            over.wait(30)
        return usual(line)

    rig.answer = answer


@pytest.mark.parametrize("given_up", [False, True])
def test_f3_a_turbo_that_is_not_told_of_keeps_no_temperature_waiting(rig, triton, given_up):
    over = threading.Event()

    async def main() -> float:
        await triton.machines()
        hanging(rig, over)
        asking = asyncio.create_task(triton.machines())
        await asyncio.sleep(0.2)
        if given_up:
            asking.cancel()
        async with asyncio.timeout(1.0):
            kelvin = await triton.temperature()
        assert asking.done() == given_up
        over.set()
        await asyncio.gather(asking, return_exceptions=True)
        return kelvin

    try:
        assert asyncio.run(main()) == pytest.approx(0.012, rel=0.05)
    finally:
        over.set()


def test_a_turbo_that_is_not_told_of_keeps_no_end_waiting(rig):
    over, triton = threading.Event(), connect("fridge", rig.address)

    async def main() -> None:
        await triton.machines()
        hanging(rig, over)
        asking = asyncio.create_task(triton.machines())
        await asyncio.sleep(0.2)
        asking.cancel()
        async with asyncio.timeout(3.0):
            await triton.close()
        assert not over.is_set(), "the answer was not waited for"

    try:
        asyncio.run(main())
    finally:
        over.set()


def connections(rig: SimpleNamespace) -> int:
    came = [c["new"] is not None for c in rig.ledger.since() if c["what"] == "connection"]
    return sum(came) - came.count(False)


@pytest.mark.parametrize("asked", ["TURB1", "READ:SYS:DR:CHAN"])
def test_a_second_line_that_hangs_when_it_is_closed_is_not_left_open(rig, asked):
    """In a question, or while it is being opened."""
    over, triton, usual = threading.Event(), connect("fridge", rig.address), rig.answer

    def answer(line: str) -> str:
        if asked in line:
            over.wait(30)
        return usual(line)

    async def main() -> None:
        rig.answer = answer
        asking = asyncio.create_task(triton.machines())
        await asyncio.sleep(0.2)
        asking.cancel()
        assert connections(rig) == 2
        await triton.close()
        over.set()
        async with asyncio.timeout(5):
            while connections(rig):  # noqa: ASYNC110 - what is waited for is any fact
                await asyncio.sleep(0.01)

    try:
        asyncio.run(main())
    finally:
        over.set()


def test_a_software_that_takes_0_8_s_an_answer_tells_all(rig, triton):
    """Each question has its time, however many there are; no temperature waits for them."""
    usual = rig.answer

    async def main() -> tuple[dict[str, bool], dict[str, float]]:
        await triton.machines()
        rig.answer = lambda line: (time.sleep(0.8), usual(line))[1]
        machines, gauges = asyncio.gather(triton.machines()), triton.gauges(("p2", "p3"))
        told = asyncio.gather(machines, gauges)
        async with asyncio.timeout(1.5):
            await triton.temperature()
        return await told

    (machines,), gauges = asyncio.run(main())
    assert machines == {"turbo": True}
    assert set(gauges) == {"p2", "p3"}


def test_a_software_with_one_connection_only_is_asked_on_that(rig, caplog):
    links = []

    def serve(link: socket.socket, peer: str) -> None:
        links.append(link)
        if len(links) == 1:
            usual(link, peer)
        link.close()

    server = rig.server.server
    usual, server._serve = server._serve, serve
    triton = connect("fridge", rig.address)

    async def main() -> None:
        for _ in range(2):
            assert await triton.machines() == {"turbo": True}
            await triton.gauges(("p2",))
        rig.answer, before = (lambda line: (time.sleep(0.8), before(line))[1]), rig.answer
        told = asyncio.gather(triton.temperature(), triton.machines(), triton.gauges(("p2",)))
        assert len(await told) == 3
        await triton.close()

    asyncio.run(main())
    assert caplog.text.count("the first line is asked") == 1


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


# ---------------------------------------------------------------- what the refrigerator does


def reading(rig: SimpleNamespace, what: str) -> str:
    return rig.answer(f"READ:{what}").rsplit(":", 1)[-1]


def test_pressures_are_those_of_the_gauges(rig):
    tank, condensing, still = (
        float(reading(rig, f"DEV:P{n}:PRES:SIG:PRES").removesuffix("mB")) for n in (1, 2, 3)
    )
    assert condensing == pytest.approx(501, rel=0.01)
    assert still == pytest.approx(0.049, rel=0.02)
    assert tank < 5
    assert reading(rig, "DEV:P7:PRES:SIG:PRES") == "NOT_FOUND"


def test_pumps_that_trip_are_seen_to_be_off(rig):
    assert reading(rig, "DEV:TURB1:PUMP:SIG:SPD") == "820Hz"
    rig.refrigerator.switch(TURBO, False)
    assert reading(rig, "DEV:TURB1:PUMP:SIG:SPD") == "0Hz"
    assert reading(rig, "DEV:TURB1:PUMP:SIG:STATE") == "OFF"
    assert reading(rig, "DEV:COMP:PUMP:SIG:STATE") == "ON"
    rig.refrigerator.switch(PULSE_TUBE, False)
    assert reading(rig, "DEV:COMP:PUMP:SIG:STATE") == "OFF"


def test_its_action_follows_the_mixture(rig):
    assert reading(rig, "SYS:DR:ACTN") == "NONE"
    rig.refrigerator.circulate(False)
    assert reading(rig, "SYS:DR:ACTN") == "COLL"
    warm = Simulated("warm", rig.ledger, Refrigerator(time.monotonic, warm=True))
    assert warm.answer("READ:SYS:DR:ACTN").endswith("PCL")


@pytest.mark.parametrize("status", [Status.NO_NUMBER, Status.OVER_RANGE, Status.DISCONNECTED])
def test_a_bad_sensor_gives_no_valid_reading(rig, triton, status):
    rig.refrigerator.thermometer("mixing_chamber").fail(status)
    with pytest.raises(InstrumentError, match="no valid reading"):
        asyncio.run(triton.temperature())


@pytest.mark.parametrize("failure", [ConnectionResetError, TimeoutError, ConnectionRefusedError])
def test_a_connection_that_fails_in_any_way_leaves_no_socket(monkeypatch, failure):
    made: list[socket.socket] = []

    class Failing(socket.socket):
        def connect(self, address: object) -> None:
            made.append(self)
            raise failure

    monkeypatch.setattr("qcodes.instrument.ip.socket.socket", Failing)
    with pytest.raises(InstrumentError):
        connect("fridge", "tcp://127.0.0.1:9")
    assert made
    assert all(link.fileno() == -1 for link in made)


def test_a_driver_that_cannot_be_made_after_it_has_connected_leaves_no_socket(rig, monkeypatch):
    made: list[socket.socket] = []

    class Seen(socket.socket):
        def connect(self, address: object) -> None:
            made.append(self)
            super().connect(address)

    def fail(_: object) -> None:
        raise MemoryError

    monkeypatch.setattr("qcodes.instrument.ip.socket.socket", Seen)
    monkeypatch.setattr(OxfordTriton, "_get_pressure_channels", fail)
    with pytest.raises(InstrumentError):
        connect("fridge", rig.address)
    assert made
    assert all(link.fileno() == -1 for link in made)
