"""A chevron that an amplifier compresses: highest where it should be higher still.

As for a resonance (`kammerton.estimation.resonances.compression`) the law with a compressed
exchange, P (1 - a P^2 / max P^2) instead of P, is tried to first order in a (a score test, Rao
1948): what is left of the fit is projected on the direction in which a moves the map, less what
the law's own parameters can do.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kammerton.estimation.maps.chevron import Exchange, Image, exchanged

Array = NDArray[np.float64]

SURE = 6.0  # sigmas of a compression that is not chance
MUCH = 0.03  # compression that matters, in parts of the exchange
STEP = 1e-5
FAINTEST = 1e-6  # exchange below which there is none in the map
MOST = 0.5  # part of what is left beyond noise that must be compression: pulses bend laws, too


def compressed(image: Image, fit: Exchange) -> bool:
    """Return whether the exchange is compressed beyond chance, and by so much that it matters."""
    there = image.w > 0
    w, left = image.w[there], ((image.y - fit.curve) * image.w)[there]
    law = exchanged(fit.theta, image.a, image.t)[there]
    if not law.max() > FAINTEST:
        return False
    moved = w * law**3 / float(law.max()) ** 2
    q = np.linalg.qr(_tangents(image, fit.theta, law, there) * w[:, None])[0]
    moved = moved - q @ (q.T @ moved)
    size = max(float(moved @ moved), 1e-300)
    height = fit.c[0] or 1e-300
    amount = -float(moved @ left) / (size * height)
    cost, freedom = float(left @ left), max(1, len(left) - q.shape[1])
    if float(moved @ left) ** 2 / size < MOST * (cost - freedom):
        return False
    return amount > MUCH and amount * abs(height) > SURE * np.sqrt(cost / freedom / size)


def _tangents(image: Image, theta: Array, law: Array, there: NDArray[np.bool_]) -> Array:
    """Return what each of theta moves, the law, and a level (R, 8)."""
    slopes = []
    for k in range(len(theta)):
        step = STEP * max(1.0, abs(theta[k])) * (np.arange(len(theta)) == k)
        up, down = (exchanged(theta + s * step, image.a, image.t) for s in (1.0, -1.0))
        slopes.append((up - down)[there] / step[k])
    return np.stack([*slopes, law, np.ones_like(law)], axis=1)
