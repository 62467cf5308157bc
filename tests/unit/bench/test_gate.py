"""The gate: every reason to refuse, every way to be off."""

import asyncio
import contextlib
import math
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import pytest

from kammerton.bench import Gate, switching
from kammerton.lab import InstrumentEntry, Interlock
from kammerton.model import InstrumentError, OutputRefused
from kammerton.model.alarm import Alarm


class Wall:
    """A monotonic clock that a test turns."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def wall() -> Wall:
    return Wall()


@pytest.fixture
def gate(fake, make, wall) -> Gate:
    return Gate(make.lab(), fake.instruments, fake.clock, monotonic=wall)


def unlimited(lab, instrument: str):
    entries = dict(lab.instruments)
    entries[instrument] = replace(entries[instrument], limits={})
    return replace(lab, instruments=entries)


def refused(gate: Gate, action: Callable[[], Awaitable[None]]) -> str:
    with pytest.raises(OutputRefused) as caught:
        asyncio.run(action())
    assert str(caught.value) in [change.refused for change in gate.changes]
    return str(caught.value)


# limits


def test_a_program_inside_its_limits_is_admitted_and_nothing_is_on_by_that(gate, make, fake):
    asyncio.run(gate.admit(make.compiled()))
    assert not any(change.refused for change in gate.changes)
    assert not fake.anything_on


def test_a_refusal_of_drive_is_said_in_words_of_people(gate, make, fake):
    fake.fridge.kelvin = 0.2
    text = refused(gate, lambda: gate.admit(make.compiled()))
    assert text.startswith("drive is refused: the mixing chamber reads 200 mK")


def test_too_many_volts_are_refused_by_channel_limit_and_line(gate, make, fake):
    text = refused(gate, lambda: gate.admit(make.compiled(peak=0.6)))
    assert "awg channel 5: volts = -600 mV is outside -500 mV to 500 mV" in text
    assert "limits.volts of instruments.awg in lab.toml, line 7" in text
    assert "awg channel 6" in text
    assert fake.log.of("awg") == []


def test_a_peak_is_checked_in_both_directions(fake, make):
    lab = make.lab()
    entry = lab.instruments["awg"]
    lopsided = replace(entry, limits={"volts": replace(entry.limits["volts"], minimum=-0.1)})
    gate = Gate(
        replace(lab, instruments={**lab.instruments, "awg": lopsided}), fake.instruments, fake.clock
    )
    assert "-200 mV is outside -100 mV" in refused(
        gate, lambda: gate.admit(make.compiled(peak=0.2))
    )


@pytest.mark.parametrize("peak", [math.nan, math.inf, -math.inf])
def test_volts_that_are_no_number_are_refused(gate, make, peak):
    text = refused(gate, lambda: gate.admit(make.compiled(peak=peak)))
    assert "is not a number that can be set" in text


@pytest.mark.parametrize(
    ("carrier", "expected"),
    [
        ((3e9, 13.0), "frequency = 3 GHz is outside 4 GHz to 8 GHz"),
        ((9e9, 13.0), "frequency = 9 GHz is outside"),
        ((7e9, 17.0), "power = 17 dBm is outside -20 dBm to 16 dBm"),
        ((7e9, -21.0), "power = -21 dBm is outside"),
        ((math.nan, 13.0), "lo: frequency = nan is not a number"),
        ((7e9, math.inf), "lo: power = inf is not a number"),
    ],
)
def test_a_carrier_outside_its_limits_is_refused(gate, make, fake, carrier, expected):
    assert expected in refused(gate, lambda: gate.admit(make.compiled(carrier=carrier)))
    assert expected in refused(gate, lambda: gate.tune("lo", *carrier))
    assert fake.log.of("lo") == []


def test_what_has_no_limit_cannot_be_set(fake, make):
    gate = Gate(unlimited(make.lab(), "awg"), fake.instruments, fake.clock)
    text = refused(gate, lambda: gate.admit(make.compiled()))
    assert "volts cannot be set without limits.volts of instruments.awg in lab.toml, line 7" in text
    gate = Gate(unlimited(make.lab(), "lo"), fake.instruments, fake.clock)
    text = refused(gate, lambda: gate.tune("lo", 5e9, 0.0))
    assert "frequency cannot be set without limits.frequency of instruments.lo" in text


def test_an_instrument_that_lab_toml_does_not_name_is_refused(gate, make):
    compiled = replace(make.compiled(), carriers={"other": (7e9, 13.0)})
    assert "other is not in lab.toml" in refused(gate, lambda: gate.admit(compiled))


@pytest.mark.parametrize(
    ("value", "expected"),
    [(0.51, "510 mV is outside"), (-0.51, "-510 mV is outside"), (math.nan, "nan is not a number")],
)
def test_the_samples_themselves_are_checked_when_loaded(gate, make, fake, value, expected):
    volts = np.full(2400, 0.1, np.float32)
    volts[1234] = value
    playlist = make.compiled(volts=volts).playlists["awg"]
    text = refused(gate, lambda: gate.load("awg", playlist))
    assert "awg waveform w: volts = " in text
    assert expected in text
    assert fake.log.of("awg") == []


def test_a_playlist_without_waveforms_is_refused(gate, make):
    playlist = replace(make.compiled().playlists["awg"], waves={})
    assert "has no waveforms" in refused(gate, lambda: gate.load("awg", playlist))


# the interlock


def test_nothing_is_driven_before_the_fridge_was_read(gate, fake):
    for action in (
        lambda: gate.enable_channels("awg", [1]),
        lambda: gate.enable_source("lo"),
        lambda: gate.run("awg"),
        lambda: gate.trigger("awg"),
    ):
        assert "no valid reading" in refused(gate, action)
    assert fake.log == []


@pytest.mark.parametrize("kelvin", [math.nan, math.inf, 0.0, -0.01])
def test_a_reading_that_is_no_temperature_is_not_cold(gate, make, fake, kelvin):
    fake.fridge.kelvin = kelvin
    text = refused(gate, lambda: gate.admit(make.compiled()))
    assert "which is no temperature" in text


def test_a_fridge_that_fails_is_not_cold(gate, make, fake):
    fake.fridge.fail["temperature"] = InstrumentError("fridge: connection reset")
    assert "fridge: connection reset" in refused(gate, lambda: gate.admit(make.compiled()))


def test_a_fridge_whose_driver_is_broken_is_not_cold(gate, make, fake):
    fake.fridge.fail["temperature"] = ZeroDivisionError("a bug")
    assert "a bug" in refused(gate, lambda: gate.admit(make.compiled()))


def test_a_fridge_that_hangs_is_not_cold(gate, make, fake):
    fake.fridge.hang.add("temperature")
    gate.cold.deadline = 0.01
    text = refused(gate, lambda: gate.admit(make.compiled()))
    assert "fridge did not answer within 0.01 s" in text


def test_hysteresis_on_below_the_one_off_above_the_other(gate, fake):
    async def main() -> list[bool]:
        seen = []
        for fake.fridge.kelvin in (0.070, 0.049, 0.070, 0.099, 0.101, 0.070, 0.049):
            await gate.cold.refresh()
            seen.append(gate.cold.objection() is None)
        return seen

    assert asyncio.run(main()) == [False, True, True, True, False, False, True]
    fake.fridge.kelvin = 0.2
    asyncio.run(gate.cold.refresh())
    assert "reads 200 mK; drive goes on below 50 mK and off above 100 mK" in (
        gate.cold.objection() or ""
    )


def test_what_is_refused_again_for_the_same_cause_is_in_the_audit_once(gate, make, fake):
    async def main() -> None:
        for fake.fridge.kelvin in (0.049, 0.070, 0.070, 0.2, 0.3, 0.2):
            await gate.cold.refresh()
            with contextlib.suppress(OutputRefused):
                await gate.admit(make.compiled())

    asyncio.run(main())
    said = [change.refused for change in gate.changes if change.refused]
    assert [words.partition("; ")[0] for words in said] == [
        "drive is refused: the mixing chamber reads 70 mK",
        "drive is refused: the mixing chamber reads 200 mK",
    ]


def test_a_reading_older_than_max_age_is_not_cold(gate, wall, make, fake):
    async def main() -> None:
        await gate.admit(make.compiled())
        wall.now += 29
        await gate.run("awg")
        wall.now += 2
        await gate.run("awg")

    assert "no valid reading younger than 30 s" in refused(gate, main)
    assert fake.log.of("awg") == [("run",)]


def test_age_counts_on_the_laboratory_clock_too(gate, fake, make):
    async def main() -> None:
        await gate.admit(make.compiled())
        fake.clock.played(31.0, 0.0)
        await gate.run("awg")

    assert "no valid reading younger" in refused(gate, main)


def test_a_frozen_laboratory_clock_does_not_keep_a_reading_fresh(gate, wall, fake, make):
    elapsed = fake.clock.elapsed()
    fake.clock.elapsed = lambda: elapsed
    asyncio.run(gate.admit(make.compiled()))
    wall.now += 31
    assert "no valid reading younger" in refused(gate, lambda: gate.run("awg"))


def test_a_laboratory_clock_that_runs_backwards_does_not_either(gate, wall, fake, make):
    asyncio.run(gate.admit(make.compiled()))
    earlier = fake.clock.elapsed() - 86400.0
    fake.clock.elapsed = lambda: earlier
    wall.now += 31
    assert "no valid reading younger" in refused(gate, lambda: gate.run("awg"))


@pytest.mark.parametrize("by", [-365 * 86400.0, 365 * 86400.0])
def test_setting_the_computers_clock_makes_no_reading_older_or_younger(gate, wall, fake, make, by):
    async def main() -> None:
        await gate.admit(make.compiled())
        fake.clock.follow(by)
        await gate.run("awg")
        wall.now += 31
        await gate.run("awg")

    assert "no valid reading younger" in refused(gate, main)
    assert fake.log.of("awg") == [("run",)]


def test_admitting_reads_the_fridge_again_when_the_reading_is_old(gate, wall, fake, make):
    async def main() -> None:
        await gate.admit(make.compiled())
        await gate.admit(make.compiled())
        assert fake.fridge.reads == 1
        wall.now += 11
        fake.fridge.kelvin = 0.3
        await gate.admit(make.compiled())

    assert "reads 300 mK" in refused(gate, main)


# setting


def test_a_source_is_set_once_and_read_back(gate, fake):
    async def main() -> None:
        await gate.tune("lo", 7e9, 13.0)
        await gate.tune("lo", 7e9, 13.0)

    asyncio.run(main())
    assert fake.log.of("lo") == [("power", "13.0"), ("frequency", "7000000000.0")]
    assert (gate.changes[-1].old, gate.changes[-1].new) == ("1 GHz at -100 dBm", "7 GHz at 13 dBm")


def test_a_source_that_reads_back_something_else_is_named(gate, fake):
    fake.lo.offset = 1e3
    with pytest.raises(InstrumentError, match=r"lo was set to 7 GHz, 13 dBm but reads"):
        asyncio.run(gate.tune("lo", 7e9, 13.0))


def test_a_source_that_was_never_tuned_is_not_switched_on(gate, fake, make):
    async def main() -> None:
        await gate.admit(make.compiled())
        await gate.enable_source("lo")

    assert "lo has no frequency and power set" in refused(gate, main)
    assert not fake.lo.on


def test_a_source_that_does_not_switch_on_is_named(gate, fake, make):
    fake.lo.ignores_on = True

    async def main() -> None:
        await gate.admit(make.compiled())
        await gate.tune("lo", 7e9, 13.0)
        await gate.enable_source("lo")

    with pytest.raises(InstrumentError, match="lo reads back off after it was switched on"):
        asyncio.run(main())


def test_channels_that_are_on_are_not_switched_again(gate, fake, make):
    async def main() -> None:
        await gate.admit(make.compiled())
        await gate.enable_channels("awg", [1, 2])
        await gate.enable_channels("awg", [2, 3])

    asyncio.run(main())
    assert fake.log.of("awg") == [("enable", "[1, 2]", "True"), ("enable", "[3]", "True")]


def test_channels_that_failed_to_switch_on_are_tried_again(gate, fake, make):
    async def main() -> None:
        await gate.admit(make.compiled())
        fake.awg.fail["enable"] = InstrumentError("awg: no answer")
        with pytest.raises(InstrumentError):
            await gate.enable_channels("awg", [1])
        fake.awg.fail.clear()
        await gate.enable_channels("awg", [1])

    asyncio.run(main())
    assert fake.awg.on == {1}


def test_of_what_was_broken_off_nothing_is_expected_though_another_channel_went_on(
    gate, fake, make
):
    """It may be on, or off: neither is somebody's hand."""

    async def main() -> None:
        await all_on(gate, make.compiled())
        await gate.safe()
        await gate.admit(make.compiled())
        fake.awg.fail["enable"] = InstrumentError("awg: no answer")
        with pytest.raises(InstrumentError):
            await gate.enable_channels("awg", [5])
        fake.awg.fail.clear()
        await gate.enable_channels("awg", [6])

    asyncio.run(main())
    assert gate.commanded("awg") == {"on.6": True}


