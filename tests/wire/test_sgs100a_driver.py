"""The SGS100A adapter on the upstream driver, over HiSLIP to the simulated source."""

import asyncio
import gc
import socket
import time
from collections.abc import Iterator
from types import SimpleNamespace

import pytest

from kammerton.model import InstrumentError, LastingFault
from kammerton.model.roles import MicrowaveSource
from kammerton_drivers.rohde_schwarz_sgs100a import Sgs100a, connect, own_limits
from kammerton_sim.evidence.ledger import Ledger
from kammerton_sim.instruments.sgs100a import Sgs100a as Simulated
from kammerton_sim.wire.hislip import HislipServer


@pytest.fixture
def rig() -> Iterator[SimpleNamespace]:
    ledger = Ledger(time.monotonic)
    device = Simulated("lo", ledger)
    server = HislipServer(device)
    address = f"TCPIP0::127.0.0.1::hislip0,{server.port}::INSTR"
    yield SimpleNamespace(ledger=ledger, device=device, server=server, address=address)
    server.close()


@pytest.fixture
def source(rig) -> Iterator[Sgs100a]:
    source = connect("lo", rig.address)
    yield source
    asyncio.run(source.close())


def outputs(ledger: Ledger) -> list[tuple[str, object]]:
    return [(c["what"], c["new"]) for c in ledger.since() if c["what"] != "connection"]


def test_it_is_a_microwave_source(source):
    assert isinstance(source, MicrowaveSource)


def test_i12_connecting_and_closing_change_no_output(rig):
    rig.device.receive(b":SOUR:FREQ 5.1 GHz;:SOUR:POW 3;:OUTP ON\n")
    on, before = rig.device.carrier, len(rig.ledger.since())
    asyncio.run(connect("lo", rig.address).close())
    after = rig.ledger.since(before)
    assert {c["what"] for c in after} == {"connection"}
    assert rig.device.carrier == on
    assert (on.frequency, on.power, on.on) == (pytest.approx(5.1e9), 3.0, True)


def test_connecting_says_nothing_on_stdout(rig, capfd):
    asyncio.run(connect("lo", rig.address).close())
    assert capfd.readouterr().out == ""


def test_it_sets_switches_and_reads_back_what_the_output_really_does(rig, source):
    async def main() -> tuple[float, float, bool]:
        await source.configure()
        await source.set_frequency(5.123456789e9)
        await source.set_power(12.25)
        await source.enable(on=True)
        return await source.settings()

    assert asyncio.run(main()) == (5.123456789e9, 12.25, True)
    carrier = rig.device.carrier
    assert carrier.frequency == pytest.approx(
        5.123456789e9, abs=0.01
    )  # locked to the common 10 MHz
    assert (carrier.power, carrier.on) == (12.25, True)


def test_a_limiter_below_the_level_is_what_is_read_back(rig, source):
    """Somebody set it at the panel: the box still says that its level is 12 dBm."""

    async def main() -> tuple[float, float, bool]:
        rig.device.receive(b"SOUR:POW:LIM -10")
        await source.set_power(12.0)
        return await source.settings()

    assert asyncio.run(main())[1] == -10.0 == pytest.approx(rig.device.carrier.power)


@pytest.mark.parametrize(
    ("told", "name"),
    [(b"SOUR:POW:LIM -10", "power_limit"), (b"SOUR:ROSC:EXT:FREQ 100MHZ", "reference_frequency")],
)
def test_what_is_set_at_the_panel_shows_in_the_state(rig, source, told, name):
    async def main() -> tuple[dict, dict]:
        before = await source.state()
        rig.device.receive(told)
        return before, await source.state()

    before, after = asyncio.run(main())
    assert before[name] != after[name]


def test_configuring_leaves_the_output_as_it_is(rig, source):
    async def main() -> None:
        await source.enable(on=True)
        await source.configure()

    asyncio.run(main())
    assert rig.device.carrier.on
    assert ("reference", "EXT") in outputs(rig.ledger)


