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
    share = 0.5 * theta[GAP] ** 2 / _rate(theta, a) ** 2
    return np.asarray(share * (1.0 - _waves(theta, a, t)[0]))


def _rate(theta: Array, a: Array) -> Array:
    """Return the frequency of the exchange at each amplitude (A, 1)."""
    away = a - theta[AT]
    return np.asarray(np.hypot(theta[GAP], theta[SLOPE] * away + theta[BEND] * away * away))


def _waves(theta: Array, a: Array, t: Array) -> tuple[Array, Array]:
    """Return the damped cosine and sine (A, B)."""
    late = t - theta[LATE]
    fade, phase = np.exp(-theta[RATE] * late), (2 * np.pi * _rate(theta, a)) * late
    return fade * np.cos(phase), fade * np.sin(phase)


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
    cos, sin = _waves(theta, image.a, image.t)
    total = np.empty((chevron_sums.SUMMED,) * 2)
    chevron_sums.sum_up(theta, image.a[:, 0], image.t[0] - theta[LATE], cos, sin, centred, image.w,
                        total)  # fmt: skip
    normal, target = total[6:8, 6:8] + 1e-300 * np.eye(2), total[6:8, 8]
    inverse = np.linalg.pinv(normal)
    c = inverse @ target
    off = (prior[0] - theta) * prior[1]
    cross = total[6:8, :6] * c[0]
    rest = float(total[8, 8] - 2.0 * (c @ target) + c @ normal @ c)
    pull = c[0] * (total[:6, 8] - total[:6, 6:8] @ c)
    hessian = c[0] ** 2 * total[:6, :6] - cross.T @ inverse @ cross
    return Projected(max(rest, 0.0) + float(off @ off), pull + off * prior[1],
                     hessian + np.diag(prior[1] ** 2), c, total)  # fmt: skip


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
