"""The simulated 33522B: limits that depend on each other, waveforms, errors, power cycle."""

from __future__ import annotations

import numpy as np
import pytest

from kammerton_sim.evidence.audit import unsafe
from kammerton_sim.evidence.ledger import Ledger
from kammerton_sim.instruments.k33522b import Keysight33522b, Pulse
from kammerton_sim.wire.scpi import block_of


@pytest.fixture
def box() -> Keysight33522b:
    return Keysight33522b("fg", Ledger(lambda: 0.0))


def told(box: Keysight33522b, message: str | bytes) -> str:
    return box.receive(message.encode() if isinstance(message, str) else message).decode()


def value(box: Keysight33522b, what: str) -> float:
    return float(told(box, what))


def error(box: Keysight33522b) -> int:
    return int(told(box, "SYST:ERR?").partition(",")[0])


def test_answers_look_as_the_box_writes_them(box):
    assert told(box, "SOUR1:FREQ?;FUNC?;:OUTP1?;:SYST:ERR?") == (
        '+1.00000000000000E+03;SIN;0;+0,"No error"'
    )
    assert value(box, "SOUR2:BURS:NCYC INF;NCYC?") == 9.9e37


def test_what_is_applied_is_told_in_one_string(box):
    told(box, "SOUR2:FUNC SQU;FREQ 5E3;VOLT 3;VOLT:OFFS -2.5")
    number = "+3.00000000000000E+00,-2.50000000000000E+00"
    assert told(box, "SOUR2:APPL?") == f'"SQU +5.00000000000000E+03,{number}"'
    assert told(box, "APPL?").startswith('"SIN +1.00000000000000E+03,+1.0')
    assert told(box, "SOUR3:APPL?") == ""
    assert error(box) == -114


@pytest.mark.parametrize(
    ("load", "most"), [("50", 10.0), ("INF", 20.0), ("100", 40 / 3), ("25", 20 / 3)]
)
def test_the_amplitude_reaches_what_the_load_leaves(box, load, most):
    told(box, f"OUTP1:LOAD {load};:SOUR1:VOLT 30")
    assert value(box, "SOUR1:VOLT?") == pytest.approx(most)
    assert error(box) == -222


def test_the_ends_are_those_of_the_present_load_offset_and_function(box):
    told(box, "SOUR1:VOLT 1;VOLT:OFFS 0.5;:SOUR1:FUNC RAMP")
    assert (value(box, "SOUR1:VOLT? MAX"), value(box, "SOUR1:VOLT? MIN")) == (10.0, 1e-3)
    assert (value(box, "SOUR1:VOLT:OFFS? MAX"), value(box, "SOUR1:VOLT:OFFS? MIN")) == (4.5, -4.5)
    assert (value(box, "SOUR1:FREQ? MAX"), value(box, "SOUR1:VOLT?")) == (200e3, 1.0)
    told(box, "SOUR1:FREQ MAX;VOLT:OFFS MIN")
    assert (value(box, "SOUR1:FREQ?"), value(box, "SOUR1:VOLT:OFFS?")) == (200e3, -4.5)
    told(box, "SOUR1:VOLT:OFFS 0;:SOUR1:VOLT MAX")
    assert (value(box, "SOUR1:VOLT?"), error(box)) == (10.0, 0)
    told(box, "OUTP1:LOAD INF;:SOUR1:VOLT:UNIT VRMS;:SOUR1:FUNC SQU")
    assert (value(box, "SOUR1:VOLT? MAX"), error(box)) == (10.0, 0)


@pytest.mark.parametrize(
    ("commands", "low", "high", "code"),
    [
        ("VOLT:HIGH 1;:SOUR1:VOLT:LOW 0.5", 0.5, 1.0, 0),
        ("VOLT:HIGH MAX", -0.05, 5.0, 0),
        ("VOLT:HIGH 7", -0.05, 5.0, -222),
        ("VOLT:HIGH -1", -1.001, -1.0, -221),
        ("VOLT:LOW 2", 2.0, 2.001, -221),
        ("VOLT:LOW -9", -5.0, 0.05, -222),
    ],
)
def test_high_and_low_are_levels_that_push_each_other(box, commands, low, high, code):
    told(box, f"SOUR1:{commands}")
    assert error(box) == code
    found = value(box, "SOUR1:VOLT:LOW?"), value(box, "SOUR1:VOLT:HIGH?")
    assert found == pytest.approx((low, high))
    told(box, "OUTP1 1")
    level = box.levels()["fg.1"]
    assert (level["low"], level["high"]) == pytest.approx((low, high))


