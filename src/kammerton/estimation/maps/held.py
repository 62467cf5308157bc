"""What of a map was not measured: values held, a column read again, or a block of the buffer."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from kammerton.estimation.verdict.stuck import FINEST

Mask = NDArray[np.bool_]

LEAST = 4  # points in a row that are never equal by chance, unless they are counts
APART = 0.08  # of a map between a block and where it comes again
PROBES = 16  # points that are looked for again: any block of that share has one
OFTEN = 8  # times a value may come: more often it is a count, or a rail, and tells nothing
NOISY = 0.5  # part of the bends that the next one turns back; of noise it is about 0.73
BESIDE = 8  # points on either side of a probe that must come again with it


def held(y: NDArray[Any]) -> Mask:
    """Return the points of a map (A, B) that are held along an axis or copied.

    Counts of few shots repeat by chance, and stay at 0 or 1: there a whole row must be alike.
    """
    values = y[~np.isnan(y)]
    ordered = np.sort(values.real)
    if (values == values[0]).all() or (ordered[1:] != ordered[:-1]).all():
        return np.zeros(y.shape, dtype=bool)  # no signal, which has its own words; or none twice
    return _along(y) | _along(y.T).T | _again(y) | _again(y.T).T


def _again(y: NDArray[Any]) -> Mask:
    """Return what a block of the buffer, read along the second axis, was before already.

    Whole rows away a map without noise repeats, too, where its law is periodic.
    """
    flat = y.ravel()
    copied = np.zeros(flat.size, dtype=bool)
    for probe in np.linspace(BESIDE, flat.size - 1 - BESIDE, PROBES).astype(int):
        same = np.flatnonzero(flat == flat[probe])
        if not 1 < len(same) <= OFTEN:
            continue
        for lag in probe - same[(same >= BESIDE) & (probe - same >= APART * flat.size)]:
            if _comes_again(flat, probe, int(lag)) and (lag % y.shape[1] or _noisy(y)):
                copied[lag:] |= flat[lag:] == flat[:-lag]
    return copied.reshape(y.shape)


def _noisy(y: NDArray[Any]) -> bool:
    """Return whether most bends of y are turned back at the next point: noise, not a law."""
    bend = np.diff(y.real, 2, axis=1)
    both = bend[:, 1:] * bend[:, :-1]
    return bool((both[~np.isnan(both)] < 0).mean() > NOISY)


def _comes_again(flat: NDArray[Any], probe: int, lag: int) -> bool:
    """Return whether what is beside a point was beside it `lag` before; missing points aside."""
    beside = np.arange(probe - BESIDE, probe + BESIDE + 1)
    here, before = flat[beside], flat[beside - lag]
    there = ~(np.isnan(here) | np.isnan(before))
    same = bool((here == before)[there].all())
    return same and len(np.unique(here[there])) > BESIDE  # not one value that is held


def _along(y: NDArray[Any]) -> Mask:
    """Return what is held along the second axis, and rows that repeat the one before."""
    same = y[:, 1:] == y[:, :-1]
    copied = np.zeros(y.shape, dtype=bool)
    copied[1:] = (y[1:] == y[:-1]).all(axis=1)[:, None]
    run = same[:, : -LEAST + 2] & same[:, 1 : -LEAST + 3] & same[:, LEAST - 2 :]
    if not (run.any() or copied.any()):
        return copied
    whole = np.broadcast_to(same.all(axis=1)[:, None], y.shape)
    values = y[~np.isnan(y)]
    if not np.iscomplexobj(y) and _counted(values):
        end = (y == values.min()) | (y == values.max())
        return np.asarray((whole | copied) & ~(whole & end))
    for k in range(LEAST):
        copied[:, k : k + run.shape[1]] |= run
    return copied


def _counted(values: NDArray[np.float64]) -> bool:
    """Return what `stuck.counted` does, of as many values as a map has."""
    places = np.unique(values)
    places -= places[0]
    gaps = np.diff(places)
    step = gaps[gaps > 1e-9 * places[-1]].min()
    steps = places / step
    return bool(step >= FINEST * places[-1] and np.abs(steps - np.rint(steps)).max() <= 1e-3)
