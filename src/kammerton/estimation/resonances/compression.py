"""A resonance in the plane that an amplifier compresses: deepest where it should be deeper still.

The law with a compressed line, d (1 - a |d|^2 / max |d|^2) instead of d, is tried to first order
in a (a score test, Rao 1948): what is left of the fit is projected on the direction in which a
moves the trace, less what the law's own parameters can do.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from kammerton.estimation.numeric.kernels import NONLINEAR, RESONANCE
from kammerton.estimation.numeric.prepare import Batch
from kammerton.estimation.numeric.solver import Solution
from kammerton.estimation.verdict.evidence import Mask, structured

Array = NDArray[np.float64]

P = NONLINEAR[RESONANCE]
LINE = slice(P + 2, P + 4)  # where theta holds the line
SURE = 6.0  # sigmas of a compression that is not chance
MUCH = 0.03  # compression that matters, in parts of the line


def compressed(batch: Batch, fit: Solution, among: Mask) -> Mask:
    """Return which resonances (N,) are compressed beyond chance; only `among` these is asked."""
    if not among.any():
        return among
    result = np.zeros(batch.traces, dtype=bool)
    which = np.flatnonzero(among & structured(batch, fit))
    if len(which):
        part, mine = batch.take(which), fit.take(which)
        amount, error = _amount(part, mine)
        result[which] = (amount > SURE * error) & (amount > MUCH)
    return result


def _amount(batch: Batch, fit: Solution) -> tuple[Array, Array]:
    """Return the compression (N,) and its error."""
    line = _with(fit, np.where(_is_line(fit), fit.theta, _only_p(fit))).curve(batch)
    re, im = np.hsplit(line, 2)
    square = re**2 + im**2
    square /= np.maximum(square.max(axis=1, keepdims=True), 1e-300)
    moved = batch.w * line * np.tile(square, 2)
    q = np.linalg.qr(_tangents(batch, fit).transpose(0, 2, 1))[0]
    moved -= (q @ (q.transpose(0, 2, 1) @ moved[:, :, None]))[:, :, 0]
    size = np.maximum((moved**2).sum(axis=1), 1e-300)
    noise = fit.cost / np.maximum(batch.rows - fit.free, 1)
    return -(moved * fit.residual).sum(axis=1) / size, np.sqrt(noise / size)


def _tangents(batch: Batch, fit: Solution) -> Array:
    """Return what each parameter moves (N, K, R), weighted."""
    rows = []
    for k in range(fit.theta.shape[1]):
        if k < P:
            step = 1e-5 * np.maximum(np.sqrt(np.abs(fit.theta[:, 1])), 1e-3)
            each = [_with(fit, _moved(fit.theta, k, s * step)).curve(batch) for s in (1.0, -1.0)]
            rows.append((each[0] - each[1]) / step[:, None])
        else:
            rows.append(_with(fit, _moved(_only_p(fit), k, np.ones(len(fit.theta)))).curve(batch))
    found = np.stack(rows, axis=1) * batch.w[:, None, :]
    return np.asarray(found / np.maximum(np.linalg.norm(found, axis=2, keepdims=True), 1e-300))


def _moved(theta: Array, k: int, step: Array) -> Array:
    theta = theta.copy()
    theta[:, k] += step
    return theta


def _only_p(fit: Solution) -> Array:
    theta = np.zeros_like(fit.theta)
    theta[:, :P] = fit.p
    return theta


def _is_line(fit: Solution) -> Mask:
    mask = np.zeros(fit.theta.shape[1], dtype=bool)
    mask[LINE] = True
    return mask


def _with(fit: Solution, theta: Array) -> Solution:
    return replace(fit, theta=theta)
