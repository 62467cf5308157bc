"""A chevron that drifts while it is measured, or that is two: what no single exchange leaves."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kammerton.estimation.maps.chevron import AT, BEND
from kammerton.estimation.maps.chevron_rest import Rest
from kammerton.estimation.maps.two_exchanges import there_too, two

Array = NDArray[np.float64]

SURE = 4.0  # sigmas of a drift that is not chance
MOST = 0.5  # part of what is left beyond noise that must be the drift: pulses are distorted, too
FAR = -1.2, -0.8, -0.5, -0.2, 1.2, 1.4, 1.6, 1.8, 2.1, 2.4  # windows: beside the swept amplitudes
BENT = 0.0, 1.0  # bend there, in parts of this one's
GAIN = 20.0  # chi-square that one beside the window must explain
HINT = 8.0  # the same, from which both are fitted
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
    beside = _beside(rest)
    if beside is not None and beside[0] > max(GAIN, ITS_PART * rest.excess):
        return True
    part = rest.thinned(POINTS)
    if beside is not None and beside[0] > HINT and there_too(part, beside[1]):
        return True
    return rest.excess > 0.0 and two(part)


def _beside(rest: Rest) -> tuple[float, Array] | None:
    """Return what one beside the swept amplitudes gains, and which does most.

    Only its foot is seen.
    """
    thetas = np.stack([_moved(rest.fit.theta, at, bent) for at in FAR for bent in BENT])
    ways = rest.of(thetas)
    ways *= rest.fit.c[0]  # in place: as much memory again takes longer than all the products
    tried = rest.scores(ways)
    gains = [one.gain if one is not None and one.amount > FAINTEST else 0.0 for one in tried]
    best = int(np.argmax(gains))
    return None if gains[best] == 0.0 else (gains[best], thetas[best])


def _moved(theta: Array, at: float, bent: float) -> Array:
    """Return theta of the same exchange at another amplitude, its detuning bent by so much less."""
    there = theta.copy()
    there[AT] = at
    there[BEND] *= bent
    return there
