"""Traces of which many points lie at one and the same extreme value: the readout is saturated.

Asked of a complex trace part by part, and of repeated points before they are averaged; what is
asked of any other real trace is in `findings`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kammerton.estimation.numeric.kernels import careful_kernel
from kammerton.estimation.numeric.prepare import Batch
from kammerton.estimation.verdict.evidence import Mask
from kammerton.estimation.verdict.findings import SATURATED, UNIQUE, Findings
from kammerton.estimation.verdict.stuck import fill_between
from kammerton.estimation.verdict.ties import beyond_chance

Array = NDArray[np.float64]

LEAST, SHARE = 4, 0.05
"""Points, and parts of all, that lie at a rail. Of the parts of a complex trace LEAST are enough
where no other value occurs twice: no population is cut to what is possible there."""


def judge_rails(findings: Findings, batch: Batch, where: str = "") -> None:
    """Object to saturated traces."""
    findings.rejected(at_a_rail(batch), "saturated", SATURATED + where)


def at_a_rail(batch: Batch) -> Mask:
    """Return where so many points lie at a rail, and hardly a value occurs twice besides (N,).

    Counts of a few shots also pile up at exactly 0 or 1, but they repeat elsewhere too; where the
    shots are known, the chance of it tells.
    """
    result = np.zeros(batch.traces, dtype=np.bool_)
    most, count = np.empty((2, batch.parts, batch.traces))
    fill_ends(batch.y, batch.w, batch.points, most, count)
    for part in range(batch.parts):
        enough = np.maximum(LEAST, SHARE * count[part])
        many = beyond_chance(batch, most[part])
        which = (many >= (LEAST if batch.parts == 2 else enough)).nonzero()[0]
        if len(which):
            rows = slice(part * batch.points, (part + 1) * batch.points)
            y, w = np.ascontiguousarray(batch.y[:, rows]), np.ascontiguousarray(batch.w[:, rows])
            between = np.empty((len(which), 2), dtype=np.intp)
            fill_between(y, w, which, between)
            unique = np.where((many >= enough)[which], UNIQUE, 1.0)
            result[which] |= between[:, 1] >= np.maximum(LEAST, unique * between[:, 0])
    return result


@careful_kernel
def fill_ends(y: Array, w: Array, points: int, most: Array, count: Array) -> None:
    """Fill most (P, N): points of each part at its largest or its smallest value, and count: all.

    y, w (N, P M). Of a part that has one value only most is 0.
    """
    for part in range(most.shape[0]):
        for n in range(y.shape[0]):
            high, low = -np.inf, np.inf
            above = below = there = 0
            for i in range(part * points, (part + 1) * points):
                if not w[n, i] > 0.0:
                    continue
                there += 1
                if y[n, i] >= high:
                    above, high = (above + 1 if y[n, i] == high else 1), y[n, i]
                if y[n, i] <= low:
                    below, low = (below + 1 if y[n, i] == low else 1), y[n, i]
            most[part, n], count[part, n] = max(above, below) if high > low else 0, there