def test_every_change_and_refusal_reaches_the_audit(fake, make):
    seen = []
    gate = Gate(make.lab(), fake.instruments, fake.clock, who="tester", on_change=seen.append)
    refused(gate, lambda: gate.tune("lo", 9e9, 0.0))
    asyncio.run(gate.tune("lo", 5e9, 0.0))
    asyncio.run(gate.safe())
    assert [(c.what, c.refused is None) for c in seen] == [
        ("lo", False),
        ("lo", True),
        ("all outputs", True),
    ]
    assert seen[1].who == "tester"


# off


async def all_on(gate: Gate, compiled) -> None:
    await gate.admit(compiled)
    await gate.tune("lo", 7e9, 13.0)
    await gate.enable_channels("awg", [5, 6])
    await gate.enable_source("lo")


def test_safe_switches_generators_off_before_sources(gate, fake, make):
    async def main() -> None:
        await all_on(gate, make.compiled())
        fake.log.clear()
        await gate.safe()

    asyncio.run(main())
    assert fake.log == [("awg", "safe"), ("lo", "safe")]
    assert not fake.anything_on


class Analyzer:
    """A network analyzer, a pulse generator and a bias source, as far as `safe` goes."""

    def __init__(self, name: str, log: list[tuple[str, ...]], *words: str) -> None:
        self.name, self.log = name, log
        for word in words:
            setattr(self, word, print)  # what a Protocol looks for

    async def identity(self) -> None: ...

    async def close(self) -> None: ...

    async def safe(self) -> None:
        self.log.append((self.name, "safe"))


