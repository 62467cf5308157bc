"""The sample grid: every time that an instrument keeps is a whole number of samples."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


def samples_of(seconds: float | FloatArray, sample_rate: float) -> IntArray:
    """Return times as the nearest whole numbers of samples; a float gives an array of shape ()."""
    return np.rint(np.asarray(seconds, dtype=np.float64) * sample_rate).astype(np.int64)


def on_grid(seconds: FloatArray, sample_rate: float) -> FloatArray:
    """Return times in s, each moved to the nearest sample.

    `compile` rounds every pulse and every wait in the same way, one by one. A sweep of waits that
    has passed through here is played exactly as its axis says.
    """
    return samples_of(seconds, sample_rate) / sample_rate
