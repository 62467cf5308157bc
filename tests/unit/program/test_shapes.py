from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kammerton.model import ProgramError, Pulse
from kammerton.program import on_grid, pulse_samples
from kammerton.program.shapes import envelope, tones

RATE, CARRIER = 1e9, 4.8e9
PI = Pulse("drag", 0.2, 40e-9, 4.9e9, 0.0, 10e-9, -200e6)


@given(
    st.lists(st.floats(-0.5, 0.5), min_size=1, max_size=4),
    st.integers(1, 300),
    st.floats(-10, 10),
)
def test_tones_are_exponentials(cycles, count, first):
    turns = np.outer(cycles, np.arange(count) + first)
    expected = np.exp(2j * np.pi * turns)
    np.testing.assert_allclose(tones(np.array(cycles), count, first), expected, atol=1e-10)


def test_a_bell_ends_at_zero_and_peaks_at_one():
    fine = envelope(PI, 1e12).real
    assert fine[[0, -1]] == pytest.approx([0, 0], abs=1e-3)
    assert fine.max() == pytest.approx(1.0, abs=1e-6)
    np.testing.assert_allclose(fine, fine[::-1], atol=1e-12)


def test_the_quadrature_is_the_derivative_over_twice_the_anharmonicity():
    rate = 1e12
    shape = envelope(PI, rate)
    slope = np.gradient(shape.real) * rate
    expected = slope / (2 * 2 * np.pi * PI.anharmonicity)
    np.testing.assert_allclose(shape.imag[1:-1], expected[1:-1], atol=1e-6)
    assert shape.imag[shape.size // 4] < 0, "rising, and the anharmonicity is negative"


def test_a_gaussian_has_no_quadrature_and_a_square_is_flat():
    assert not envelope(replace(PI, shape="gaussian"), RATE).imag.any()
    assert (envelope(replace(PI, shape="square"), RATE) == 1).all()


def test_the_upper_sideband_turns_forward():
    """I = cos, Q = sin: Re[(I + jQ) exp(+j w_LO t)] is at carrier + 100 MHz."""
    samples = pulse_samples(replace(PI, shape="square", length=1e-6), CARRIER, RATE)
    spectrum = np.abs(np.fft.fft(samples))
    assert np.fft.fftfreq(samples.size, 1 / RATE)[spectrum.argmax()] == pytest.approx(100e6)
    assert samples[0] == pytest.approx(np.exp(2j * np.pi * 0.1 * 0.5))


def test_amplitude_and_phase_are_those_asked_for():
    one = pulse_samples(PI, CARRIER, RATE)
    other = pulse_samples(replace(PI, phase=np.pi / 2), CARRIER, RATE, amplitude=0.3)
    np.testing.assert_allclose(other, 0.3j * one, atol=1e-12)


@pytest.mark.parametrize("field", ["frequency", "phase"])
def test_one_pulse_cannot_be_swept(field):
    with pytest.raises(ProgramError, match=f"its {field} is swept"):
        pulse_samples(replace(PI, **{field: np.array([1.0, 2.0])}), CARRIER, RATE)


def test_the_grid_is_whole_samples():
    np.testing.assert_allclose(on_grid(np.array([0.0, 1.4e-9, 2.6e-9]), RATE), [0, 1e-9, 3e-9])
