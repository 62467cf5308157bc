"""Where to start: cached grids of orthonormal projectors, one matrix product for a batch.

The score of a candidate is how much of the trace's variance its columns explain once the
background is taken out, |Q^T y|^2. Candidates are spaced so finely that the nearest one lies in
the basin of the global minimum.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kammerton.estimation.numeric.prepare import Batch

Array = NDArray[np.float64]
Grid = tuple[Array, NDArray[np.float32]]  # candidates (C, P), projectors (M, columns * C)

ALIKE = 1e5  # cells in a window: axes whose points share them share a grid
SHIFT = 0.1307  # of a cell: no even axis has its points where two cells meet
MOST = 1024  # points beyond which a trace is thinned for seeding


def search(batch: Batch, kind: str, columns: int, y: Array | None = None) -> Array:
    """Return the best candidate (N, P) of grid `kind` for y (N, M), or the batch's own."""
    values = filled(batch, batch.y if y is None else y)
    best = np.empty(0)
    for axis, rows in axes(batch):
        thin = max(1, -(-batch.points // MOST))
        candidates, projectors = grid(kind, _thinned(axis[None], thin).tobytes())
        picked = _best(_thinned(values[rows], thin), candidates, projectors, columns)
        best = np.empty((len(values), candidates.shape[1])) if best.size == 0 else best
        best[rows] = picked
    return best


def axes(batch: Batch) -> list[tuple[Array, NDArray[np.intp]]]:
    """Return the different axes of a batch, rounded, with the traces that have them.

    What an axis is rounded to depends on no other.
    """
    x = (np.rint(batch.x * ALIKE + SHIFT) - SHIFT) / ALIKE
    if (x == x[0]).all():
        return [(x[0], np.arange(batch.traces))]
    unique, inverse = np.unique(x, axis=0, return_inverse=True)
    return [(a, np.flatnonzero(inverse.ravel() == i)) for i, a in enumerate(unique)]


def filled(batch: Batch, y: Array) -> Array:
    """Return y with missing and very uncertain points interpolated: a grid needs them all."""
    w = batch.w[:, : batch.points]
    if (w.min(axis=1) >= 0.1 * w.max(axis=1)).all():
        return y
    bad = w < 0.1 * np.median(w, axis=1, keepdims=True)
    if not bad.any():
        return y
    y = y.copy()
    index = np.arange(batch.points)
    for n in np.flatnonzero(bad.any(axis=1)):
        for part in range(batch.parts):
            row = y[n, part * batch.points : (part + 1) * batch.points]
            row[bad[n]] = np.interp(index[bad[n]], index[~bad[n]], row[~bad[n]])
    return y


def _thinned(y: Array, thin: int) -> Array:
    if thin == 1:
        return y
    kept = y[:, : y.shape[1] // thin * thin]
    result: Array = kept.reshape(len(y), -1, thin).mean(axis=2)
    return result


def _best(y: Array, candidates: Array, projectors: NDArray[np.float32], columns: int) -> Array:
    score = single(y - y.mean(axis=1, keepdims=True)) @ projectors
    score *= score
    count = len(candidates)
    for k in range(1, columns):
        score[:, :count] += score[:, k * count : (k + 1) * count]
    score = score[:, :count]
    top = score.argmax(axis=1)
    result: Array = candidates[top]
    return _between(score, top, candidates) if candidates.shape[1] == 1 else result


def _between(score: NDArray[np.floating[Any]], top: NDArray[np.intp], candidates: Array) -> Array:
    """Return the top of a parabola through the best candidate's score and its neighbours'.

    In eighths, so that the last digit of a score, which the size of the batch may change, does not.
    """
    inner = np.clip(top, 1, len(candidates) - 2)
    rows = np.arange(len(top))
    before, at, after = (score[rows, inner + k] for k in (-1, 0, 1))
    bend = np.maximum(2 * at - before - after, 1e-12 * at + 1e-30)
    away = np.round(8 * np.clip(0.5 * (after - before) / bend, -0.5, 0.5)) / 8
    away = np.where(top == inner, away, top - inner)
    result: Array = np.interp(inner + away, np.arange(len(candidates)), candidates[:, 0])[:, None]
    return result


def single(y: Array) -> NDArray[np.float32]:
    """Return rows in single precision, scaled so that none overflows."""
    largest = np.abs(y).max(axis=1, keepdims=True)
    return (y / np.where(largest > 0, largest, 1.0)).astype(np.float32)


@lru_cache(maxsize=16)
def grid(kind: str, axis: bytes) -> Grid:
    """Return candidates and projectors of one kind on one axis."""
    return GRIDS[kind](np.frombuffer(axis))


def _projectors(columns: Array, background: Array) -> NDArray[np.float32]:
    """Orthonormalise (C, M, L) columns after taking out background (M, B); -> (M, L * C)."""
    q = np.linalg.qr(background)[0]
    kept: list[Array] = []
    for k in range(columns.shape[2]):  # one after the other: there are one or two
        column = columns[:, :, k]
        rest = column - (column @ q) @ q.T
        for done in kept:
            rest -= np.einsum("cm,cm->c", rest, done)[:, None] * done
        length, size = (np.sqrt(np.einsum("cm,cm->c", v, v)) for v in (rest, column))
        scale = np.where(length <= 1e-3 * size, 0.0, 1.0 / np.maximum(length, 1e-300))
        kept.append(rest * scale[:, None])
    return np.ascontiguousarray(np.concatenate(kept).T, dtype=np.float32)


def _constant(x: Array) -> Array:
    return np.ones((len(x), 1))


def _line(x: Array) -> Array:
    return np.stack([np.ones_like(x), x - 0.5], axis=1)


def decays(x: Array, power: int = 1) -> Grid:
    """Exponential (or Gaussian) decays by rate; the shortest lasts two thirds of a point."""
    rates = np.geomspace(0.1, 1.5 * len(x), 40)
    columns = np.exp(-np.clip((rates[:, None] * x) ** power, -5.0, 500.0))[:, :, None]
    return rates[:, None], _projectors(columns, _constant(x))


def oscillations(x: Array) -> Grid:
    """Decaying oscillations by rate and angular frequency, a quarter of a period apart."""
    pairs = [
        (rate, w)
        for rate in (0.0, 1.5, 4.0, 10.0, 25.0)
        for w in np.arange(np.pi / 2, np.pi * (len(x) - 1), np.pi / 2 * max(1.0, rate / 10))
    ]
    rate, w = np.array(pairs).T
    envelope = np.exp(-np.clip(rate[:, None] * x, -5.0, 500.0))
    columns = np.stack([envelope * np.cos(w[:, None] * x), envelope * np.sin(w[:, None] * x)], 2)
    return np.array(pairs), _projectors(columns, _constant(x))


def cosines(x: Array) -> Grid:
    """Cosines about x = 0 by angular frequency."""
    spacing = np.pi / 4 / max(np.abs(x).max(), 0.25)
    w = np.arange(2 * np.pi * 0.3, np.pi * (len(x) - 1), max(spacing, np.pi * len(x) / 4000))
    return w[:, None], _projectors(np.cos(w[:, None] * x)[:, :, None], _constant(x))


def widths(x: Array, widest: float, count: int, overlap: float) -> Array:
    """Return (centre, half width) candidates; narrow lines are tried at the measured points."""
    step = 1.0 / (len(x) - 1)
    found = []
    for half in np.geomspace(0.75 * step, widest, count):
        centres = x if half * overlap < step else np.arange(0.0, 1.0001, half * overlap)
        found += [(centre, half) for centre in centres]
    return np.array(found)


def lorentzians(x: Array, background: Callable[[Array], Array] = _line) -> Grid:
    """Lines by centre and half width, over a sloping or a level background."""
    candidates = widths(x, 0.5, 8, 0.7)
    u = (x - candidates[:, :1]) / candidates[:, 1:]
    return candidates, _projectors((1 / (1 + u * u))[:, :, None], background(x))


def powers(x: Array, background: Callable[[Array], Array] = _line) -> Grid:
    """Asymmetric lines, as |S|^2 of a resonance over a background."""
    candidates = widths(x, 0.4, 8, 0.7)
    u = (x - candidates[:, :1]) / candidates[:, 1:]
    shape = 1 / (1 + u * u)
    return candidates, _projectors(np.stack([shape, u * shape], axis=2), background(x))


GRIDS: dict[str, Callable[[Array], Grid]] = {
    "decays": decays,
    "gaussian decays": lambda x: decays(x, 2),
    "oscillations": oscillations,
    "cosines": cosines,
    "lines": lorentzians,
    "level lines": lambda x: lorentzians(x, _constant),
    "powers": powers,
    "level powers": lambda x: powers(x, _constant),
}
