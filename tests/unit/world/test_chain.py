"""Amplifier and receiver, seen through the records."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from kammerton_sim.chip import ChipError, random_chip, read_chip, write_chip
from kammerton_sim.chip.imperfections import Amplifier, Digitizer, Receiver
from tests.unit.world.conftest import Lab, still

SAMPLES = 2304
FAR = 111e6  # Hz from the carrier, far from the resonator


def lab_with(amplifier=None, receiver=None, noise=0.0) -> Lab:
    chip = still(random_chip(1, 7))
    named = {
        "amplifiers": {"feed0": amplifier} if amplifier else {},
        "receivers": {"feed0": receiver} if receiver else {},
    }
    return Lab(replace(chip, wiring=replace(chip.wiring, noise=noise, **named)))


def record(lab, tones, count=1):
    """Volts (count, K, N) at the converter, of tones that sound throughout."""
    playback = lab.play(lab.loop([{}] * len(tones), tones, reset=20_000), SAMPLES)
    a, b = np.empty((2, count * len(tones), SAMPLES), np.uint16)
    playback.records(0, a, b)
    scale = lab.wiring.full_scale / 32768
    z = (a.astype(float) - 32768 + 1j * (b.astype(float) - 32768)) * scale
    return z.reshape(count, len(tones), SAMPLES)[..., 300:2300]


def tone(lab, volts, offset=FAR):
    return lab.padded(lab.square(volts, offset, 2400), 2400)


def line(z, offset):
    """Amplitude of a line in 2000 samples, offset a multiple of 0.5 MHz."""
    n = np.arange(z.shape[-1])
    return abs((z * np.exp(-2j * np.pi * offset * 1e-9 * n)).mean(-1))


@pytest.mark.parametrize("sharpness", [1.0, 3.0])
def test_an_amplifier_saturates_as_rapp_says(sharpness):
    lab = lab_with(Amplifier(0.0, 87.0, saturation=0.05, sharpness=sharpness))
    volts = np.array([0.01, 0.1, 0.3, 0.48])
    z = record(lab, [tone(lab, v) for v in volts])[0]
    ideal = volts * abs(lab.wiring.gain)
    expected = ideal / (1 + (ideal / 0.05) ** (2 * sharpness)) ** (0.5 / sharpness)
    assert line(z, FAR) == pytest.approx(expected, rel=0.01)
    assert expected[-1] < 0.05 < ideal[-1]


def test_two_tones_in_saturation_make_a_third():
    """Intermodulation at 2 f1 - f2, absent below."""
    lab = lab_with(Amplifier(0.0, 87.0, saturation=0.05))
    weak, strong = (tone(lab, v) + tone(lab, v, FAR + 10e6) for v in (0.004, 0.15))
    z = record(lab, [weak, strong])[0]
    third = line(z, FAR - 10e6) / line(z, FAR)
    assert third[0] < 2e-3
    assert third[1] > 0.05


def test_noise_follows_the_noise_temperature():
    """4 K with 87 dB of gain in the band of the samples: 37 mV in each quadrature."""
    lab = lab_with(Amplifier(4.0, 87.0), noise=0.02)
    z = record(lab, [np.zeros(2400, complex) + 1e-9], 200)
    expected = math.sqrt(1.380649e-23 * 4.0 * 50 * 10**8.7 * 1e9 + 0.02**2)
    assert z.real.std() == pytest.approx(expected, rel=0.01)
    assert z.imag.std() == pytest.approx(expected, rel=0.01)


def test_saturation_compresses_the_noise_with_the_tone():
    noisy = lab_with(Amplifier(1.0, 87.0, saturation=0.03))
    z = record(noisy, [tone(noisy, 0.48)], 50)
    along = z * np.exp(-1j * np.angle(z.mean(axis=0, keepdims=True)))
    assert along.real.std() < 0.25 * along.imag.std()


def test_a_receiver_shows_image_and_offsets():
    errors = Receiver(0.004, -0.007, gain_error=0.04, phase_error=0.05)
    lab = lab_with(receiver=errors)
    z = record(lab, [tone(lab, 0.5)])[0, 0]
    assert z.real.mean() == pytest.approx(0.004, abs=1e-4)
    assert z.imag.mean() == pytest.approx(-0.007, abs=1e-4)
    ratio = line(z, -FAR) / line(z, FAR)
    assert ratio == pytest.approx(abs(0.04 - 0.05j) / 2, rel=0.03)


def test_the_converter_clips_what_saturation_lets_through():
    lab = lab_with(Amplifier(0.0, 87.0, saturation=5.0))
    top = 0.1
    lab = Lab(replace(lab.chip, wiring=replace(lab.wiring, full_scale=top)))
    z = record(lab, [tone(lab, 0.3), tone(lab, 0.48)])[0]
    assert abs(z[0].real).max() < 0.99 * top
    assert z[1].real.max() == pytest.approx(top, rel=1e-3)
    assert z[1].real.min() == pytest.approx(-top, rel=1e-3)


@pytest.mark.parametrize("bits", [7.0, 9.0])
def test_effective_bits_are_those_of_the_ideal_converter_that_errs_as_much(bits):
    lab = lab_with(noise=0.0)
    wiring = replace(lab.wiring, digitizers={"feed0": Digitizer(bits)})
    lab = Lab(replace(lab.chip, wiring=wiring))
    z = record(lab, [np.zeros(2400, complex) + 1e-9], 50)
    ideal = 2 * lab.wiring.full_scale / 2**bits / math.sqrt(12)
    assert z.real.std() == pytest.approx(ideal, rel=0.02)
    assert z.imag.std() == pytest.approx(ideal, rel=0.02)


def test_a_converter_without_further_noise_rounds_to_its_twelve_bits():
    lab = lab_with(noise=0.0)
    wiring = replace(lab.wiring, digitizers={"feed0": Digitizer(12.0)})
    bare, ideal = (
        record(each, [tone(each, 0.1)]) for each in (lab, Lab(replace(lab.chip, wiring=wiring)))
    )
    assert np.array_equal(bare, ideal)
    step = 2 * lab.wiring.full_scale / 4096
    assert bare.real / step == pytest.approx(np.rint(bare.real / step), abs=1e-6)


def test_a_perfect_chain_leaves_records_as_they_were():
    plain, ideal = lab_with(noise=0.03), lab_with(Amplifier(0.0, 87.0), Receiver(), noise=0.03)
    assert np.array_equal(*(record(lab, [tone(lab, 0.1)], 3) for lab in (plain, ideal)))


def test_chains_survive_chip_toml_and_name_a_feedline(tmp_path):
    path = tmp_path / "chip.toml"
    lab = lab_with(Amplifier(3.0, 80.0), Receiver(0.1))
    lab.chip = replace(lab.chip, wiring=replace(lab.wiring, digitizers={"feed0": Digitizer(9.0)}))
    write_chip(lab.chip, path)
    again = read_chip(path).wiring
    assert again.amplifiers == lab.wiring.amplifiers
    assert again.receivers == lab.wiring.receivers
    assert again.digitizers == {"feed0": Digitizer(9.0)}
    path.write_text(path.read_text().replace('amplifiers = { "feed0"', 'amplifiers = { "feed7"'))
    with pytest.raises(ChipError, match=r"wiring\.amplifiers: there is no line 'feed7'"):
        read_chip(path)
