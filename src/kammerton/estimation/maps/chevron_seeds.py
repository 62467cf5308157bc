"""Where a chevron may be: the frequency of the exchange at each amplitude is a hyperbola."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from kammerton.estimation.maps.chevron import Image
from kammerton.estimation.maps.ridge import middle

Array = NDArray[np.float64]

SEEN = 16.0  # chi-square by which an amplitude shows an oscillation
PERIODS = np.concatenate([np.arange(0.3, 3.0, 0.15), np.arange(3.0, 60.0, 0.5)])  # in a window


def rows(image: Image) -> tuple[Array, Array]:
    """Return of each amplitude the frequency of its oscillation and its chi-square (A,)."""
    few, shape, cc, ss, cs = _waves(image.t[0].tobytes())
    w2 = image.w * image.w
    total = np.maximum(w2.sum(axis=1, keepdims=True), 1e-300)
    y = image.w * (image.y - (w2 * image.y).sum(axis=1, keepdims=True) / total)
    c, s = y @ shape[0].T, y @ shape[1].T
    gain = (ss * c * c - 2 * cs * c * s + cc * s * s) / np.maximum(cc * ss - cs * cs, 1e-9 * cc)
    best = gain.argmax(axis=1)
    return few[best], gain[np.arange(len(best)), best]


@lru_cache(maxsize=2)
def _waves(lengths: bytes) -> tuple[Array, Array, Array, Array, Array]:
    """Return frequencies (F,), cosines and sines (2, F, B) about their means, and their products.

    lengths: the bytes of t (B,). A map is asked for them three times.
    """
    t = np.frombuffer(lengths)
    few = PERIODS[0.48 * (len(t) - 1) > PERIODS]
    shape = np.stack([np.cos(2 * np.pi * few[:, None] * t), np.sin(2 * np.pi * few[:, None] * t)])
    shape = shape - shape.mean(axis=2, keepdims=True)
    cc, ss = (shape[0] ** 2).sum(axis=1), (shape[1] ** 2).sum(axis=1)
    return few, shape, cc, ss, (shape[0] * shape[1]).sum(axis=1)


def starts(image: Image) -> list[Array]:
    """Return likely theta, the likeliest first; none where fewer than two rows oscillate."""
    frequency, gain = rows(image)
    a = image.a[:, 0]
    bright = np.where(gain > SEEN, gain, 0.0)
    if np.count_nonzero(bright) < 2:
        return []
    middle = float((a * bright**2).sum() / (bright**2).sum())
    near = np.abs(a - middle) < 0.1
    slow = float(np.average(frequency[near], weights=bright[near] + 1e-9)) if near.any() else 1.0
    spread = np.sqrt(float(((a - middle) ** 2 * bright).sum() / bright.sum())) + 0.02
    found = [_hyperbola(a, frequency, bright), (middle, 0.8 * slow, slow / spread)]
    return [np.array([gap, at, slope, 0.0, 0.0, 0.3]) for at, gap, slope in found
            if np.isfinite([gap, at, slope]).all() and gap > 0 and slope > 0]  # fmt: skip


def _hyperbola(a: Array, frequency: Array, weight: Array) -> tuple[float, float, float]:
    """Fit frequency^2 = gap^2 + slope^2 (a - at)^2, a parabola, ignoring what is far off."""
    y, keep = frequency**2, weight > 0
    sigma = 2 * frequency * 0.25 / np.sqrt(np.maximum(weight / SEEN, 1e-9))
    design = np.stack([np.ones_like(a), a, a * a], axis=1)
    c = np.zeros(3)
    for _ in range(6):
        used = np.where(keep, 1.0 / np.maximum(sigma, 1e-9), 0.0)
        c = np.linalg.lstsq(design * used[:, None], y * used, rcond=None)[0]
        miss = np.abs(design @ c - y)
        keep = (weight > 0) & (miss < 3.0 * middle(miss[weight > 0]) + 1e-9)
    if c[2] <= 0:
        return np.nan, np.nan, np.nan
    at = -c[1] / (2 * c[2])
    gap = c[0] - c[2] * at * at
    return float(at), float(np.sqrt(gap)) if gap > 0 else 0.5, float(np.sqrt(c[2]))
