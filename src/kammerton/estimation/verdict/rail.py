"""Traces of which many points lie at one and the same extreme value: the readout is saturated.

Asked of a complex trace part by part, and of repeated points before they are averaged; what is
asked of any other real trace is in `findings`.
"""

from __future__ import annotations

import numpy as np

from kammerton.estimation.numeric.prepare import Batch
from kammerton.estimation.verdict.evidence import Mask
from kammerton.estimation.verdict.findings import SATURATED, UNIQUE, Findings
from kammerton.estimation.verdict.stuck import fill_between
from kammerton.estimation.verdict.ties import beyond_chance

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
    for part in range(batch.parts):
        rows = slice(part * batch.points, (part + 1) * batch.points)
        y, w = np.ascontiguousarray(batch.y[:, rows]), np.ascontiguousarray(batch.w[:, rows])
        there = w > 0
        high = np.where(there, y, -np.inf).max(axis=1, keepdims=True)
        low = np.where(there, y, np.inf).min(axis=1, keepdims=True)
        ends = [np.count_nonzero((y == end) & there, axis=1) for end in (high, low)]
        enough = np.maximum(LEAST, SHARE * np.count_nonzero(there, axis=1))
        many = beyond_chance(batch, np.maximum(*ends).astype(np.float64))
        asked = many >= (LEAST if batch.parts == 2 else enough)
        which = np.flatnonzero(asked & (high > low)[:, 0])
        if len(which):
            between = np.empty((len(which), 2), dtype=np.intp)
            fill_between(y, w, which, between)
            unique = np.where((many >= enough)[which], UNIQUE, 1.0)
            result[which] |= between[:, 1] >= np.maximum(LEAST, unique * between[:, 0])
    return result
