"""A chevron that drifts while it is measured, or that is two: what no single exchange leaves."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kammerton.estimation.maps.chevron import AT, BEND, SLOPE
from kammerton.estimation.maps.chevron_rest import Rest

Array = NDArray[np.float64]

SURE = 4.0  # sigmas of a drift that is not chance
MOST = 0.5  # part of what is left beyond noise that must be the drift: pulses are distorted, too
FAR = -1.0, -0.6, -0.25, 1.25, 1.6, 2.0  # windows of the amplitude: beside the swept ones
NEAR = np.linspace(-0.25, 1.25, 13)  # within them, where two exchanges overlap
SLOPES = 0.7, 1.0, 1.6  # of the detuning there, in parts of what was fitted to both
GAIN = 20.0  # chi-square that one beside the window must explain
ITS_PART, THEIR_PART = 0.3, 0.22  # of what is left beyond noise: one's, and that of all together
CLEAR = 6.0  # standard deviations of chi-square by which all together must explain more than noise
FAINTEST = 0.03  # height of another, in parts of this one's
HEIGHT = 0.15  # of the other, in parts of this one's: real pulses imitate 0.13
STRUCTURE = 0.06  # what is left, in parts of the height: real pulses leave 0.054
TOLD = 1e-3  # eigenvalue, in parts of the largest, of what these differ in
POINTS = 3200  # of a map that are asked for all of them


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
    return _beside(rest) or (rest.excess > 0.0 and _overlapping(rest.thinned(POINTS)))


def _beside(rest: Rest) -> bool:
    """Return whether one beside the swept amplitudes is, of which only the foot is seen."""
    least = max(GAIN, ITS_PART * rest.excess)
    thetas = np.stack([_moved(rest.fit.theta, at, 1.0) for at in FAR])
    tried = rest.scores(rest.fit.c[0] * rest.of(thetas))
    return any(one is not None and one.amount > FAINTEST and one.gain > least for one in tried)


def _overlapping(rest: Rest) -> bool:
    """Return whether some of many, each of free height, explain much.

    The fit lies between two that overlap, and what it leaves is like neither of them.
    """
    thetas = np.stack([_moved(rest.fit.theta, at, s) for s in SLOPES for at in NEAR])
    own = rest.own(rest.of(thetas))
    size = np.sqrt(np.maximum(np.diagonal(own.products), 1e-300))
    alone = own.along / size
    more, count = _together(own.products / np.outer(size, size), alone)
    if more < max(CLEAR * np.sqrt(2.0 * count), THEIR_PART * rest.excess):
        return False
    as_steep = np.repeat(np.array(SLOPES) == 1.0, len(NEAR)) & (alone * rest.fit.c[0] > 0.0)
    best = int(np.where(as_steep, np.abs(alone), 0.0).argmax())
    if alone[best] ** 2 > ITS_PART * rest.excess:
        return True
    height = float(alone[best] / (size[best] * rest.fit.c[0]))
    return height > HEIGHT or rest.structure > STRUCTURE


def _together(products: Array, alone: Array) -> tuple[float, int]:
    """Return what all ways explain beyond chance, and how many differ; alone: each by itself.

    products: of the ways, each of length 1.
    """
    value, vector = np.linalg.eigh(products)
    told = value > TOLD * value[-1]
    along = vector[:, told].T @ alone / np.sqrt(value[told])
    count = int(np.count_nonzero(told))
    return float(along @ along) - count, count


def _moved(theta: Array, at: float, steeper: float) -> Array:
    """Return theta of the same exchange at another amplitude, its detuning a straight line."""
    there = theta.copy()
    there[[AT, BEND]] = at, 0.0
    there[SLOPE] *= steeper
    return there
