"""A change of the whole trace in the middle of a run that no published number follows.

Of a frequency that hops by more than a fringe, a law's derivative says nothing; the points do.
"""

from __future__ import annotations

import math

import numpy as np

from kammerton.model.trace import FloatArray

OTHERWISE = 8.0
"""Standard deviations of the chi-square of early against late beyond which the trace changed."""


def changed(left: FloatArray) -> tuple[float, float]:
    """Return by how many standard deviations early and late differ, and after which part.

    left (B, n): blocks in errors of their points, without what is looked at otherwise. The
    chi-square of a split is compared with that of any other way to part the blocks: whatever they
    scatter by, all orders of them are as likely unless something changed.
    """
    count, degrees = left.shape[0], left.shape[0] - 1
    if degrees < 3:
        return 0.0, 0.0
    apart = left - left.mean(axis=0)
    alike = apart @ apart.T
    before = np.arange(1, count)
    parts = np.tri(count - 1, count)
    chi2 = np.einsum("sb,bc,sc->s", parts, alike, parts) * count / (before * (count - before))
    trace = float(np.trace(alike))
    spread = float(np.square(alike).sum()) - trace**2 / degrees
    if not spread > 0:
        return 0.0, 0.0
    n = int(np.argmax(chi2))
    deviation = math.sqrt(2 * spread / (degrees * (degrees + 2)))
    return (float(chi2[n]) - trace / degrees) / deviation, before[n] / count
