"""The simulated ZNB20: stimulus, traces, averages, formats, errors, power cycle."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import numpy as np
import pytest

from kammerton_sim.evidence.ledger import Ledger
from kammerton_sim.instruments.znb20 import Znb20
from kammerton_sim.wire import slices
from kammerton_sim.world.clock import LaboratoryClock


class Line:
    """S21 falls from 1 to 0 between 4 and 8 GHz, with a delay; remembers what it was asked."""

    def __init__(self) -> None:
        self.noise, self.asked, self.now, self.computing = 0.0, [], 0.0, 0.0

    def __call__(self, hertz: np.ndarray, volts: float, bandwidth: float) -> tuple:
        self.asked.append((hertz, volts, bandwidth))
        self.now += self.computing
        size = np.clip((8e9 - hertz) / 4e9, 0, 1)
        return size * np.exp(-2j * np.pi * hertz * 1e-9), self.noise


@pytest.fixture
def line() -> Line:
    return Line()


@pytest.fixture
def box(line: Line) -> Znb20:
    def passed(at: float) -> None:
        line.now = max(line.now, at)

    return Znb20("vna", Ledger(lambda: line.now), line, passed)


def told(box: Znb20, message: str) -> str:
    return box.receive(message.encode()).decode()


def error(box: Znb20) -> int:
    return int(told(box, "SYST:ERR?").partition(",")[0])


def numbers(box: Znb20, what: str = "SDAT") -> np.ndarray:
    return np.array(told(box, f"CALC1:DATA? {what}").split(","), float)


SWEEP = "INIT1:CONT 0;:SENS1:FREQ:STAR 4E9;STOP 8E9;:SENS1:SWE:POIN 5;:INIT1"


def test_it_comes_up_radiating(box):
    tone = {"power": -10, "sweep_from": 100e3, "sweep_to": 20e9}
    assert box.levels() == {"vna.rf1": tone}
    assert told(box, "OUTP?;:SOUR1:POW?;:INIT1:CONT?;:CONF:TRAC:CAT?") == "1;-10;1;'1,Trc1'"


def test_a_sweep_is_what_the_line_does_at_these_frequencies(box, line):
    told(box, SWEEP)
    assert error(box) == 0
    z = numbers(box).view(complex)
    assert np.allclose(abs(z), [1, 0.75, 0.5, 0.25, 0], atol=1e-9)
    hertz, volts, bandwidth = line.asked[-1]
    assert np.allclose(hertz, np.linspace(4e9, 8e9, 5))
    assert volts == pytest.approx(0.1)  # peak of -10 dBm at 50 ohm
    assert (bandwidth, line.now) == (10_000, pytest.approx(5e-4))
    assert np.allclose(np.array(told(box, "CALC1:DATA:STIM?").split(","), float), hertz)


def test_a_sweep_is_swept_once_for_all_traces(box, line):
    line.noise = 0.1
    for n in range(127):
        told(box, f"CALC1:PAR:SDEF 'more{n}','{('S21', 'S11')[n % 2]}'")
    line.asked.clear()
    told(box, SWEEP)
    assert len(line.asked) == 2  # S21, and S11
    first = numbers(box)
    told(box, "CALC1:PAR:SEL 'Trc1'")
    own = numbers(box)
    told(box, "CALC1:PAR:SEL 'more1'")
    assert not np.array_equal(own, numbers(box))
    assert np.array_equal(own, first)  # more126, another one of S21


def test_the_time_of_the_processor_is_no_time_of_the_sweep(box, line):
    line.computing = 3e-4  # s, of the 5e-4 that the sweep takes
    told(box, SWEEP)
    assert line.now == pytest.approx(5e-4)


def test_off_there_is_only_noise(box, line):
    line.noise = 1e-3
    told(box, "OUTP OFF;" + SWEEP)
    assert abs(numbers(box)).max() < 0.01


@pytest.mark.parametrize("parameter", ["S11", "S12", "S22"])
def test_only_s21_has_physics(box, parameter):
    told(box, f"{SWEEP};:CALC1:PAR:SDEF 'Other','{parameter}';:INIT1")
    assert told(box, "CALC1:PAR:MEAS? 'Other'") == f"'{parameter}'"
    assert not numbers(box).any()


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ("MLIN", [1, 0.75, 0.5, 0.25, 0]),
        ("MLOG", [0, -2.49877, -6.0206, -12.0412, -400]),
        ("REAL", [1, 0.75, 0.5, 0.25, 0]),
        ("IMAG", [0, 0, 0, 0, 0]),
        ("SWR", [2e9, 7, 3, 1.66667, 1]),
    ],
)
def test_formats(box, form, expected):
    told(box, f"{SWEEP};:CALC1:FORM {form}")
    assert np.allclose(numbers(box, "FDAT"), expected, rtol=1e-3, atol=1e-5)


def test_polar_formats_are_pairs_and_a_delay_is_a_slope(box):
    told(box, "INIT1:CONT 0;:SENS1:FREQ:STAR 4E9;STOP 4.1E9;:SENS1:SWE:POIN 11;:INIT1")
    told(box, "CALC1:FORM COMP")
    assert numbers(box, "FDAT").size == 22
    told(box, "CALC1:FORM GDEL")
    assert np.allclose(numbers(box, "FDAT"), 1e-9)
    told(box, "SENS1:CORR:EDEL2:AUTO ONCE;:INIT1;:CALC1:FORM PHAS")
    assert float(told(box, "SENS1:CORR:EDEL2:TIME?")) == pytest.approx(1e-9)
    assert np.ptp(numbers(box, "FDAT")) < 1e-6


def test_averages_are_of_the_last_sweeps(box, line):
    line.noise = 0.1
    told(box, "SENS1:AVER ON;AVER:COUN 100;:INIT1:CONT 0;:SENS1:SWE:POIN 401")
    for _ in range(100):
        told(box, "INIT1")
    scatter = np.std(numbers(box).view(complex).real - np.real(line(line.asked[-1][0], 1, 1)[0]))
    assert scatter == pytest.approx(0.01, rel=0.15)
    told(box, "SENS1:AVER:CLE;:INIT1")
    scatter = np.std(numbers(box).view(complex).real - np.real(line(line.asked[-1][0], 1, 1)[0]))
    assert scatter == pytest.approx(0.1, rel=0.15)


def test_a_new_stimulus_forgets_old_sweeps(box, line):
    told(box, SWEEP)
    sweeps = len(line.asked)
    told(box, "CALC1:FORM MLIN;:CALC1:DATA? FDAT")
    assert len(line.asked) == sweeps  # the same data
    told(box, "SOUR1:POW -20;:CALC1:DATA? FDAT")
    assert len(line.asked) == sweeps + 1


def test_centre_and_span_and_both_ends_stay_inside_the_box(box):
    told(box, "SENS1:FREQ:CENT 7E9;SPAN 100E6")
    assert told(box, "SENS1:FREQ:STAR?;STOP?;CENT?;SPAN?") == (
        "6950000000;7050000000;7000000000;100000000"
    )
    told(box, "SENS1:FREQ:CENT 19.98E9")
    assert told(box, "SENS1:FREQ:STOP?;SPAN?") == "20000000000;40000000"
    told(box, "SENS1:FREQ:STAR 20E9")
    assert told(box, "SENS1:FREQ:STAR?;STOP?") == "20000000000;20000000000"
    told(box, "SENS1:FREQ:STOP 21E9;STAR 1;:SOUR1:POW 26;:SENS1:SWE:POIN 100002")
    assert [error(box) for _ in range(5)] == [-222] * 4 + [0]


@pytest.mark.parametrize(
    ("asked", "taken"), [("10", "10"), ("11", "15"), ("4 kHz", "5000"), ("1E6", "1000000")]
)
def test_a_bandwidth_is_one_of_a_series(box, asked, taken):
    assert told(box, f"SENS1:BAND {asked};BAND?") == taken


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ("INIT1", -213),
        ("CALC1:DATA? BANANA", -224),
        ("CALC2:DATA? SDAT", -221),
        ("CALC1:PAR:SEL 'Nobody'", -224),
        ("CALC2:PAR:SEL 'Trc1'", -221),
        ("CALC1:PAR:SDEF 'T','S31'", -224),
        ("CALC1:PAR:SDEF 'T'", -109),
        ("SENS17:BAND 1", -114),
        ("SENS1:SWE:TYPE SEGM", -224),
        ("SENS1:SWE:TYPE POW", -224),
        ("ROSC:EXT:FREQ 10.5 MHz", -224),
        ("\xff\x00;GARBAGE", -113),
    ],
)
def test_what_is_wrong_is_in_the_error_queue(box, message, code):
    assert told(box, message) == ""
    assert error(box) == code


def test_a_sweep_that_is_not_there_leaves_the_one_that_is(box):
    told(box, SWEEP)
    told(box, "SENS1:SWE:TYPE POW;:INIT1;*OPC?")
    assert (told(box, "SENS1:SWE:TYPE?"), numbers(box).size) == ("LIN", 10)


@pytest.fixture
def paced(monkeypatch) -> Callable[..., Znb20]:
    """Make an analyzer that sweeps at a pace; while it rests, another client speaks to it once."""

    def paced(pace: float, message: str, answers: list[str]) -> Znb20:
        clock, sleep, left = LaboratoryClock(), slices.sleep, [message]
        box = Znb20("vna", Ledger(clock.now), Line(), clock.advance_to, pace=pace)

        def rest(seconds: float) -> None:
            if left:
                asked = left.pop()
                other = threading.Thread(target=lambda: answers.append(told(box, asked)))
                other.start()
                other.join(20)
            sleep(seconds)

        monkeypatch.setattr(slices, "sleep", rest)
        return box

    return paced


@pytest.mark.parametrize(("pace", "wall"), [(1.0, 0.2), (4.0, 0.05)])
def test_a_sweep_takes_its_time_at_the_pace_and_others_speak_to_the_box_meanwhile(
    paced, pace, wall
):
    answers: list[str] = []
    box = paced(pace, "SENS1:SWE:POIN?", answers)
    told(box, "INIT1:CONT 0;:SENS1:SWE:POIN 200;:SENS1:BAND 1 KHZ")
    began, there = time.monotonic(), box.ledger.now()
    assert told(box, "INIT1;*OPC?") == "1"
    passed = time.monotonic() - began
    assert (answers, passed >= wall) == (["200"], True)
    assert 0.2 <= box.ledger.now() - there < 0.2 + passed


def test_a_sweep_whose_stimulus_is_changed_meanwhile_is_broken_off(paced):
    box = paced(1.0, "SENS1:SWE:POIN 101", [])
    told(box, "SENS1:SWE:POIN 100;:SENS1:BAND 1 KHZ")
    assert (told(box, "CALC1:DATA? SDAT"), error(box)) == ("", -221)
    assert numbers(box).size == 202


def test_a_power_cycle_ends_a_sweep_and_what_was_asked_behind_it(monkeypatch):
    clock = LaboratoryClock()
    box = Znb20("vna", Ledger(clock.now), Line(), clock.advance_to, pace=1.0)
    told(box, "OUTP 0;:INIT1:CONT 0;:SENS1:BAND 1 HZ")  # 201 s a sweep

    def rest(seconds: float) -> None:
        switch = threading.Thread(target=box.power_cycle)
        switch.start()
        switch.join(20)

    monkeypatch.setattr(slices, "sleep", rest)
    began = time.monotonic()
    assert told(box, "INIT1;NONSENSE;:SENS1:SWE:POIN 7;*OPC?") == ""
    assert time.monotonic() - began < 20
    assert (told(box, "SENS1:SWE:POIN?"), error(box)) == ("201", 0)


def test_all_errors_are_told_at_once_and_forgotten(box):
    told(box, "NONSENSE;:SENS1:FREQ:STAR 1E15")
    both = told(box, "SYST:ERR:ALL?")
    assert both.startswith('-113,"')
    assert ',-222,"' in both
    assert told(box, "SYST:ERR:ALL?") == '0,"No error"'


def test_traces_come_and_go(box):
    told(box, "CALC3:PAR:SDEF 'A','S21'")
    assert told(box, "CONF:TRAC:CAT?;:CALC3:PAR:SEL?") == "'1,Trc1,2,A';'A'"
    told(box, "CALC3:PAR:DEL 'A'")
    assert told(box, "CONF:TRAC:CAT?") == "'1,Trc1'"
    told(box, "CALC:PAR:DEL:ALL")
    assert told(box, "CONF:TRAC:CAT?") == "''"


def test_a_power_cycle_returns_everything_to_its_default(box):
    told(box, "CALC:PAR:DEL:ALL;:SENS1:BAND 1;:OUTP OFF;:SOUR1:POW -33;NONSENSE")
    box.power_cycle()
    assert told(box, "SENS1:BAND?;:OUTP?;:SOUR1:POW?;:CONF:TRAC:CAT?;*ESR?;:SYST:ERR?") == (
        "10000;1;-10;'1,Trc1';128;0,\"No error\""
    )
