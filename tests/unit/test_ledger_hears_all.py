"""Whatever is asked of a box: what it puts out beyond its limits, the ledger finds.

The ledger is told of changes; the oracle listens to the output itself, between commands too. The
ledger may find more, such as what a waveform or a program could still reach, and never less.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kammerton_sim.evidence.audit import unsafe
from kammerton_sim.evidence.ledger import Ledger
from kammerton_sim.instruments.awg5208 import Awg5208, RunState
from kammerton_sim.instruments.gs200 import Gs200
from kammerton_sim.instruments.k33522b import Keysight33522b
from kammerton_sim.instruments.sgs100a import Sgs100a
from kammerton_sim.wire.instrument import ScpiInstrument

LEAST, MOST = -0.4, 1.0
"""On both sides of 0, and not alike."""

LEVELS = (-5, -0.5, -0.3, 0, 0.7, 1.2, 5)
SWITCHES = ("OUTP1 ON", "OUTP1 OFF", "*RST")


class Clock:
    def __init__(self) -> None:
        self.time = 1e9

    def __call__(self) -> float:
        return self.time


def every(header: str, *values: object) -> list[str]:
    return [f"{header} {value}" for value in values]


@dataclass(frozen=True)
class Case:
    """A box, how one listens to it (V or dBm, nothing while it is silent), and what it is asked."""

    box: Callable[[Clock], ScpiInstrument]
    heard: Callable[[ScpiInstrument], Iterable[float]]
    patterns: tuple[str, ...]
    setup: tuple[str, ...]
    commands: tuple[str, ...]


# ---------------------------------------------------------------- bias


def program(*steps: float) -> str:
    return f"PROG:EDIT:STAR;:SOUR:LEV {';LEV '.join(map(str, steps))};:PROG:EDIT:END"


BIAS = Case(
    lambda clock: Gs200("box", Ledger(clock), clock),
    lambda box: [box.volts()],
    ("*.level", "*.low", "*.high"),
    ("SOUR:RANG 10;:OUTP ON",),
    (
        *(s.replace("1 ", " ") for s in SWITCHES),
        *every("SOUR:LEV", *LEVELS),
        *every("SOUR:LEV:AUTO", 0.7, 5, -0.003, 0.0007),
        *every("SOUR:FUNC", "VOLT", "CURR"),
        *every("SOUR:PROT:VOLT", 1, 30),
        *(program(*steps) for steps in ((0,), (5,), (0.7, -5, 0), (5, 0.7), (0.003, 0))),
        *every("PROG:REP", 0, 1),
        *every("PROG:SLOP", 0, 2),
        *every("PROG:INT", 1, 3),
        *("PROG:RUN", "PROG:RUN", "PROG:RUN", "PROG:PAUS", "PROG:CONT", "PROG:HOLD"),
    ),
)


# ---------------------------------------------------------------- generator


def played(box: Awg5208) -> list[float]:
    output, offset = box.outputs()["box", 1], float(box.value("offset", 1))
    if not output.on:
        return []
    if box.state is not RunState.RUNNING:
        return [offset]
    waves = [segment.wave.samples for segment in output.prologue + output.loop]
    ends = [float(end) for samples in waves for end in (samples.min(), samples.max())]
    return [offset, *(offset + end * output.vpp / 2 for end in ends)]


def samples(name: str, low: float, high: float) -> str:
    data = np.linspace(low, high, 2400, dtype="<f4").tobytes()
    return f'WLIS:WAV:DATA "{name}",0,2400,#49600' + data.decode("latin-1")


GENERATOR = Case(
    lambda clock: Awg5208("box", Ledger(clock)),
    played,
    ("*.peak", "*.offset"),
    ('WLIS:WAV:NEW "a",2400', 'WLIS:WAV:NEW "b",2400', 'SLIS:SEQ:NEW "s",2,1',
     'SLIS:SEQ:STEP1:TASS1:WAV "s","a"', samples("a", -0.8, -0.8),
     'SOUR1:CASS:WAV "a";:SOUR1:VOLT 1.5;:OUTP1 ON'),
    (
        *SWITCHES,
        *every("OUTP:OFF", "ON", "OFF"),
        *every("SOUR1:VOLT", 0.5, 1.5),
        *every("SOUR1:VOLT:OFFS", -0.5, 0, 0.3, 2),
        *every("SOUR1:CASS:WAV", '"a"', '"b"'),
        'SOUR1:CASS:SEQ "s",1', "SOUR1:CASS:CLE", 'SLIS:SEQ:STEP2:TASS1:WAV "s","b"',
        *(samples(name, *span) for name in "ab" for span in ((0, 0), (-0.8, -0.8), (-0.1, 1))),
        *("AWGC:RUN", "AWGC:RUN", "AWGC:RUN", "AWGC:STOP"),
    ),
)  # fmt: skip


# ---------------------------------------------------------------- pulses, and a source


def low_and_high(box: Keysight33522b) -> list[float]:
    level = box.levels()["box.1"]
    return [level["low"], level["high"]] if level else []


PULSES = Case(
    lambda clock: Keysight33522b("box", Ledger(clock)),
    low_and_high,
    ("*.low", "*.high"),
    ("OUTP1 ON",),
    (
        *SWITCHES,
        *every("FUNC", "DC", "PULS", "SIN"),
        *every("VOLT", 0.1, 1, 5),
        *every("VOLT:OFFS", *LEVELS),
        *every("OUTP1:LOAD", 50, 1000, "INF"),
        *every("OUTP1:POL", "NORM", "INV"),
    ),
)  # fmt: skip


def carrier(box: Sgs100a) -> list[float]:
    return [box.carrier.power] if box.carrier.on else []


SOURCE = Case(
    lambda clock: Sgs100a("box", Ledger(clock)),
    carrier,
    ("*.power",),
    ("OUTP ON;:POW 5;:PULM:SOUR EXT",),
    (
        *(s.replace("1 ", " ") for s in SWITCHES),
        *every("POW", *LEVELS),
        *every("PULM:STAT", "ON", "OFF"),
        *every("PULM:SOUR", "INT", "EXT"),
        *every("PULM:POL", "NORM", "INV"),
    ),
)

CASES = {"bias": BIAS, "generator": GENERATOR, "pulses": PULSES, "source": SOURCE}


@pytest.mark.parametrize("name", CASES)
def test_what_is_heard_beyond_the_limits_is_in_the_ledger(name):
    case = CASES[name]

    @settings(max_examples=100, deadline=None)
    @given(st.lists(st.tuples(st.sampled_from(case.commands), st.sampled_from((0.02, 1.1, 9.0))),
                    min_size=8, max_size=20))  # fmt: skip
    def holds(steps: list[tuple[str, float]]) -> None:
        clock = Clock()
        box, heard = case.box(clock), []
        for command, seconds in [*((each, 0.0) for each in case.setup), *steps]:
            box.receive(command.encode("latin-1"))
            for _ in range(4):
                heard += [(clock.time, level) for level in case.heard(box)]
                clock.time += seconds / 4
        limits = dict.fromkeys(case.patterns, (LEAST, MOST))
        spans = unsafe(box.ledger.whole(), limits, box.power_on(), clock.time)
        for time, level in heard:
            if not LEAST - 1e-6 <= level <= MOST + 1e-6:
                assert any(s["from"] <= time <= s["to"] for s in spans), (time - 1e9, level)

    holds()
