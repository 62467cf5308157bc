"""The simulated GS200: ranges, rounding, limiters, programs, errors, power cycle."""

from __future__ import annotations

import pytest

from kammerton_sim.evidence.audit import unsafe, wrong_box
from kammerton_sim.evidence.ledger import Ledger
from kammerton_sim.instruments.gs200 import LOAD, Gs200


class Clock:
    def __init__(self) -> None:
        self.time = 1e9

    def __call__(self) -> float:
        return self.time


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def box(clock: Clock) -> Gs200:
    return Gs200("bias", Ledger(clock), clock)


def told(box: Gs200, message: str) -> str:
    return box.receive(message.encode()).decode()


def error(box: Gs200) -> int:
    return int(told(box, "SYST:ERR?").partition(",")[0])


@pytest.mark.parametrize(
    ("span", "level", "shown"),
    [
        ("10E-3", "1.23456789E-3", "+1.2346E-3"),
        ("100E-3", "-12.3456789E-3", "-12.346E-3"),
        ("1", "0.123456789", "+0.12346E+0"),
        ("10", "1.23456789", "+1.2346E+0"),
        ("30", "1.23456789", "+1.235E+0"),
    ],
)
def test_a_level_is_rounded_to_what_its_range_resolves(box, span, level, shown):
    assert told(box, f":SOUR:RANG {span};LEV {level};LEV?") == shown
    assert box.level() == pytest.approx(float(shown), rel=1e-9)  # not only what it shows
    assert error(box) == 0


def test_a_range_reaches_120_percent_and_no_more(box):
    told(box, ":SOUR:RANG 1;LEV 1.2")
    assert told(box, ":SOUR:LEV?") == "+1.20000E+0"
    told(box, ":SOUR:LEV 1.21")
    assert error(box) == -222
    assert told(box, ":SOUR:LEV?") == "+1.20000E+0"


def test_least_and_most_are_those_of_the_range_or_of_all(box):
    told(box, ":SOUR:RANG 1;LEV MAX")
    assert told(box, ":SOUR:LEV?;LEV? MIN;LEV:AUTO? MAX") == "+1.20000E+0;-1.20000E+0;+32.000E+0"
    told(box, ":SOUR:LEV:AUTO MIN")
    assert told(box, ":SOUR:RANG?;LEV?") == "+30E+0;-32.000E+0"
    told(box, ":SOUR:RANG MIN")
    assert told(box, ":SOUR:RANG?") == "+10E-3"
    assert error(box) == 0


def test_no_range_is_negative(box):
    told(box, ":SOUR:RANG 1;RANG -5")
    assert (told(box, ":SOUR:RANG?"), error(box)) == ("+1E+0", -222)


def test_a_range_is_the_next_larger_one(box):
    assert told(box, ":SOUR:RANG 2;RANG?") == "+10E+0"
    assert told(box, ":SOUR:RANG 20E-3;RANG?") == "+100E-3"
    assert told(box, ":SOUR:RANG 31;RANG?") == "+100E-3"
    assert error(box) == -222


def test_a_smaller_range_limits_the_level(box):
    told(box, ":SOUR:RANG 10;LEV 5;RANG 1")
    assert told(box, ":SOUR:LEV?") == "+1.20000E+0"


def test_the_automatic_range_is_the_smallest_that_holds_the_level(box):
    assert told(box, ":SOUR:LEV:AUTO 0.11;:SOUR:RANG?;LEV?") == "+100E-3;+110.000E-3"
    assert told(box, ":SOUR:LEV:AUTO 1.5;:SOUR:RANG?") == "+10E+0"


def test_nothing_comes_out_while_the_output_is_off(box):
    told(box, ":SOUR:LEV 0.5")
    assert (box.volts(), box.levels()) == (0.0, {"bias.out": None})
    told(box, ":OUTP 1")
    assert box.levels() == {"bias.out": {"level": 0.5, "current_limit": 0.2}}
    told(box, ":OUTP 0;:SOUR:FUNC CURR;:SOUR:RANG 1E-3;LEV 2E-4;:OUTP 1")
    amperes = {"current": pytest.approx(2e-4), "voltage_limit": 30.0}
    assert (box.levels()["bias.out"], box.volts()) == (amperes, pytest.approx(0.2))


def test_a_current_makes_a_voltage_across_the_line_up_to_the_limiter(box):
    told(box, ":SOUR:FUNC CURR;RANG 10E-3;LEV 2E-3;:OUTP ON")
    assert box.volts() == pytest.approx(2e-3 * LOAD)
    told(box, ":SOUR:PROT:VOLT 1")
    assert box.volts() == 1.0
    assert told(box, ":SOUR:PROT:VOLT?;CURR?") == "+1E+0;+200E-3"
    assert told(box, ":SOUR:PROT:VOLT? MIN;VOLT? MAX;CURR? MIN") == "+1E+0;+30E+0;+1E-3"
    told(box, ":SOUR:PROT:VOLT 0.5;VOLT 31;CURR 0.3")
    assert [error(box) for _ in range(4)] == [-222, -222, -222, 0]


