"""Rows I6 to I10: what happens to a setting behind the daemon's back is seen in time.

The unchanged drivers on simulated boxes, faults injected into them; judged by what the bench
believes and by the laboratory's ledger.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from kammerton.bench import Bench, guard, open_bench
from kammerton.lab import Lab, load
from kammerton.model import DriveInhibited, InstrumentError, LabClock, SettingsChanged
from kammerton.model.alarm import Alarm
from kammerton_sim.chip import random_chip
from kammerton_sim.evidence.audit import wrong_box
from kammerton_sim.laboratory import Laboratory
from kammerton_sim.write_lab import write_lab
from tests.wire.test_bench_on_the_laboratory import program, use


@pytest.fixture(scope="module")
def laboratory() -> Iterator[Laboratory]:
    with Laboratory(random_chip(2, 3)) as laboratory:
        yield laboratory


@pytest.fixture
def lab(laboratory, tmp_path) -> Iterator[Lab]:
    path = tmp_path / "lab.toml"
    path.write_text(write_lab(laboratory.chip, laboratory.ports, 3), encoding="utf-8")
    yield load(path)
    laboratory.faults.clear(None)


@pytest.mark.parametrize(
    ("fault", "given", "said"),
    [
        ("lost-setting", {"setting": "power"}, "was set to .* but reads back"),
        (
            "clamped-setting",
            {"setting": "power", "largest": 5.0},
            "was set to .* reads back .* 5 dBm",
        ),
        ("rounded-setting", {"setting": "frequency", "step": 3e6}, "was set to .* but reads back"),
    ],
)
def test_i8_a_source_that_does_not_take_its_setting_is_named(laboratory, lab, fault, given, said):
    laboratory.sources["drive_lo"].receive(b":POW -15;:FREQ 4.5e9")
    laboratory.faults.inject(fault, instrument="drive_lo", **given)

    async def body(bench: Bench) -> None:
        with pytest.raises(InstrumentError, match=f"drive_lo {said}"):
            await bench.acquire(program(lab, 40))

    use(lab, body)


@pytest.mark.parametrize(
    ("setting", "command", "said"),
    [
        ("amplitude", b"SOUR3:VOLT 0.7", r"amplitude\.3 is 0\.7 instead of 1\.0"),
        ("waiting_level", b"OUTP3:WVAL FIRST", r"waiting_level\.3 is FIRST instead of ZERO"),
        ("waiting_marker", b"OUTP3:WVAL:MARK1 HIGH", r"waiting_marker\.3 is HIGH instead of LOW"),
    ],
)
def test_i8_a_level_of_the_generator_that_is_lost_is_named_when_it_is_set_up(
    laboratory, lab, setting, command, said
):
    laboratory.generators["awg1"].receive(command)
    laboratory.faults.inject("lost-setting", instrument="awg1", setting=setting)
    with pytest.raises(InstrumentError, match=said):
        use(lab, _nothing)


async def _nothing(bench: Bench) -> None:
    pytest.fail("the bench opened")


@pytest.mark.parametrize(
    ("instrument", "setting", "value", "said"),
    [
        ("drive_lo", "power", "3", r"drive_lo is not set as it was: power is 3 dBm, not 13 dBm"),
        (
            "readout_lo",
            "frequency",
            "7.2E9",
            "readout_lo is not set as it was: frequency is 7.2 GHz, not 7",
        ),
        ("drive_lo", "on", "0", "drive_lo is not set as it was: output is off, not on"),
        ("drive_lo", "power_limit", "-10", "drive_lo is not set as it was: power"),
        ("drive_lo", "power_limit", "25", "drive_lo is not set as it was: power_limit is 25"),
        ("awg1", "path", "ACD", r"awg1 is not set as it was: path of 1.* is ACD"),
        ("awg1", "waiting_level", "FIRST", r"awg1 is not set as it was: waiting_level of 1"),
        (
            "awg1",
            "amplitude",
            "0.9",
            r"awg1 is not set as it was: amplitude of [1-8, ]* is 900 mV, not 1 V",
        ),
        ("awg1", "clock_source", "INT", "awg1 is not set as it was: clock_source is INT, not EFIX"),
        (
            "drive_lo",
            "reference",
            "INT",
            "drive_lo is not set as it was: reference is INT, not EXT",
        ),
    ],
)
def test_i10_somebody_elses_change_is_seen_and_the_daemon_waits(
    laboratory, lab, instrument, setting, value, said, monkeypatch
):
    monkeypatch.setattr(guard, "PAUSE", 30.0)

    async def body(bench: Bench) -> None:
        await bench.acquire(program(lab, 40))
        laboratory.faults.inject("front-panel", instrument=instrument, setting=setting, value=value)
        with pytest.raises(SettingsChanged, match=said) as change:
            await bench.acquire(program(lab, 40))
        assert change.value.instrument == instrument
        with pytest.raises(DriveInhibited, match=r"refused for .* s more: .*kammerton hold"):
            await bench.acquire(program(lab, 40))
        assert [c.who for c in bench.gate.changes if c.what.startswith(f"{instrument} ")]

    use(lab, body)


def test_i10_what_the_interlock_switched_off_is_nobody_elses_change(laboratory, lab):
    both = program(lab, 40)
    of_q0 = replace(
        both,
        sequences={"q0": both.sequences["q0"]},
        readouts={"q0": both.readouts["q0"]},
        axis={"q0": both.axis["q0"]},
    )
    channel = lab.qubits["q1"].drive.i.number

    async def body(bench: Bench) -> None:
        await bench.acquire(both)
        laboratory.world.temperature = 0.2
        await until(lambda: not bench.gate.commanded("drive_lo")["on"])
        laboratory.world.temperature = 0.012
        await until(lambda: bench.gate.cold.allowed)
        await bench.acquire(of_q0)
        laboratory.generators["awg1"].receive(f"OUTP{channel}:STAT 1".encode())
        with pytest.raises(SettingsChanged, match=rf"output {channel} is on, not off"):
            await bench.acquire(of_q0)

    use(lab, body)


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not true():  # noqa: ASYNC110 - what is waited for is any fact
            await asyncio.sleep(0.01)


def test_i9_an_error_in_a_queue_ends_up_with_the_run_that_is_not_believed(laboratory, lab):
    async def body(bench: Bench) -> None:
        await bench.acquire(program(lab, 40))
        laboratory.faults.inject("error", instrument="drive_lo", code=-222, count=40)
        with pytest.raises(InstrumentError, match=r"drive_lo has errors in its queue: -222.*-350"):
            await bench.acquire(program(lab, 40))
        assert "-222" in str(
            next(c.new for c in bench.gate.changes if c.what == "drive_lo" and c.old == "no error")
        )
        await bench.acquire(program(lab, 40))

    use(lab, body)


def test_i9_an_error_in_a_queue_is_an_alarm_until_the_queue_is_empty(laboratory, lab):
    alarms: list[Alarm] = []

    async def main() -> None:
        async with open_bench(
            lab, LabClock(), lock_folder=lab.path.parent, alarm=alarms.append
        ) as bench:
            await bench.acquire(program(lab, 40))
            laboratory.faults.inject("error", instrument="drive_lo", code=-222)
            with pytest.raises(InstrumentError):
                await bench.acquire(program(lab, 40))
            await bench.acquire(program(lab, 40))

    asyncio.run(main())
    mine = [a for a in alarms if (a.kind, a.subject) == ("instrument error", "drive_lo")]
    assert [a.on for a in mine] == [False, True, False]
    assert "-222" in mine[1].text
    assert "manual" in mine[1].what_to_do


@pytest.mark.parametrize("instrument", ["drive_lo", "awg1"])
def test_i6_nothing_is_written_to_another_box_at_the_address(laboratory, lab, instrument):
    since = len(laboratory.ledger.since())

    async def body(bench: Bench) -> None:
        await bench.acquire(program(lab, 40))
        await bench.gate.safe()
        laboratory.faults.inject("wrong-identity", instrument=instrument)
        another = r"another instrument answers than before: serial \S*9 instead of"
        with pytest.raises(InstrumentError, match=another) as failure:
            await bench.acquire(program(lab, 40))
        for _ in range(2):  # the daemon asks again and again
            with pytest.raises(InstrumentError, match=another):
                await bench.recover(failure.value)

    with pytest.raises(InstrumentError, match=f"{instrument} is not known to be off: .*another"):
        use(lab, body)
    assert wrong_box(laboratory.ledger.since(since)) == []


RACK = ("awg1", "drive_lo", "readout_lo")


@pytest.mark.parametrize("fault", ["power-cycle", "hang-up"])
def test_i7_a_rack_that_lost_its_power_or_its_network_costs_one_run(laboratory, lab, fault):
    """What failed with the first is found at once, and all are off before one is set up anew."""

    async def body(bench: Bench) -> None:
        await bench.acquire(program(lab, 40))
        since = len(laboratory.ledger.since())
        for name in RACK:
            laboratory.faults.inject(fault, instrument=name)
        with pytest.raises(InstrumentError) as failure:
            await bench.acquire(program(lab, 40))
        before = len(bench.gate.changes)
        lost = await bench.recover(failure.value)
        off = [c.what for c in list(bench.gate.changes)[before:] if c.who == "recovery"]
        assert sorted(off) == sorted(RACK)
        assert lost == (set(RACK) if fault == "power-cycle" else set())
        assert [c for c in laboratory.ledger.since(since) if c["what"] == "on" and c["new"]] == []
        assert set((await bench.acquire(program(lab, 40))).blocks) == set(lab.qubits)
        assert "somebody else" not in {c.who for c in bench.gate.changes}

    use(lab, body)


@pytest.mark.parametrize(
    ("instrument", "lost"), [("drive_lo", "drive_lo power"), ("awg1", "awg1 amplitude.1")]
)
def test_i7_after_a_power_cycle_it_is_verified_off_and_set_up_anew(
    laboratory, lab, instrument, lost
):
    async def body(bench: Bench) -> None:
        await bench.acquire(program(lab, 40))
        since = len(laboratory.ledger.since())
        laboratory.faults.inject("power-cycle", instrument=instrument)
        with pytest.raises(InstrumentError) as failure:
            await bench.acquire(program(lab, 40))
        assert failure.value.instrument == instrument
        await bench.recover(failure.value)
        ons = [c for c in laboratory.ledger.since(since)
               if c["instrument"] == instrument and c["what"] == "on" and c["new"]]  # fmt: skip
        assert ons == []
        changed = {c.what: c for c in bench.gate.changes if c.who == "power cycle"}
        assert lost in changed
        records = await bench.acquire(program(lab, 40))
        assert set(records.blocks) == set(lab.qubits)
        assert laboratory.outputs()["drive_lo.rf"] is not None

    use(lab, body)
