"""Lines that only single frequencies show, and hardly each power for itself.

A resonator far narrower than the distance of two frequencies does at most a little to the nearest,
alike at all powers that have it: that shows in what these are on average.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from kammerton.estimation.maps.ridge import Columns, median
from kammerton.estimation.verdict.objection import Objection, insufficient
from kammerton.model import Advice

Array = NDArray[np.float64]

STANDS, ALSO = 8.0, 5.0  # standard errors by which one frequency stands out, and another with it
FLANK = 0.6  # of a line's height, beyond which what is two points away shows no narrow line
NEAR = 3  # points on either side that are the line's
MOST = 2  # lines, of which a resonator has one at low and one at high power
QUIET = 6.0  # standard errors within which what is elsewhere is noise


def between_points(c: Columns, first: float, swept: float) -> Objection | None:
    """Object where single frequencies alone stand out; these begin at `first` (Hz), of `swept`."""
    at = _standing_out(c)
    if at is None:
        return None
    f = c.f[at]
    return insufficient(
        "sampling too coarse",
        "single frequencies stand out of all others at most powers: a line narrower than the "
        "distance of two, or a spur",
        Advice(window_times=max(0.3, 2.0 * float(np.ptp(f))),
               centre_on=first + float(f.mean()) * swept, axis=0),
    )  # fmt: skip


def _standing_out(c: Columns) -> list[int] | None:
    """Return which points of the frequency stand out of noise; None if more than points do."""
    off, half = (c.z - median(c.z, c.w > 0, 1)) * c.w, len(c.b) // 2
    kept = _without_highest(off)
    height = np.maximum(_together(kept[:half], c.w[:half]), _together(kept[half:], c.w[half:]))
    rest = np.ones(len(c.f), dtype=bool)
    found: list[int] = []
    while (rest * height).max() > (ALSO if found else STANDS) and len(found) < MOST:
        top = int((rest * height).argmax())
        if height[_around(top, 2, len(c.f))].max() > FLANK * height[top]:
            return None
        found.append(top)
        rest[top - min(NEAR, top) : top + NEAR + 1] = False
    return sorted(found) if found and _noise(c, off, height, rest) else None


def _without_highest(off: NDArray[Any]) -> NDArray[Any]:
    """Return what is off (B, A) without each frequency's highest point, which may be a stray."""
    highest = np.abs(off).argmax(axis=0)
    return np.where(np.arange(len(off))[:, None] == highest, 0.0, off)


def _together(off: NDArray[Any], w: Array) -> Array:
    """Return by how many standard errors the mean of some powers is off (A,)."""
    size = np.sqrt(np.maximum((w * w).sum(axis=0), 1e-300))
    return np.asarray(np.abs((off * w).sum(axis=0)) / size)


def _around(top: int, away: int, points: int) -> list[int]:
    return [at for at in (top - away, top + away) if 0 <= at < points]


def _noise(c: Columns, off: NDArray[Any], height: Array, rest: NDArray[np.bool_]) -> bool:
    """Return whether what is left is noise: no mean stands out, nor are its points too large."""
    count = c.parts * (float((c.w[:, rest] > 0).sum()) - len(c.b))
    cost = float((np.abs(off[:, rest]) ** 2).sum())
    return bool((height[rest] < ALSO).all() and cost - count < QUIET * np.sqrt(2.0 * count))
