"""The 33522B adapter on the upstream driver, over a raw socket to the simulated generator."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from types import SimpleNamespace

import pytest

from kammerton.bench.away import does_not_connect
from kammerton.lab import InstrumentEntry
from kammerton.model import InstrumentError
from kammerton.model.roles import PulseGenerator
from kammerton_drivers.keysight_33522b import Keysight33522b, connect
from tests.wire.served import served


@pytest.fixture
def rig() -> Iterator[SimpleNamespace]:
    with served() as rig:
        yield rig


@pytest.fixture
def generator(rig) -> Iterator[Keysight33522b]:
    generator = connect("fg", rig.address)
    yield generator
    asyncio.run(generator.close())


def outputs(rig: SimpleNamespace) -> list[tuple[str, str, object]]:
    return [(c["output"], c["what"], c["new"]) for c in rig.ledger.since()
            if c["what"] != "connection"]  # fmt: skip


def no_error(rig: SimpleNamespace) -> bool:
    return bool(rig.device.receive(b"SYST:ERR?") == b'+0,"No error"')


def test_it_is_a_pulse_generator(generator):
    assert isinstance(generator, PulseGenerator)


def test_i12_connecting_changes_no_output_and_asks_for_nothing_unknown(rig, capfd):
    rig.device.receive(b"SOUR1:VOLT 2;:OUTP1 1")
    before = outputs(rig)
    asyncio.run(connect("fg", rig.address).close())
    assert outputs(rig) == before
    assert no_error(rig)
    assert capfd.readouterr().out == ""


def test_a_snapshot_asks_for_nothing_unknown(rig, generator):
    snapshot = asyncio.run(generator.session.do("snapshot", lambda b: b.snapshot(update=True)))
    assert snapshot["submodules"]["ch2"]["parameters"]["frequency"]["value"] == 1e3
    assert no_error(rig)


@pytest.mark.parametrize(
    ("volts", "width"), [(0.35, 40e-9), (-0.35, 40e-9), (0.8, 2e-3), (1e-3, 16e-9), (2.0, 0.5)]
)
def test_a_pulse_rests_at_zero(rig, generator, volts, width):
    async def main() -> tuple[float, float, bool]:
        await generator.set_pulse(2, volts, width)
        assert rig.device.levels() == {"fg.1": None, "fg.2": None}
        await generator.enable(2, on=True)
        return await generator.settings(2)

    assert asyncio.run(main()) == (pytest.approx(volts), pytest.approx(width), True)
    pulse = rig.device.pulse(2)
    assert pulse is not None
    assert (pulse.rest, pulse.top) == (0.0, pytest.approx(volts))
    assert no_error(rig)


def test_pulses_may_follow_in_any_order(generator):
    async def main() -> list[float]:
        widths = (1e-6, 0.1, 20e-9, 1e-3)
        for width in widths:
            await generator.set_pulse(1, 0.1, width)
            assert (await generator.settings(1))[1] == pytest.approx(width)
        return list(widths)

    asyncio.run(main())


def test_a_pulse_is_not_changed_while_it_is_on(rig, generator):
    async def main() -> None:
        await generator.set_pulse(1, 0.1, 1e-6)
        await generator.enable(1, on=True)
        await generator.set_pulse(1, 0.2, 1e-6)

    with pytest.raises(InstrumentError, match="channel 1 is on"):
        asyncio.run(main())
    assert rig.device.levels()["fg.1"]["high"] == pytest.approx(0.1)


@pytest.mark.parametrize(
    ("channel", "volts", "width", "said"),
    [(1, 0.0, 1e-6, "no pulse"), (1, float("nan"), 1e-6, "no pulse"), (1, 0.1, 0.0, "no pulse"),
     (3, 0.1, 1e-6, "no channel 3"), (1, 6.0, 1e-6, r"adjusted due to amplitude \(-222\)|-221"),
     (1, 0.1, 1e-9, r"Data out of range.*\(-222\)")],
)  # fmt: skip
def test_what_cannot_be_set_is_refused(generator, channel, volts, width, said):
    with pytest.raises(InstrumentError, match=said):
        asyncio.run(generator.set_pulse(channel, volts, width))


def test_a_setting_that_is_not_taken_is_named(rig, generator, monkeypatch):
    receive = rig.device.receive
    monkeypatch.setattr(
        rig.device, "receive", lambda m: b"" if b"WIDTh " in bytes(m) else receive(m)
    )
    with pytest.raises(InstrumentError, match=r"takes 0\.1 V for 0\.0001 s"):
        asyncio.run(generator.set_pulse(1, 0.1, 2e-4))


def test_safe_switches_both_off(rig, generator):
    rig.device.receive(b"OUTP1 1;:OUTP2 1")
    asyncio.run(generator.safe())
    assert rig.device.levels() == {"fg.1": None, "fg.2": None}


def test_a_channel_that_stays_on_is_named(rig, generator, monkeypatch):
    rig.device.receive(b"OUTP2 1")
    receive = rig.device.receive
    monkeypatch.setattr(
        rig.device, "receive", lambda m: b"" if b"OUTPut2 0" in bytes(m) else receive(m)
    )
    with pytest.raises(InstrumentError, match=r"fg \(TCPIP0.*\): ch2 stay on"):
        asyncio.run(generator.safe())


@pytest.mark.parametrize("model", ["33511B", "34461A"])
def test_another_instrument_is_refused(rig, model):
    rig.device.identity = f"Agilent Technologies,{model},MY1,1"
    with pytest.raises(InstrumentError) as refused:
        connect("fg", rig.address)
    assert str(refused.value) == f"this is no 33522B but Agilent Technologies {model}"


def test_nobody_there_is_said_as_of_the_others(rig):
    entry = InstrumentEntry("fg", "keysight_33522b", rig.address, {})
    rig.server.close()
    with pytest.raises(InstrumentError) as refused:
        connect("fg", rig.address)
    said = does_not_connect(entry, refused.value)
    assert "does not connect: nobody answers there (Connection refused). Is it" in said


def test_identity(generator):
    identity = asyncio.run(generator.identity())
    assert (identity.vendor, identity.model) == ("Agilent Technologies", "33522B")
