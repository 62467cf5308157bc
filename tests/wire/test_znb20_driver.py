"""The ZNB20 adapter on the upstream driver, over HiSLIP to the simulated analyzer and a chip."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from types import SimpleNamespace

import numpy as np
import pytest
from qcodes.instrument_drivers.rohde_schwarz import RohdeSchwarzZNB20

from kammerton.model import InstrumentError
from kammerton.model.roles import FrequencySweep, NetworkAnalyzer
from kammerton_drivers.rohde_schwarz_znb20 import Znb20, connect
from kammerton_sim.chip import random_chip
from kammerton_sim.evidence.ledger import Ledger
from kammerton_sim.instruments.znb20 import Znb20 as Simulated
from kammerton_sim.wire.errors import ScpiError
from kammerton_sim.wire.hislip import HislipServer
from kammerton_sim.world import World


@pytest.fixture
def rig() -> Iterator[SimpleNamespace]:
    ledger, world = Ledger(time.monotonic), World(random_chip(2, 3))
    device = Simulated("vna", ledger, world.scattering, world.clock.advance)
    server = HislipServer(device)
    address = f"TCPIP0::127.0.0.1::hislip0,{server.port}::INSTR"
    yield SimpleNamespace(ledger=ledger, world=world, device=device, server=server, address=address)
    server.close()


@pytest.fixture
def analyzer(rig) -> Iterator[Znb20]:
    analyzer = connect("vna", rig.address)
    yield analyzer
    asyncio.run(analyzer.close())


def outputs(rig: SimpleNamespace) -> list[tuple[str, str, object]]:
    return [(c["output"], c["what"], c["new"]) for c in rig.ledger.since()
            if c["what"] != "connection"]  # fmt: skip


def no_error(rig: SimpleNamespace) -> bool:
    return bool(rig.device.receive(b"SYST:ERR?") == b'0,"No error"')


def over(rig: SimpleNamespace, number: int = 0, **changes: float) -> FrequencySweep:
    place = rig.world.chip.resonators[number].frequency
    settings = {"start": place - 5e6, "stop": place + 5e6, "points": 201, "bandwidth": 1e3,
                "power": -30.0}  # fmt: skip
    return FrequencySweep(**{**settings, **changes})  # type: ignore[arg-type]


def test_i12_connecting_changes_no_output(rig, capfd):
    """It stands as no reset would leave it, so that a reset shows."""
    rig.device.receive(b"OUTP OFF;:SOUR1:POW -27")
    before = outputs(rig)
    assert ("all", "on", False) in before
    asyncio.run(connect("vna", rig.address).close())
    assert outputs(rig) == before
    assert no_error(rig)
    assert capfd.readouterr().out == ""


def test_i12_a_connection_that_resets_would_show(rig):
    """The test above can fail."""
    rig.device.receive(b"OUTP OFF;:SOUR1:POW -27")
    before = outputs(rig)
    rig.device.receive(b"*RST")
    assert outputs(rig) != before


def test_upstreams_own_way_of_connecting_resets_the_box(rig):
    """Why the adapter tells it not to: this is what the ledger is for."""
    rig.device.receive(b"OUTP OFF")
    box = RohdeSchwarzZNB20("vna_alone", rig.address, visalib="@py")
    try:
        assert no_error(rig)
        assert ("all", "on", True) in outputs(rig)
        assert [c.short_name for c in box.channels] == ["S11", "S12", "S21", "S22"]
    finally:
        box.close()


def test_a_snapshot_asks_for_nothing_that_is_unknown(rig, analyzer):
    async def main() -> dict:
        await analyzer.transmission(over(rig, points=3))
        return await analyzer.session.do("snapshot", lambda box: box.snapshot(update=True))

    channels = asyncio.run(main())["submodules"]["channels"]["channels"]
    (channel,) = channels.values()
    assert channel["parameters"]["bandwidth"]["value"] == 1000
    assert no_error(rig)


def test_a_resonator_is_found_where_it_is(rig, analyzer):
    hertz, s21 = asyncio.run(analyzer.transmission(over(rig)))
    assert isinstance(analyzer, NetworkAnalyzer)
    expected, noise = rig.world.scattering(hertz, 0.01, 1e3)
    assert np.std((s21 - expected).real) == pytest.approx(noise, rel=0.2)
    assert abs(np.mean(s21 - expected)) < 5 * noise / np.sqrt(hertz.size)
    truth = rig.world.truth("r0.frequency")
    assert hertz[np.argmin(abs(s21))] == pytest.approx(truth, abs=1e6)
    assert no_error(rig)


def test_the_output_is_on_only_while_it_sweeps(rig, analyzer):
    rig.device.receive(b"OUTP OFF")
    asyncio.run(analyzer.transmission(over(rig)))
    switched = [new for output, what, new in outputs(rig) if what == "on"]
    assert switched == [False, True, False]
    assert ("rf1", "power", -30.0) in outputs(rig)


def test_power_is_set_before_the_output_goes_on(rig, analyzer):
    asyncio.run(analyzer.transmission(over(rig)))
    whats = [what for _, what, new in outputs(rig) if what == "power" or new is True]
    assert whats == ["power", "on"]


def test_averages_take_their_time_and_lower_the_noise(rig, analyzer):
    async def main() -> list[float]:
        scatters = []
        for averages in (1, 16):
            hertz, s21 = await analyzer.transmission(over(rig, averages=averages, bandwidth=1e5))
            scatters.append(np.std(s21 - rig.world.scattering(hertz, 0.01, 1e5)[0]))
        return scatters

    before = rig.world.clock.now()
    one, sixteen = asyncio.run(main())
    assert one / sixteen == pytest.approx(4, rel=0.3)
    assert rig.world.clock.now() - before > 17 * 201 / 1e5


def test_sweeps_may_go_anywhere_one_after_the_other(rig, analyzer):
    async def main() -> list[float]:
        return [
            (await analyzer.transmission(over(rig, start=a, stop=b, points=11)))[0][0]
            for a, b in ((6e9, 7e9), (1e9, 2e9), (15e9, 16e9), (1.5e9, 15.5e9))
        ]

    assert asyncio.run(main()) == [6e9, 1e9, 15e9, 1.5e9]


def test_locking_to_the_reference_leaves_the_output(rig, analyzer):
    asyncio.run(analyzer.configure())
    assert outputs(rig) == [("all", "reference", "EXT")]
    assert rig.device.receive(b"ROSC:EXT:FREQ?") == b"10000000Hz"


@pytest.mark.parametrize(
    ("swallowed", "said"),
    [(b"OUTP1 OFF", "stays on after it was told off"),
     (b"ROSC:SOUR EXT", "does not take the external"),
     (b"SOUR1:POW ", "takes power = -10")],
)  # fmt: skip
def test_what_the_box_does_not_take_is_named(rig, analyzer, monkeypatch, swallowed, said):
    receive = rig.device.receive
    monkeypatch.setattr(
        rig.device, "receive", lambda m: b"" if swallowed in bytes(m) else receive(m)
    )

    async def main() -> None:
        await analyzer.configure()
        await analyzer.transmission(over(rig))

    with pytest.raises(InstrumentError, match=said):
        asyncio.run(main())


def test_a_failure_in_mid_sweep_leaves_the_output_off(rig, analyzer, monkeypatch):
    def broken(*asked: object) -> tuple:
        raise ScpiError(-221)

    monkeypatch.setattr(rig.device, "_scattering", broken)

    async def main() -> None:
        await analyzer.session.do("hurry", lambda b: b.timeout.set(0.2))
        await analyzer.transmission(over(rig, points=2, bandwidth=1e5))

    monkeypatch.setattr("kammerton_drivers.rohde_schwarz_znb20._SLACK", 0.2)
    with pytest.raises(InstrumentError, match="sweep"):
        asyncio.run(main())
    assert rig.device.receive(b"OUTP?") == b"0"


def spoilt(how: str, answer: bytes) -> bytes:
    """Return a trace as it must never be believed."""
    numbers = answer.split(b",")
    return {
        "cut between numbers": b",".join(numbers[:-3]),
        "cut within a pair": b",".join(numbers[:-1]),
        "cut at its beginning": b",".join(numbers[1:]),
        "cut after the exponent's E": answer[: answer.rindex(b"E") + 1],
        "too long": answer + b"," + numbers[0] + b"," + numbers[1],
        "a byte too many in front": b"#" + answer,
        "nothing": b"",
        "nan": b",".join([*numbers[:6], b"NAN", *numbers[7:]]),
        "overload": b",".join([*numbers[:6], b"9.91E+37", *numbers[7:]]),
        "infinity": b",".join([*numbers[:6], b"-INF", *numbers[7:]]),
        "a word": b",".join([*numbers[:6], b"OVLD", *numbers[7:]]),
        "decimal commas": answer.replace(b".", b","),
    }[how]


@pytest.mark.parametrize(
    "how",
    ["cut between numbers", "cut within a pair", "cut at its beginning",
     "cut after the exponent's E", "too long", "a byte too many in front", "nothing"],
)  # fmt: skip
def test_i4_a_trace_of_another_length_is_an_error_and_the_output_is_off(
    rig, analyzer, monkeypatch, how
):
    refused_with_the_output_off(rig, analyzer, monkeypatch, how)


@pytest.mark.parametrize("how", ["nan", "overload", "infinity", "a word", "decimal commas"])
def test_i5_a_trace_with_what_is_no_number_is_an_error_and_the_output_is_off(
    rig, analyzer, monkeypatch, how
):
    refused_with_the_output_off(rig, analyzer, monkeypatch, how)


def refused_with_the_output_off(rig, analyzer, monkeypatch, how):
    receive = rig.device.receive

    def spoiling(message: bytes) -> bytes:
        answer = receive(message)
        return spoilt(how, bytes(answer)) if bytes(answer).count(b",") > 100 else answer

    monkeypatch.setattr(rig.device, "receive", spoiling)
    monkeypatch.setattr("kammerton_drivers.rohde_schwarz_znb20._SLACK", 0.5)
    with pytest.raises(InstrumentError, match="vna"):
        asyncio.run(analyzer.transmission(over(rig, bandwidth=1e5)))
    assert rig.device.receive(b"OUTP?") == b"0"


def test_safe_switches_off(rig, analyzer):
    asyncio.run(analyzer.safe())
    assert rig.device.levels() == {"vna.rf1": None}


def test_a_raw_socket_is_refused():
    with pytest.raises(InstrumentError, match="needs HiSLIP"):
        connect("vna", "TCPIP0::127.0.0.1::5025::SOCKET")


def test_another_instrument_is_refused(rig):
    rig.device.identity = "Rohde&Schwarz,SGS100A,1/1,1"
    with pytest.raises(InstrumentError, match="Unsupported ZNB model SGS100A"):
        connect("vna", rig.address)


def test_identity(analyzer):
    identity = asyncio.run(analyzer.identity())
    assert (identity.vendor, identity.model) == ("Rohde-Schwarz", "ZNB20-2Port")


def radiated(rig: SimpleNamespace) -> list[dict[str, object]]:
    """Return what was on at any message from now on; it fills while the test goes on."""
    seen, receive = list[dict[str, object]](), rig.device.receive

    def spy(*message: object) -> bytes:
        answer = receive(*message)
        if rig.device.value("on"):
            seen.extend(level for level in rig.device.levels().values() if level)
        return bytes(answer)

    rig.device.receive = spy
    return seen


def test_another_channel_of_the_box_does_not_radiate_with_ours(rig, analyzer):
    """It has a power of its own, which nobody has checked, and sweeps as soon as the RF is on."""
    rig.device.receive(b"OUTP OFF;:CALC2:PAR:SDEF 'Mine','S21';:SOUR2:POW 10")
    seen = radiated(rig)
    with pytest.raises(InstrumentError, match=r"has channels beside 1, .*: 2; delete them"):
        asyncio.run(analyzer.transmission(over(rig)))
    assert seen == []


def test_a_fixed_frequency_that_a_hand_has_set_is_swept_over_again(rig, analyzer):
    asyncio.run(analyzer.transmission(over(rig)))
    rig.device.receive(b"SENS1:FREQ:CW 1E9;:SENS1:SWE:TYPE CW")
    seen = radiated(rig)
    asyncio.run(analyzer.transmission(over(rig)))
    assert seen
    assert all(float(str(level["sweep_from"])) > 5e9 for level in seen)