def test_another_load_gives_the_same_voltage_another_name(box):
    told(box, "SOUR1:VOLT 1;VOLT:OFFS 0.5;:OUTP1:LOAD INF")
    assert (value(box, "SOUR1:VOLT?"), value(box, "SOUR1:VOLT:OFFS?")) == (2.0, 1.0)


def test_offset_and_half_the_amplitude_share_the_range(box):
    told(box, "SOUR1:VOLT 4;VOLT:OFFS 4")
    assert (value(box, "SOUR1:VOLT:OFFS?"), error(box)) == (3.0, -222)
    told(box, "SOUR1:VOLT 8")
    assert (value(box, "SOUR1:VOLT:OFFS?"), error(box)) == (1.0, -221)
    assert error(box) == 0


def test_a_dc_voltage_has_the_whole_range_and_another_function_takes_its_share(box):
    told(box, "OUTP1 ON;:SOUR1:VOLT 4;:SOUR1:FUNC DC;:SOUR1:VOLT:OFFS 5")
    assert (value(box, "SOUR1:VOLT:OFFS?"), error(box)) == (5.0, 0)
    assert (box.levels()["fg.1"]["low"], box.levels()["fg.1"]["high"]) == (5, 5)
    told(box, "SOUR1:FUNC SIN")
    assert (value(box, "SOUR1:VOLT:OFFS?"), error(box)) == (3.0, -221)
    assert (box.levels()["fg.1"]["low"], box.levels()["fg.1"]["high"]) == (1, 5)


def noted(box: Keysight33522b, since: int) -> list[tuple[str, float, float]]:
    changes = [c for c in box.ledger.since(since) if c["what"] in ("low", "high", "offset")]
    return [(c["what"], round(c["old"], 9), round(c["new"], 9)) for c in changes]


@pytest.mark.parametrize(
    ("before", "command", "entries"),
    [
        ("VOLT:OFFS 0.1", "VOLT 20", [("low", 0.05, -5), ("high", 0.15, 5)]),
        ("VOLT 4", "VOLT:OFFS 9", [("high", 2, 5), ("low", -2, 1)]),
        ("VOLT 4;VOLT:OFFS 3", "*RST", [("low", 1, -0.05), ("high", 5, 0.05)]),
        ("VOLT 0.1", "*RST", []),
    ],
)
def test_the_ledger_has_no_level_that_lies_inside_a_command(box, before, command, entries):
    told(box, f"SOUR1:{before}")
    since = len(box.ledger.since())
    told(box, command if command[0] == "*" else f"SOUR1:{command}")
    assert noted(box, since) == entries


def test_another_load_changes_no_volts_whoever_turns_it(box):
    told(box, "VOLT 0.1;VOLT:OFFS 0.4;:OUTP1 ON")
    since = len(box.ledger.since())
    told(box, "OUTP1:LOAD INF")
    box.set("load", (1,), 1e3)  # at the front panel
    assert value(box, "VOLT:OFFS?") == pytest.approx(0.8 * 1e3 / 1050)
    assert noted(box, since) == []
    low, high = (box.levels()["fg.1"][end] for end in ("low", "high"))
    assert (low, high) == pytest.approx((0.35, 0.45))
    limits = {f"fg.{level}": (-0.5, 0.5) for level in ("peak", "level", "low", "high", "offset")}
    assert unsafe(box.ledger.whole(), limits, box.power_on(), 1.0) == []


@pytest.mark.parametrize(
    ("function", "unit", "shown"),
    [("SIN", "VRMS", 0.35355), ("SQU", "VRMS", 0.5), ("RAMP", "VRMS", 0.28868),
     ("SIN", "DBM", 3.97940), ("SIN", "VPP", 1.0)],
)  # fmt: skip
def test_units_of_the_amplitude(box, function, unit, shown):
    told(box, f"SOUR1:FUNC {function};VOLT 1;VOLT:UNIT {unit}")
    assert value(box, "SOUR1:VOLT?") == pytest.approx(shown, rel=1e-4)
    told(box, f"SOUR1:VOLT {shown}")
    told(box, "SOUR1:VOLT:UNIT VPP")
    assert value(box, "SOUR1:VOLT?") == pytest.approx(1.0, rel=1e-4)


