"""Where to start: cached grids of orthonormal projectors, one matrix product for a batch.

The score of a candidate is how much of the trace's variance its columns explain once the
background is taken out, |Q^T y|^2. Candidates are spaced so finely that the nearest one lies in
the basin of the global minimum.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from kammerton.estimation.numeric.kernels import kernel
from kammerton.estimation.numeric.long_traces import LAWS, or_faster
from kammerton.estimation.numeric.places import places
from kammerton.estimation.numeric.prepare import Batch

Array = NDArray[np.float64]
Single = NDArray[np.float32]
Grid = tuple[Array, Single]  # candidates (C, P), projectors (M, columns * C)
Law = Callable[[Array], list[Array]]  # candidates (C, P) -> columns (C, M), L of them

ALIKE = 1e5  # cells in a window: axes whose points share them share a grid
SHIFT = 0.1307  # of a cell: no even axis has its points where two cells meet
TOGETHER = 256  # traces scored together: their scores stay in the cache
CACHED = 32_768  # numbers of each column that are worked on at once
MOST = 1024  # points beyond which a trace is thinned for seeding


def search(batch: Batch, kind: str, columns: int, y: Array | None = None) -> Array:
    """Return the best candidate (N, P) of grid `kind` for y (N, M), or the batch's own."""
    values = filled(batch, batch.y if y is None else y)
    thin, found = max(1, -(-batch.points // MOST)), axes(batch)
    if len(found) == 1:
        return _of_axis(kind, columns, found[0][0], values, thin)
    picked = [(rows, _of_axis(kind, columns, axis, values[rows], thin)) for axis, rows in found]
    best = np.empty((len(values), picked[0][1].shape[1]))
    for rows, those in picked:
        best[rows] = those
    return best


def _of_axis(kind: str, columns: int, axis: Array, values: Array, thin: int) -> Array:
    best = _best(_thinned(values, thin), *grid(kind, _key(axis, thin)), columns)
    return or_faster(kind, axis, values, best) if thin > 1 and kind in LAWS else best


def _key(axis: Array, thin: int) -> bytes:
    return _thinned(axis[None], thin).tobytes()


def axes(batch: Batch) -> list[tuple[Array, NDArray[np.intp]]]:
    """Return the different axes of a batch, rounded, with the traces that have them.

    What an axis is rounded to depends on no other.
    """
    if len(batch.x) == 1:
        return [(_of_all(batch.x.tobytes()), np.arange(batch.traces))]
    x = _rounded(batch.x)
    if (x == x[0]).all():
        return [(x[0], np.arange(batch.traces))]
    unique, inverse = np.unique(x, axis=0, return_inverse=True)
    return [(a, np.flatnonzero(inverse.ravel() == i)) for i, a in enumerate(unique)]


def _rounded(x: Array) -> Array:
    result: Array = (np.rint(x * ALIKE + SHIFT) - SHIFT) / ALIKE
    return result


@lru_cache(maxsize=16)
def _of_all(x: bytes) -> Array:
    """Return one axis for all, rounded: a fit of one trace asks for it a dozen times."""
    return _rounded(np.frombuffer(x))


def filled(batch: Batch, y: Array) -> Array:
    """Return y with missing and very uncertain points interpolated: a grid needs them all."""
    bad = np.empty((batch.traces, batch.points), dtype=np.bool_)
    if not fill_uncertain(batch.w, bad):
        return y
    y = y.copy()
    bridge(bad, y)
    return y


def _thinned(y: Array, thin: int) -> Array:
    if thin == 1:
        return y
    kept = y[:, : y.shape[1] // thin * thin]
    result: Array = kept.reshape(len(y), -1, thin).mean(axis=2)
    return result


def _best(y: Array, candidates: Array, projectors: Single, columns: int) -> Array:
    best = np.empty((len(y), candidates.shape[1]))
    for first in range(0, len(y), TOGETHER):
        some = y[first : first + TOGETHER]
        centred = np.empty(some.shape, dtype=np.float32)
        centre(some, centred)
        fill_best(centred @ projectors, candidates, columns, best[first : first + TOGETHER])
    return best


@kernel
def fill_uncertain(w: Array, bad: NDArray[np.bool_]) -> bool:
    """Fill bad (N, M) with the points far less certain than is usual; whether there are any."""
    found, m = False, bad.shape[1]
    for n in range(w.shape[0]):
        low = high = w[n, 0]
        for i in range(m):
            low, high = min(low, w[n, i]), max(high, w[n, i])
        bad[n, :] = False
        if low >= 0.1 * high:
            continue
        least = 0.1 * np.median(w[n, :m])
        for i in range(m):
            bad[n, i] = w[n, i] < least
            found = found or w[n, i] < least
    return found


@kernel
def bridge(bad: NDArray[np.bool_], y: Array) -> None:
    """Put straight lines from good point to good point in place of bad ones (N, M).

    y (N, parts M). Before the first good point, and after the last, there is its value.
    """
    m = bad.shape[1]
    for n in range(y.shape[0]):
        for first in range(0, y.shape[1], m):
            last = -1
            for i in range(m):
                if bad[n, i]:
                    continue
                start = y[n, first + (last if last >= 0 else i)]
                slope = (y[n, first + i] - start) / (i - last)
                for k in range(last + 1, i):
                    y[n, first + k] = start + slope * (k - last)
                last = i
            for k in range(last + 1, m):
                y[n, first + k] = y[n, first + last]


@kernel
def centre(y: Array, out: Single) -> None:
    """Fill out with rows less their mean, scaled so that none overflows."""
    for n in range(y.shape[0]):
        mean, largest = y[n].mean(), 0.0
        for i in range(y.shape[1]):
            largest = max(largest, abs(y[n, i] - mean))
        scale = 1.0 / largest if largest > 0.0 else 1.0
        for i in range(y.shape[1]):
            out[n, i] = (y[n, i] - mean) * scale


@kernel
def fill_best(overlap: Single, candidates: Array, columns: int, best: Array) -> None:
    """Fill best (N, P) with the candidates of the largest scores.

    overlap (N, columns * C): of y and the projectors. Of one parameter, the top of a parabola
    through the best score and its neighbours' is taken, in eighths, so that the last digit of a
    score, which the size of the batch may change, does not.
    """
    count = candidates.shape[0]
    score = np.empty(count, dtype=np.float32)
    for n in range(overlap.shape[0]):
        for c in range(count):
            score[c] = overlap[n, c] * overlap[n, c]
        for k in range(1, columns):
            for c in range(count):
                score[c] += overlap[n, k * count + c] * overlap[n, k * count + c]
        highest, top = score.max(), 0
        while score[top] < highest:
            top += 1
        best[n] = candidates[top]
        if candidates.shape[1] == 1 and 0 < top < count - 1:
            before, at, after = float(score[top - 1]), float(score[top]), float(score[top + 1])
            bend = max(2.0 * at - before - after, 1e-12 * at + 1e-30)
            away = round(8.0 * min(max(0.5 * (after - before) / bend, -0.5), 0.5)) / 8.0
            beside = candidates[top + 1 if away > 0.0 else top - 1, 0]
            best[n, 0] += abs(away) * (beside - candidates[top, 0])


def single(y: Array) -> Single:
    """Return rows in single precision, scaled so that none overflows."""
    largest = np.abs(y).max(axis=1, keepdims=True)
    return (y / np.where(largest > 0, largest, 1.0)).astype(np.float32)


@lru_cache(maxsize=8)  # some 200 kB each
def grid(kind: str, axis: bytes) -> Grid:
    """Return candidates and projectors of one kind on one axis."""
    return GRIDS[kind](np.frombuffer(axis))


def _projectors(law: Law, candidates: Array, background: Array) -> Single:
    """Orthonormalise a law's columns, background (M, B) taken out first; -> (M, L * C).

    Some candidates at a time, so that their columns stay in the cache.
    """
    q, count = np.linalg.qr(background)[0], len(candidates)
    some = max(1, CACHED // len(q))
    parts = [(k, _orthonormal(law(candidates[k : k + some]), q)) for k in range(0, count, some)]
    result = np.empty((len(q), len(parts[0][1]) * count), dtype=np.float32)
    for first, part in parts:
        for k, column in enumerate(part):
            result[:, k * count + first : k * count + first + len(column)] = column.T
    return result


def _orthonormal(columns: list[Array], q: Array) -> list[Single]:
    kept: list[Array] = []
    for column in columns:  # one after the other: there are one or two
        rest = column - (column @ q) @ q.T
        for done in kept:
            rest -= np.einsum("cm,cm->c", rest, done)[:, None] * done
        length, size = (np.sqrt(np.einsum("cm,cm->c", v, v)) for v in (rest, column))
        scale = np.where(length <= 1e-3 * size, 0.0, 1.0 / np.maximum(length, 1e-300))
        kept.append(rest * scale[:, None])
    return [each.astype(np.float32) for each in kept]


def _constant(x: Array) -> Array:
    return np.ones((len(x), 1))


def _line(x: Array) -> Array:
    return np.stack([np.ones_like(x), x - 0.5], axis=1)


def decays(x: Array, power: int = 1) -> Grid:
    """Exponential (or Gaussian) decays by rate; the shortest lasts two thirds of a point."""
    rates = np.geomspace(0.1, 1.5 * len(x), 40)

    def law(rate: Array) -> list[Array]:
        return [np.exp(-np.clip((rate * x) ** power, -5.0, 500.0))]

    return rates[:, None], _projectors(law, rates[:, None], _constant(x))


def oscillations(x: Array) -> Grid:
    """Decaying oscillations by rate and angular frequency, three eighths of a period apart."""
    fastest = _fastest(x)
    pairs = np.array([
        (rate, w)
        for rate in (0.0, 1.5, 4.0, 10.0, 25.0)
        for w in np.arange(np.pi / 2, fastest, 0.75 * np.pi * max(1.0, rate / 10))
    ])  # fmt: skip

    def law(some: Array) -> list[Array]:
        envelope, turned = np.exp(-np.clip(some[:, :1] * x, -5.0, 500.0)), some[:, 1:] * x
        return [envelope * np.cos(turned), envelope * np.sin(turned)]

    return pairs, _projectors(law, pairs, _constant(x))


def cosines(x: Array) -> Grid:
    """Cosines about x = 0 by angular frequency."""
    spacing = np.pi / 4 / max(np.abs(x).max(), 0.25)
    w = np.arange(2 * np.pi * 0.3, _fastest(x), max(spacing, np.pi * len(x) / 4000))[:, None]
    return w, _projectors(lambda some: [np.cos(some * x)], w, _constant(x))


def _fastest(x: Array) -> float:
    """Return the angular frequency beyond which the points of x see only aliases."""
    return float(np.pi * (places(x[None])[0] - 1))


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

    def law(some: Array) -> list[Array]:
        u = (x - some[:, :1]) / some[:, 1:]
        return [1 / (1 + u * u)]

    return candidates, _projectors(law, candidates, background(x))


def powers(x: Array, background: Callable[[Array], Array] = _line) -> Grid:
    """Asymmetric lines, as |S|^2 of a resonance over a background."""
    candidates = widths(x, 0.4, 8, 0.7)

    def law(some: Array) -> list[Array]:
        u = (x - some[:, :1]) / some[:, 1:]
        shape = 1 / (1 + u * u)
        return [shape, u * shape]

    return candidates, _projectors(law, candidates, background(x))


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
