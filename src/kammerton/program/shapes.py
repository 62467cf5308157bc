"""Envelopes and tones: what a pulse is, sample by sample, at the generator's output.

A pulse is s(t) = I + jQ = (g + j g' / (2 alpha)) exp(j (2 pi f_IF t + phase)), alpha the
anharmonicity in rad/s; the quadrature only for "drag" (Motzoi et al., PRL 103, 110501). The mixer
makes Re[s exp(+j 2 pi f_LO t)] of it: the upper sideband, I = cos, Q = sin.

Samples are taken in the middle of the time for which the generator holds them, (n + 1/2)/f_s.
Nothing makes up for the droop of that hold, sinc(f_IF/f_s): an amplitude is defined at the
generator's output, and the Rabi experiment finds what the qubit makes of it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kammerton.model import ProgramError, Pulse
from kammerton.model.program import Swept
from kammerton.program.grid import FloatArray, samples_of

ComplexArray = NDArray[np.complex128]
STRIDE = 64


def envelope(pulse: Pulse, sample_rate: float) -> ComplexArray:
    """Return the envelope (n,) of unit peak: g in the real part, the DRAG quadrature beside it."""
    count = int(samples_of(pulse.length, sample_rate))
    if pulse.shape == "square":
        return np.ones(count, dtype=np.complex128)
    t = (np.arange(count) + 0.5 - count / 2) / sample_rate
    pedestal = np.exp(-0.5 * (count / sample_rate / 2 / pulse.sigma) ** 2)
    bell = np.exp(-0.5 * (t / pulse.sigma) ** 2)
    rise = (bell - pedestal) / (1 - pedestal)
    if pulse.shape == "gaussian":
        return np.asarray(rise, dtype=np.complex128)
    slope = -t / pulse.sigma**2 * bell / (1 - pedestal)
    quadrature: FloatArray = slope / (4 * np.pi * pulse.anharmonicity)
    drag: ComplexArray = rise + 1j * quadrature
    return drag


def tones(cycles: FloatArray, count: int, first: float = 0.5) -> ComplexArray:
    """Return exp(2 pi j cycles (n + first)) for n = 0 .. count - 1, shape cycles.shape + (count,).

    cycles: turns per sample. One product of two short tables instead of an exponential a sample.
    """
    starts = first + STRIDE * np.arange(-(-count // STRIDE))
    coarse = np.exp(2j * np.pi * cycles[..., None] * starts)
    fine = np.exp(2j * np.pi * cycles[..., None] * np.arange(STRIDE))
    table: ComplexArray = coarse[..., :, None] * fine[..., None, :]
    return table.reshape(*cycles.shape, starts.size * STRIDE)[..., :count]


def pulse_samples(
    pulse: Pulse, carrier: float, sample_rate: float, amplitude: float = 1.0
) -> ComplexArray:
    """Return I + jQ (n,) in volts of a pulse that begins its sequence, as `compile` plays it.

    carrier: Hz, of the line's source. amplitude: V, the peak of g; it stands in for the pulse's
    own, which may be swept.

    Raises
    ------
    ProgramError
        Frequency or phase of the pulse is swept.
    """
    frequency, phase = (_one(pulse.frequency, "frequency"), _one(pulse.phase, "phase"))
    shape = envelope(pulse, sample_rate)
    turns = np.asarray((frequency - carrier) / sample_rate)
    volts: ComplexArray = amplitude * shape * np.exp(1j * phase) * tones(turns, shape.size)
    return volts


def _one(value: Swept, name: str) -> float:
    if np.size(value) != 1:
        raise ProgramError(f"samples of one pulse were asked for, but its {name} is swept")
    return float(np.asarray(value).reshape(()))
