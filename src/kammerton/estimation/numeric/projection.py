"""Variable projection in NumPy, vectorised over traces: for short sweeps of unusual laws.

The compiled laws live in kernels.py; a law here is a plain function that fills the columns whose
linear combination the trace is. Same conventions: y = sum_l c_l phi_l(p).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from kammerton.estimation.numeric.prepare import Batch
from kammerton.estimation.numeric.solver import Solution

Array = NDArray[np.float64]
Basis = Callable[[Array], Array]  # p (N, P) -> (N, L, M)

ITERATIONS = 12
SETTLED = 1e-7  # relative gain below which a step is the last
NO_LAW = -1


def refine(
    basis: Basis, batch: Batch, start: Array, low: Array, high: Array,
    prior: Array | None = None, pull: Array | None = None,
) -> Solution:  # fmt: skip
    """Levenberg-Marquardt from start (N, P) within low and high ((P,) or (N, P)).

    prior (N, 2, L): weight and value of what is already known of each linear parameter.
    pull (N, P): weight that draws a nonlinear parameter to 0.
    """
    n, w = batch.traces, batch.w
    lo, hi = (np.broadcast_to(each, start.shape) for each in (low, high))
    p = np.clip(start, lo, hi)
    drawn = np.zeros_like(p) if pull is None else pull
    known = np.zeros((n, 2, basis(p).shape[1])) if prior is None else prior
    phi, c, r, cost = _project(basis, batch, p, known, drawn)
    damping, done = np.full(n, 1e-3), np.zeros(n, dtype=bool)
    for _ in range(ITERATIONS):
        slopes = _slopes(basis, p, c, hi - lo) * w[:, None, :]
        trial = np.clip(p + _move(slopes, phi, known, r, p, drawn, damping), lo, hi)
        new = _project(basis, batch, trial, known, drawn)
        gain = cost - new[3]
        take = (gain >= 0) & ~done
        damping = np.where(take, damping * 0.1, damping * 10.0)
        p = np.where(take[:, None], trial, p)
        phi, c, r = (
            np.where(take.reshape(-1, *[1] * (a.ndim - 1)), b, a)
            for a, b in zip((phi, c, r), new[:3], strict=True)
        )  # fmt: skip
        done |= np.abs(gain) <= SETTLED * cost
        cost = np.where(take, new[3], cost)
        if done.all():
            break
    slopes = _slopes(basis, p, c, hi - lo) * w[:, None, :]
    cov = _covariance(slopes, phi, known, drawn)
    open_ = np.count_nonzero(lo < hi, axis=1) - np.count_nonzero(known[:, 0], axis=1)
    return Solution(NO_LAW, np.hstack([p, c]), cov, cost, r, c.shape[1] + open_)


def linear(columns: Array, batch: Batch, prior: Array | None = None) -> Solution:
    """Solve for the coefficients of columns (L, M) or (N, L, M) alone."""
    phi = np.broadcast_to(columns, (batch.traces, *columns.shape[-2:]))
    none = np.zeros((batch.traces, 0))
    return refine(lambda p: phi, batch, none, np.zeros(0), np.zeros(0), prior)


def _project(
    basis: Basis, batch: Batch, p: Array, prior: Array, drawn: Array
) -> tuple[Array, Array, Array, Array]:
    phi = basis(p) * batch.w[:, None, :]
    y = batch.y * batch.w
    right = (phi @ y[:, :, None])[:, :, 0] + prior[:, 0] * prior[:, 1]
    c = _solved(_gram(phi, prior), right)
    r = y - (c[:, None, :] @ phi)[:, 0]
    cost = (r * r).sum(axis=1) + (drawn * p * p).sum(axis=1)
    return phi, c, r, cost + (prior[:, 0] * (c - prior[:, 1]) ** 2).sum(axis=1)


def _gram(phi: Array, prior: Array) -> Array:
    size = phi.shape[1]
    gram = phi @ phi.transpose(0, 2, 1)
    ridge = 1e-12 * np.einsum("nii->ni", gram) + 1e-300 + prior[:, 0]
    result: Array = gram + ridge[:, :, None] * np.eye(size)
    return result


def _solved(matrix: Array, right: Array) -> Array:
    """Solve with each row scaled to a unit diagonal: known parameters weigh 1e9."""
    scale = 1.0 / np.sqrt(np.einsum("nii->ni", matrix))
    unit = matrix * scale[:, :, None] * scale[:, None, :]
    result: Array = scale * np.linalg.solve(unit, (right * scale)[:, :, None])[:, :, 0]
    return result


def _slopes(basis: Basis, p: Array, c: Array, room: Array) -> Array:
    """Derivatives (N, P, M) of the law by p; 0 for a parameter without room."""
    out = []
    for k in range(p.shape[1]):
        step = np.zeros_like(p)
        step[:, k] = 1e-6 * (1.0 + np.abs(p[:, k]))
        ahead, back = ((c[:, None, :] @ basis(at))[:, 0] for at in (p + step, p - step))
        slope = (ahead - back) / (2 * step[:, k, None])
        out.append(np.where(room[:, k, None] > 0, slope, 0.0))
    return np.stack(out, axis=1) if out else np.zeros((len(p), 0, 1))


def _move(
    slopes: Array, phi: Array, prior: Array, r: Array, p: Array, drawn: Array, damping: Array
) -> Array:
    if p.shape[1] == 0:
        return np.zeros_like(p)
    both = phi @ slopes.transpose(0, 2, 1)
    normal = slopes @ slopes.transpose(0, 2, 1)
    normal -= both.transpose(0, 2, 1) @ np.linalg.solve(_gram(phi, prior), both)
    diagonal = np.einsum("nii->ni", normal)
    right = (slopes @ r[:, :, None])[:, :, 0] - drawn * p
    floor = 1e-12 * diagonal.max(axis=1, keepdims=True) + 1e-300
    added = np.maximum(diagonal, 0.0) * damping[:, None] + drawn + floor
    return _solved(normal + added[:, :, None] * np.eye(p.shape[1]), right)


def _covariance(slopes: Array, phi: Array, prior: Array, drawn: Array) -> Array:
    """Inverse of the full normal matrix, scaled by its diagonal; 0 for a frozen parameter."""
    p, size = slopes.shape[1], slopes.shape[1] + phi.shape[1]
    rows = np.concatenate([slopes, phi], axis=1) if p else phi
    normal = rows @ rows.transpose(0, 2, 1)
    known = np.concatenate([drawn, prior[:, 0]], axis=1)
    normal = normal + known[:, :, None] * np.eye(size)
    diagonal = np.einsum("nii->ni", normal)
    free = diagonal > 1e-200
    scale = np.where(free, 1.0 / np.sqrt(np.where(free, diagonal, 1.0)), 0.0)
    unit = normal * scale[:, :, None] * scale[:, None, :]
    unit += np.where(free, 1e-13, 1.0)[:, :, None] * np.eye(size)
    return np.asarray(np.linalg.inv(unit) * scale[:, :, None] * scale[:, None, :])
