"""A signal that is over within the first points of a sweep, whatever else was found of it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kammerton.estimation.numeric.prepare import Batch
from kammerton.estimation.verdict.findings import (
    ACCEPTED,
    INSUFFICIENT,
    NOTHING,
    REJECTED,
    Findings,
)
from kammerton.model import Advice

Array = NDArray[np.float64]

FIRST = 8
"""Points within which it is over: with fewer than that no law is told from another."""

FEWEST = 40
"""Points of the sweep: what follows must be long enough to be seen to be flat."""

SEEN, FLAT = 5.0, 4.0
"""Sigmas by which two of the first points differ from the rest, and by which that may scatter."""

STRAY = -1
ALONE = "a single point stands out; the others show no signal"

UNLIKE = ("no signal", "sampling too coarse", "stuck data", "saturated")
"""What is said of a trace with more reason."""


def name_early(findings: Findings, batch: Batch, reason: str) -> None:
    """Say of traces that are not accepted where only the first points differ from the rest.

    Such a trace looks like a jump, a stray point, or a part of a period whose window should be
    longer, where it should be much shorter. One point alone, but the first, is a stray one.
    """
    which = np.flatnonzero((findings.verdict != ACCEPTED) & ~np.isin(findings.status, UNLIKE))
    if len(which) == 0 or batch.points < FEWEST or not batch.step.all():
        return
    for n, last in zip(which.tolist(), _last(batch, which).tolist(), strict=True):
        if last == STRAY:
            findings.verdict[n], findings.status[n] = REJECTED, "stray point"
            findings.reason[n], findings.advice[n] = ALONE, NOTHING
        elif last > 0:
            findings.verdict[n], findings.status[n] = INSUFFICIENT, "window too long"
            findings.reason[n] = reason
            findings.advice[n] = Advice(window_times=min(0.5, 4.0 * last / batch.points))


def _last(batch: Batch, which: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return how many of the first points differ from the rest, 0 where the rest is not flat.

    STRAY where it is one alone, and not the first.
    """
    y, w = batch.y[which, : batch.points], batch.w[which, : batch.points]
    rest, weight = y[:, FIRST:], np.square(w[:, FIRST:])
    count = np.maximum((weight > 0).sum(axis=1), 2)
    level = (weight * rest).sum(axis=1) / np.maximum(weight.sum(axis=1), 1e-300)
    away = (y - level[:, None]) * w
    late = away[:, FIRST:]
    square = np.square(late).sum(axis=1)
    noise = np.ones(len(which)) if batch.known_noise else square / (count - 1)
    together = (late[:, 1:] * late[:, :-1]).sum(axis=1)
    flat = np.abs(together) < FLAT * np.sqrt(count) * noise
    flat &= square < (count + FLAT * np.sqrt(2.0 * count)) * noise
    seen = np.abs(away[:, :FIRST]) > SEEN * np.sqrt(noise)[:, None]
    last = FIRST - np.argmax(seen[:, ::-1], axis=1)
    alone = (seen.sum(axis=1) == 1) & (last > 1)
    result: NDArray[np.intp] = np.where(flat & seen.any(axis=1), np.where(alone, STRAY, last), 0)
    return result