def test_dbm_needs_a_load(box):
    told(box, "OUTP1:LOAD INF;:SOUR1:VOLT:UNIT DBM")
    assert error(box) == -221
    told(box, "OUTP1:LOAD 50;:SOUR1:VOLT:UNIT DBM;:OUTP1:LOAD INF")
    assert told(box, "SOUR1:VOLT:UNIT?") == "VPP"


def test_every_function_has_its_own_highest_frequency(box):
    told(box, "SOUR1:FREQ 30E6;FUNC RAMP")
    assert (value(box, "SOUR1:FREQ?"), error(box)) == (200e3, -221)
    told(box, "SOUR1:FREQ 1E6")
    assert (value(box, "SOUR1:FREQ?"), error(box)) == (200e3, -222)


@pytest.mark.parametrize(
    ("sent", "asked", "taken", "limit"),
    [
        ("SOUR1:FREQ 31E6", "SOUR1:FREQ?", 30e6, "upper"),
        ("SOUR1:FREQ 1E-7", "SOUR1:FREQ?", 1e-6, "lower"),
        ("SOUR1:FREQ 1E99 HZ", "SOUR1:FREQ?", 30e6, "upper"),
        ("SOUR1:PHAS 362", "SOUR1:PHAS?", 360, "upper"),
        ("SOUR1:PHAS -363", "SOUR1:PHAS?", -360, "lower"),
        ("SOUR1:FUNC DC;VOLT:OFFS 5.01", "SOUR1:VOLT:OFFS?", 5, "upper"),
        ("OUTP1:LOAD 0", "OUTP1:LOAD?", 1, "lower"),
        ("OUTP1:LOAD 1E5", "OUTP1:LOAD?", 1e4, "upper"),
        ("SOUR1:BURS:NCYC 0", "SOUR1:BURS:NCYC?", 1, "lower"),
        ("SOUR1:BURS:NCYC 1E12", "SOUR1:BURS:NCYC?", 1e8, "upper"),
        ("SOUR1:BURS:INT:PER 1E-9", "SOUR1:BURS:INT:PER?", 1e-6, "lower"),
        ("SOUR1:FUNC:PULS:WIDT 1E-9", "SOUR1:FUNC:PULS:WIDT?", 16e-9, "lower"),
        ("SOUR1:FUNC:ARB:SRAT 1E12", "SOUR1:FUNC:ARB:SRAT?", 250e6, "upper"),
        ("TRIG1:DEL -1", "TRIG1:DEL?", 0, "lower"),
    ],
)
def test_what_is_beyond_a_limit_is_clipped_and_said(box, sent, asked, taken, limit):
    told(box, sent)
    assert value(box, asked) == taken
    assert told(box, "SYST:ERR?") == f'-222,"Data out of range; value clipped to {limit} limit"'
    assert error(box) == 0


@pytest.mark.parametrize(
    ("sent", "code"),
    [("SOUR1:FREQ:MODE SWE", -224), ("SOUR1:FREQ:MODE LIST", -224), ("SOUR1:FREQ:MODE FIX", 0),
     ("SOUR1:FUNC:SQU:DCYC 20", -113), ("SOUR1:FUNC:PULS:TRAN 1E-8", -113), ("*SAV 1", -113),
     ("SYST:BEEP", -113), ("DISP OFF", -113)],
)  # fmt: skip
def test_what_is_not_there_is_refused(box, sent, code):
    told(box, sent)
    assert error(box) == code


def test_a_frequency_that_is_clipped_shortens_the_pulse_as_any_other(box):
    told(box, "SOUR1:FUNC PULS;FREQ 1E9")
    assert value(box, "SOUR1:FUNC:PULS:WIDT?") == pytest.approx(1 / 30e6 - 16e-9)


@pytest.mark.parametrize(
    ("text", "vpp"),
    [("3.0 VRMS", 3 * 2 * 2**0.5), ("100 mVpp", 0.1), ("100MV", 0.1), ("1E3 mVrms", 8**0.5),
     ("10 DBM", 2.0), ("0.5 V", 0.5)],
)  # fmt: skip
def test_an_amplitude_may_have_its_unit_behind_it(box, text, vpp):
    told(box, f"SOUR1:VOLT {text}")
    assert (value(box, "SOUR1:VOLT?"), error(box)) == (pytest.approx(vpp), 0)
    assert told(box, "SOUR1:VOLT:UNIT?") == "VPP"  # which is that of what comes without one
    told(box, "SOUR1:VOLT:OFFS -250 mV")
    assert value(box, "SOUR1:VOLT:OFFS?") == -0.25


