"""What a network analyzer sees: notch, thermal average, delay, decoys, noise."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from kammerton_sim.chip import Photons, PunchOut, ResonatorTruth, random_chip
from kammerton_sim.chip.imperfections import Amplifier, Ripple
from kammerton_sim.world import World
from kammerton_sim.world.dispersive import pulls

VOLTS = 0.1


def world(visibility: float = 0.8, floor: float = 0.035) -> World:
    chip = random_chip(1, 3)
    qubit = replace(chip.qubits[0], floor_temperature=floor)
    resonator = replace(chip.resonators[0], asymmetry=0.0, visibility=visibility)
    wiring = replace(chip.wiring, gain=0.5, delay=0.0)
    return World(replace(chip, qubits=(qubit,), resonators=(resonator,), wiring=wiring))


def s21(world: World, hertz: list[float]) -> np.ndarray:
    return world.scattering(np.array(hertz), VOLTS, 1e3)[0]


def test_a_cold_qubit_leaves_the_notch_of_its_ground_state():
    cold = world(visibility=0.8, floor=0.001)
    cold.temperature = 0.001
    place, width = cold.chip.resonators[0].frequency, cold.chip.resonators[0].linewidth
    found = s21(cold, [place, place + width / 2, place + 1e9])
    assert found[0] == pytest.approx(0.5 * (1 - 0.8), rel=1e-4)
    assert found[1] == pytest.approx(0.5 * (1 - 0.8 / (1 + 1j)), rel=1e-4)
    assert abs(found[2]) == pytest.approx(0.5, rel=1e-3)


def test_a_warm_qubit_averages_the_notches_of_its_states():
    warm = world(visibility=0.8)
    warm.temperature = 0.1
    r, qubit = warm.chip.resonators[0], warm.qubit(0)
    ratio = np.exp(-6.62607015e-34 * qubit.f01 / (1.380649e-23 * qubit.temperature))
    levels = np.array([1, ratio, ratio**2]) / (1 + ratio + ratio**2)
    hertz = r.frequency + pulls(warm.chip.qubits[0], r)
    expected = [
        0.5 * (1 - sum(p * 0.8 / (1 + 2j * (f - hertz[n]) / r.linewidth)
                       for n, p in enumerate(levels)))
        for f in hertz
    ]  # fmt: skip
    assert np.allclose(s21(warm, list(hertz)), expected, rtol=1e-9)
    assert 0.03 < levels[1] < 0.15  # the average was worth taking


def test_a_delay_turns_the_phase_backwards():
    chip = random_chip(1, 3)
    delayed = World(replace(chip, wiring=replace(chip.wiring, gain=1.0, delay=50e-9)))
    near, far = s21(delayed, [4e9, 4.001e9])
    assert np.angle(far / near) == pytest.approx(-2 * np.pi * 1e6 * 50e-9, abs=1e-3)


def test_a_decoy_is_seen():
    seen = world(visibility=0.8)
    decoy = ResonatorTruth("d0", 6.5e9, -1e6, 1e6, 0.9, 0.0)
    take_off = seen.decoy(decoy)
    assert abs(s21(seen, [6.5e9])[0]) == pytest.approx(0.05, rel=0.02)
    take_off()
    assert abs(s21(seen, [6.5e9])[0]) == pytest.approx(0.5, rel=0.02)


def test_noise_falls_with_power_and_rises_with_bandwidth():
    here = world()
    hertz = np.array([7e9])
    noise = here.scattering(hertz, VOLTS, 1e3)[1]
    assert noise == pytest.approx(here.chip.wiring.noise * (1e3 * 1e-9) ** 0.5 / VOLTS)
    assert here.scattering(hertz, 10 * VOLTS, 1e3)[1] == pytest.approx(noise / 10)
    assert here.scattering(hertz, VOLTS, 1e5)[1] == pytest.approx(noise * 10)


def flawed(resonator: dict[str, object], **wiring: object) -> World:
    cold = world(visibility=0.8, floor=0.001)
    changed = replace(cold.chip.resonators[0], **resonator)
    chip = replace(cold.chip, wiring=replace(cold.chip.wiring, **wiring), resonators=(changed,))
    found = World(chip)
    found.temperature = 0.001
    return found


def test_power_punches_the_resonator_out():
    """The dip moves from the dressed to the bare frequency between two powers."""
    hot = flawed({"photons": Photons(2e5), "punch_out": PunchOut()})
    dressed, bare = hot.chip.resonators[0].frequency, hot.truth("r0.bare_frequency")
    hertz = np.linspace(bare - 3e6, dressed + 3e6, 301)
    low, high = (abs(hot.scattering(hertz, v, 1e3)[0]) for v in (1e-3, 0.45))
    assert hertz[np.argmin(low)] == pytest.approx(dressed, abs=0.1e6)
    assert hertz[np.argmin(high)] == pytest.approx(bare, abs=0.3e6)


def test_the_analyzer_sees_the_standing_wave_and_the_amplifier():
    far = [4.0e9, 4.013e9]
    rippled = flawed({}, ripples={"feed0": Ripple(0.1, 20e-9)})
    ratio = s21(rippled, far) / s21(flawed({}), far)
    assert ratio == pytest.approx(1 + 0.1 * np.exp(-2j * np.pi * np.array(far) * 20e-9), rel=1e-9)
    between = flawed({}, ripples={"feed0": Ripple(0.1, 20.3e-9)})  # as records have it: 20 ns
    assert s21(between, far) == pytest.approx(s21(rippled, far), rel=1e-9)
    strained = flawed({}, amplifiers={"feed0": Amplifier(0.0, 80.0, 0.05)})
    assert abs(s21(strained, far)) == pytest.approx(0.5 / np.sqrt(2), rel=1e-3)
