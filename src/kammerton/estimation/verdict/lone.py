"""One point of an accepted trace that lies far from the curve: it is kept, and said.

Compiled in a file of its own, see `kammerton.estimation.numeric.kernels`.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtr

from kammerton.estimation.numeric.kernels import careful_kernel
from kammerton.estimation.numeric.prepare import Batch
from kammerton.estimation.verdict.findings import ACCEPTED, Findings
from kammerton.estimation.verdict.stray import number_of

Array = NDArray[np.float64]

FAR = 6.0  # scatters of the others
OWN = 5.0  # of its own errors, where they are given
CHANCE = 1e-4  # of such a point in a trace whose noise is Gaussian
FITTED = 6  # parameters of the laws there are, or fewer
FEWEST = 15  # points


def name_lone_points(findings: Findings, batch: Batch, curve: NDArray[Any]) -> None:
    """Add to the reasons of accepted traces that one point lies far off, and what it does.

    curve: the fitted y (N, R) as the batch holds it. Not where x repeats: there readings of one x
    tell their own scatter. Counts hardly scatter where they are rare, so that the scatter of all
    says little: a point must be far by its own error, too, where that is given, and by the scatter
    of that third of the sweep where it is largest.
    """
    if batch.points < FEWEST:
        return
    seen = np.empty((batch.traces, 3))
    fill_farthest(batch.y, batch.w, np.asarray(curve, dtype=np.float64), batch.parts, seen)
    freedom = np.maximum(batch.rows - batch.parts - FITTED, 1)
    far = seen[:, 1] * freedom > batch.parts * FAR**2 * np.maximum(seen[:, 2], 1e-300)
    if batch.known_noise:
        far &= seen[:, 1] > batch.parts * OWN**2
    for n in (far & (findings.verdict == ACCEPTED)).nonzero()[0].tolist():
        if seen[n, 1] < batch.parts * FAR**2 * _roughest(batch, n, curve, int(seen[n, 0])):
            continue
        times = math.sqrt(seen[n, 1] * freedom[n] / (batch.parts * seen[n, 2]))
        chance = 2.0 * batch.points * float(stdtr(freedom[n], -times))
        if chance < CHANCE and 2 * batch.places[n] > batch.points:
            wider = math.sqrt((seen[n, 1] + seen[n, 2]) / seen[n, 2])
            findings.reason[n] += _words(batch, n, int(seen[n, 0]), times, wider)


def _roughest(batch: Batch, n: int, curve: NDArray[Any], at: int) -> float:
    """Return the mean square that the third of trace n leaves which leaves most, without a point.

    Of one part, in weighted units.
    """
    m = batch.points
    left = ((batch.y[n] - curve[n]) * batch.w[n]).reshape(batch.parts, m)
    kept = (batch.w[n].reshape(batch.parts, m) > 0) & (np.arange(m) != at)
    thirds = zip(np.array_split(left, 3, axis=1), np.array_split(kept, 3, axis=1), strict=True)
    return max(float(np.mean(part[seen] ** 2)) if seen.any() else 0.0 for part, seen in thirds)


def _words(batch: Batch, n: int, at: int, times: float, wider: float) -> str:
    does = "it pulls the values"
    if not batch.known_noise:
        does += f" and makes their errors {100 * (wider - 1):.0f} % larger"
    return (
        f"; one point, number {number_of(batch, n, at)} of {batch.points}, lies {times:.0f} times "
        f"the scatter of the others from the curve: {does}; leave it out (NaN) and fit again"
    )


@careful_kernel
def fill_farthest(y: Array, w: Array, curve: Array, parts: int, out: Array) -> None:
    """Fill out (N, 3): the point farthest from the curve, its square in sigmas, the others' sum."""
    m = y.shape[1] // parts
    for n in range(y.shape[0]):
        place, most, total = 0, 0.0, 0.0
        for i in range(m):
            square = 0.0
            for q in range(parts):
                j = q * m + i
                away = (y[n, j] - curve[n, j]) * w[n, j]
                square += away * away
            total += square
            if square > most:
                place, most = i, square
        out[n, 0], out[n, 1], out[n, 2] = place, most, total - most