class Bias(Analyzer):
    async def settings(self) -> tuple[float, bool]:
        self.log.append((self.name, "read"))
        return 0.3, True


def test_safe_switches_off_what_no_program_uses_and_leaves_the_flux(fake, make, wall):
    others = {
        "vna": Analyzer("vna", fake.log, "configure", "transmission"),
        "pulses": Analyzer("pulses", fake.log, "set_pulse", "enable", "settings"),
        "bias": Bias("bias", fake.log, "set_voltage", "enable"),
    }
    lab = make.lab()
    bias = InstrumentEntry("bias", "bias", "addr-bias", {})
    lab = replace(lab, instruments={**lab.instruments, "bias": bias})
    gate = Gate(lab, fake.instruments | others, fake.clock, monotonic=wall)
    asyncio.run(gate.safe())
    assert fake.log == [(n, "safe") for n in ("awg", "lo", "vna", "pulses")] + [("bias", "read")]


def test_a_source_that_ignores_off_is_named(gate, fake, make):
    fake.lo.ignores_off = True

    async def main() -> None:
        await all_on(gate, make.compiled())
        await gate.safe()

    with pytest.raises(InstrumentError, match="lo is not known to be off: lo reads back on"):
        asyncio.run(main())
    assert not fake.awg.on
    assert gate.changes[-1].refused is not None


