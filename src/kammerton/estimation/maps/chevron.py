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
ITERATIONS = 25
LEAST_RATE, MOST_RATE = -1.0, 40.0  # of damping, in windows
LOWEST = np.array([0.02, -np.inf, -np.inf, -np.inf, -1.0, LEAST_RATE])
HIGHEST = np.array([1e4, np.inf, np.inf, np.inf, 0.9, MOST_RATE])
ENOUGH = 1e-8


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


def refine(image: Image, start: Array, prior: tuple[Array, Array]) -> Exchange:
    """Refine theta by Levenberg-Marquardt, height and level eliminated; prior: mean, 1/sigma."""
    theta, damp, w2 = start.copy(), 1e-3, image.w**2
    level = float((w2 * image.y).sum() / max(float(w2.sum()), 1e-300))
    centred = image.y - level
    now = _project(image, centred, theta, prior)
    for _ in range(ITERATIONS):
        damped = now.hessian + damp * np.diag(np.diagonal(now.hessian)) + 1e-12 * np.eye(6)
        tried = _limited(theta + np.linalg.solve(damped, now.pull))
        new, cost = _project(image, centred, tried, prior), now.cost
        if new.cost < cost:
            theta, now, damp = tried, new, max(damp * 0.1, 1e-9)
            if cost - new.cost < ENOUGH * cost + 1e-3:
                break
        else:
            damp *= 10.0
            if damp > 1e6:
                break
    return _finished(image, theta, prior, now, level)


def _limited(theta: Array) -> Array:
    return np.asarray(np.minimum(np.maximum(theta, LOWEST), HIGHEST))


@dataclass(frozen=True, eq=False)
class Projected:
    """A theta with height and level (c) eliminated: cost, pull and hessian of theta.

    total: see `chevron_sums.sum_up`, of y less a constant.
    """

    cost: float
    pull: Array
    hessian: Array
    c: Array
    total: Array


def _project(image: Image, centred: Array, theta: Array, prior: tuple[Array, Array]) -> Projected:
    total, c = np.empty((chevron_sums.SUMMED,) * 2), np.empty(2)
    pull, hessian = np.empty(6), np.empty((6, 6))
    late = image.t[0] - theta[LATE]
    chevron_sums.sum_up(theta, image.a[:, 0], late, centred, image.w, total)
    rest = chevron_sums.eliminate(total, c, pull, hessian)
    off = (prior[0] - theta) * prior[1]
    hessian.ravel()[::7] += prior[1] ** 2
    return Projected(max(rest, 0.0) + float(off @ off), pull + off * prior[1], hessian, c, total)


def _finished(
    image: Image, theta: Array, prior: tuple[Array, Array], now: Projected, level: float
) -> Exchange:
    full = now.total[:8, :8].copy()
    full[:6] *= now.c[0]
    full[:, :6] *= now.c[0]
    full[:6, :6] += np.diag(prior[1] ** 2)
    scale = np.sqrt(np.maximum(np.diagonal(full), 1e-300))
    cov = np.linalg.pinv(full / np.outer(scale, scale), hermitian=True) / np.outer(scale, scale)
    c = now.c + np.array([0.0, level])
    curve = c[1] + c[0] * exchanged(theta, image.a, image.t)
    return Exchange(theta, c, cov, now.cost, curve)
