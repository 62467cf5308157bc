"""A resonator whose readout errs as often as the table says.

Read for 1 us at 45 mV, half way between its frequencies with the qubit in |0> and in |1>, and
told apart by the best linear filter, answers are misread with the mean probability
Q(s) + L / (4 T1): s is half their distance in standard deviations of the noise, and a |1> that
decays within the readout's length L is wrong half the time. The depth of the notch (visibility)
is chosen so that s fits. A slow resonator takes time to answer: that is counted.
"""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np

LENGTH, AMPLITUDE, RATE = 1e-6, 0.045, 1e9
_LEAST_OVERLAP = 1e-4
_VISIBILITIES = 0.01, 0.9


def visibility(
    error: float, t1: float, chi: float, linewidth: float, gain: float, noise: float
) -> float:
    """Return the visibility that gives this mean readout error, as far as one can.

    t1: s. chi, linewidth: Hz. gain: volts at the digitizer per volt. noise: V rms per sample.
    """
    overlap = min(max(error - LENGTH / (4 * t1), _LEAST_OVERLAP), 0.499)
    sigmas = -NormalDist().inv_cdf(overlap)
    wanted = 2 * sigmas * noise / (AMPLITUDE * gain * distance(chi, linewidth))
    return float(min(max(wanted, _VISIBILITIES[0]), _VISIBILITIES[1]))


def misread(
    depth: float, t1: float, chi: float, linewidth: float, gain: float, noise: float
) -> float:
    """Return the mean readout error of a visibility: what `visibility` inverts, where it can."""
    sigmas = depth * AMPLITUDE * gain * distance(chi, linewidth) / (2 * noise)
    return NormalDist().cdf(-sigmas) + LENGTH / (4 * t1)


def distance(chi: float, linewidth: float) -> float:
    """Root of the sum, over the samples, of |S(1) - S(0)|^2 for a visibility of 1."""
    t = np.arange(round(LENGTH * RATE)) / RATE
    half = math.pi * linewidth
    poles = half * np.array([-1.0, -1.0]) + 1j * math.pi * chi * np.array([-1, 1])
    low, high = (half * (1 - np.exp(pole * t)) / -pole for pole in poles)
    return float(np.sqrt((abs(high - low) ** 2).sum()))
