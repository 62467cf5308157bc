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

Array = NDArray[np.float64]

GAP, AT, SLOPE, BEND, LATE, RATE = range(6)
ITERATIONS = 25
LEAST_RATE, MOST_RATE = -1.0, 40.0  # of damping, in windows
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


def exchanged(theta: Array, a: Array, t: Array) -> tuple[Array, list[Array]]:
    """Return the exchanged population and its derivatives by theta."""
    gap, rate = theta[GAP], theta[RATE]
    away = a - theta[AT]
    d = theta[SLOPE] * away + theta[BEND] * away * away
    square = gap * gap + d * d
    w = np.sqrt(square)
    share = 0.5 * gap * gap / square
    late = t - theta[LATE]
    fade = np.exp(-rate * late)
    phase = 2 * np.pi * w * late
    cos, sin = fade * np.cos(phase), fade * np.sin(phase)
    p = share * (1.0 - cos)
    turn = 2 * np.pi * share * sin  # dP / d(W (t - t0))
    by_w = turn * late
    by_d = d / w * by_w - (2.0 * d / square) * p
    by_gap = gap / w * by_w + (2.0 / gap - 2.0 * gap / square) * p
    tilt = -(theta[SLOPE] + 2.0 * theta[BEND] * away)
    return p, [
        by_gap, by_d * tilt, by_d * away, by_d * (away * away), -turn * w - share * rate * cos,
        share * cos * late,
    ]  # fmt: skip


def refine(image: Image, start: Array, prior: tuple[Array, Array]) -> Exchange:
    """Refine theta by Levenberg-Marquardt, height and level eliminated; prior: mean, 1/sigma."""
    w = image.w
    theta, damp = start.copy(), 1e-3
    now = _project(image, w, theta, prior)
    for _ in range(ITERATIONS):
        cost, pull, hessian = now[:3]
        step = np.linalg.solve(hessian + damp * np.diag(np.diagonal(hessian)) + 1e-12 * np.eye(6),
                               pull)  # fmt: skip
        tried = _limited(theta + step)
        new = _project(image, w, tried, prior)
        if new[0] < cost:
            theta, now, damp = tried, new, max(damp * 0.1, 1e-9)
            if cost - new[0] < ENOUGH * cost + 1e-3:
                break
        else:
            damp *= 10.0
            if damp > 1e6:
                break
    return _finished(image, w, theta, prior, now)


def _limited(theta: Array) -> Array:
    theta = theta.copy()
    theta[GAP] = np.clip(theta[GAP], 0.02, 1e4)
    theta[RATE] = np.clip(theta[RATE], LEAST_RATE, MOST_RATE)
    theta[LATE] = np.clip(theta[LATE], -1.0, 0.9)
    return theta


Projected = tuple[float, Array, Array, Array, Array, NDArray[np.float64]]


def _project(image: Image, w: Array, theta: Array, prior: tuple[Array, Array]) -> Projected:
    p, slopes = exchanged(theta, image.a, image.t)
    basis = np.stack([(w * p).ravel(), w.ravel()], axis=1)
    normal = basis.T @ basis + 1e-300 * np.eye(2)
    y = (w * image.y).ravel()
    inverse = np.linalg.pinv(normal)
    c = inverse @ (basis.T @ y)
    left = y - basis @ c
    jacobian = np.stack([(w * s).ravel() for s in slopes], axis=1) * c[0]
    pull = jacobian.T @ left
    cross = basis.T @ jacobian
    hessian = jacobian.T @ jacobian - cross.T @ inverse @ cross
    off = (prior[0] - theta) * prior[1]
    cost = float(left @ left + off @ off)
    return (cost, pull + off * prior[1], hessian + np.diag(prior[1] ** 2), c,
            cross, normal)  # fmt: skip


def _finished(
    image: Image, w: Array, theta: Array, prior: tuple[Array, Array], now: Projected
) -> Exchange:
    cost, _, _, c, cross, normal = now
    p, slopes = exchanged(theta, image.a, image.t)
    jacobian = np.stack([(w * s).ravel() for s in slopes], axis=1) * c[0]
    full = np.zeros((8, 8))
    full[:6, :6] = jacobian.T @ jacobian + np.diag(prior[1] ** 2)
    full[:6, 6:], full[6:, :6], full[6:, 6:] = cross.T, cross, normal
    scale = np.sqrt(np.maximum(np.diagonal(full), 1e-300))
    cov = np.linalg.pinv(full / np.outer(scale, scale), hermitian=True) / np.outer(scale, scale)
    return Exchange(theta, c, cov, cost, np.asarray(c[1] + c[0] * p))
