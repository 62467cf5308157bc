"""Lines of a map that an amplifier compresses, or that are else lower than a Lorentzian's top.

A compressed line, d (1 - a d^2 / max d^2) instead of d, is tried to first order in a (a score test,
Rao 1948), beside all that the fit of all points could change. The places of the lines do not suffer
from it, only their width, whose error then holds what a compression would do.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from kammerton.estimation.maps.positions import Law
from kammerton.estimation.maps.whole import Whole

Array = NDArray[np.float64]

HINT = 3.0  # sigmas of a compression that is told of: good lines seldom have a larger error
OWN = 1e-3  # square of what a compression moves, in parts, that the fit cannot imitate
WIDTH = 0  # which of the tangents the width is


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
    """Return by how much a compression, where one may be there, makes the width another."""
    c, there = whole.c, whole.c.w > 0
    lines, slopes = _lines(whole, law)
    w, ones = c.w[there], np.ones(int(there.sum()))
    linear = np.stack([ones, np.broadcast_to(c.f - 0.5, there.shape)[there],
                       *(line[there] for line in lines)])  # fmt: skip
    height = np.linalg.lstsq((linear * w).T, c.z[there] * w, rcond=None)[0][2:]
    line = np.einsum("k,kba->ba", height, lines)[there]
    moves = np.einsum("k,jkba->jba", height, slopes)[:, there]
    way = -line * (line / max(float(np.abs(line).max()), 1e-300)) ** 2
    left = ((c.z - whole.model) * c.w)[there]
    return _score(np.concatenate([moves, linear]) * w, way * w, left)


def _score(tangents: Array, way: Array, left: Array) -> float:
    """Return how the way, as far as what is left goes it, moves the width; 0 where it is chance."""
    gram, along = tangents @ tangents.T, tangents @ way
    imitated = np.linalg.lstsq(gram, along, rcond=None)[0]
    own = way - imitated @ tangents
    size = float(own @ own)
    if size <= OWN * float(way @ way):
        return 0.0
    amount = float(own @ left) / size
    noise = max(1.0, float(left @ left) / max(1, len(left) - len(tangents)))
    return amount * float(imitated[WIDTH]) if amount > HINT * np.sqrt(noise / size) else 0.0


def _lines(whole: Whole, law: Law) -> tuple[Array, Array]:
    """Return the lines (K, B, A), each of height 1, and how width and law move them."""
    place = law.place(whole.theta[:-1])
    half = 0.5 * float(whole.theta[-1])
    x = (whole.c.f - place.at[:, :, None]) / half
    line = 1.0 / (1.0 + x * x)
    aside = 2.0 * x * line * line / half
    law_moves = [place.slope[:, :, j, None] * aside for j in range(place.slope.shape[2])]
    return line, np.stack([0.5 * x * aside, *law_moves])
