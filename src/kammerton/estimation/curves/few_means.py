"""Means of benchmarking whose errors nobody gave: of few lengths, their scatter is chance."""

from __future__ import annotations

from kammerton.estimation.numeric.prepare import Batch
from kammerton.estimation.verdict.evidence import Mask
from kammerton.estimation.verdict.findings import Findings
from kammerton.model import Advice

ENOUGH_TO_SCATTER = 10  # lengths; of 6 means whose errors nobody gave 2 in 100 are 5 bars off


def judge_scatter(findings: Findings, batch: Batch, alone: Mask) -> None:
    """Object to so few lengths that their scatter about a decay, by chance small, says nothing.

    alone: where there is one sequence of each length, or a mean (N,).
    """
    if batch.known_noise:
        return
    findings.insufficient(
        alone & (batch.rows < ENOUGH_TO_SCATTER), "sampling too coarse",
        lambda n: f"{batch.rows[n]} lengths without errors tell no scatter about a decay: measure "
        f"{ENOUGH_TO_SCATTER} or more, or several sequences of each, or give their errors",
        Advice(),
    )  # fmt: skip
