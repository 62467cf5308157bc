"""What one frequency and two share: the ranges of their parameters, and angles."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kammerton.estimation.numeric.prepare import Batch

Array = NDArray[np.float64]

SHAPE = (-0.5, 1.5)  # 0 exponential, 1 Gaussian; beyond them only so that errors stay Gaussian
SHAPED = {1: SHAPE}  # the shape's place among the parameters
RATE = (-1.0, 2.0)  # the upper one per place of the axis
SLOWEST_TURN = 0.3  # rad in the window
SEARCHED = 20.0  # delta-BIC that pays for a search over frequencies and envelopes


def bounds(batch: Batch, frequencies: int) -> tuple[Array, Array]:
    """Return the ends of rate, shape and angular frequencies; a shape that is known has one."""
    places = batch.most_places
    nyquist = np.pi * (places - 1)
    shape = SHAPE if batch.shape is None else (batch.shape, batch.shape)
    low = [RATE[0], shape[0]] + [SLOWEST_TURN] * frequencies
    high = [RATE[1] * places, shape[1]] + [nyquist] * frequencies
    return np.array(low), np.array(high)


def mirrored(p: Array) -> tuple[NDArray[np.intp], Array]:
    """Return the fits with a rate below 0 whose envelope also is 1/e ahead, and that as a start.

    exp(-a t - b t^2) with b > 0 is 1/e at two times, one of them before 0.
    """
    which = np.flatnonzero((p[:, 0] < 0) & (p[:, 1] > 0))
    start = p[which]
    start[:, 0] = -p[which, 1] * p[which, 0]
    start[:, 1] = 1.0 / p[which, 1]
    return which, start


def near(angle: Array, start: Array) -> Array:
    """Return an angle on the branch within half a turn of `start`, so that it can be varied."""
    result: Array = start + np.angle(np.exp(1j * (angle - start)))
    return result