def test_settings_are_asked_for_every_time(rig, source):
    async def main() -> float:
        await source.set_frequency(5e9)
        assert (await source.settings())[0] == 5e9  # an answer: the setting has arrived
        rig.device.receive(b"SOUR:FREQ 6e9")
        return (await source.settings())[0]

    assert asyncio.run(main()) == 6e9


def test_safe_switches_off(rig, source):
    async def main() -> None:
        await source.enable(on=True)
        await source.safe()

    asyncio.run(main())
    assert not rig.device.carrier.on


def test_pulse_modulation_without_pulses_is_silence_unless_it_is_inverted(rig):
    on = []
    rig.device.turned = lambda: on.append(rig.device.carrier.on)
    rig.device.receive(b"OUTP ON;:PULM:SOUR EXT;STAT ON;POL INV;POL NORM")
    assert on == [True, True, False, True, False]
    rig.device.receive(b"PULM:POL INV;SOUR INT")  # of its own pulses the chip hears none
    assert on[5:] == [True, False]


def test_a_source_that_stays_on_is_named(rig, source, monkeypatch):
    async def main() -> None:
        await source.enable(on=True)
        receive = rig.device.receive
        monkeypatch.setattr(
            rig.device, "receive", lambda m: b"" if b"STAT 0" in bytes(m) else receive(m)
        )
        await source.safe()

    with pytest.raises(InstrumentError, match=r"lo \(TCPIP0.*\) stays on after it was told off"):
        asyncio.run(main())


def test_a_reference_that_is_not_taken_is_named(rig, source, monkeypatch):
    receive = rig.device.receive
    monkeypatch.setattr(
        rig.device, "receive", lambda m: b"" if b"ROSC:SOUR EXT" in bytes(m) else receive(m)
    )
    with pytest.raises(InstrumentError, match="does not take the external reference: INT"):
        asyncio.run(source.configure())


def answering(rig, monkeypatch, answer: bytes) -> None:
    """Let the box give this answer to what lasts."""
    receive = rig.device.receive
    monkeypatch.setattr(
        rig.device, "receive", lambda m: answer if b"SERR" in bytes(m) else receive(m)
    )


def test_a_reference_that_is_away_is_told_every_time(rig, source):
    async def main() -> list[list[str]]:
        await source.configure()
        rig.device.lose_reference(2e-6)
        found = [await source.errors() for _ in range(3)]
        with pytest.raises(LastingFault, match=r"lo says 50,.*; see to the cable"):
            await source.configure()
        rig.device.lose_reference(0.0)
        await source.configure()
        return [*found, await source.errors()]

    *lost, back = asyncio.run(main())
    assert [[e.partition(",")[0] for e in each] for each in lost] == [["50"]] * 3
    assert all(source.remedy(e) for each in lost for e in each)
    assert back == []


@pytest.mark.parametrize("answer", [b"0", b'0,"No error"', b'180,"Adjustment failed"'])
def test_what_lasts_but_is_not_the_reference_keeps_nobody(rig, source, monkeypatch, answer):
    answering(rig, monkeypatch, answer)
    assert asyncio.run(source.errors()) == []
    asyncio.run(source.configure())


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_an_answer_that_lists_no_errors_is_not_taken_for_none(rig, source, monkeypatch):
    answering(rig, monkeypatch, b"5,External ref")
    with pytest.raises(InstrumentError, match="read errors: '5,External ref' is no list of errors"):
        asyncio.run(source.errors())


def test_an_error_beside_the_queue_is_told_too_and_only_once(rig, source, monkeypatch):
    answering(rig, monkeypatch, b'180,"Adjustment failed",51,"No external reference"')
    rig.device.receive(b"SOUR:FREQ 1E20")
    first, second = asyncio.run(source.errors())
    assert first.startswith("-222,")
    assert source.remedy(first) is None
    assert second == '51,"No external reference"'
    assert source.remedy(second)


def test_identity(source):
    identity = asyncio.run(source.identity())
    assert (identity.vendor, identity.model) == ("Rohde&Schwarz", "SGS100A")
    assert identity.serial
    assert identity.firmware


