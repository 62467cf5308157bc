"""The AWG5208 adapter on the upstream driver, over HiSLIP to the simulated box."""

from __future__ import annotations

import asyncio
import gc
import logging
import re
import socket
import time
from collections.abc import Iterator
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from kammerton.model import InstrumentError, LastingFault, ProgramError
from kammerton.model.roles import Playlist, PlayStep, Waveform, WaveformGenerator
from kammerton_drivers import tektronix_awg5208
from kammerton_drivers.tektronix_awg5208 import Awg5208, connect
from kammerton_sim.evidence.ledger import Ledger
from kammerton_sim.instruments.awg5208 import Awg5208 as Simulated
from kammerton_sim.wire.hislip import HislipServer

RATE = 1e9
RAMP = np.linspace(-0.5, 0.5, 2400, dtype=np.float32)
TICK = (np.arange(2400) < 100).astype(np.uint8)


@pytest.fixture
def rig() -> Iterator[SimpleNamespace]:
    ledger = Ledger(time.monotonic)
    device = Simulated("awg1", ledger)
    server = HislipServer(device)
    address = f"TCPIP0::127.0.0.1::hislip0,{server.port}::INSTR"
    yield SimpleNamespace(ledger=ledger, device=device, server=server, address=address)
    server.close()


@pytest.fixture
def generator(rig) -> Iterator[Awg5208]:
    generator = connect("awg1", rig.address)
    yield generator
    asyncio.run(generator.close())


def changes(ledger: Ledger, *whats: str) -> list[tuple[str, str, object]]:
    return [
        (c["output"], c["what"], c["new"])
        for c in ledger.since()
        if c["what"] != "connection" and (not whats or c["what"] in whats)
    ]


def deafen(device: Simulated, monkeypatch: pytest.MonkeyPatch, command: str) -> None:
    """Let the box ignore a command, without a word."""
    real = device.receive

    def receive(message: bytes | bytearray) -> bytes:
        return b"" if bytes(message).decode("latin1").strip() == command else real(message)

    monkeypatch.setattr(device, "receive", receive)


def put_out(device: Simulated) -> dict[object, tuple[object, ...]]:
    return {
        key: (o.on, o.vpp, o.resolution, o.sample_rate, len(o.prologue), len(o.loop))
        for key, o in device.outputs().items()
    }


def playlist(**other: object) -> Playlist:
    silence = Waveform(np.zeros(2400, np.float32))
    waves = {
        "go": Waveform(silence.volts, TICK), "idle": silence,
        "up": Waveform(RAMP), "down": Waveform(-RAMP, TICK),
    }  # fmt: skip
    steps = (
        PlayStep(("go", "idle"), wait_trigger=True),
        PlayStep(("up", "down")),
        PlayStep(("idle", "idle"), repeats=7, goto=2),
    )
    return replace(Playlist("ramps", (3, 5), waves, steps, RATE), **other)


def test_it_is_a_waveform_generator(generator):
    assert isinstance(generator, WaveformGenerator)
    assert generator.minimum_samples == 2400


def test_i12_connecting_changes_no_output_and_says_nothing(rig, capfd):
    async def somebody_plays() -> None:
        generator = connect("awg1", rig.address)
        await generator.configure(RATE)
        await generator.load(playlist())
        await generator.enable([3, 5], on=True)
        await generator.run()
        await generator.close()

    asyncio.run(somebody_plays())
    playing, before = put_out(rig.device), len(rig.ledger.since())
    asyncio.run(connect("awg1", rig.address).close())
    assert {c["what"] for c in rig.ledger.since(before)} == {"connection"}
    assert put_out(rig.device) == playing
    assert [channel for (_, channel), (on, *_) in playing.items() if on] == [3, 5]
    assert capfd.readouterr().out == ""


def test_it_says_who_it_is(generator):
    identity = asyncio.run(generator.identity())
    assert (identity.vendor.upper(), identity.model) == ("TEKTRONIX", "AWG5208")


def test_configured_for_one_marker_and_one_volt_and_off(rig, generator):
    async def main() -> None:
        await generator.configure(RATE)
        await generator.enable([1, 8], on=True)
        await generator.configure(RATE)

    asyncio.run(main())
    outputs = rig.device.outputs()
    assert {(o.vpp, o.resolution, o.on, o.sample_rate) for o in outputs.values()} == {
        (1.0, 15, False, RATE)
    }
    assert str(rig.device.value("clock_source")).upper().startswith("EFIX")
    assert {rig.device.value("waiting_marker", c, 1) for c in range(1, 9)} == {"LOW"}


def test_a_clock_that_stays_its_own_is_named(rig, generator, monkeypatch):
    receive = rig.device.receive
    monkeypatch.setattr(
        rig.device, "receive", lambda m: b"" if b"SOURce EFIX" in bytes(m) else receive(m)
    )
    words = "awg1 says clock_source is INT instead of EFIX; see to the cable"
    with pytest.raises(LastingFault, match=words):
        asyncio.run(generator.configure(RATE))