def test_one_that_fails_does_not_keep_the_others_on(gate, fake, make):
    fake.awg.fail["safe"] = ZeroDivisionError("a bug in the driver")

    async def main() -> None:
        await all_on(gate, make.compiled())
        await gate.safe()

    with pytest.raises(InstrumentError, match="awg is not known to be off: a bug"):
        asyncio.run(main())
    assert not fake.lo.on


def test_one_that_hangs_does_not_keep_the_others_on(gate, fake, make, monkeypatch):
    monkeypatch.setattr(switching, "SAFE_DEADLINE", 0.05)
    fake.awg.hang.add("safe")

    async def main() -> None:
        await all_on(gate, make.compiled())
        await gate.safe()

    with pytest.raises(InstrumentError, match=r"awg is not known to be off: no answer within 0.05"):
        asyncio.run(main())
    assert not fake.lo.on


def test_r1_a_generator_that_hangs_does_not_keep_sources_on_until_its_deadline(
    gate, fake, make, monkeypatch
):
    monkeypatch.setattr(switching, "ORDER", 0.05)
    monkeypatch.setattr(switching, "SAFE_DEADLINE", 2.0)
    fake.awg.hang.add("safe")

    async def main() -> None:
        await all_on(gate, make.compiled())
        safe = asyncio.create_task(gate.safe())
        async with asyncio.timeout(20):
            while fake.lo.on:  # noqa: ASYNC110 - what is waited for is any fact
                await asyncio.sleep(0.01)
        assert not safe.done()
        with pytest.raises(InstrumentError, match="awg is not known to be off"):
            await safe

    asyncio.run(main())


