"""A drift from point to point: a straight line along the number of a point, not along x.

On an even axis both are one law. Where points stand ever farther apart, as delays and lengths of
sequences often do, such a drift bends over x like a decay.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kammerton.estimation.numeric.prepare import Batch
from kammerton.estimation.verdict.findings import Findings
from kammerton.model import Advice

Array = NDArray[np.float64]

EVEN = 18.0
"""Delta-BIC over such a drift that is asked; of 20,000 drifts of 10 lengths the best has 16."""


def judge_ramp(findings: Findings, gain: Array, law: str, points: str, where: str = "") -> None:
    """Object to what a drift from point to point would give as well; gain: delta-BIC over it (N,).

    law: what was fitted, points: what was measured, in words.
    """
    findings.rejected(
        gain < 0, "drift during scan",
        f"the {points} change evenly from one to the next, as a drift would{where}",
    )  # fmt: skip
    findings.insufficient(
        gain < EVEN, "signal too weak",
        f"{law} cannot be told from a drift that is even from one to the next{where}",
        Advice(shots_times=4.0),
    )  # fmt: skip


def over_a_ramp(batch: Batch, cost: Array, free: NDArray[np.intp] | int, noise: Array) -> Array:
    """Return delta-BIC (N,) of fits over a straight line along the number of each point."""
    w2 = batch.w**2
    total = np.maximum(w2.sum(axis=1, keepdims=True), 1e-300)
    place = np.broadcast_to(np.arange(batch.points, dtype=np.float64), w2.shape)
    x = place - (w2 * place).sum(axis=1, keepdims=True) / total
    y = batch.y - (w2 * batch.y).sum(axis=1, keepdims=True) / total
    slope = (w2 * x * y).sum(axis=1) / np.maximum((w2 * x * x).sum(axis=1), 1e-300)
    ramp = (w2 * (y - slope[:, None] * x) ** 2).sum(axis=1)
    gain = (ramp - cost) / np.where(noise > 0, noise, 1.0)
    return np.asarray(gain - (np.asarray(free) - 2) * np.log(np.maximum(batch.rows, 1)))
