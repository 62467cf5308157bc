"""Maps that were cut at an end of the digitizer's range: a rail."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from kammerton.estimation.verdict.findings import UNIQUE
from kammerton.estimation.verdict.ties import RAILED

Mask = NDArray[np.bool_]

BESIDE = 0.1  # part of the span within which the next value follows a rail
INNER = 4  # values off the rails that show whether the map is counts


def railed(y: NDArray[Any]) -> bool:
    """Return whether points of a map (A, B), or one of their parts, were cut to one value.

    Noise never gives one extreme value so often. Counts do, and repeat elsewhere, too; what was
    filled in (zeros) is whole rows or columns, or lies far from all that was measured.
    """
    missing = np.isnan(y)
    parts = (y.real, y.imag) if np.iscomplexobj(y) else (y,)
    return any(_cut(np.where(missing, np.nan, part), missing) for part in parts)


def _cut(y: NDArray[np.float64], missing: Mask) -> bool:
    low, high = np.nanmin(y), np.nanmax(y)
    if not low < high:
        return False
    rails = [at for at in (y == low, y == high) if np.count_nonzero(at) > 1]
    if not any(_spread(at, missing) for at in rails):
        return False
    off = ~missing
    for at in rails:
        off &= ~at
    inner = np.unique(y[off])
    if len(inner) < max(INNER, UNIQUE * np.count_nonzero(off)):
        return False
    gaps = (inner[0] - low, high - inner[-1])
    near = BESIDE * (high - low)
    return any(_spread(y == end, missing) and gap < near
               for end, gap in zip((low, high), gaps, strict=True))  # fmt: skip


def _spread(at: Mask, missing: Mask) -> bool:
    """Return whether so many points are there, in several rows and columns, not whole ones."""
    whole = [np.asarray((at | missing).all(axis=k, keepdims=True)) for k in (0, 1)]
    alone = at & ~whole[0] & ~whole[1]
    lines = min(np.count_nonzero(alone.any(axis=k)) for k in (0, 1))
    return bool(np.count_nonzero(alone) >= RAILED and lines > 1)
