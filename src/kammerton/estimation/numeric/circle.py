"""Cosine and sine without a branch or a call, so that several points are taken at once.

A part of kernels in other files, which numba does not compile anew when this one changes.
"""

from __future__ import annotations

import math

import numpy as np

from kammerton.estimation.numeric.compiling import piece

FULL_TURN = 2.0 * math.pi


@piece
def cosine_and_sine(angle: float) -> tuple[float, float]:
    """Return both by their series at a quarter of the angle, doubled twice, to some 1e-15."""
    a = 0.25 * (angle - FULL_TURN * np.rint(angle / FULL_TURN))
    z = a * a
    s = 1.0 - z / 156.0 * (1.0 - z / 210.0)
    s = 1.0 - z / 42.0 * (1.0 - z / 72.0 * (1.0 - z / 110.0 * s))
    s = a * (1.0 - z / 6.0 * (1.0 - z / 20.0 * s))
    c = 1.0 - z / 132.0 * (1.0 - z / 182.0 * (1.0 - z / 240.0))
    c = 1.0 - z / 30.0 * (1.0 - z / 56.0 * (1.0 - z / 90.0 * c))
    c = 1.0 - z / 2.0 * (1.0 - z / 12.0 * c)
    c, s = 1.0 - 2.0 * s * s, 2.0 * s * c
    return 1.0 - 2.0 * s * s, 2.0 * s * c
