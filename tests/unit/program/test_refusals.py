"""Every reason not to play a program, with the target and the value in the message."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from kammerton.lab import Channel
from kammerton.model import Program, ProgramError, Pulse, Readout, Wait
from kammerton.program import compile

PI = Pulse("drag", 0.2, 40e-9, 4.9e9, 0.0, 10e-9, -200e6)


def program(*items, points=3, qubit="q0", **changes):
    words = {
        "name": "bad", "sequences": {qubit: items},
        "readouts": {qubit: Readout(6.81e9, 0.05, 1e-6)},
        "axis": {qubit: np.arange(points, dtype=float)},
        "axis_name": "x", "axis_unit": "", "shots": 1, "reset": 300e-6,
    }  # fmt: skip
    return Program(**{**words, **changes})


def two(first="q0", second="q1", **changes):
    readouts = {first: Readout(6.81e9, 0.05, 1e-6), second: Readout(6.89e9, 0.05, 1e-6)}
    axis = {first: np.arange(3.0), second: np.arange(3.0)}
    words = {"sequences": {first: (PI,), second: (PI,)}, "readouts": readouts, "axis": axis}
    return program(**{**words, **changes})


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"frequency": 5.3e9}, r"q0: item 1 of its sequence, frequency of 5\.3 GHz .* drive_lo"),
        ({"frequency": np.array([4.9e9, 4.3e9, 4.9e9])}, r"frequency of 4\.3 GHz .* 400 MHz"),
        ({"amplitude": np.array([0.1, np.nan, 0.1])}, "q0: item 1 .* amplitude is not finite"),
        ({"amplitude": np.inf}, "amplitude is not finite"),
        ({"phase": np.zeros(4)}, "phase has 4 values, but the sweep has 3 points"),
        ({"phase": np.zeros((3, 1))}, "phase has 3 values, but the sweep has 3 points"),
        ({"length": 0.3e-9}, "length of 3e-10 s is less than one sample"),
        ({"length": np.full(3, 40e-9)}, "q0: item 1 of its sequence, length cannot be swept"),
        ({"length": np.nan}, "length of nan is not finite"),
        ({"length": -40e-9}, "length of -4e-08 s is negative"),
        ({"sigma": 0.0}, "sigma of 0 s is not positive"),
        ({"sigma": np.nan}, "sigma of nan s is not positive"),
        ({"anharmonicity": 0.0}, "anharmonicity of 0.0 Hz cannot shape a drag"),
        ({"anharmonicity": np.nan}, "anharmonicity of nan Hz cannot shape a drag"),
        ({"shape": "triangle"}, 'shape "triangle" is not drag, gaussian or square'),
    ],
)
def test_pulses_that_cannot_be_played(lab, changes, words):
    with pytest.raises(ProgramError, match=words):
        compile(program(replace(PI, **changes)), lab)


@pytest.mark.parametrize(
    ("duration", "words"),
    [
        (-1e-9, "q0: item 2 of its sequence, duration of -1e-09 s is negative"),
        (np.array([0.0, 1e-6, -2e-6]), "duration of -2e-06 s is negative"),
        (np.array([0.0, 1e-6]), "duration has 2 values, but the sweep has 3 points"),
        (np.array([0.0, np.nan, 1e-6]), "duration is not finite"),
    ],
)
def test_waits_that_cannot_be_kept(lab, duration, words):
    with pytest.raises(ProgramError, match=words):
        compile(program(PI, Wait(duration)), lab)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"readouts": {}}, "^the program reads nothing out"),
        (
            {"readouts": {"q9": Readout(6.81e9, 0.05, 1e-6)}},
            "q9 is no qubit of bench, which has q0",
        ),
        ({"sequences": {"q1": (PI,)}}, "q1 has a sequence but no readout"),
        ({"axis": {"q1": np.arange(3.0)}}, "q0 has no axis"),
        ({"axis": {"q0": np.zeros((3, 2))}}, r"q0: its axis has shape \(3, 2\)"),
        ({"axis": {"q0": np.zeros(0)}}, r"q0: its axis has shape \(0,\)"),
        ({"reset": -1e-6}, "^reset of -1e-06 s is negative"),
        ({"reset": np.nan}, "^reset of nan is not finite"),
        ({"readouts": {"q0": Readout(7.5e9, 0.05, 1e-6)}}, r"q0: readout frequency of 7\.5 GHz"),
        ({"readouts": {"q0": Readout(np.ones(2) * 6.8e9, 0.05, 1e-6)}}, "frequency has 2 values"),
        (
            {"readouts": {"q0": Readout(6.81e9, np.nan, 1e-6)}},
            "readout amplitude of nan is not finite",
        ),
        (
            {"readouts": {"q0": Readout(6.81e9, np.ones(3), 1e-6)}},
            "readout amplitude cannot be swept",
        ),
    ],
)
def test_programs_that_make_no_sense(lab, changes, words):
    with pytest.raises(ProgramError, match=words):
        compile(program(PI, **changes), lab)


def test_axes_of_unlike_length(lab):
    axis = {"q0": np.arange(3.0), "q1": np.arange(4.0)}
    with pytest.raises(ProgramError, match=r"q1: its axis has shape \(4,\), .* 3 points"):
        compile(two(axis=axis), lab)


def test_two_feedlines(lab):
    with pytest.raises(ProgramError, match="q0 is read on feed0 and q3 on feed1"):
        compile(two(second="q3"), lab)


def test_two_targets_on_one_channel(rewired):
    wrong = rewired("q1", i=Channel("awg1", 2))
    with pytest.raises(ProgramError, match=r"q0 and q1 both play on awg1\.2"):
        compile(two(), wrong)


def test_a_drive_line_on_the_feedline(rewired):
    wrong = rewired("q1", q=Channel("awg2", 6))
    with pytest.raises(ProgramError, match=r"q1 and the readout on feed0 both play on awg2\.6"):
        compile(two(), wrong)


def test_one_source_cannot_have_two_carriers(rewired):
    wrong = rewired("q1", carrier=4.85e9)
    with pytest.raises(ProgramError, match=r"drive_lo cannot give 4\.85 GHz at 13 dBm for awg1\.3"):
        compile(two(), wrong)


def test_one_source_cannot_have_two_powers(rewired):
    wrong = rewired("q1", power=10.0)
    with pytest.raises(ProgramError, match=r"drive_lo cannot give 4\.8 GHz at 10 dBm"):
        compile(two(), wrong)


def test_a_generator_that_is_not_started(rewired):
    stray = rewired("q1", i=Channel("awg7", 1))
    with pytest.raises(ProgramError, match="awg7 is neither the master awg1 nor one of its"):
        compile(two(), stray)


def test_the_go_marker_cannot_trigger_the_digitizer(lab):
    feed = replace(lab.feedlines["feed0"], trigger=lab.sync.go)
    wrong = replace(lab, feedlines={**lab.feedlines, "feed0": feed})
    with pytest.raises(ProgramError, match=r"marker 1 of awg1\.1 starts the generators"):
        compile(program(PI), wrong)


def test_more_steps_than_the_generators_have(lab):
    points = 5000
    with pytest.raises(
        ProgramError, match=r"^the program takes 2\d{4} steps; the generators have 16383"
    ):
        compile(program(PI, Wait(5e-6 * np.ones(points)), points=points), lab)


def test_a_silence_beyond_counting(lab):
    with pytest.raises(ProgramError, match="longer than the generators can keep"):
        compile(program(PI, reset=3.0), lab)