def test_two_sources_may_have_the_same_name(rig, source):
    twin = connect("lo", rig.address)
    assert asyncio.run(twin.identity()) == asyncio.run(source.identity())
    asyncio.run(twin.close())


def refusal(address: str) -> str:
    """Return the message alone: the exception holds frames that hold sockets."""
    try:
        connect("lo", address)
    except InstrumentError as error:
        return str(error)
    pytest.fail("connected to nobody")


def test_two_clients_share_the_source_and_its_settings(rig, source):
    other = connect("other", rig.address)

    async def main() -> float:
        await other.set_power(-12.34)
        await other.settings()  # it has been taken: between two connections nothing keeps order
        await other.close()
        return (await source.settings())[1]

    assert asyncio.run(main()) == pytest.approx(-12.34)
    assert len({c["new"] for c in rig.ledger.since() if c["what"] == "connection"} - {None}) == 2


def test_limits_and_resolution_are_those_of_the_box(rig):
    told = rig.device.receive(b"SOUR:FREQ 4999999999.9994;POW 3.456;:SOUR:FREQ?;POW?")
    assert told == b"4999999999.999;3.46"
    for message in (b"SOUR:FREQ 13E9", b"SOUR:FREQ 0.9E6", b"SOUR:POW 25.1", b"SOUR:POW -121"):
        rig.device.receive(message)
        assert rig.device.receive(b"SYST:ERR:CODE?") == b"-222"
    assert rig.device.receive(b"SOUR:FREQ?;POW?") == told


def test_a_limit_of_the_power_cuts_what_comes_out_and_not_what_is_told(rig):
    rig.device.receive(b"OUTP ON;:SOUR:POW 15;:SOUR:POW:LIM 5.004")
    assert rig.device.receive(b"POW?;:POW:LIM?;*OPC?") == b"15;5;1"
    assert rig.device.carrier.power == rig.device.levels()["lo.rf"]["power"] == 5.0
    rig.device.receive(b"POW:LIM 20")
    assert rig.device.carrier.power == rig.device.levels()["lo.rf"]["power"] == 15.0
    rig.device.receive(b"SOUR:PULM:SOUR EXT;STAT ON")
    assert rig.device.levels() == {"lo.rf": None}


def test_all_errors_are_told_at_once_and_forgotten(rig):
    assert rig.device.receive(b"SYST:ERR:ALL?;:SYST:ERR:CODE:ALL?") == b'0,"No error";0'
    rig.device.receive(b"SOUR:POW 99;:NONSENSE")
    told = rig.device.receive(b"SYST:ERR:ALL?").decode()
    assert told.startswith('-222,"Data out of range')
    assert ',-113,"Undefined header' in told
    assert rig.device.receive(b"SYST:ERR:COUN?") == b"0"
    rig.device.receive(b"SOUR:POW 99;:NONSENSE")
    assert rig.device.receive(b"SYST:ERR:CODE:ALL?;:SYST:ERR:COUN?") == b"-222,-113;0"


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_nobody_at_the_address_is_an_error_that_names_it(caplog):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    address = f"TCPIP0::127.0.0.1::hislip0,{port}::INSTR"
    message = refusal(address)
    gc.collect()  # pyvisa-py leaves the socket that could not connect to the collector
    assert message.startswith(f"lo ({address}): connect: ")
    assert not [record for record in caplog.records if record.exc_info]  # it was raised, not logged


def test_another_instrument_at_the_address_is_refused(rig):
    rig.device.identity = "TEKTRONIX,AWG5208,B000001,FV:7.0.0"
    with pytest.raises(InstrumentError, match="this is no SGS100A but TEKTRONIX AWG5208"):
        connect("lo", rig.address)