def test_another_function_begins_switched_off_at_zero(box):
    told(box, ":SOUR:LEV 0.5;:OUTP ON;:SOUR:FUNC CURR")
    assert told(box, ":OUTP?;:SOUR:LEV?;RANG?") == "0;+0.0000E-3;+10E-3"


def test_a_program_ramps_on_the_laboratorys_clock(box, clock):
    told(box, ":SOUR:RANG 1;:OUTP ON;:PROG:REP 0;SLOP 2;INT 3;EDIT:STAR;:SOUR:LEV 1;:PROG:EDIT:END")
    assert told(box, ":SOUR:LEV?;:PROG:COUN?;:PROG:SLOP?") == "+0.00000E+0;1;2.0"
    told(box, ":PROG:RUN")
    seen = []
    for _ in range(4):
        seen.append((round(box.volts(), 6), int(told(box, ":STAT:EVEN?")) & 1 << 7))
        clock.time += 1
    assert seen == [(0.0, 0), (0.5, 0), (1.0, 0), (1.0, 1 << 7)]
    changes = [(c["what"], c["new"]) for c in box.ledger.since()]
    assert changes[-2:] == [("ramp", 1.0), ("level", 1.0)]


def test_a_program_repeats_until_it_is_paused(box, clock):
    told(box, ":OUTP ON;:PROG:REP 1;INT 1;EDIT:STAR;:SOUR:LEV 0.1;LEV 0.2;:PROG:EDIT:END;:PROG:RUN")
    seen = []
    for _ in range(4):
        seen.append(round(box.volts(), 6))
        clock.time += 1
    assert seen == [0.1, 0.2, 0.1, 0.2]
    told(box, ":PROG:PAUS")
    clock.time += 7
    assert box.volts() == pytest.approx(0.1)
    told(box, ":PROG:CONT")
    clock.time += 1
    assert box.volts() == pytest.approx(0.2)
    told(box, ":PROG:HOLD")
    clock.time += 1
    assert box.volts() == pytest.approx(0.2)
    told(box, ":PROG:HOLD")
    clock.time += 1
    assert box.volts() == pytest.approx(0.1)


def test_programs_are_kept_by_name(box):
    told(box, ":PROG:EDIT:STAR;:SOUR:LEV 0.1;LEV 0.2;:PROG:EDIT:END;:PROG:SAVE 'two.csv'")
    told(box, ":PROG:EDIT:STAR;:PROG:EDIT:END")
    assert told(box, ":PROG:COUN?;:PROG:LOAD?") == '0;""'
    told(box, ":PROG:LOAD 'two.csv'")
    assert told(box, ":PROG:COUN?;:PROG:LOAD?") == '2;"two.csv"'
    told(box, ":PROG:LOAD 'three.csv'")
    assert error(box) == -256


def test_a_level_that_is_set_ends_a_program(box, clock):
    told(box, ":OUTP ON;:PROG:SLOP 10;INT 10;EDIT:STAR;:SOUR:LEV 1;:PROG:EDIT:END;:PROG:RUN")
    clock.time += 5
    told(box, ":SOUR:LEV 0.3")
    clock.time += 1
    assert box.volts() == 0.3
    levels = [c["new"] for c in box.ledger.since() if c["what"] == "level"]
    assert levels == [0.5, 0.3]  # where it had come to, and where it was sent


@pytest.mark.parametrize("what", [":PROG:RUN", ":OUTP 1;:PROG:RUN"])
def test_a_program_needs_an_output_and_steps(box, what):
    told(box, what)
    assert error(box) == -221


@pytest.mark.parametrize("what", ["SLOP 3601", "SLOP -1", "INT 0", "INT nan"])
def test_times_of_a_program_have_limits(box, what):
    told(box, f":PROG:{what}")
    assert error(box) == -222


def test_a_power_cycle_returns_everything_to_its_default(box):
    told(box, "*CLS;*ESE 255;:SOUR:RANG 10;LEV 5;:OUTP ON;NONSENSE")
    told(box, '*ESR?;:PROG:EDIT:STAR;:SOUR:LEV 1;:PROG:EDIT:END;:PROG:SAVE "one";INT 5')
    box.power_cycle()
    assert box.volts() == 0.0
    assert told(box, ":PROG:COUN?;INT?") == "0;1.0"
    assert told(box, ':PROG:LOAD "one";COUN?') == "1"  # files stay
    assert told(box, ":OUTP?;:SOUR:FUNC?;LEV?;RANG?") == "0;VOLT;+0.00000E+0;+1E+0"
    assert told(box, "*ESR?;*ESE?;:SYST:ERR?") == '128;0;0,"No error"'
    assert "power cycle" in {c["what"] for c in box.ledger.since()}


