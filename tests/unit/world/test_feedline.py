"""Resonators, cable and digitizer, seen through the records."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

SAMPLES = 5120


def volts(lab, a, b):
    scale = 2 * lab.wiring.full_scale / 65536
    return ((a.astype(float) - 32768) + 1j * (b.astype(float) - 32768)) * scale / 2 * 2


def quiet(lab):
    """The same laboratory without amplifier noise."""
    return lab.__class__(replace(lab.chip, wiring=replace(lab.wiring, noise=0.0)))


def record(lab, tones, count=1, samples=SAMPLES, points=None, reset=300_000):
    points = points or [{}] * len(tones)
    playback = lab.play(lab.loop(points, tones, reset=reset), samples)
    a, b = np.empty((2, count * len(tones), samples), np.uint16)
    playback.records(0, a, b)
    return playback, volts(lab, a, b)


def demodulated(z, offset, delay, start, stop):
    n = np.arange(start, stop)
    return (z[..., n] * np.exp(-2j * np.pi * offset * (n - delay + 0.5) * 1e-9)).mean(-1)


def test_codes_are_twelve_bits_about_the_middle(one):
    playback = one.play(one.loop([{}]), 1280)
    a, b = np.empty((2, 20, 1280), np.uint16)
    playback.records(0, a, b)
    assert not ((a | b) & 0xF).any()
    assert np.diff(np.unique(a)).min() == 16
    assert abs(a.mean() - 32768) < 200


def test_steady_states_trace_the_declared_notch(one):
    """Frequency, full width, depth and asymmetry as in the chip, over +-5 linewidths."""
    lab = quiet(one)
    r = lab.chip.resonators[0]
    offsets = r.frequency - 7.0e9 + np.linspace(-5, 5, 41) * r.linewidth
    tones = [lab.padded(lab.square(0.3, f, 4800), 4800) for f in offsets]
    _, z = record(lab, tones, reset=100_000)
    delay = round(lab.wiring.delay * 1e9)
    seen = np.array([demodulated(z[k], f, delay, 3000, 4700) for k, f in enumerate(offsets)])
    s21 = seen / (0.3 * lab.wiring.gain)
    x = 2j * (offsets + 7.0e9 - r.frequency) / r.linewidth
    expected = 1 - r.visibility * np.exp(1j * r.asymmetry) / (1 + x)
    assert abs(s21 - expected).max() < 3e-3


def test_the_resonator_moves_by_chi(make_lab):
    lab = make_lab(1, 7, t1=1.0, t2=30e-6)
    lab = quiet(lab)
    r = lab.chip.resonators[0]
    offset = r.frequency - 7.0e9
    tone = lab.padded(lab.square(0.3, offset, 4800), 4800)
    pulse = lab.drag(lab.pi(), lab.offset(0))
    # with T1 = 1 s nothing is ever reset: the loop is in the middle between |0> and |1>
    playback, z = record(lab, [tone], 40, points=[{0: pulse}])
    states = playback.states[:, 0]
    delay = round(lab.wiring.delay * 1e9)
    s21 = demodulated(z, offset, delay, 3000, 4700) / (0.3 * lab.wiring.gain)
    for level in (0, 1):
        x = -2j * level * r.chi / r.linewidth
        expected = 1 - r.visibility * np.exp(1j * r.asymmetry) / (1 + x)
        assert (states == level).any()
        assert abs(s21[states == level] - expected).max() < 5e-3


def test_the_field_rings_up_in_the_declared_time(one):
    lab = quiet(one)
    r = lab.chip.resonators[0]
    offset = r.frequency - 7.0e9
    _, z = record(lab, [lab.padded(lab.square(0.3, offset, 4800), 4800)])
    delay = round(lab.wiring.delay * 1e9)
    n = np.arange(delay, delay + 800)
    turned = z[0, n] * np.exp(-2j * np.pi * offset * (n - delay + 0.5) * 1e-9)
    s21 = turned / (0.3 * lab.wiring.gain)
    ring = 1 - np.exp(-np.pi * r.linewidth * (n - delay + 0.5) * 1e-9)
    expected = 1 - r.visibility * np.exp(1j * r.asymmetry) * ring
    assert abs(s21 - expected).max() < 2e-2


def test_a_record_shows_the_tone_after_the_cable_delay(one):
    lab = quiet(one)
    _, z = record(lab, [lab.tone()])
    delay = round(lab.wiring.delay * 1e9)
    assert abs(z[0, :delay]).max() < 1e-9
    assert abs(z[0, delay]) > 0.005


def test_lower_sideband_and_swapped_digitizer_meet_no_resonator(one):
    lab = quiet(one)
    r = lab.chip.resonators[0]
    tones = [lab.padded(lab.square(0.1, s * (r.frequency - 7.0e9), 2400), 2400) for s in (1, -1)]
    _, z = record(lab, tones, samples=2432)
    upper, lower = (abs(z[k, 2000:2300]).mean() / (0.1 * abs(lab.wiring.gain)) for k in (0, 1))
    assert upper < 0.5
    assert lower == pytest.approx(1, abs=0.01)


def test_a_readout_source_that_is_off_leaves_noise(one):
    one.carriers["readout_lo"] = replace(one.carriers["readout_lo"], on=False)
    _, z = record(one, [one.tone()], 20)
    assert abs(z.mean()) < 5e-4
    assert z.real.std() == pytest.approx(one.wiring.noise, rel=0.01)


def test_every_trigger_meets_its_own_tone(three):
    lab = quiet(three)
    offsets = [(-250 + 4 * k) * 1e6 for k in range(25)]
    tones = [lab.padded(lab.square(0.1, f, 2000), 2400, at_end=False) for f in offsets]
    _, z = record(lab, tones, count=2, samples=2048)
    spectra = np.fft.fftfreq(2000, 1e-9)
    for k in range(50):
        peak = spectra[np.argmax(abs(np.fft.fft(z[k, 48:])))]
        assert peak == pytest.approx(offsets[k % 25], abs=0.6e6)


def test_a_second_play_of_the_same_tones_gives_the_same_fields(three):
    lab = quiet(three)
    tones = [lab.tone(0), lab.tone(1)]
    _, first = record(lab, tones)
    _, again = record(lab, tones)
    _, other = record(lab, tones[::-1])
    assert np.array_equal(first, again)
    assert np.array_equal(first, other[::-1])


def test_a_tone_that_sounds_before_the_trigger_has_filled_the_resonator(one):
    """The record begins in the steady state, not with a ring-up."""
    lab = quiet(one)
    r = lab.chip.resonators[0]
    offset = r.frequency - 7.0e9
    loop = lab.loop([{}], [lab.padded(lab.square(0.3, offset, 2400), 2400)])
    long = lab.square(0.3, offset, 4800)
    waves, n, repeats = loop.steps[0]
    i, q = lab.wiring.readout.i, lab.wiring.readout.q
    first = {c: replace(waves[c], samples=_part(long, c == q)[:2400], markers=None) for c in (i, q)}
    second = {c: replace(waves[c], samples=_part(long, c == q)[2400:]) for c in (i, q)}
    for wave in (*first.values(), *second.values()):
        wave._key = b""
    loop.steps[0:1] = [(first, 2400, 1), (second, n, repeats)]
    playback = lab.play(loop, 1280)
    a, b = np.empty((2, 1, 1280), np.uint16)
    playback.records(0, a, b)
    z = volts(lab, a, b)
    delay = round(lab.wiring.delay * 1e9)
    start = demodulated(z[0], offset, delay - 2400, 0, 100) / (0.3 * lab.wiring.gain)
    assert abs(start) == pytest.approx(abs(1 - r.visibility * np.exp(1j * r.asymmetry)), abs=5e-3)


def _part(volts, imaginary):
    return (2 * (volts.imag if imaginary else volts.real)).astype(np.float32)
