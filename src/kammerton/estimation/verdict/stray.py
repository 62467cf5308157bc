"""A single point that spoils a trace: what else is said of it would send people the wrong way."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from kammerton.estimation.numeric.prepare import Batch
from kammerton.estimation.verdict.findings import NOTHING, REJECTED, Findings

MISTAKEN = (
    "no signal", "signal too weak", "model does not fit", "stray point", "drift during scan",
)  # fmt: skip
"""What a fit calls a trace that one point spoils."""

FEWEST = 9  # points
FAR = 12.0  # scatters by which a point stands out from its neighbours
ALONE = 3.0  # times farther than any other
BESIDE = -0.8, -0.2  # what a point alone makes of its neighbours' distances, -1/2, with noise


def name_stray_points(findings: Findings, batch: Batch) -> None:
    """Say of traces that are not accepted where one point alone stands out, and what to do.

    Distances are those of a point from the mean of its neighbours in x; a jump, a walk or a curve
    that is too quick for its points has several that are large, or none that is opposite to both
    beside it. The two points at either end are not looked at.
    """
    said = enumerate(findings.status.tolist())
    which = np.array([n for n, status in said if status in MISTAKEN], dtype=np.intp)
    if len(which) == 0 or batch.points < FEWEST:
        return
    point, times = _standing_out(_in_order(batch, which))
    for n, at, far in zip(which.tolist(), point.tolist(), times.tolist(), strict=True):
        if far > 0:
            findings.verdict[n], findings.status[n] = REJECTED, "stray point"
            findings.advice[n] = NOTHING
            findings.reason[n] = (
                f"a single point, number {number_of(batch, n, at)} of {batch.points}, lies "
                f"{far:.0f} times the scatter away from its neighbours: leave it out (NaN), or "
                "sweep more finely there, and fit again"
            )


def _in_order(batch: Batch, which: NDArray[np.intp]) -> NDArray[Any]:
    """Return y of some traces in order of x (n, M), what is missing between its neighbours."""
    m = batch.points
    y: NDArray[Any] = batch.y[which, :m]
    there = batch.w[which, :m] != 0.0
    if batch.parts == 2:
        y = y + 1j * batch.y[which, m:]
    every = np.arange(m)
    for n in np.flatnonzero(~there.all(axis=1)):
        if there[n].any():
            y[n] = np.interp(every, every[there[n]], y[n][there[n]])
    return y


def _standing_out(y: NDArray[Any]) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Return the one point that stands out of each trace (n,), and by how many scatters, or 0."""
    away = y[:, 1:-1] - 0.5 * (y[:, :-2] + y[:, 2:])
    size = np.abs(away)
    rows = np.arange(len(y))
    peak = 1 + np.argmax(size[:, 1:-1], axis=1)
    top = size[rows, peak]
    alone = top > 0.0
    for beside in (-1, 1):
        ratio = np.real(away[rows, peak + beside] * np.conj(away[rows, peak]))
        part = ratio / np.where(alone, top, 1.0) ** 2
        alone &= (part > BESIDE[0]) & (part < BESIDE[1])
    times = np.zeros(len(y))
    for n in np.flatnonzero(alone):
        others = size[n].copy()
        others[peak[n] - 1 : peak[n] + 2] = 0.0
        if not top[n] > ALONE * others.max():
            continue
        scatter = 1.4826 * np.median(size[n])
        if top[n] > FAR * scatter > 0.0:
            times[n] = top[n] / scatter
    return peak + 1, times


def number_of(batch: Batch, n: int, at: int) -> int:
    """Return which of the caller's points it is, from 1 on."""
    if batch.order is None:
        return int(at) + 1
    order = batch.order
    return int(order[n if len(order) > 1 else 0, at]) + 1
