"""The step response of a flux line."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from kammerton_sim.chip import ChipError, random_chip, read_chip, write_chip
from kammerton_sim.chip.flux import Flux
from kammerton_sim.chip.imperfections import FluxCrosstalk, Settling
from kammerton_sim.signals import Wave
from kammerton_sim.world.flux_distortion import settled
from kammerton_sim.world.transmon import arc
from tests.unit.world.conftest import VPP, Lab, still

TERMS = (Settling("q0", -0.04, 30e-9), Settling("q0", 0.02, 2e-6))
STEP = 1e-9


def response(t):
    shape = sum(term.amplitude * np.exp(-t / term.time) for term in TERMS)
    return np.where(t >= 0, 1 + shape, 0.0)


def test_a_step_is_followed_by_the_declared_exponentials():
    volts = np.full(5000, 0.3)
    arrived = settled(volts, STEP, TERMS)
    assert arrived == pytest.approx(0.3 * response(np.arange(5000) * STEP), abs=1e-12)


def test_any_waveform_is_the_sum_of_its_steps():
    volts = np.random.default_rng(1).normal(size=300)
    t = np.arange(300) * STEP
    steps = np.diff(volts, prepend=0.0)
    expected = sum(jump * response(t - n * STEP) for n, jump in enumerate(steps))
    assert settled(volts, STEP, TERMS) == pytest.approx(expected, abs=1e-12)


def test_a_line_without_exponentials_is_plain():
    volts = np.linspace(-1, 1, 7)
    assert np.array_equal(settled(volts, STEP, ()), volts)


# ---------------------------------------------------------------- on a chip

FLUXES = {
    "q0": Flux(0.3, 0.15, "awg1.7", 2.0, "bias0"),
    "q1": Flux(0.3, 0.1, "awg1.8", 1.5, "bias1"),
}


def lab_with(**flaws):
    chip = still(random_chip(2, 3), slow_dephasing=0.0, t1=1e-3, t2=1e-3)
    qubits = tuple(replace(q, flux=FLUXES[q.name]) for q in chip.qubits)
    return Lab(replace(chip, qubits=qubits, wiring=replace(chip.wiring, **flaws)))


def fringe(lab, flux, wait=400, pause=0, channel=("awg1", 7)):
    """Complex Ramsey fringe of q0 of `wait` samples that begins `pause` after a flux pulse."""
    offset = lab.offset(0)
    half = lab.pi() / 2
    out = []
    size = flux.size + pause + 80 + wait
    for n in range(4):
        turned = 2 * np.pi * offset * (40 + wait) * 1e-9 + n * np.pi / 2
        parts = [np.zeros(flux.size + pause), lab.drag(half, offset), np.zeros(wait)]
        pulse = np.concatenate([*parts, lab.drag(half, offset, phase=turned)])
        loop = lab.loop([{0: pulse}], reset=10_000_000)
        waves, length, repeats = loop.steps[0]
        samples = np.zeros(size, np.float32)
        samples[: flux.size] = flux * 2 / VPP
        loop.steps[0] = {**waves, channel: Wave("flux", samples)}, length, repeats
        loop.used.add(channel)
        out.append(lab.play(loop).populations[0, 0, 1])
    return (out[0] - out[2]) + 1j * (out[1] - out[3])


@pytest.mark.parametrize("pause", [20, 200])
def test_a_qubit_still_moves_after_a_flux_pulse(pause):
    """Phase of a Ramsey after the pulse = integral of what the exponentials leave of f01."""
    lab = lab_with(flux_settling=(Settling("q0", 0.05, 150e-9),))
    pulse = np.full(2000, 0.04)
    seen = np.angle(fringe(lab, pulse, pause=pause) / fringe(lab, 0 * pulse, pause=pause))
    t = (pause + 20 + np.arange(440)) * STEP
    left = -0.04 / 2.0 * 0.05 * np.exp(-t / 150e-9)  # the step down, in quanta
    q = lab.chip.qubits[0]
    curve = arc(q.f01, q.anharmonicity, 0.3)
    expected = 2 * np.pi * (curve(0.15 + left)[:, 0] - curve(0.15)[0]).sum() * STEP
    assert 0.1 < abs(expected) < 3
    assert seen == pytest.approx(expected, rel=0.05, abs=0.01)
    ideal = lab_with()
    same = np.angle(fringe(ideal, pulse, pause=pause) / fringe(ideal, 0 * pulse, pause=pause))
    assert abs(same) < 0.01


def test_flux_pulses_of_another_line_are_heard():
    lab = lab_with(flux_crosstalk=(FluxCrosstalk("q1", "q0", 0.03),))
    own = fringe(lab_with(), np.full(40, 0.0))
    volts = 0.2
    heard = ramsey_under(lab, volts, ("awg1", 8))
    direct = ramsey_under(lab_with(), volts / 1.5 * 0.03 * 2.0, ("awg1", 7))
    assert abs(own) > 0.9
    assert heard == pytest.approx(direct, abs=0.03)  # 16 bits
    assert abs(np.angle(heard / ramsey_under(lab, 0.0, ("awg1", 8)))) > 0.3


def ramsey_under(lab, volts, channel):
    """Fringe while a channel holds a voltage, from before to after."""
    flux = np.full(600, volts)
    offset, half, wait = lab.offset(0), lab.pi() / 2, 400
    out = []
    for n in range(4):
        turned = 2 * np.pi * offset * (40 + wait) * 1e-9 + n * np.pi / 2
        parts = [np.zeros(50), lab.drag(half, offset), np.zeros(wait)]
        pulse = np.concatenate([*parts, lab.drag(half, offset, phase=turned), np.zeros(70)])
        loop = lab.loop([{0: pulse}], reset=10_000_000)
        waves, length, repeats = loop.steps[0]
        samples = (flux * 2 / VPP).astype(np.float32)
        samples[:95] = samples[490:] = 0
        loop.steps[0] = {**waves, channel: Wave("flux", samples)}, length, repeats
        loop.used.add(channel)
        out.append(lab.play(loop).populations[0, 0, 1])
    return (out[0] - out[2]) + 1j * (out[1] - out[3])


def test_static_bias_is_heard():
    lab = lab_with(flux_crosstalk=(FluxCrosstalk("q1", "q0", -0.02),))
    lab.world.bias = {"bias0": 0.01, "bias1": 0.2}
    q = lab.chip.qubits[0]
    expected = arc(q.f01, q.anharmonicity, 0.3)(0.15 + 0.01 - 0.02 * 0.2)[0]
    assert lab.world.truth("q0.f01") == pytest.approx(float(expected), abs=1)


def test_flux_flaws_survive_chip_toml_and_need_a_loop(tmp_path):
    path = tmp_path / "chip.toml"
    flaws = {
        "flux_settling": (Settling("q0", -0.02, 1e-6),),
        "flux_crosstalk": (FluxCrosstalk("q0", "q1", 0.01),),
    }
    chip = lab_with(**flaws).chip
    qubits = tuple(replace(q, flux=replace(FLUXES[q.name], bias="")) for q in chip.qubits)
    write_chip(replace(chip, qubits=qubits), path)
    again = read_chip(path).wiring
    assert {name: getattr(again, name) for name in flaws} == flaws
    text = path.read_text().replace('line = "q0", amp', 'line = "q5", amp')
    path.write_text(text.replace('to = "q1"', 'to = "feed0"'))
    with pytest.raises(ChipError) as caught:
        read_chip(path)
    assert all(problem.startswith("line ") for problem in caught.value.problems)
    assert tuple(problem.split(": ", 1)[1] for problem in caught.value.problems) == (
        "wiring.flux_settling: 'q5' has no loop",
        "wiring.flux_crosstalk: 'feed0' has no loop",
    )