def test_a_reference_that_goes_before_an_upload_is_not_overlooked(rig, generator):
    async def main() -> None:
        await generator.configure(RATE)
        rig.device.lose_reference(1e-6)
        await generator.load(playlist())

    with pytest.raises(LastingFault, match=r"awg1 says -300.*; see to the cable"):
        asyncio.run(main())


def test_what_is_loaded_is_what_is_played(rig, generator):
    async def main() -> None:
        await generator.configure(RATE)
        await generator.load(playlist())
        await generator.enable([3, 5], on=True)
        assert rig.device.state.name == "STOPPED"
        await generator.run()
        assert rig.device.state.name == "WAITING"
        await generator.trigger()
        await generator.identity()  # an answer: the trigger has arrived
        assert rig.device.state.name == "RUNNING"

    asyncio.run(main())
    outputs = rig.device.outputs()
    first, second = outputs["awg1", 3], outputs["awg1", 5]
    assert [s.repeats for s in first.loop] == [1, 7]
    np.testing.assert_allclose(first.loop[0].wave.samples * first.vpp / 2, RAMP, atol=1e-7)
    np.testing.assert_allclose(second.loop[0].wave.samples * second.vpp / 2, -RAMP, atol=1e-7)
    assert np.array_equal(first.prologue[0].wave.markers, TICK)
    assert {c for (_, c), o in outputs.items() if o.loop} == {3, 5}
    assert {c for (_, c), o in outputs.items() if o.on} == {3, 5}


def test_loading_stops_and_leaves_nothing_of_what_was_there(rig, generator):
    silence = playlist().waves["idle"]
    other = Playlist("other", (1,), {"a": silence}, (PlayStep(("a",), goto=1),), RATE)

    async def main() -> None:
        await generator.configure(RATE)
        await generator.load(playlist())
        await generator.run()
        await generator.load(other)
        assert rig.device.state.name == "STOPPED"
        await generator.run()

    asyncio.run(main())
    assert {c for (_, c), o in rig.device.outputs().items() if o.loop} == {1}
    assert set(rig.device.memory.library.sequences) == {"other"}
    assert set(rig.device.memory.library.waves) == {"a"}


def test_stopping_leaves_outputs_on_but_silent(rig, generator):
    async def main() -> None:
        await generator.configure(RATE)
        await generator.load(playlist())
        await generator.enable([3], on=True)
        await generator.run()
        await generator.trigger()
        await generator.stop()
        await generator.identity()

    asyncio.run(main())
    assert rig.device.state.name == "STOPPED"
    assert rig.device.is_on(3)
    assert not rig.device.outputs()["awg1", 3].loop


async def playing(generator) -> None:
    """Let two channels play."""
    await generator.configure(RATE)
    await generator.load(playlist())
    await generator.enable([3, 5], on=True)
    await generator.run()
    await generator.trigger()


def test_safe_stops_and_switches_everything_off(rig, generator):
    async def main() -> None:
        await playing(generator)
        await generator.safe()

    asyncio.run(main())
    assert rig.device.state.name == "STOPPED"
    assert not any(rig.device.is_on(c) for c in range(1, 9))


@pytest.mark.parametrize(("asked", "stuck"), [("run", "stopped"), ("stop", "running")])
def test_a_box_that_does_not_obey_is_named(rig, generator, monkeypatch, asked, stuck):
    monkeypatch.setattr("kammerton_drivers.tektronix_awg5208.STATE_TIMEOUT", 0.02)

    async def main() -> None:
        await generator.configure(RATE)
        await generator.load(playlist())
        if stuck == "running":
            await generator.run()
            await generator.trigger()
            await generator.identity()
        deafen(rig.device, monkeypatch, f"AWGControl:{asked.upper()}")
        await getattr(generator, asked)()

    with pytest.raises(InstrumentError, match=rf"awg1 .*: still {stuck} after 0\.02 s"):
        asyncio.run(main())


def test_a_box_that_does_not_stop_has_its_outputs_off_all_the_same(rig, generator, monkeypatch):
    monkeypatch.setattr("kammerton_drivers.tektronix_awg5208.STATE_TIMEOUT", 0.02)

    async def main() -> None:
        await playing(generator)
        await generator.identity()
        deafen(rig.device, monkeypatch, "AWGControl:STOP")
        await generator.safe()

    with pytest.raises(InstrumentError, match=r"awg1 .*: still running"):
        asyncio.run(main())
    assert not any(rig.device.is_on(c) for c in range(1, 9))