@pytest.mark.parametrize("text", ["3 HZ", "3 GV", "3 mDBM", "3 VRMSX", "3E"])
def test_a_unit_that_is_none_is_refused(box, text):
    told(box, f"SOUR1:VOLT {text}")
    assert (error(box), value(box, "SOUR1:VOLT?")) == (-131, 0.1)
    told(box, "SOUR1:VOLT:UNIT DBM;:SOUR1:VOLT 3 V")
    assert error(box) == -131
    told(box, "OUTP1:LOAD INF;:SOUR1:VOLT 0 DBM")
    assert error(box) == -221


def test_a_pulse_fits_into_its_period(box):
    told(box, "SOUR1:FUNC PULS;FREQ 1E6")
    assert (value(box, "SOUR1:FUNC:PULS:WIDT?"), error(box)) == (pytest.approx(984e-9), -221)
    told(box, "SOUR1:FUNC:PULS:WIDT 2E-6")
    assert (value(box, "SOUR1:FUNC:PULS:WIDT?"), error(box)) == (pytest.approx(984e-9), -221)
    told(box, "SOUR1:FUNC:PULS:WIDT 1E-9")
    assert (value(box, "SOUR1:FUNC:PULS:WIDT?"), error(box)) == (16e-9, -222)
    told(box, "SOUR1:FUNC:PULS:WIDT 20.04 NS")
    assert value(box, "SOUR1:FUNC:PULS:WIDT?") == 20e-9  # to 100 ps


READY = ("SOUR1:FUNC PULS;FUNC:PULS:WIDT 50 NS;:SOUR1:VOLT 0.4;VOLT:OFFS 0.2;:SOUR1:BURS:NCYC 1;"
         "STAT 1;:TRIG1:SOUR EXT;DEL 1E-6;:OUTP1 1")  # fmt: skip


def test_what_a_trigger_does(box):
    told(box, READY)
    assert box.pulse(1) == Pulse(0.0, 0.4, 50e-9, 1e-6)
    assert box.levels() == {"fg.1": {"function": "PULS", "low": 0.0, "high": 0.4}, "fg.2": None}
    told(box, "OUTP1:POL INV")
    assert box.pulse(1) == Pulse(0.4, 0.0, 50e-9, 1e-6)
    assert error(box) == 0


@pytest.mark.parametrize(
    "but", ["OUTP1 0", "SOUR1:BURS:STAT 0", "TRIG1:SOUR IMM", "SOUR1:FUNC SIN",
            "SOUR1:BURS:NCYC 2", "SOUR1:BURS:MODE GAT"],
)  # fmt: skip
def test_when_a_trigger_does_nothing(box, but):
    told(box, READY + ";:" + but)
    assert box.pulse(1) is None


def test_a_bus_trigger_needs_a_channel_that_waits_for_it(box):
    told(box, "*TRG")
    assert error(box) == -211
    told(box, "TRIG2:SOUR BUS;*TRG")
    assert error(box) == 0


def test_arbitrary_waveforms_by_numbers_and_by_blocks(box):
    numbers = ",".join(["0", "0.5"] * 4)
    floats = np.linspace(-1, 1, 8, dtype=">f4").tobytes()
    codes = np.full(8, 32767, ">i2").tobytes()
    told(box, f"SOUR1:DATA:ARB first,{numbers}")
    told(box, b"SOUR1:DATA:ARB second," + block_of(floats) + b"\n")
    told(box, b"SOUR1:DATA:ARB:DAC third," + block_of(codes) + b"\n")
    assert told(box, "SOUR1:DATA:VOL:CAT?") == '"FIRST","SECOND","THIRD"'
    told(box, 'SOUR1:FUNC:ARB "second";:SOUR1:FUNC ARB')
    assert told(box, "SOUR1:FUNC:ARB?;:SOUR1:FUNC?;:SOUR2:DATA:VOL:CAT?") == '"SECOND";ARB;""'
    assert error(box) == 0
    assert told(box, "SOUR1:FUNC:ARB third;:SOUR1:FUNC:ARB?;:SYST:ERR?") == '"THIRD";+0,"No error"'
    told(box, "SOUR1:DATA:VOL:CLE")
    assert told(box, "SOUR1:DATA:VOL:CAT?;:SOUR1:FUNC:ARB?") == '"";""'