def test_a_value_the_instrument_cannot_have_names_the_action(source):
    with pytest.raises(InstrumentError, match=r"lo \(TCPIP0.*\): set 30000000000.00 Hz: "):
        asyncio.run(source.set_frequency(30e9))


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_source_that_goes_and_comes_back_is_connected_anew(rig, source):
    async def main() -> float:
        await source.set_frequency(5e9)
        assert (await source.settings())[0] == 5e9  # a write alone may still be on its way
        rig.server.close()
        with pytest.raises(InstrumentError, match=r"lo .*: read settings: "):
            await source.settings()
        rig.server = HislipServer(rig.device, rig.server.port)
        frequency = (await source.settings())[0]
        with pytest.raises(InstrumentError, match="outputs must be verified first") as refusal:
            await source.enable(on=True)
        assert refusal.value.instrument == "lo"
        await source.safe()
        await source.enable(on=True)
        return frequency

    assert asyncio.run(main()) == 5e9
    gc.collect()  # pyvisa-py leaves the socket that could not connect to the collector


def test_set_and_get_takes_less_than_the_nagle_delay(source):
    """Nagle's algorithm with delayed acknowledgement costs 40 ms each time; the aim is 1 ms."""

    async def main() -> float:
        times = []
        for n in range(20):
            start = time.perf_counter()
            await source.set_frequency(5e9 + n)
            await source.settings()
            times.append(time.perf_counter() - start)
        return min(times)

    assert asyncio.run(main()) < 0.020


ALLOWED = {"power": (-60.0, 12.346), "frequency": (1e9, 8e9)}


def test_own_limit_is_what_lab_toml_allows_never_more(rig, source):
    asyncio.run(source.limit(ALLOWED))
    assert rig.device.value("power_limit") == 12.34, "12.35 would be above it"
    asyncio.run(source.limit({"power": (-60.0, 16.0)}))
    assert rig.device.value("power_limit") == 16.0, "and it goes up with lab.toml"


def test_own_limit_holds_although_the_gate_was_bypassed(rig, source):
    """Another program tells the box 20 dBm and switches it on: it keeps to its own limit."""
    asyncio.run(source.limit(ALLOWED))
    other = connect("other", rig.address)

    async def main() -> tuple[float, float, bool]:
        await other.set_power(20.0)
        await other.enable(on=True)
        await other.settings()  # so that its link was served: two links keep no order
        found = await source.settings()
        await other.close()
        return found

    assert asyncio.run(main())[1:] == (12.34, True)
    assert rig.device.carrier.power == rig.device.levels()["lo.rf"]["power"] == 12.34
    rig.device.receive(b"*RST;:SOUR:POW 20;:OUTP ON")
    assert rig.device.carrier.power == 12.34, "nor does *RST change it"
    rig.device.power_cycle()
    assert rig.device.value("power_limit") == 12.34


def test_an_output_that_is_on_beyond_its_limit_is_not_cut_by_setting_it(rig, source):
    rig.device.receive(b"SOUR:POW 15;:OUTP ON")
    before = len(rig.ledger.since())
    with pytest.raises(InstrumentError, match=r"is on with 15 dBm: .* 12.34 dBm would"):
        asyncio.run(source.limit(ALLOWED))
    assert {c["what"] for c in rig.ledger.since(before)} <= {"connection"}
    rig.device.receive(b"SOUR:POW 12")
    asyncio.run(source.limit(ALLOWED))
    assert (rig.device.value("power_limit"), rig.device.carrier.power) == (12.34, 12.0)


def test_a_limit_that_the_box_does_not_take_is_named(rig, source, monkeypatch):
    receive = rig.device.receive
    monkeypatch.setattr(
        rig.device, "receive", lambda m: b"" if b"LIMit -3" in bytes(m) else receive(m)
    )
    with pytest.raises(InstrumentError, match=r"takes a limit of 25 dBm .* instead of -3 dBm"):
        asyncio.run(source.limit({"power": (-60.0, -3.0)}))


@pytest.mark.parametrize(("most", "limit"), [(30.0, 25.0), (-130.0, -120.0), (5.3, 5.3)])
def test_what_the_limit_cannot_be_is_the_nearest_that_it_can(most, limit):
    (setting,) = own_limits({"power": (-140.0, most)})
    assert setting.value == limit
    assert own_limits({"volts": (-1.0, 1.0)}) == ()
