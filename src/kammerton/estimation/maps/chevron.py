"""The chevron of a two-qubit gate: exchange between two levels, amplitude x length.

Two levels coupled by g (in Hz, gap 2g) and detuned by D, for a time t:

    P(t) = (2g)^2/W^2 sin^2(pi W t),   W^2 = (2g)^2 + D^2

(Rabi's formula; DiCarlo et al., Nature 460, 240 (2009) for 11-02). D = 0 at the resonant amplitude,
and bends with it, as a transmon's frequency bends with its flux: D = s (a - a0) + q (a - a0)^2.
A pulse that rises slowly acts as one shorter by t0. Losses damp the oscillation about its mean.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kammerton.estimation.maps import chevron_sums

Array = NDArray[np.float64]

GAP, AT, SLOPE, BEND, LATE, RATE = range(6)
LEAST_RATE, MOST_RATE = -1.0, 40.0  # of damping, in windows
BOUNDS = np.array([
    [0.02, -np.inf, -np.inf, -np.inf, -1.0, LEAST_RATE],
    [1e4, np.inf, np.inf, np.inf, 0.9, MOST_RATE],
])  # fmt: skip


@dataclass(frozen=True, eq=False)
class Image:
    """One map in windows: a (A, 1), t (1, B) from 0 to 1; y, w = 1/sigma (A, B), 0 if missing."""

    a: Array
    t: Array
    y: Array
    w: Array


@dataclass(frozen=True, eq=False)
class Exchange:
    """A chevron at its minimum: theta (6,), height and level of the signal, cov (8, 8), cost."""

    theta: Array
    c: Array
    cov: Array
    cost: float
    curve: Array


def exchanged(theta: Array, a: Array, t: Array) -> Array:
    """Return the exchanged population (A, B)."""
    away, late = a - theta[AT], t - theta[LATE]
    rate = np.hypot(theta[GAP], theta[SLOPE] * away + theta[BEND] * away * away)
    share, fade = 0.5 * theta[GAP] ** 2 / rate**2, np.exp(-theta[RATE] * late)
    return np.asarray(share * (1.0 - fade * np.cos((2 * np.pi * rate) * late)))


@dataclass(frozen=True, eq=False)
class Descent:
    """Where a refinement ended: theta (6,), its cost, height and level c (2,).

    total: see `chevron_sums.sum_up`, of y less the constant `level`.
    """

    theta: Array
    cost: float
    c: Array
    total: Array
    level: float


def descend(image: Image, start: Array, prior: tuple[Array, Array]) -> Descent:
    """Refine theta by Levenberg-Marquardt, height and level eliminated; prior: mean, 1/sigma."""
    theta, w2 = start.copy(), image.w**2
    level = float((w2 * image.y).sum() / max(float(w2.sum()), 1e-300))
    total, c = np.empty((chevron_sums.SUMMED,) * 2), np.empty(2)
    cost = chevron_sums.descend(
        theta, np.ascontiguousarray(image.a[:, 0]), np.ascontiguousarray(image.t[0]),
        np.ascontiguousarray(image.y - level), np.ascontiguousarray(image.w), np.array(prior),
        BOUNDS, total, c,
    )  # fmt: skip
    return Descent(theta, cost, c, total, level)


def finished(image: Image, prior: tuple[Array, Array], found: Descent) -> Exchange:
    """Add the covariance and the curve."""
    full = found.total[:8, :8].copy()
    full[:6] *= found.c[0]
    full[:, :6] *= found.c[0]
    full[:6, :6] += np.diag(prior[1] ** 2)
    scale = np.sqrt(np.maximum(np.diagonal(full), 1e-300))
    cov = np.linalg.pinv(full / np.outer(scale, scale), hermitian=True) / np.outer(scale, scale)
    c = found.c + np.array([0.0, found.level])
    curve = c[1] + c[0] * exchanged(found.theta, image.a, image.t)
    return Exchange(found.theta, c, cov, found.cost, curve)


def refine(image: Image, start: Array, prior: tuple[Array, Array]) -> Exchange:
    """Return the chevron at the minimum next to start."""
    return finished(image, prior, descend(image, start, prior))
