"""A map that is noise but at a few neighbouring biases: far too much bias is swept.

Branches so steep are within the frequency window only there.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kammerton.estimation.maps.ridge import Columns, median
from kammerton.estimation.verdict.objection import Objection, insufficient
from kammerton.model import Advice

Array = NDArray[np.float64]

FEW = 0.25  # part of the biases that are few
NOISE = 6.0  # standard errors within which what is there is noise
BESIDE = 1  # biases on either side that belong to the advised window


def at_few_biases(c: Columns, first: float, swept: float) -> Objection | None:
    """Object where all that shows is within a few biases; these begin at `first` (V), of `swept`.

    A point that stands alone in its column is none of it.
    """
    shown = _shown(c)
    if shown is None:
        return None
    some, b = shown.stop - shown.start, c.b
    ends = b[max(shown.start - BESIDE, 0)], b[min(shown.stop - 1 + BESIDE, len(b) - 1)]
    where = "a single bias shows" if some == 1 else f"only {some} neighbouring biases show"
    return insufficient(
        "window too long",
        f"{where} anything, of {len(b)}: branches so steep that they are in the window only "
        "there, or a disturbance; sweep less bias about it",
        Advice(
            window_times=float(ends[1] - ends[0]),
            centre_on=first + 0.5 * float(ends[0] + ends[1]) * swept, axis=1,
        ),
    )  # fmt: skip


def _shown(c: Columns) -> slice | None:
    """Return the few neighbouring biases that show anything, None unless there are such."""
    cost, count = _costs(c)
    beyond = (cost - count) / np.sqrt(2.0 * np.maximum(count, 1.0))
    at = np.flatnonzero(beyond > NOISE)
    if len(at) == 0:
        return None
    part = slice(int(at[0]), int(at[-1]) + 1)
    few = part.stop - part.start <= FEW * len(c.b) and 2 * len(at) > part.stop - part.start
    rest, points = np.delete(cost, part).sum(), np.delete(count, part).sum()
    quiet = rest - points < NOISE * np.sqrt(2.0 * max(points, 1.0))
    return part if few and quiet else None


def _costs(c: Columns) -> tuple[Array, Array]:
    """Return chi-square about its level of each bias, less its highest point, and its freedom."""
    there = c.w > 0
    off = np.abs((c.z - median(c.z, there, 1)) * c.w) ** 2
    return off.sum(axis=1) - off.max(axis=1), c.parts * np.maximum(there.sum(axis=1) - 2.0, 0.0)
