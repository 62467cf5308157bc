"""Flux through the loop of one qubit: static, and in pulses from a generator channel."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from kammerton_sim.chip import ChipError, random_chip, read_chip, write_chip
from kammerton_sim.chip.flux import Flux
from kammerton_sim.chip.further import FurtherInstrument
from kammerton_sim.signals import Wave
from kammerton_sim.world import World, WorldError
from kammerton_sim.world.transmon import arc
from tests.unit.world.conftest import RATE, Lab, Loop, iq, still

LINE = Flux(0.3, 0.0, "awg1.5", 2.0, "bias1", 10.0)
CHANNEL = ("awg1", 5)
QUIET = {"slow_dephasing": 0.0, "t1": 1e-3, "t2": 1e-3}


def tunable(flux: Flux = LINE, **changes: object) -> Lab:
    return Lab(still(random_chip(1, 7), flux=flux, **(QUIET | changes)))


def expected(lab: Lab, quanta: float) -> tuple[float, float]:
    q = lab.chip.qubits[0]
    f01, anharmonicity = arc(q.f01, q.anharmonicity, lab.chip.qubits[0].flux.asymmetry)(quanta)
    return float(f01), float(anharmonicity)


# ---------------------------------------------------------------- static


def test_the_truth_is_that_of_the_present_flux():
    lab = tunable(replace(LINE, offset=0.05))
    assert lab.world.truth("q0.f01") == pytest.approx(expected(lab, 0.05)[0])
    lab.world.bias = {"bias1": 1.0, "another": 5.0}
    assert lab.world.truth("q0.f01") == pytest.approx(expected(lab, 0.15)[0])
    assert lab.world.truth("q0.anharmonicity") == pytest.approx(expected(lab, 0.15)[1])


def test_without_a_loop_nothing_moves():
    lab = Lab(still(random_chip(1, 7)))
    lab.world.bias = {"bias1": 1.0}
    assert lab.world.truth("q0.f01") == lab.chip.qubits[0].f01


def test_a_bias_moves_the_line_that_a_pulse_meets():
    lab = tunable()
    lab.world.bias = {"bias1": 0.8}
    pulse = lab.drag(lab.pi(), lab.offset(0))
    moved = lab.excited([{0: pulse}], reset=20_000_000)
    lab.world.bias = {}
    still_there = lab.excited([{0: pulse}], reset=20_000_000)
    assert moved[0] > 0.99
    assert still_there[0] < 0.2  # f01 is tens of MHz away now


# ---------------------------------------------------------------- pulses


def ramsey(lab: Lab, volts: float, length: int) -> float:
    """P1 after pi/2, a flux pulse of `volts` for `length` samples, pi/2 about x again."""
    half = lab.drag(lab.pi() / 2, lab.offset(0))
    gap = 40 + length
    second = half * np.exp(2j * np.pi * lab.offset(0) * (40 + gap) / RATE)
    line, loop = lab.wiring.drive["q0"], Loop()
    loop.step(iq(line.i, line.q, half), 40)
    pulse = np.zeros(gap, np.float32)
    pulse[20 : 20 + length] = volts * 2
    loop.step({CHANNEL: Wave("flux", pulse)}, gap)
    loop.step(iq(line.i, line.q, second), 40)
    tones = iq(lab.wiring.readout.i, lab.wiring.readout.q, lab.tone(), trigger=True)
    loop.step(tones, 2400)
    loop.silence(1000, 20_000)
    return float(lab.play(loop).populations[0, 0, 1])


@pytest.mark.parametrize(("volts", "length"), [(0.1, 30), (0.3, 17), (-0.3, 17), (0.45, 7)])
def test_a_flux_pulse_turns_the_phase_by_the_arc(volts, length):
    lab = tunable()
    shift = expected(lab, volts / LINE.volts)[0] - expected(lab, 0.0)[0]
    phase = 2 * np.pi * shift * length / RATE
    assert abs(phase) > 0.5
    assert ramsey(lab, volts, length) == pytest.approx((1 + np.cos(phase)) / 2, abs=0.02)


def test_a_detuned_qubit_is_not_driven():
    lab = tunable()
    line, loop = lab.wiring.drive["q0"], Loop()
    flux = Wave("flux", np.full(40, 0.6, np.float32))
    loop.step(iq(line.i, line.q, lab.drag(lab.pi(), lab.offset(0))) | {CHANNEL: flux}, 40)
    tones = iq(lab.wiring.readout.i, lab.wiring.readout.q, lab.tone(), trigger=True)
    loop.step(tones, 2400)
    loop.silence(1000, 20_000)
    assert lab.play(loop).populations[0, 0, 1] < 0.02


def test_repeated_pulses_go_through_maps_and_agree_with_few():
    """Five equal points are played by a map, fewer sample by sample."""
    lab = tunable(slow_dephasing=4e3)
    flux = {CHANNEL: Wave("flux", np.full(40, 0.02, np.float32))}
    line = lab.wiring.drive["q0"]
    pulse = iq(line.i, line.q, lab.drag(lab.pi(), lab.offset(0))) | flux

    def played(points: int) -> np.ndarray:
        loop = Loop()
        tones = iq(lab.wiring.readout.i, lab.wiring.readout.q, lab.tone(), trigger=True)
        for _ in range(points):
            loop.step(pulse, 40)
            loop.step(tones, 2400)
            loop.silence(1000, 20_000)
        return lab.play(loop).populations[:, 0, 1]

    assert played(6)[-1] == pytest.approx(played(1)[0], abs=1e-7)


def test_a_flux_channel_at_another_rate_is_an_error():
    lab = tunable()
    loop = lab.loop([{0: lab.drag(lab.pi(), lab.offset(0))}])
    outputs = loop.outputs()
    flux = Loop()
    flux.step({CHANNEL: Wave("flux", np.ones(40, np.float32))}, 40)
    outputs |= flux.outputs(sample_rate=2e9)
    with pytest.raises(WorldError, match="awg1 runs at 2e\\+09 samples/s"):
        lab.world.play(outputs, lab.carriers, 1280)


# ---------------------------------------------------------------- the file


@pytest.fixture
def written(tmp_path):
    path = tmp_path / "chip.toml"
    chip = still(random_chip(1, 7), flux=LINE)
    source = {"bias1": FurtherInstrument("yokogawa_gs200")}
    write_chip(replace(chip, wiring=replace(chip.wiring, instruments=source)), path)
    return path


def test_a_loop_survives_its_file(written):
    chip = read_chip(written)
    assert chip.qubits[0].flux == LINE
    assert World(chip).truth("q0.f01") == World(still(random_chip(1, 7), flux=LINE)).truth("q0.f01")


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("asymmetry = 0.3", "asymmetry = 1.0", "must be at least 0 and below 1"),
        ('line = "awg1.5"', 'line = "awg1.9"', "qubits.q0.flux.line: 'awg1.9' is not a channel"),
        ('line = "awg1.5"', 'line = "awg9.5"', "'awg9' is not among the generators"),
        ('line = "awg1.5"', 'line = "awg1.1"', "channel awg1.1 is used more than once"),
        ("volts_per_quantum_v = 2.0", "volts_per_quantum_v = 0.0", "must be above 0"),
        ("offset_quanta", "ofset_quanta", "did you mean 'offset_quanta'?"),
    ],
)
def test_a_bad_loop_is_refused_by_name(written, old, new, problem):
    text = written.read_text()
    assert old in text
    written.write_text(text.replace(old, new, 1))
    with pytest.raises(ChipError) as caught:
        read_chip(written)
    assert problem in str(caught.value)
