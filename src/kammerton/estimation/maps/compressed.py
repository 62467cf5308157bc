"""A chevron that an amplifier compresses: highest where it should be higher still.

As for a resonance (`kammerton.estimation.resonances.compression`) the law with a compressed
exchange, P (1 - a P^2 / max P^2) instead of P, is tried to first order in a.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from kammerton.estimation.maps.chevron import Exchange
from kammerton.estimation.maps.chevron_rest import Rest, Score

Array = NDArray[np.float64]

SURE = 4.0  # sigmas of a compression that is not chance
HINT = 2.0  # sigmas from which what it would do to the numbers is part of their errors
MUCH = 0.03  # compression that matters, in parts of the exchange
FAINTEST = 1e-6  # exchange below which there is none in the map
MOST = 0.5  # part of what is left beyond noise that must be compression: pulses bend laws, too


def compression(rest: Rest) -> Score | None:
    """Return the compression, in parts of the exchange; None where there is none to ask for."""
    height = rest.fit.c[0]
    moved = rest.fit.curve - rest.fit.c[1]
    top = float(np.abs(moved).max())
    if not top > FAINTEST * abs(height) or height == 0.0:
        return None
    return rest.scores(-(moved**3 / top**2 * rest.image.w)[None])[0]


def compressed(rest: Rest, found: Score | None) -> bool:
    """Return whether the exchange is compressed beyond chance, and by so much that it matters."""
    if found is None or found.gain < MOST * rest.excess:
        return False
    return found.amount > max(MUCH, SURE * found.error)


def perhaps_compressed(fit: Exchange, found: Score | None) -> Exchange:
    """Return a fit whose errors know of a compression that may be there.

    What it would do to each number is added to that one's variance.
    """
    if found is None or not found.amount > HINT * found.error:
        return fit
    moved = found.amount * found.imitated
    moved[: len(fit.theta)] /= fit.c[0]
    return replace(fit, cov=fit.cov + np.outer(moved, moved))
