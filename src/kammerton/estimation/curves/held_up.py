"""Decays that are flatter than an exponential where they are highest.

A readout that is compressed there makes them so, and errors that grow with the length. The law
with a compressed signal, d (1 - a d^2) instead of d, is tried to first order in a (a score test,
Rao 1948): what the fit leaves is projected on the direction in which a moves the trace, less what
the law's own parameters can do. Series that share their readout share a, and are asked together.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kammerton.estimation.curves.repeats import Means
from kammerton.estimation.numeric.prepare import Batch
from kammerton.estimation.numeric.solver import Solution
from kammerton.estimation.verdict.findings import Findings

Array = NDArray[np.float64]

SURE = 3.5  # sigmas of what is not chance
BLIND = 6.0  # the same where noise is what the law leaves: that is structure, too
MUCH = 0.03  # that matters, in parts of the signal
WHY = (
    "the survivals fall less at first than one exponential: their readout is compressed where it "
    "is highest, or errors grow with the length"
)


def judge_first(
    findings: Findings, batch: Batch, fit: Solution, rows: Array, sampled: list[Means]
) -> None:
    """Object to decays that are flatter where they are highest, by MUCH and beyond chance.

    rows: (N, 4, M), how rates or a shape, amplitude and offset move the curve, in this order; that
    of the amplitude is the decay itself, 1 at first. sampled: what the batch was made of.
    """
    amount, error = _amount(batch, fit, rows, _unsure(batch, sampled))
    least = SURE if batch.known_noise else BLIND
    findings.rejected((amount > least * error) & (amount > MUCH), "model does not fit", WHY)


def _amount(batch: Batch, fit: Solution, rows: Array, least: Array) -> tuple[Array, Array]:
    """Return the compression (N,) and its error; noise is what it leaves, `least` (N,) or more."""
    moved = batch.w * fit.theta[:, 2:3] * rows[:, 2] ** 3
    shared = ((rows * batch.w[:, None, :]) @ moved[:, :, None])[:, :, 0]
    taken = (shared[:, None, :] @ fit.cov @ shared[:, :, None])[:, 0, 0]
    square = np.maximum((moved**2).sum(axis=1) - taken, 1e-300)
    along = (moved * fit.residual).sum(axis=1)
    left = np.maximum(fit.cost - along**2 / square, 0.0)
    noise = np.maximum(left / np.maximum(batch.rows - fit.free - 1, 1), least)
    return -along / square, np.sqrt(noise / square)


def _unsure(batch: Batch, sampled: list[Means]) -> Array:
    """Return the variance of what is weighted by one over it (N,): more where it is estimated."""
    if not batch.known_noise:
        return np.zeros(batch.traces)
    known = [(each.batch.w**2 * each.variance).sum(axis=1) / each.batch.rows
             for each in sampled if each.variance is not None]  # fmt: skip
    result: Array = np.max([np.ones(batch.traces), *known], axis=0)
    return result
