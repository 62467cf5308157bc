"""`kammerton sim ctl`: every number of the ledger and of the outputs has its unit."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from kammerton_sim.chip import random_chip
from kammerton_sim.chip.further import FurtherInstrument
from kammerton_sim.ctl import words
from kammerton_sim.ctl.ledger_words import answer
from kammerton_sim.evidence.audit import unsafe
from kammerton_sim.laboratory import Laboratory
from tests.wire.conftest import CountingWorld

FURTHER = {"bias": "yokogawa_gs200", "pulser": "keysight_33522b"}


@pytest.fixture
def laboratory() -> Iterator[Laboratory]:
    chip = random_chip(1, 3)
    further = {name: FurtherInstrument(model) for name, model in FURTHER.items()}
    chip = replace(chip, wiring=replace(chip.wiring, instruments=further))
    with Laboratory(chip, world=CountingWorld()) as laboratory:  # type: ignore[arg-type]
        yield laboratory


def lines(ctl) -> list[str]:
    """The ledger without numbers and times."""
    return [line.split("  ")[-1] for line in ctl("ledger")[1].splitlines()[:-1]]


def test_a_bias_is_noted_in_what_its_function_makes_of_it(ctl, laboratory):
    bias = laboratory.further["bias"]
    bias.receive(b":SOUR:LEV 0.1;:OUTP 1;:SOUR:FUNC CURR;:SOUR:LEV 2E-4;:OUTP 1")
    assert lines(ctl) == [
        "bias.out level: 0 V -> 100 mV", "bias.out on: no -> yes", "bias.out on: yes -> no",
        "bias.out level: 100 mV -> 0 V", "bias.out function: VOLT -> CURR",
        "bias.out range: - -> 10 mA", "bias.out level: 0 A -> 200 µA", "bias.out on: no -> yes",
    ]  # fmt: skip
    assert "current = 200 µA, voltage_limit = 30 V" in ctl("outputs")[1]
    bias.receive(b"PROG:EDIT:STAR;:SOUR:LEV 1E-3;LEV 0;:PROG:EDIT:END;:PROG:INT 0.1;SLOP 0;RUN")
    assert lines(ctl)[-2:] == ["bias.out high: - -> 1 mA", "bias.out ramp: 200 µA -> 0 A"]


def test_pulses_are_noted_in_volts_degrees_and_samples(ctl, laboratory):
    laboratory.further["pulser"].receive(
        b"SOUR1:VOLT 0.4;:SOUR1:PHAS 90;:SOUR1:FUNC:ARB:SRAT 2E6;:SOUR1:FUNC:PULS:WIDT 1E-6"
    )
    assert lines(ctl) == [
        "pulser.1 amplitude: 100 mV -> 400 mV", "pulser.1 low: -50 mV -> -200 mV",
        "pulser.1 high: 50 mV -> 200 mV", "pulser.1 phase: 0 deg -> 90 deg",
        "pulser.1 rate: 40 kSa/s -> 2 MSa/s", "pulser.1 width: 100 µs -> 1 µs",
    ]  # fmt: skip


def test_two_frequencies_that_differ_are_not_called_alike(ctl, laboratory):
    laboratory.sources["drive_lo"].receive(b"FREQ 1000000000.4 HZ")
    assert lines(ctl) == ["drive_lo.rf frequency: 1 GHz -> 1.0000000004 GHz"]


def test_a_fault_is_noted_as_it_may_be_written_again(ctl, laboratory):
    laboratory.faults.inject("heat", watts=1.2e-5)
    laboratory.faults.inject("warm-up")
    laboratory.faults.inject("late", instrument="pulser", seconds=1800.0)
    laboratory.faults.inject("overload")
    laboratory.power_cycle("pulser")
    assert lines(ctl) == [
        "laboratory.heat fault: - -> fault 1: watts=12uW seed=3001",
        "laboratory.warm-up fault: - -> fault 2: seed=3002",
        "pulser.late fault: - -> fault 3: instrument=pulser seconds=30min seed=3003",
        "board.overload fault: - -> fault 4: seed=3004",
        "pulser.all power cycle",
    ]


@pytest.mark.parametrize(
    ("what", "value", "said"),
    [("rate", 4e4, "rate was 40 kSa/s, not 0 Sa/s to 1 Sa/s"),
     ("phase", 360.0, "phase was 360 deg, not 0 deg to 1 deg")],
)  # fmt: skip
def test_what_was_unsafe_has_its_unit(what, value, said):
    start = {("pulser", "1", "on"): True, ("pulser", "1", what): value}
    found = unsafe([], {f"pulser.{what}": (0.0, 1.0)}, start, 1.0)
    told = {"question": "unsafe", "found": found, "checked": 1, "not_judged": [], "complete": True}
    assert said in answer(told)[1]


def test_a_pattern_that_meets_several_units_is_refused(ctl, laboratory):
    code, out, err = ctl("ledger", "--unsafe", "pulser.*=-1:1", "--unsafe", "*.power=-200:50")
    assert (code, out) == (2, "")
    assert err.startswith("pulser.*: one pair of numbers cannot limit ")
    assert (
        "frequency in Hz; rate in Sa/s; amplitude, high, low, voltage_limit_high, "
        "voltage_limit_low in V; burst_phase, phase in deg" in err
    )
    assert err.endswith("write a pattern for each, such as pulser.amplitude=MIN:MAX\n")
    assert "limit cycles without a unit; " in err
    assert ctl("ledger", "--unsafe", "pulser.?o*=-1:1")[0] == 0  # lows alone


def test_the_two_clocks_of_the_laboratory_are_rounded_alike():
    for unix in (1e9 + 0.0004, 1e9 + 0.0006, 1e9 + 0.9996, 1e9 + 0.1239):
        utc, _, seconds = words.moment(unix).partition(" UTC, unix ")
        assert utc[-3:] == seconds[-3:]
