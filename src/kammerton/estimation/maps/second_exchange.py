"""A chevron that drifts while it is measured, or that is two: what no single exchange leaves."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kammerton.estimation.maps.chevron import AT, BEND
from kammerton.estimation.maps.chevron_rest import Rest
from kammerton.estimation.maps.two_exchanges import two

Array = NDArray[np.float64]

SURE = 4.0  # sigmas of a drift that is not chance
MOST = 0.5  # part of what is left beyond noise that must be the drift: pulses are distorted, too
FAR = -1.0, -0.6, -0.25, 1.25, 1.6, 2.0  # windows of the amplitude: beside the swept ones
GAIN = 20.0  # chi-square that one beside the window must explain
ITS_PART = 0.3  # of what is left beyond noise that it must explain
FAINTEST = 0.03  # height of another, in parts of this one's
POINTS = 3200  # of a map that are asked for two exchanges


def drifting(rest: Rest) -> bool:
    """Return whether the resonance moves with the length of the pulse.

    Swept one amplitude after another, that is a drift during the scan: between amplitudes it only
    stretches the axis. Swept the other way, it is all of the drift.
    """
    found = rest.scores(rest.fit.c[0] * rest.tangents[[AT]] * rest.image.t)[0]
    if found is None or found.gain < MOST * rest.excess:
        return False
    return abs(found.amount) > SURE * found.error


def another(rest: Rest) -> bool:
    """Return whether a second such exchange, at other amplitudes, is in what is left."""
    return _beside(rest) or (rest.excess > 0.0 and two(rest.thinned(POINTS)))


def _beside(rest: Rest) -> bool:
    """Return whether one beside the swept amplitudes is, of which only the foot is seen."""
    least = max(GAIN, ITS_PART * rest.excess)
    thetas = np.stack([_moved(rest.fit.theta, at) for at in FAR])
    tried = rest.scores(rest.fit.c[0] * rest.of(thetas))
    return any(one is not None and one.amount > FAINTEST and one.gain > least for one in tried)


def _moved(theta: Array, at: float) -> Array:
    """Return theta of the same exchange at another amplitude, its detuning a straight line."""
    there = theta.copy()
    there[[AT, BEND]] = at, 0.0
    return there
