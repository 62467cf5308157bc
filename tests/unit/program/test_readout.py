"""Weights give back each tone's complex amplitude, whatever the others do."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from kammerton.model import Program, ProgramError, Readout
from kammerton.program import compile
from kammerton.program.readout import spread_phases
from kammerton.program.shapes import tones

RATE, CARRIER, DELAY = 1e9, 7.0e9, 64


def reading(frequencies, points=1, length=1e-6, settle=0.0, **changes):
    """Read q0, q1, ... at these frequencies, nothing driven."""
    names = [f"q{n}" for n in range(len(frequencies))]
    words = {
        "name": "reading", "sequences": {},
        "readouts": {q: Readout(f, 0.05, length, settle)
                     for q, f in zip(names, frequencies, strict=True)},
        "axis": {q: np.arange(points, dtype=float) for q in names},
        "axis_name": "x", "axis_unit": "", "shots": 1, "reset": 20e-6,
    }  # fmt: skip
    return Program(**{**words, **changes})


def tones_played(compiled, lab):
    """Return the readout's I + jQ of each point, from the marker on, as far as a record reaches."""
    playlist = compiled.playlists["awg2"]
    i, q = (playlist.channels.index(n) for n in (5, 6))
    return [
        playlist.waves[s.waves[i]].volts.astype(float) + 1j * playlist.waves[s.waves[q]].volts
        for s in playlist.steps[1:]
        if playlist.waves[s.waves[i]].marker is not None
    ]


def delayed(sound, window):
    record = np.zeros(window.samples, complex)
    arrived = sound[: window.samples - DELAY]
    record[DELAY : DELAY + arrived.size] = arrived
    return record


def test_records_hold_the_delayed_tone(lab):
    window = compile(reading([6.81e9]), lab).window
    assert (window.samples, window.weights.shape) == (1152, (1, 1152, 1))
    assert not window.weights[0, :DELAY].any()
    assert window.weights[0, DELAY : DELAY + 1000].all()
    assert not window.weights[0, DELAY + 1000 :].any()
    assert compile(reading([6.81e9], length=100e-9), lab).window.samples == 256


def test_settling_is_left_out(lab):
    window = compile(reading([6.81e9], settle=300e-9), lab).window
    assert np.flatnonzero(np.abs(window.weights[0, :, 0]))[[0, -1]].tolist() == [364, 1063]


@pytest.mark.parametrize("settle", [0.0, 250e-9])
def test_tones_off_any_grid_do_not_leak_into_each_other(lab, settle):
    frequencies = [6.8103e9, 6.81537e9, 7.2021e9]
    compiled = compile(reading(frequencies, settle=settle), lab)
    (sound,) = tones_played(compiled, lab)
    z = delayed(sound, compiled.window) @ compiled.window.weights[0]
    np.testing.assert_allclose(z, 0.05, atol=2e-6)
    # another device on the second line only
    rest = compile(replace(reading(frequencies, settle=settle)), lab).window
    n = np.arange(rest.samples) - DELAY + 0.5
    other = np.where(n > 0, np.exp(2j * np.pi * (frequencies[1] - CARRIER) / RATE * n), 0)
    changed = (delayed(sound, rest) + 0.3j * other) @ rest.weights[0]
    np.testing.assert_allclose(changed[[0, 2]], 0.05, atol=3e-6)
    assert abs(changed[1] - 0.05) == pytest.approx(0.3, abs=1e-5)


def test_a_swept_tone_has_weights_and_a_wave_for_each_point(lab):
    steps = np.linspace(-3e6, 3e6, 7)
    frequencies = [6.81e9 + steps, 6.89e9 + 0.7 * steps]
    compiled = compile(reading(frequencies, points=7, length=4e-6, settle=2e-6), lab)
    assert compiled.window.weights.shape == (7, 4096, 2)
    assert compiled.window.weights.dtype == np.complex64
    sounds = tones_played(compiled, lab)
    assert len({sound.tobytes() for sound in sounds}) == 7
    for point, sound in enumerate(sounds):
        z = delayed(sound, compiled.window) @ compiled.window.weights[point]
        np.testing.assert_allclose(z, 0.05, atol=2e-6)


