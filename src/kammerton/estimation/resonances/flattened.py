"""The magnitude of a resonance that is flatter than the law where it is strongest.

As in the plane (`kammerton.estimation.resonances.compression`), for |S|^2 = b + a L + c u L with
L = 1 / (1 + u^2): what is left of the fit is projected on the direction in which a compression
moves the deviation from the background, less what place, width, both parts of the line and a
background that slopes could do: to first order they move |S|^2 by 1, f, L, u L, L^2 and u L^2.

An amplifier that compresses a peak does that, and a frequency that jitters. One that flattens the
background of a notch does not: it leaves another notch.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kammerton.estimation.numeric.prepare import Batch
from kammerton.estimation.numeric.solver import Solution
from kammerton.estimation.resonances.compression import MUCH, asked, doubted, of_score
from kammerton.estimation.verdict.evidence import Mask

Array = NDArray[np.float64]

FAINT = 1e-3  # of the largest size, below which a size counts as so much


def flattened(batch: Batch, fit: Solution, size: Array, among: Mask) -> Mask:
    """Return which magnitudes (N,) are compressed beyond chance; only `among` these is asked.

    fit: of the squares, with what it leaves of the sizes; size: what is fitted (N, M).
    """
    which = np.flatnonzero(doubted(batch, fit, among)) if among.any() else np.array([], int)
    result = np.zeros(batch.traces, dtype=bool)
    if len(which):
        amount, error = _amount(batch.take(which), fit.take(which), size[which])
        result[which] = (amount > asked(batch) * error) & (amount > MUCH)
    return result


def _amount(batch: Batch, fit: Solution, size: Array) -> tuple[Array, Array]:
    """Return the compression (N,) and its error."""
    centre, half = fit.theta[:, :1], fit.theta[:, 1:2]
    x = np.broadcast_to(batch.x, size.shape)
    u = (x - centre) / half
    line = 1.0 / (1.0 + u * u)
    powers = np.stack([np.ones_like(u), x - 0.5, line, u * line, line**2, u * line**2], axis=2)
    near = np.maximum(size, FAINT * size.max(axis=1, keepdims=True))
    units = np.linalg.qr(powers * (batch.w / near)[:, :, None])[0]
    moved = batch.w * _bent(size, (fit.theta[:, 2:3] + fit.theta[:, 3:4] * u) * line)
    for _ in range(2):  # once more: what rounding left
        moved = moved - np.einsum("nmk,nk->nm", units, np.einsum("nmk,nm->nk", units, moved))
    return of_score(batch, fit, (moved * fit.residual).sum(axis=1), (moved**2).sum(axis=1))


def _bent(size: Array, line: Array) -> Array:
    """Return d |d|^2 / max |d|^2 of the deviation d from the size without the line."""
    away = size - np.sqrt(np.maximum(size**2 - line, 0.0))
    return np.asarray(away**3 / np.maximum((away**2).max(axis=1, keepdims=True), 1e-300))