@pytest.mark.parametrize(
    ("message", "code"),
    [
        (b"SOUR1:DATA:ARB a,0,0,0", -222),
        (b"SOUR1:DATA:ARB a,0,0,0,0,0,0,0,2", -222),
        (b"SOUR1:DATA:ARB:DAC a,40000,0,0,0,0,0,0,0", -222),
        (b"SOUR1:DATA:ARB a,#13abc", -161),
        (b"SOUR1:DATA:ARB a,#14\x7f\xc0\x00\x00", -222),  # too short, and not a number
        (b"SOUR1:DATA:ARB no name,0", -224),
        (b'SOUR1:FUNC:ARB "nobody"', -224),
        (b"SOUR1:FUNC ARB", -221),
        (b"SOUR3:VOLT 1", -114),
        (b"SOUR1:VOLT banana", -104),
        (b"\xff\xfe;", -113),
    ],
)
def test_what_is_wrong_is_in_the_error_queue(box, message, code):
    assert told(box, message) == ""
    assert error(box) == code


@pytest.mark.parametrize(
    ("message", "side"),
    [(b"VOLT 50", "upper"), (b"VOLT 0", "lower"), (b"VOLT:LOW -9", "lower")],
)
def test_which_limit_a_value_was_clipped_to_is_said(box, message, side):
    box.receive(message)
    words = f'-222,"Data out of range; value clipped to {side} limit"'
    assert box.receive(b"SYST:ERR?").decode() == words


def test_the_queue_holds_twenty_errors(box):
    for _ in range(25):
        told(box, "NONSENSE")
    codes = [error(box) for _ in range(21)]
    assert codes == [-113] * 19 + [-350, 0]


def test_a_power_cycle_returns_everything_to_its_default(box):
    told(box, READY)
    told(box, f"SOUR1:DATA:ARB first,{','.join('0' * 8)}")
    box.power_cycle()
    assert box.levels() == {"fg.1": None, "fg.2": None}
    assert told(box, "SOUR1:FUNC?;VOLT?;:SOUR1:DATA:VOL:CAT?;*ESR?") == (
        'SIN;+1.00000000000000E-01;"";128'
    )


def test_the_line_gets_the_same_whatever_load_the_box_is_told(box):
    """Only what is set afterwards is meant for that load: into an open circuit, half reaches it."""
    told(box, "VOLT 1;:VOLT:OFFS 0.5;:OUTP ON")
    there, since = {"low": 0.0, "high": 1.0}, len(box.ledger.since())
    for load in ("INF", "1", "10000", "50"):
        told(box, f":OUTP:LOAD {load}")
        assert {k: box.levels()["fg.1"][k] for k in there} == pytest.approx(there)
    noted = {(c["what"], round(c["new"], 9)) for c in box.ledger.since(since) if c["what"] in there}
    assert noted <= {("low", 0.0), ("high", 1.0)}
    told(box, ":OUTP:LOAD INF;:VOLT 1;:VOLT:OFFS 0.5")
    assert box.levels()["fg.1"]["high"] == pytest.approx(0.5)


def test_levels_are_round_numbers_and_the_low_one_is_never_above_the_high_one(box):
    start = box.ledger.since()[-1]["index"] + 1 if box.ledger.since() else 0
    told(box, "SOUR1:VOLT:HIGH 0.7;LOW 0.1;HIGH 5;LOW 4.9;LOW -0.3;HIGH -0.1")
    assert box.receive(b"SOUR1:VOLT?") == b"+2.00000000000000E-01"
    levels = {"low": -0.05, "high": 0.05}
    for change in box.ledger.since(start):
        if change["what"] in levels:
            levels[change["what"]] = change["new"]
            assert levels["low"] <= levels["high"]
            assert round(change["new"], 9) == change["new"]


def test_a_level_is_what_was_asked_for_beside_one_that_is_no_round_number(box):
    for load in (33, 75, 1000):
        told(box, f"SOUR1:VOLT 3.3333;:SOUR1:VOLT:OFFS -0.7;:OUTP1:LOAD {load}")
        for level in (0.357, 0.73, 0.481):
            told(box, f"SOUR1:VOLT:HIGH {level}")
            assert float(box.receive(b"SOUR1:VOLT:HIGH?")) == level
