"""A digitizer whose sample clock is not locked to the generators slides past their triggers.

A record begins with the first sample after its trigger: between none and one sample late, and a
little later with every record. Two samples at 1 GS/s are 1 ns apart, 0.6 rad of a tone at 100 MHz.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kammerton_sim.instruments.rig import Codes

SAMPLE_RATE = 1e9
_MIDDLE = 32768
_TWELVE_BITS = np.uint16(0xFFF0)
_ROWS = 256  # at a time: their transforms are eight times as large as they are


def late(phase: float, astray: float, times: NDArray[np.float64]) -> NDArray[np.float64]:
    """Samples, 0 to 1, by which records come late that are triggered at `times` s.

    phase: of the record at 0 s. astray: by how much of itself the sample rate is wrong.
    """
    return np.asarray((phase + astray * SAMPLE_RATE * times) % 1.0)


def slid(target: Codes, samples: NDArray[np.float64]) -> None:
    """Sample records (2, R, N) anew, so many samples (R,) later; their ends join."""
    turns = 2j * np.pi * np.fft.fftfreq(target.shape[2])
    for start in range(0, target.shape[1], _ROWS):
        rows = slice(start, start + _ROWS)
        a, b = target[:, rows].astype(np.float32) - _MIDDLE
        turned = np.exp(turns * samples[rows, None]).astype(np.complex64)
        moved = np.fft.ifft(np.fft.fft(a + 1j * b) * turned)
        for channel, volts in enumerate((moved.real, moved.imag)):
            codes = np.clip(np.rint(volts) + _MIDDLE, 0, 65535)
            target[channel, rows] = codes.astype(np.uint16) & _TWELVE_BITS