def test_one_swept_tone_beside_a_fixed_one(lab):
    compiled = compile(reading([6.81e9 + np.array([0.0, 1e6]), 6.9e9], points=2), lab)
    for point, sound in enumerate(tones_played(compiled, lab)):
        z = delayed(sound, compiled.window) @ compiled.window.weights[point]
        np.testing.assert_allclose(z, 0.05, atol=2e-6)


def test_the_phase_is_the_device_s_not_the_delay_s(lab):
    """A device that turns every tone by the same angle gives that angle for every tone."""
    compiled = compile(reading([6.81e9, 6.89e9, 7.12e9]), lab)
    (sound,) = tones_played(compiled, lab)
    z = (np.exp(0.7j) * delayed(sound, compiled.window)) @ compiled.window.weights[0]
    np.testing.assert_allclose(np.angle(z), 0.7, atol=1e-4)


@pytest.mark.parametrize(("count", "spacing", "share"), [(10, 40e6, 0.45), (10, 37.19e6, 0.75)])
def test_many_tones_have_a_low_peak(count, spacing, share):
    cycles = (np.arange(count) - count / 2) * spacing / RATE
    phases = spread_phases(cycles, np.full(count, 0.05), 1000)
    sound = np.exp(1j * phases) @ tones(cycles, 1000)
    assert max(np.abs(sound.real).max(), np.abs(sound.imag).max()) < share * count
    assert np.abs(tones(cycles, 1000).sum(axis=0).real).max() > 0.9 * count


def test_the_tones_sound_at_their_amplitude(lab):
    compiled = compile(reading([6.809e9, 6.889e9, 7.058e9]), lab)
    (sound,) = tones_played(compiled, lab)
    assert np.sqrt(np.mean(np.abs(sound[:1000]) ** 2)) == pytest.approx(0.05 * np.sqrt(3), rel=0.02)
    assert not sound[1000:].any()


def test_tones_too_close_are_named(lab):
    with pytest.raises(ProgramError, match=r"q0 and q1: their readout tones are too close"):
        compile(reading([6.81e9, 6.8101e9]), lab)


def test_nothing_left_to_integrate(lab):
    with pytest.raises(ProgramError, match="q0: settling takes 1000 of the 1000 samples"):
        compile(reading([6.81e9], settle=1e-6), lab)


def test_readouts_of_unlike_length(lab):
    program = reading([6.81e9, 6.89e9])
    program.readouts["q1"] = replace(program.readouts["q1"], length=2e-6)
    with pytest.raises(ProgramError, match=r"q1: a readout of 2e-06 s .* cannot share"):
        compile(program, lab)


@pytest.mark.parametrize(("length", "settle"), [(0.0, 0.0), (-1e-6, 0.0), (1e-6, -1e-7)])
def test_readouts_that_cannot_be_played(lab, length, settle):
    with pytest.raises(ProgramError, match=r"q0: a readout of .* cannot be played"):
        compile(reading([6.81e9], length=length, settle=settle), lab)


def test_records_must_fit_between_readouts(lab):
    late = replace(lab.feedlines["feed0"], delay=64e-6)
    far = replace(lab, feedlines={**lab.feedlines, "feed0": late})
    with pytest.raises(ProgramError) as caught:
        compile(reading([6.81e9], length=1e-6, reset=8e-6), far)
    assert str(caught.value) == (
        "a record of 65.024 µs does not fit between readouts that begin 9 µs apart: delay of "
        "feed0, 64 µs, or the readout, 1 µs, is too long, or the reset after it, 8 µs, is too short"
    )
    with pytest.raises(ProgramError, match=r"a record of 4\.096 µs does not fit"):
        compile(reading([6.81e9], length=4e-6, reset=0.0), lab)
