"""The 33522B adapter sets the limits of the box itself, over a raw socket."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from types import SimpleNamespace

import pytest

from kammerton.bench.connect import installed_drivers
from kammerton.model import InstrumentError
from kammerton.model.roles import Described, SelfLimiting
from kammerton.model.setup import Setting, own_limits_of
from kammerton_drivers.k33522b_limits import own_limits
from kammerton_drivers.keysight_33522b import Keysight33522b, connect
from kammerton_sim.instruments.k33522b import Keysight33522b as Simulated
from tests.wire.served import served

ALLOWED = {"volts": (-0.5009, 0.8007)}
ENDS = (-0.5, 0.8)


@pytest.fixture
def rig() -> Iterator[SimpleNamespace]:
    with served() as rig:
        yield rig


@pytest.fixture
def generator(rig) -> Iterator[Keysight33522b]:
    generator = connect("fg", rig.address)
    yield generator
    asyncio.run(generator.close())


def written(rig: SimpleNamespace, since: int = 0) -> list[tuple[str, str, object]]:
    return [(c["output"], c["what"], c["new"]) for c in rig.ledger.since(since)
            if c["what"] != "connection"]  # fmt: skip


def limits(device: Simulated, channel: int) -> tuple[object, ...]:
    keys = ("voltage_limit_low", "voltage_limit_high", "voltage_limits")
    return tuple(device.value(key, channel) for key in keys)


def no_error(device: Simulated) -> bool:
    return bool(device.receive(b"SYST:ERR?") == b'+0,"No error"')


def test_it_limits_itself_and_says_how(generator):
    assert isinstance(generator, SelfLimiting)
    assert isinstance(generator, Described)
    assert own_limits_of(installed_drivers()["keysight_33522b"]()) is own_limits


@pytest.mark.parametrize(
    ("volts", "low", "high"),
    [((-0.5009, 0.8007), -0.5, 0.8), ((-0.7, 0.7), -0.7, 0.7), ((0.2, 0.6), 0.0, 0.6),
     ((-0.6, -0.2), -0.6, 0.0), ((-30.0, 30.0), -10.0, 10.0)],
)  # fmt: skip
def test_they_are_what_lab_toml_allows_never_more(volts, low, high):
    assert own_limits({"volts": volts}) == (
        Setting("channels.voltage_limit_low", low, "V"),
        Setting("channels.voltage_limit_high", high, "V"),
        Setting("channels.voltage_limits", "on"),
    )
    assert "-0 V" not in [str(each) for each in own_limits({"volts": volts})]


@pytest.mark.parametrize("allowed", [{}, {"power": (0.0, 1.0)}, {"volts": (-9e-4, 9e-4)}])
def test_where_no_pulse_may_be_there_are_none(rig, generator, allowed):
    assert own_limits(allowed) == ()
    asyncio.run(generator.limit(allowed))
    assert written(rig) == []


def test_both_channels_are_limited_and_no_level_changes(rig, generator):
    asyncio.run(generator.limit(ALLOWED))
    assert limits(rig.device, 1) == limits(rig.device, 2) == (*ENDS, True)
    assert {what for _, what, _ in written(rig)} == {
        "voltage_limit_low", "voltage_limit_high", "voltage_limits"
    }  # fmt: skip
    assert no_error(rig.device)
    before = len(rig.ledger.since())
    asyncio.run(generator.limit(ALLOWED))
    assert written(rig, before) == [], "what is so is not written again"
    asyncio.run(generator.limit({"volts": (-2.0, 2.0)}))
    assert limits(rig.device, 2) == (-2.0, 2.0, True), "and they go up with lab.toml"


@pytest.mark.parametrize("was", ["LOW 2;HIGH 3", "HIGH -2;LOW -3"])
def test_limits_that_were_elsewhere_are_moved(rig, generator, was):
    level = "VOLT:OFFS 2.5" if "2;" in was and "-" not in was else "VOLT:OFFS -2.5"
    ends = "".join(f";:VOLT:LIM:{each}" for each in was.split(";"))
    rig.device.receive(f"{level}{ends};STAT ON".encode())
    assert no_error(rig.device)
    assert rig.device.value("voltage_limits", 1)
    asyncio.run(generator.limit(ALLOWED))
    assert limits(rig.device, 1) == (*ENDS, True)
    assert no_error(rig.device)


def test_what_another_program_asks_for_beyond_them_is_cut(rig, generator):
    """The gate was bypassed, and the channel switched on: the box keeps to its own limits."""
    asyncio.run(generator.limit(ALLOWED))
    rig.device.receive(b"SOUR2:FUNC PULS;:SOUR2:VOLT:HIGH 4;LOW -3;:OUTP2 ON")
    found = rig.device.levels()["fg.2"]
    assert (found["low"], found["high"]) == ENDS
    assert rig.device.receive(b"SYST:ERR?").startswith(b"-221")
    assert all(ENDS[0] <= new <= ENDS[1] for _, what, new in written(rig)
               if what in ("low", "high"))  # fmt: skip


@pytest.mark.parametrize("volts", [0.8, -0.5, 0.001, 0.35])
@pytest.mark.parametrize(
    "before", ["FUNC DC;VOLT:OFFS 0.8", "FUNC PULS;:SOUR1:VOLT:HIGH 0.8;LOW -0.5", "VOLT:OFFS 0.75"]
)
def test_a_pulse_up_to_them_is_played_as_it_is(rig, generator, before, volts):
    async def main() -> tuple[float, float, bool]:
        await generator.limit(ALLOWED)
        rig.device.receive(f"SOUR1:{before}".encode())
        await generator.set_pulse(1, volts, 1e-6)
        await generator.enable(1, on=True)
        return await generator.settings(1)

    assert asyncio.run(main())[0] == pytest.approx(volts)
    pulse = rig.device.pulse(1)
    assert pulse is not None
    assert (pulse.rest, pulse.top) == pytest.approx((0.0, volts))


def test_a_pulse_beyond_them_is_refused(rig, generator):
    async def main() -> None:
        await generator.limit(ALLOWED)
        await generator.set_pulse(1, 0.9, 1e-6)

    with pytest.raises(InstrumentError, match=r"voltage limit \(-221\)"):
        asyncio.run(main())


def test_a_channel_that_is_on_beyond_them_is_not_cut_by_setting_them(rig, generator):
    rig.device.receive(b"SOUR2:VOLT 2;:OUTP2 ON")
    before = len(rig.ledger.since())
    with pytest.raises(InstrumentError, match=r"channel 2 is on with -1 to 1 V: limits of -0.5 to"):
        asyncio.run(generator.limit(ALLOWED))
    assert {output for output, _, _ in written(rig, before)} == {"1"}
    rig.device.receive(b"SOUR2:VOLT 0.9")
    asyncio.run(generator.limit(ALLOWED))
    assert limits(rig.device, 2) == (*ENDS, True)
    assert rig.device.levels()["fg.2"]["high"] == 0.45


@pytest.mark.parametrize("level", ["VOLT 8", "VOLT:OFFS 3", "VOLT:UNIT DBM;:SOUR1:VOLT 20",
                                   "FUNC DC;VOLT:OFFS 3"])  # fmt: skip
def test_a_channel_that_is_off_beyond_them_is_brought_within(rig, generator, level):
    rig.device.receive(f"SOUR1:{level}".encode())
    asyncio.run(generator.limit(ALLOWED))
    assert limits(rig.device, 1) == (*ENDS, True)
    rig.device.receive(b"OUTP1 ON")
    found = rig.device.levels()["fg.1"]
    assert (found["low"], found["high"]) == pytest.approx((0.0, 0.0), abs=6e-4)


@pytest.mark.parametrize(
    ("load", "share"), [("50", 1.0), ("INF", 1.0), ("1E3", 1.0), ("25", 2 / 3)]
)
def test_they_hold_into_the_load_that_the_box_is_told_and_on_a_line_of_50_ohm(
    rig, generator, load, share
):
    rig.device.receive(f"OUTP1:LOAD {load}".encode())
    asyncio.run(generator.limit({"volts": (-0.6, 0.6)}))
    assert limits(rig.device, 1)[1] == pytest.approx(0.6 * share, abs=1e-3)
    rig.device.receive(b"FUNC DC;VOLT:OFFS 5;:OUTP1 ON")
    found = rig.device.levels()["fg.1"]
    assert 0.0 < found["high"] <= 0.6 + 1e-9


def test_more_than_the_box_has_is_all_that_it_has(rig, generator):
    rig.device.receive(b"OUTP2:LOAD INF")
    asyncio.run(generator.limit({"volts": (-12.0, 12.0)}))
    assert limits(rig.device, 1) == (-5.0, 5.0, True)
    assert limits(rig.device, 2) == (-10.0, 10.0, True)
    assert no_error(rig.device)


@pytest.mark.parametrize("lost", [b"LIMit:HIGH 0.8", b"LIMit:STATe 1"])
def test_limits_that_the_box_does_not_take_are_named(rig, generator, monkeypatch, lost):
    receive = rig.device.receive
    monkeypatch.setattr(rig.device, "receive", lambda m: b"" if lost in bytes(m) else receive(m))
    with pytest.raises(InstrumentError, match=r"takes limits of channel 1 of .* instead of -0.5"):
        asyncio.run(generator.limit(ALLOWED))


def test_its_state_is_the_limits_and_the_load(rig, generator):
    rig.device.receive(b"OUTP2:LOAD INF;:*ESR?")

    async def main() -> dict[str, object]:
        await generator.limit(ALLOWED)
        await generator.set_pulse(1, 0.2, 1e-6)
        return dict(await generator.state())

    assert asyncio.run(main()) == {
        **{f"voltage_limit_low.{c}": -0.5 for c in (1, 2)},
        **{f"voltage_limit_high.{c}": 0.8 for c in (1, 2)},
        **{f"voltage_limits.{c}": True for c in (1, 2)},
        **{"load.1": "50 ohm", "load.2": "open", "power_on": False},
    }
