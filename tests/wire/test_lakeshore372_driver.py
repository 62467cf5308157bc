"""The 372 adapter on the upstream driver, over a raw socket to the simulated bridge."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from types import SimpleNamespace

import pytest

from kammerton.model import InstrumentError
from kammerton.model.roles import FridgeMonitor
from kammerton_drivers.lakeshore_372 import Lakeshore372, connect
from kammerton_sim.evidence.ledger import Ledger
from kammerton_sim.fridge import Refrigerator, Status
from kammerton_sim.instruments.lakeshore372 import CONNECTIONS
from kammerton_sim.instruments.lakeshore372 import Lakeshore372 as Simulated
from kammerton_sim.wire.sockets import ScpiSocketServer


@pytest.fixture
def rig() -> Iterator[SimpleNamespace]:
    ledger = Ledger(time.monotonic)
    refrigerator = Refrigerator(time.monotonic)
    device = Simulated("bridge", ledger, time.monotonic, refrigerator)
    device.receive(b"SCAN 6,0")
    server = ScpiSocketServer(device, 0, CONNECTIONS, b"\r\n")
    address = f"TCPIP0::127.0.0.1::{server.port}::SOCKET"
    yield SimpleNamespace(
        ledger=ledger, device=device, server=server, address=address, refrigerator=refrigerator
    )
    server.close()


@pytest.fixture
def bridge(rig) -> Iterator[Lakeshore372]:
    bridge = connect("bridge", rig.address)
    yield bridge
    asyncio.run(bridge.close())


def changes(rig: SimpleNamespace) -> set[str]:
    return {c["what"] for c in rig.ledger.since()}


def test_it_is_a_fridge_monitor(bridge):
    assert isinstance(bridge, FridgeMonitor)


def test_connecting_changes_nothing_and_asks_for_nothing_unknown(rig, capfd):
    rig.device.receive(b"*CLS;RANGE 0,3")
    asyncio.run(connect("bridge", rig.address).close())
    assert rig.device.receive(b"*ESR?;RANGE? 0") == b"0;3"
    assert changes(rig) == {"connection", "range"}
    assert capfd.readouterr().out == ""


def test_a_snapshot_asks_for_nothing_unknown(rig, bridge):
    rig.device.receive(b"*CLS")
    snapshot = asyncio.run(bridge.session.do("snapshot", lambda b: b.snapshot(update=True)))
    found = snapshot["submodules"]["ch06"]["parameters"]["temperature"]["value"]
    assert found == pytest.approx(0.012, rel=0.02)
    assert rig.device.receive(b"*ESR?") == b"0"


def test_it_reads_the_mixing_chamber(rig, bridge):
    async def main() -> list[float]:
        readings = []
        for kelvin in (0.012, 0.09):
            rig.refrigerator.hold(kelvin)
            readings.append(await bridge.temperature())
        return readings

    assert asyncio.run(main()) == pytest.approx([0.012, 0.09], rel=0.02)


def test_it_never_sets_anything(rig, bridge):
    async def main() -> None:
        await bridge.temperature()
        await bridge.safe()
        await bridge.identity()

    asyncio.run(main())
    assert changes(rig) == {"connection"}


def test_a_number_with_a_bad_status_is_no_valid_reading(rig, bridge, monkeypatch):
    monkeypatch.setattr(rig.device, "_read", lambda number: (0.012, 1))
    with pytest.raises(InstrumentError, match=r"no valid reading .* 0\.012 K, status CS OVL"):
        asyncio.run(bridge.temperature())


@pytest.mark.parametrize(
    ("status", "said"),
    [(Status.NO_NUMBER, "VMIX OVL"), (Status.OVER_RANGE, "T. OVER"),
     (Status.DISCONNECTED, "R. OVER")],
)  # fmt: skip
def test_a_bad_sensor_is_no_valid_reading(rig, bridge, status, said):
    rig.refrigerator.thermometer("mixing_chamber").fail(status)
    with pytest.raises(InstrumentError, match=rf"no valid reading .* status {said}"):
        asyncio.run(bridge.temperature())


def test_zero_kelvin_is_no_valid_reading(rig, bridge, monkeypatch):
    monkeypatch.setattr(rig.device, "_read", lambda number: (0.0, 0))
    with pytest.raises(InstrumentError, match=r"no valid reading of the mixing chamber: 0\.0 K"):
        asyncio.run(bridge.temperature())


def test_a_bridge_without_a_mixing_chamber_is_refused(rig):
    rig.device.receive(b'INNAME 6,"Sample"')
    with pytest.raises(InstrumentError, match="must be called MXC; they are called 50K flange"):
        connect("bridge", rig.address)


def test_another_instrument_is_refused(rig):
    rig.device.identity = "LSCI,MODEL336,1/1,1.0"
    with pytest.raises(InstrumentError, match="this is no Model 372 but LSCI MODEL336"):
        connect("bridge", rig.address)


def test_a_bridge_that_goes_and_comes_back_is_read_again(rig, bridge):
    async def main() -> float:
        await bridge.session.do("hurry", lambda b: b.timeout.set(0.3))
        rig.server.server.drop()
        return await bridge.temperature()

    assert asyncio.run(main()) == pytest.approx(0.012, rel=0.02)


def test_identity(bridge):
    identity = asyncio.run(bridge.identity())
    assert (identity.vendor, identity.model) == ("LSCI", "MODEL372")
