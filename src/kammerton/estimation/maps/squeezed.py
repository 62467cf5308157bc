"""Lines of a map that an amplifier compresses, or that are else lower than a Lorentzian's top.

A compressed line, d - a d^3 instead of d, is tried to first order in a (a score test,
Rao 1948), beside all that the fit of all points could change. The places of the lines do not suffer
from it, only their width, whose error then holds what a compression would do.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from kammerton.estimation.maps import gathering
from kammerton.estimation.maps.positions import Law
from kammerton.estimation.maps.whole import GROUNDS, Whole

Array = NDArray[np.float64]

HINT = 3.0  # sigmas of a compression that is told of: good lines seldom have a larger error
OWN = 1e-3  # square of what a compression moves, in parts, that the fit cannot imitate
FURTHEST = 9.0  # windows by which a line may be outside


def perhaps_squeezed(whole: Whole, law: Law) -> Whole:
    """Return a fit of real Lorentzians whose width's error knows of a compression."""
    size = len(whole.theta) - 1
    moved = _moved(whole, law)
    if moved == 0.0:
        return whole
    cov = whole.cov.copy()
    cov[size, size] += moved * moved
    return replace(whole, cov=cov)


def _moved(whole: Whole, law: Law) -> float:
    """Return how a compression, as far as what is left goes it, moves the width; 0 if by chance."""
    along = _along(whole, law)
    tangents, itself, left = along[:-2], float(along[-2]), float(along[-1])
    imitated = whole.every @ tangents
    size = itself - float(tangents @ imitated)
    if size <= OWN * itself:
        return 0.0
    noise = max(1.0, whole.reduced)
    if left <= HINT * np.sqrt(noise * size):
        return 0.0
    return left / size * float(imitated[len(whole.theta) - 1])


def _along(whole: Whole, law: Law) -> Array:
    """Return products of a compression; see `gathering.fill_compressed`."""
    c, place = whole.c, law.place(whole.theta[:-1])
    height = np.ascontiguousarray(whole.shares[GROUNDS["line"][0] :, 0])
    along = np.empty(len(whole.theta) + len(whole.shares) + 2)
    gathering.fill_compressed(
        c.f, np.ascontiguousarray(c.z - whole.model), c.w, np.clip(place.at, -FURTHEST, FURTHEST),
        0.5 * float(whole.theta[-1]), height, place.slope, along,
    )  # fmt: skip
    return along
