"""Windows that end early in a decay: where its 1/e time hangs on the envelope's shape.

Of exp(-a t - b t^2) a short window tells the fall within it, and hardly how much of that is a and
how much b. Where the noise makes b large, 1/e seems near and well known; in most other draws it
would be far and hardly known. What is accepted by its own error bar then is what is wrong. So the
bar is asked for, too, where b = 0 and where a = 0, if these are possible.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kammerton.estimation.numeric.solver import Solution

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

POSSIBLE = 9.0  # chi-square by which a pure shape may be worse that is asked for its own bar
REACHED = 16.0  # and one that the bar of another reaches
TINY = 1e-12


def early_end(
    fit: Solution, noise: Array, slow: tuple[float, float], fast: Array | float
) -> tuple[Array, Mask]:
    """Return the error that possible pure shapes leave of 1/e, and where 1/e hangs on them (N,).

    In parts of 1/e, 0 for none: their own, and how far they are; a shape that is worse by d in
    chi-square is sqrt(d) bars away. Not asked where the rate is `fast`: there the shape is seen.
    It hangs on them where the rate is below slow[0], and 1/e of one is not known to slow[1].

    fit.p (N, P) and fit.cov (N, P, P): first the rate and the shape. noise (N,): variance of a row
    of weight 1.
    """
    rate, bar = fit.p[:, 0], np.zeros(len(noise))
    hangs = np.zeros(len(noise), dtype=bool)
    asked = rate < np.maximum(slow[0], fast)
    if not asked.any():
        return bar, hangs
    part, rate = fit.take(asked), rate[asked]
    for pure in _pure(part, noise[asked]):
        hangs[asked] |= (pure.worse < POSSIBLE) & (pure.error > slow[1])
        longer = np.where(pure.rate > 0.0, rate / np.maximum(pure.rate, TINY), np.inf)
        away = np.hypot(longer - 1.0, longer * pure.error) / np.sqrt(np.maximum(pure.worse, 1.0))
        bar[asked] = np.maximum(bar[asked], np.where(pure.worse < REACHED, away, 0.0))
    return np.where(fit.p[:, 0] < fast, bar, 0.0), hangs & (fit.p[:, 0] < slow[0])


@dataclass(frozen=True, eq=False)
class Pure:
    """A pure shape (N,): how much worse in chi-square, its rate, and the relative error of that."""

    worse: Array
    rate: Array
    error: Array


def _pure(fit: Solution, noise: Array) -> list[Pure]:
    """Return the exponential and the Gaussian that are next to fits."""
    a, b, cov = _exponents(fit)
    cov *= noise[:, None, None]
    found = []
    for gone, left, k in ((b, a, 1), (a, b, 0)):
        variance = np.maximum(cov[:, k, k], TINY)
        rest = left - cov[:, 0, 1] / variance * gone
        there = (rest, np.zeros_like(rest)) if k == 1 else (np.zeros_like(rest), rest)
        found.append(Pure(gone**2 / variance, *_rate(*there, cov)))
    return found


def _exponents(fit: Solution) -> tuple[Array, Array, Array]:
    """Return a, b of exp(-a t - b t^2) and their covariance (N, 2, 2)."""
    s, q = fit.p[:, 0], fit.p[:, 1]
    slope = np.empty((len(s), 2, 2))
    slope[:, 0, 0], slope[:, 0, 1] = 1.0 - q, -s
    slope[:, 1, 0], slope[:, 1, 1] = 2.0 * q * s, s * s
    return (1.0 - q) * s, q * s * s, slope @ fit.cov[:, :2, :2] @ np.swapaxes(slope, 1, 2)


def _rate(a: Array, b: Array, cov: Array) -> tuple[Array, Array]:
    """Return s = (a + sqrt(a^2 + 4 b))/2 and its relative error; infinite where it is no decay."""
    root = np.sqrt(np.maximum(a * a + 4.0 * b, TINY))
    slope = np.stack([0.5 + 0.5 * a / root, 1.0 / root], axis=1)
    error = np.sqrt(np.maximum(np.einsum("nj,njk,nk->n", slope, cov, slope), 0.0))
    rate = 0.5 * (a + root)
    return rate, np.where(rate > 0.0, error / np.maximum(rate, TINY), np.inf)