def test_channels_that_stay_on_are_named(rig, generator, monkeypatch):
    async def main() -> None:
        await generator.configure(RATE)
        await generator.enable([4, 6], on=True)
        deafen(rig.device, monkeypatch, "OUTPut4:STATe 0")
        await generator.safe()

    with pytest.raises(InstrumentError, match=r"awg1 \(TCPIP.*\): switch: channels \[4\] stay on"):
        asyncio.run(main())
    assert rig.device.is_on(4)
    assert not rig.device.is_on(6)


def test_the_box_s_own_words_when_it_refuses(generator):
    short = {"a": Waveform(np.zeros(100, np.float32))}
    bad = Playlist("short", (1,), short, (PlayStep(("a",)),), RATE)

    async def main() -> None:
        await generator.configure(RATE)
        await generator.load(bad)

    with pytest.raises(InstrumentError, match=r"awg1 \(TCPIP.*\): load short: -222,.*100 samples"):
        asyncio.run(main())


def test_it_goes_on_after_a_refusal(rig, generator):
    short = {"a": Waveform(np.zeros(100, np.float32))}

    async def main() -> None:
        await generator.configure(RATE)
        with pytest.raises(InstrumentError):
            await generator.load(Playlist("short", (1,), short, (PlayStep(("a",)),), RATE))
        await generator.load(playlist())
        await generator.run()

    asyncio.run(main())
    assert rig.device.state.name == "WAITING"


def test_nothing_loaded_cannot_start(generator):
    async def main() -> None:
        await generator.configure(RATE)
        await generator.run()

    with pytest.raises(InstrumentError, match=r"awg1 .*: start: -200,"):
        asyncio.run(main())


def test_too_many_volts_never_reach_the_box(rig, generator):
    loud = replace(playlist(), waves={**playlist().waves, "up": Waveform(1.02 * RAMP)})

    async def main() -> None:
        await generator.configure(RATE)
        await generator.load(loud)

    with pytest.raises(ProgramError, match=r"waveform up reaches -0\.51 V"):
        asyncio.run(main())
    assert not rig.device.memory.files


@pytest.mark.parametrize("configured", [False, True])
def test_another_sample_rate(generator, configured):
    async def main() -> None:
        if configured:
            await generator.configure(2 * RATE)
        await generator.load(playlist())

    with pytest.raises(ProgramError, match=r"ramps is made for 1e.?09 samples a second, but awg1"):
        asyncio.run(main())


def test_a_sample_rate_the_box_has_not(generator):
    with pytest.raises(InstrumentError, match=r"awg1 .*: configure: "):
        asyncio.run(generator.configure(5e9))


def refusal(address: str) -> str:
    """Return why nothing connects; pyvisa logs a traceback of its own, which is not asked for."""
    logging.disable()
    try:
        connect("awg1", address)
    except InstrumentError as error:
        return str(error)
    finally:
        logging.disable(logging.NOTSET)
    pytest.fail("connected")


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_nobody_there():
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    address = f"TCPIP0::127.0.0.1::hislip0,{port}::INSTR"
    message = refusal(address)
    gc.collect()  # pyvisa-py leaves the socket that could not connect to the collector
    assert message.startswith(f"awg1 ({address}): connect: ")


def test_another_instrument_there(rig, monkeypatch):
    monkeypatch.setattr(rig.device, "identity", "TEKTRONIX,AWG4162,1,1")
    assert re.search(r"awg1 \(.*\): connect: .*4162", refusal(rig.address))


def test_i1_an_answer_lost_while_it_loads_is_waited_for_as_long_as_the_file_takes(
    rig, generator, monkeypatch
):
    """Within the 30 s that recovery may take; not for the minute that the longest file has."""
    assert tektronix_awg5208.LOADED <= 20
    monkeypatch.setattr(tektronix_awg5208, "LOADED", 0.3)

    async def main() -> float:
        await generator.configure(RATE)
        deafen(rig.device, monkeypatch, "*OPC?")
        began = time.monotonic()
        with pytest.raises(InstrumentError, match="asking '\\*OPC\\?'"):
            await generator.load(playlist())
        return time.monotonic() - began

    assert asyncio.run(main()) < 5.0


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_box_that_lost_its_power_is_configured_anew(rig, generator):
    async def main() -> None:
        await generator.configure(RATE)
        rig.server.close()
        with pytest.raises(InstrumentError, match=r"awg1 .*: stop: "):
            await generator.stop()
        rig.device.reset()
        rig.server = HislipServer(rig.device, rig.server.port)
        with pytest.raises(InstrumentError, match="outputs must be verified first"):
            await generator.load(playlist())
        await generator.safe()
        await generator.load(playlist())

    asyncio.run(main())
    gc.collect()  # pyvisa-py leaves the socket that could not connect to the collector
    outputs = rig.device.outputs().values()
    assert {(o.vpp, o.resolution, o.on) for o in outputs} == {(1.0, 15, False)}
