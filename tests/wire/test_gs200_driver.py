"""The GS200 adapter on the upstream driver, over a raw socket to the simulated source."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from kammerton.model import InstrumentError
from kammerton.model.roles import BiasSource
from kammerton_drivers.yokogawa_gs200 import Gs200, connect, own_limits
from kammerton_sim.evidence.ledger import Ledger
from kammerton_sim.instruments.gs200 import Gs200 as Simulated
from kammerton_sim.wire.errors import ScpiError
from kammerton_sim.wire.sockets import ScpiSocketServer


@pytest.fixture
def rig() -> Iterator[SimpleNamespace]:
    ledger = Ledger(time.monotonic)
    device = Simulated("bias", ledger, time.monotonic)
    server = ScpiSocketServer(device)
    address = f"TCPIP0::127.0.0.1::{server.port}::SOCKET"
    yield SimpleNamespace(ledger=ledger, device=device, server=server, address=address)
    server.close()


@pytest.fixture
def source(rig) -> Iterator[Gs200]:
    source = connect("bias", rig.address)
    yield source
    asyncio.run(source.close())


def outputs(ledger: Ledger) -> list[tuple[str, object]]:
    return [(c["what"], c["new"]) for c in ledger.since() if c["what"] != "connection"]


def test_it_is_a_bias_source(source):
    assert isinstance(source, BiasSource)


def test_i12_connecting_and_closing_change_no_output(rig, capfd):
    rig.device.receive(b":SOUR:LEV 0.5;:OUTP ON")
    before = outputs(rig.ledger)
    asyncio.run(connect("bias", rig.address).close())
    assert outputs(rig.ledger) == before
    assert rig.device.volts() == 0.5
    assert rig.device.receive(b":SYST:ERR?") == b'0,"No error"'
    assert capfd.readouterr().out == ""


def test_a_snapshot_asks_for_nothing_that_is_unknown(rig, source, monkeypatch):
    failed: list[ScpiError] = []  # a snapshot reads the error queue itself
    monkeypatch.setattr(rig.device, "fail", failed.append)
    snapshot = asyncio.run(source.session.do("snapshot", lambda s: s.snapshot(update=True)))
    assert snapshot["parameters"]["voltage_range"]["value"] == 1.0
    assert failed == []
    assert outputs(rig.ledger) == []


def test_it_ramps_and_reads_back(rig, source):
    async def main() -> tuple[float, bool]:
        await source.enable(on=True)
        await source.set_voltage(0.2, rate=2.0)
        return await source.settings()

    assert asyncio.run(main()) == (0.2, True)
    assert rig.device.volts() == 0.2
    assert outputs(rig.ledger) == [("on", True), ("ramp", 0.2), ("level", 0.2)]


def test_a_ramp_is_not_faster_than_it_was_asked(rig, source):
    async def main() -> None:
        await source.enable(on=True)
        await source.set_voltage(0.05, rate=0.3)  # 0.17 s; the box knows tenths

    asyncio.run(main())
    times = {c["what"]: c["time"] for c in rig.ledger.since()}
    assert 0.05 / (times["level"] - times["ramp"]) <= 0.3


def test_with_the_output_off_the_level_is_only_set(rig, source):
    asyncio.run(source.set_voltage(0.5, rate=0.1))
    assert outputs(rig.ledger) == [("level", 0.5)]
    assert rig.device.volts() == 0.0


def test_safe_ramps_down_and_switches_off(rig, source):
    rig.device.receive(b":SOUR:LEV 0.1;:OUTP ON")
    asyncio.run(source.safe())
    assert rig.device.volts() == 0.0
    assert outputs(rig.ledger)[-3:] == [("ramp", 0.0), ("level", 0.0), ("on", False)]


def test_switching_at_a_voltage_is_refused(rig, source):
    rig.device.receive(b":SOUR:LEV 0.1")
    with pytest.raises(InstrumentError, match=r"at 0\.1 V switching would be a step"):
        asyncio.run(source.enable(on=True))
    assert rig.device.volts() == 0.0


def test_a_box_that_stays_on_is_named(rig, source, monkeypatch):
    rig.device.receive(b":OUTP ON")
    receive = rig.device.receive
    monkeypatch.setattr(
        rig.device, "receive", lambda m: b"" if b"OUTPUT 0" in bytes(m) else receive(m)
    )
    with pytest.raises(InstrumentError, match=r"bias \(TCPIP0.*\) stays on"):
        asyncio.run(source.safe())


def test_a_ramp_that_does_not_arrive_is_named(rig, source, monkeypatch):
    rig.device.receive(b":OUTP ON")
    receive = rig.device.receive

    def elsewhere(message: bytes) -> bytes:
        return receive(message.replace(b":SOUR:LEV 1.", b":SOUR:LEV 0."))

    monkeypatch.setattr(rig.device, "receive", elsewhere)
    with pytest.raises(InstrumentError, match=r"is at 0 V and not at 0\.1 V"):
        asyncio.run(source.set_voltage(0.1, rate=10))


@pytest.mark.parametrize(
    ("volts", "rate", "said"),
    [(1.1, 1.0, "range of 1 V"), (0.1, 0.0, "no ramp"), (float("nan"), 1.0, "no ramp"),
     (0.9, 1e-5, "longer than 3600")],
)  # fmt: skip
def test_what_cannot_be_set_is_refused(rig, source, volts, rate, said):
    rig.device.receive(b":OUTP ON")
    with pytest.raises(InstrumentError, match=said):
        asyncio.run(source.set_voltage(volts, rate=rate))
    assert outputs(rig.ledger) == [("on", True)]


def test_a_current_source_is_refused(rig):
    rig.device.receive(b":SOUR:FUNC CURR")
    with pytest.raises(InstrumentError, match="it is set to current"):
        connect("bias", rig.address)


def test_another_instrument_at_the_address_is_refused(rig):
    rig.device.identity = "KEITHLEY INSTRUMENTS,MODEL 2400,1,1"
    with pytest.raises(InstrumentError, match="this is no GS200 but KEITHLEY"):
        connect("bias", rig.address)


def test_nobody_at_the_address_is_named():
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(InstrumentError, match=r"bias \(TCPIP0::127.0.0.1.*connect: "):
        connect("bias", f"TCPIP0::127.0.0.1::{port}::SOCKET")


def test_a_power_cycle_shows_in_the_settings(rig, source):
    async def main() -> tuple[float, bool]:
        rig.device.receive(b":SOUR:LEV 0.3;:OUTP ON")
        assert await source.settings() == (0.3, True)
        await source.session.do("hurry", lambda s: s.timeout.set(0.3))
        rig.device.power_cycle()
        rig.server.server.drop()
        return await source.settings()

    assert asyncio.run(main()) == (0.0, False)


def test_identity(source):
    identity = asyncio.run(source.identity())
    assert (identity.vendor, identity.model) == ("YOKOGAWA", "GS210")


def test_nagles_algorithm_is_off(source):
    """With it each write that follows another message would take 40 ms on a real box."""

    def option(instrument: Any) -> int:
        handle = instrument.visa_handle
        link = handle.visalib.sessions[handle.session].interface
        return int(link.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))

    assert asyncio.run(source.session.do("look", option)) == 1


ALLOWED = {"volts": (-1.5, 0.5)}


def test_own_limit_is_the_least_that_cuts_nothing_which_lab_toml_allows(rig, source):
    asyncio.run(source.limit(ALLOWED))
    assert rig.device.value("voltage_limit") == 2.0
    assert asyncio.run(source.state()) == {"voltage_limit": 2.0, "current_limit": 0.2}
    asyncio.run(source.limit({"volts": (-5.0, 5.0)}))
    assert rig.device.value("voltage_limit") == 5.0, "and it goes up with lab.toml"


def test_own_limit_holds_although_the_gate_was_bypassed(rig, source):
    """Another program sets the box to a current: 50 mA would be 50 V across the line."""
    asyncio.run(source.limit(ALLOWED))
    rig.device.receive(b":SOUR:FUNC CURR;:SOUR:RANG 100E-3;:SOUR:LEV 50E-3;:OUTP ON")
    assert rig.device.value("on")
    assert rig.device.level() == 0.05
    assert rig.device.volts() == 2.0


def test_setting_the_limit_changes_no_output(rig, source, caplog):
    rig.device.receive(b":SOUR:RANG 10;:SOUR:LEV 3;:OUTP ON")
    before = outputs(rig.ledger)
    asyncio.run(source.limit(ALLOWED))
    assert outputs(rig.ledger) == before
    assert "is on at 3 V: its limiter stays as it is, not 2 V" in caplog.text
    rig.device.receive(b":SOUR:LEV 1")
    asyncio.run(source.limit(ALLOWED))
    assert (rig.device.value("voltage_limit"), rig.device.volts()) == (2.0, 1.0)


def test_a_limit_that_the_box_does_not_take_is_named(rig, source, monkeypatch):
    receive = rig.device.receive
    monkeypatch.setattr(
        rig.device, "receive", lambda m: b"" if b"VOLT 2" in bytes(m) else receive(m)
    )
    with pytest.raises(InstrumentError, match="takes a limiter of 30 V instead of 2 V"):
        asyncio.run(source.limit(ALLOWED))


@pytest.mark.parametrize(("most", "limit"), [(0.2, 1.0), (32.0, 30.0), (2.0, 2.0)])
def test_what_the_limit_cannot_be_is_the_nearest_that_it_can(most, limit):
    (setting,) = own_limits({"volts": (-0.1, most)})
    assert setting.value == limit
    assert own_limits({"power": (-1.0, 1.0)}) == ()