def test_an_output_goes_off_before_its_level_moves(box):
    told(box, ":SOUR:RANG 10;LEV 5;:OUTP ON")
    seen = len(box.ledger.since())
    told(box, "*RST")
    assert [c["what"] for c in box.ledger.since(seen)] == ["on", "range", "level"]


def test_garbage_is_an_entry_in_the_error_queue(box):
    assert told(box, "\xff GARBAGE;:SOUR:LEV banana;:SOUR:LEV?") == "+0.00000E+0"
    assert [error(box), error(box), error(box)] == [-113, -104, 0]


def three_steps(box: Gs200) -> None:
    told(box, ":SOUR:RANG 10;:OUTP ON;:PROG:INT 1;EDIT:STAR;:SOUR:LEV 0.1;LEV 5;LEV 0")
    told(box, ":PROG:EDIT:END;:PROG:RUN")


def test_what_a_program_passes_on_its_way_is_unsafe(box, clock):
    three_steps(box)
    clock.time += 5
    told(box, "*OPC?")
    found = unsafe(box.ledger.since(), {"bias.*": (-1.0, 1.0)}, box.power_on(), clock.time + 1)
    levels = [span for span in found if span["what"] == "high"]
    assert [(s["value"], s["from"], s["to"]) for s in levels] == [(5.0, 1e9, 1e9 + 5)]


@pytest.mark.parametrize(
    ("settings", "after"),
    [
        ("SLOP 3600;INT 3600;RUN", ""),
        ("SLOP 3600;INT 3600;RUN", ":SOUR:LEV 5"),  # the level that is set already
        ("SLOP 3600;INT 3600;RUN;PAUS", ""),
        ("SLOP 0;INT 0.1;REP 1;RUN", ""),
    ],
)
def test_a_program_that_begins_at_an_unsafe_level_is_unsafe_until_it_has_left_it(
    box, clock, settings, after
):
    told(box, ":SOUR:RANG 10;LEV 5;:OUTP ON;:PROG:EDIT:STAR;:SOUR:LEV 5;LEV 0;:PROG:EDIT:END")
    told(box, f":PROG:{settings}")
    clock.time += 0.01
    told(box, after or "*OPC?")
    clock.time += 1000
    assert max(box.volts(), box._program.level(clock.time - 0.1) or 0.0) > 1
    limits = dict.fromkeys(("bias.level", "bias.low", "bias.high"), (-1.0, 1.0))
    (span,) = unsafe(box.ledger.since(), limits, box.power_on(), clock.time)
    assert (span["value"], span["from"], span["to"]) == (5.0, 1e9, clock.time)


@pytest.mark.parametrize("what", [":PROG:EDIT:STAR", ':PROG:LOAD "other"'])
def test_a_program_that_is_changed_while_it_runs_is_run_as_it_was(box, clock, what):
    told(box, ':PROG:EDIT:STAR;:PROG:EDIT:END;:PROG:SAVE "other"')
    three_steps(box)
    told(box, what)
    clock.time += 1.5
    assert box.volts() == 5.0
    clock.time += 5
    assert box.volts() == 0.0


def test_a_knob_ends_a_program_and_the_ledger_has_what_comes_out(box, clock):
    told(box, "OUTP ON;:PROG:EDIT:STAR;:SOUR:LEV 0.8;:PROG:EDIT:END;:PROG:INT 5;SLOP 5;:PROG:RUN")
    clock.time += 2
    box.set("level", (), 0.1)  # at the front panel
    clock.time += 8
    assert box.volts() == 0.1
    spans = unsafe(box.ledger.whole(), {"bias.level": (-0.5, 0.5)}, box.power_on(), clock.time)
    assert [(s["value"], s["to"]) for s in spans] == [(0.8, 1e9 + 2)]


def test_a_program_that_ends_is_no_write_of_who_asks_next(box, clock):
    told(box, "OUTP ON;:PROG:EDIT:STAR;:SOUR:LEV 0.8;:PROG:EDIT:END;:PROG:INT 5;SLOP 5;:PROG:RUN")
    box.ledger.record("bias", "all", "identity", "a", "b")
    clock.time += 10
    told(box, "*IDN?")
    assert wrong_box(box.ledger.whole()) == []