def test_after_safe_outputs_are_switched_on_anew(gate, fake, make):
    async def main() -> None:
        await all_on(gate, make.compiled())
        await gate.safe()
        await all_on(gate, make.compiled())

    asyncio.run(main())
    assert fake.lo.on
    assert fake.awg.on == {5, 6}


def test_safe_has_the_last_word_over_a_channel_being_switched_on(gate, fake, make):
    async def main() -> None:
        await gate.admit(make.compiled())
        enabling = asyncio.create_task(gate.enable_channels("awg", [5]))
        await asyncio.sleep(0)
        await gate.safe()
        await enabling
        await gate.enable_channels("awg", [5])

    asyncio.run(main())
    enables = [entry for entry in fake.log.of("awg") if entry[0] == "enable"]
    assert len(enables) == 2


def test_stopping_is_never_refused(gate, fake):
    asyncio.run(gate.stop(["awg"]))
    assert fake.log.of("awg") == [("stop",)]


# the watch


async def soon(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not true():  # noqa: ASYNC110 - what is waited for is any fact
            await asyncio.sleep(0.001)


async def watched(gate: Gate, body: Awaitable[None]) -> None:
    watch = asyncio.create_task(gate.watch(0.001))
    try:
        await body
        assert not watch.done()
    finally:
        watch.cancel()
        with pytest.raises(asyncio.CancelledError):
            await watch


@pytest.mark.parametrize("fault", ["warm", "no reading"])
def test_the_watch_switches_drive_off_when_it_is_not_cold_any_more(gate, fake, make, wall, fault):
    async def body() -> None:
        await all_on(gate, make.compiled())
        if fault == "warm":
            fake.fridge.kelvin = 0.15
        else:
            fake.fridge.fail["temperature"] = InstrumentError("gone")
            wall.now += 31
        await soon(gate.trip.is_set)
        await soon(lambda: not fake.anything_on)
        assert fake.log.of("lo").count(("safe",)) == 1
        await soon(lambda: "interlock" in gate.changes[-1].who)  # after the output itself

    asyncio.run(watched(gate, body()))


def test_f3_what_hangs_beside_the_temperature_puts_off_no_reading(gate, monkeypatch):
    read = []

    async def slow() -> None:
        read.append(time.monotonic())
        await asyncio.sleep(0.25)

    monkeypatch.setattr(gate.cold, "refresh", slow)

    async def body() -> None:
        watch = asyncio.create_task(gate.watch(0.3))
        await soon(lambda: len(read) > 5)
        watch.cancel()
        await asyncio.wait([watch])

    asyncio.run(body())
    assert min(later - earlier for earlier, later in pairwise(read)) < 0.5


def test_f2_what_a_run_found_to_be_warm_is_off_before_the_watch_reads_again(gate, fake, make):
    """The next reading may hang; drive does not wait for it."""

    async def body() -> None:
        watch = asyncio.create_task(gate.watch(0.5))
        await soon(lambda: gate.cold.allowed)
        await all_on(gate, make.compiled())
        fake.fridge.kelvin = 0.15
        await gate.cold.refresh_when_older(0.0)
        fake.fridge.hang.add("temperature")
        async with asyncio.timeout(5.0):  # the reading that hangs is given up after 10 s
            await soon(lambda: not fake.anything_on)
        watch.cancel()
        await asyncio.wait([watch])

    asyncio.run(body())
    assert not fake.anything_on


def test_f1_what_somebody_else_has_on_goes_off_though_only_a_program_has_seen_it_cold(fake, make):
    """It is cold for the first program, and warm at the next look, before that plays."""
    lab = make.lab(interlock=Interlock("fridge", 0.050, 0.100, 30.0, rearm_readings=3))
    gate = Gate(lab, fake.instruments, fake.clock)

    async def body() -> None:
        watch = asyncio.create_task(gate.watch(0.3))
        await soon(lambda: gate.cold.reading is not None)
        await gate.admit(make.compiled())
        fake.lo.on, fake.fridge.kelvin = True, 0.15
        await soon(lambda: not fake.lo.on)
        watch.cancel()
        await asyncio.wait([watch])

    asyncio.run(body())
    assert not fake.lo.on


def test_the_watch_lives_on_when_the_audit_cannot_be_written(fake, make, wall):
    def full(change: object) -> None:
        if "interlock" in getattr(change, "who", ""):
            raise OSError("no space left on device")

    gate = Gate(make.lab(), fake.instruments, fake.clock, on_change=full, monotonic=wall)

    async def body() -> None:
        await all_on(gate, make.compiled())
        fake.fridge.kelvin = 0.15
        await soon(lambda: not fake.anything_on)
        reads = fake.fridge.reads
        await soon(lambda: fake.fridge.reads > reads + 3)

    asyncio.run(watched(gate, body()))
    assert not fake.anything_on


def test_the_watch_leaves_a_cold_bench_alone(gate, fake, make):
    async def body() -> None:
        await all_on(gate, make.compiled())
        await soon(lambda: fake.fridge.reads > 5)
        assert fake.lo.on

    asyncio.run(watched(gate, body()))
    assert not gate.trip.is_set()


@pytest.fixture
def told() -> list[Alarm]:
    return []


@pytest.fixture
def holds() -> list[SimpleNamespace]:
    return []


@pytest.fixture
def heard(fake, make, wall, told, holds) -> Gate:
    """A gate that nothing was played through, whose alarms are heard."""
    return Gate(
        make.lab(), fake.instruments, fake.clock,
        monotonic=wall, holds=lambda: holds, alarm=told.append,
    )  # fmt: skip


def ons(told: list[Alarm]) -> list[bool]:
    assert {(a.kind, a.subject) for a in told} <= {("refrigerator", "fridge")}
    return [alarm.on for alarm in told]


def test_f1_a_trip_while_idle_is_one_alarm_and_one_line_until_drive_is_allowed_again(
    heard, fake, told, caplog
):
    async def body() -> None:
        await soon(lambda: heard.cold.allowed)
        assert heard.inhibition.words() is None
        fake.fridge.kelvin = 0.2
        await soon(lambda: True in ons(told))
        reads = fake.fridge.reads
        await soon(lambda: fake.fridge.reads > reads + 3)
        said = heard.inhibition.words() or ""
        assert said.startswith("drive is off: the mixing chamber reads 200 mK")
        fake.fridge.kelvin = 0.012
        await soon(lambda: heard.cold.allowed and not told[-1].on)

    asyncio.run(watched(heard, body()))
    assert ons(told) == [False, True, False]  # the first: over, whatever was told before
    lines = [r.message for r in caplog.records if r.levelname == "WARNING"]
    assert len(lines) == 1
    assert "reads 200 mK" in lines[0]
    assert lines[0].endswith("all outputs were switched off")


def test_f1_a_bench_that_is_warm_from_the_start_is_an_alarm_too(heard, fake, told):
    fake.fridge.kelvin = 4.0
    asyncio.run(watched(heard, soon(lambda: bool(told))))
    assert ons(told) == [True]
    assert "reads 4 K" in told[0].text


def test_f1_arming_a_cold_bench_is_no_alarm(heard, told):
    asyncio.run(watched(heard, soon(lambda: heard.cold.allowed and bool(told))))
    assert ons(told) == [False]


def test_f5_maintenance_mutes_the_alarm_for_as_long_as_it_is_held(heard, fake, told, holds, caplog):
    async def body() -> None:
        await soon(lambda: heard.cold.allowed)
        holds.append(SimpleNamespace(scope="maintenance", owner="ada", why="", until=None))
        fake.fridge.kelvin = 0.2
        await soon(heard.trip.is_set)
        reads = fake.fridge.reads
        await soon(lambda: fake.fridge.reads > reads + 3)
        assert True not in ons(told)
        assert [r for r in caplog.records if r.levelname == "WARNING"] == []
        holds.clear()
        await soon(lambda: True in ons(told))

    asyncio.run(watched(heard, body()))


def test_f1_off_is_not_said_while_an_output_is_not_known_to_be_off(heard, fake, told):
    fake.awg.fail["safe"] = InstrumentError("awg: no answer")

    async def body() -> None:
        await soon(lambda: heard.cold.allowed)
        fake.fridge.kelvin = 0.2
        await soon(lambda: True in ons(told))
        assert "not every output is known to be off: the mixing" in told[-1].text
        fake.awg.fail.clear()
        await soon(lambda: (heard.inhibition.words() or "").startswith("drive is off"))

    asyncio.run(watched(heard, body()))


def test_a_reading_that_grew_old_as_simulated_time_leapt_is_read_anew_and_trips_nothing(
    heard, fake, make, told
):
    """A simulated laboratory counts a run of 34 s at once, when it ends or is given up."""

    async def body() -> None:
        await all_on(heard, make.compiled())
        for _ in range(20):  # at any moment between two readings, and in the midst of one
            reads = fake.fridge.reads
            fake.clock.played(34.0, 0.0)
            assert "the last was 12 mK, 34 s ago" in (heard.cold.objection() or "")
            await soon(lambda reads=reads: fake.fridge.reads > reads + 1)
            assert heard.cold.objection() is None
        assert fake.lo.on

    asyncio.run(watched(heard, body()))
    assert not heard.trip.is_set()
    assert True not in ons(told)


def test_one_that_grew_old_and_is_not_answered_again_switches_off(heard, fake, make, told):
    async def body() -> None:
        await all_on(heard, make.compiled())
        fake.fridge.fail["temperature"] = InstrumentError("fridge: no answer")
        fake.clock.played(34.0, 0.0)
        await soon(lambda: not fake.anything_on and True in ons(told))
        assert "no valid reading younger than 30 s: fridge: no answer" in told[-1].text

    asyncio.run(watched(heard, body()))


def test_the_watch_tries_again_until_everything_is_off(gate, fake, make):
    fake.awg.fail["safe"] = InstrumentError("awg: no answer")

    async def body() -> None:
        await all_on(gate, make.compiled())
        fake.fridge.kelvin = 0.15
        await soon(lambda: fake.log.of("awg").count(("safe",)) >= 3)
        fake.awg.fail.clear()
        await soon(lambda: not fake.anything_on)
        tries = fake.log.of("awg").count(("safe",))
        reads = fake.fridge.reads
        await soon(lambda: fake.fridge.reads > reads + 3)
        assert fake.log.of("awg").count(("safe",)) == tries

    asyncio.run(watched(gate, body()))


def test_what_does_not_switch_off_is_told_once_however_often_it_is_tried(heard, fake, make, caplog):
    """Instruments and refrigerator away together, for a night: the logs do not grow."""
    fake.awg.fail["safe"] = InstrumentError("awg: VI_ERROR_CONN_LOST\nand more words")
    tried = lambda: fake.log.of("awg").count(("safe",))  # noqa: E731

    async def body() -> None:
        await all_on(heard, make.compiled())
        fake.fridge.kelvin = 0.15
        await soon(lambda: tried() > 5)
        assert len([r for r in caplog.records if r.levelname == "ERROR"]) == 1
        fake.awg.fail["safe"] = InstrumentError("awg: no answer")
        seen = tried()
        await soon(lambda: tried() > seen + 5)
        fake.awg.fail.clear()
        await soon(lambda: heard.inhibition.off)

    asyncio.run(watched(heard, body()))
    errors = [r for r in caplog.records if r.levelname == "ERROR"]
    assert [r.exc_info for r in errors] == [None, None]
    assert "awg is not known to be off: VI_ERROR_CONN_LOST; and more" in errors[0].message
    noted = [change.refused for change in heard.changes if change.what == "all outputs"]
    assert [bool(refused) for refused in noted] == [True, True, False]


def test_a_bench_that_is_warm_from_the_start_is_not_switched_off_for_ever(gate, fake):
    fake.fridge.kelvin = 4.0

    async def body() -> None:
        await soon(lambda: fake.fridge.reads > 5)

    asyncio.run(watched(gate, body()))
    assert fake.log.of("lo") == []


def test_after_a_trip_the_next_cold_program_is_admitted(gate, fake, make):
    async def body() -> None:
        await all_on(gate, make.compiled())
        fake.fridge.kelvin = 0.15
        await soon(gate.trip.is_set)
        await soon(lambda: not fake.anything_on)
        fake.fridge.kelvin = 0.012
        await soon(lambda: gate.cold.allowed)
        await all_on(gate, make.compiled())
        assert not gate.trip.is_set()

    asyncio.run(watched(gate, body()))


def test_a_fridge_of_the_wrong_role_is_refused(fake, make):
    instruments = {**fake.instruments, "fridge": fake.lo}
    with pytest.raises(InstrumentError, match="fridge is not a fridge monitor"):
        Gate(make.lab(), instruments, fake.clock)


def test_a_limit_without_a_line_names_the_file_only(fake, make):
    lab = make.lab()
    entries = {**lab.instruments, "lo": InstrumentEntry("lo", "source", "a", {})}
    gate = Gate(replace(lab, instruments=entries), fake.instruments, fake.clock)
    assert refused(gate, lambda: gate.tune("lo", 5e9, 0.0)).endswith("instruments.lo in lab.toml")
