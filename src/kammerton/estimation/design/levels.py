"""The likelihood of a reading y = offset + contrast f + noise, with the levels integrated out.

At each node, with r_i = y_i - o - c f_i about the believed levels and weights w_i = 1/variance,

    log L = -1/2 sum w r^2 + 1/2 h' (1 + S M)^-1 S h - 1/2 log det(1 + S M),
    h = (sum w r, sum w f r),  M = ((sum w, sum w f), (sum w f, sum w f^2)),

where S is the prior covariance of (offset, contrast); S = 0 leaves the first term alone. Counts of
a readout whose levels are known enter by their binomial likelihood instead. Elsewhere they are
taken as normal, with the variance that was expected before they were seen, so that a lucky count
gets no more weight than an unlucky one.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from kammerton.estimation.design.words import Array, Entry, Levels

LEAST = 1e-9  # probability of any outcome, whatever the levels say


class Conditional(NamedTuple):
    """Levels at each node (N, K, G), given the data: means, variances and covariance."""

    offset: Array
    contrast: Array
    var_offset: Array
    var_contrast: Array
    cov: Array


def empty(levels: Levels, hidden: int, nodes: int) -> Array:
    """Return the sums before any reading: (1, N, K, G), or (6, N, K, G) for uncertain levels."""
    return np.zeros((1 if levels.exact else 6, len(levels), hidden, nodes))


def add(levels: Levels, sums: Array, fraction: Array, reading: Entry) -> None:
    """Add one more reading, whose law is `fraction` (N, K, G), to the sums in place."""
    p = levels.offset[:, None, None] + levels.contrast[:, None, None] * fraction
    if levels.exact and reading.counted:
        sums[0] += _binomial(p, reading)
        return
    weight = np.where(reading.shots > 0, 1.0 / reading.variance, 0.0)[:, None, None]
    residual = reading.mean[:, None, None] - p
    weighted = weight * residual
    if levels.exact:
        sums[0] -= 0.5 * weighted * residual
        return
    sums[0] += weighted * residual
    sums[1] += weighted
    sums[2] += weighted * fraction
    sums[3] += weight
    sums[4] += weight * fraction
    sums[5] += weight * fraction * fraction


def _binomial(p: Array, reading: Entry) -> Array:
    """Return the log likelihood of counts at probabilities p (N, K, G)."""
    np.clip(p, LEAST, 1 - LEAST, out=p)
    ones = reading.y[:, None, None]
    result: Array = np.log(1.0 - p)  # log1p takes four times as long, and LEAST asks for no more
    result *= reading.shots[:, None, None] - ones
    result += ones * np.log(p, out=p)
    return result


def log_likelihood(levels: Levels, sums: Array) -> Array:
    """Return the log likelihood of everything read (N, K, G), up to a constant."""
    if levels.exact:
        exact: Array = sums[0].copy()
        return exact
    square, h0, h1, m00, m01, m11 = sums
    a, b = _variances(levels)
    det = (1 + a * m00) * (1 + b * m11) - a * b * m01 * m01
    gain = a * h0 * h0 * (1 + b * m11) - 2 * a * b * m01 * h0 * h1 + b * h1 * h1 * (1 + a * m00)
    result: Array = 0.5 * (gain / det - square - np.log(det))
    return result


def conditional(levels: Levels, sums: Array) -> Conditional:
    """Return what the data say of the levels, at each node."""
    offset, contrast = levels.offset[:, None, None], levels.contrast[:, None, None]
    if levels.exact:
        none = np.zeros((len(levels), 1, 1))
        return Conditional(offset, contrast, none, none, none)
    _, h0, h1, m00, m01, m11 = sums
    a, b = _variances(levels)
    det = (1 + a * m00) * (1 + b * m11) - a * b * m01 * m01
    v0, v1, v01 = a * (1 + b * m11) / det, b * (1 + a * m00) / det, -a * b * m01 / det
    return Conditional(
        offset + v0 * h0 + v01 * h1, contrast + v01 * h0 + v1 * h1, v0, v1, v01
    )  # fmt: skip


def _variances(levels: Levels) -> tuple[Array, Array]:
    return levels.offset_sigma[:, None, None] ** 2, levels.contrast_sigma[:, None, None] ** 2
