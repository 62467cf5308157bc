"""Fits with honest errors and verdicts: pure functions of arrays."""

from kammerton.estimation.batch import FitBatch, fit_batch, warm
from kammerton.estimation.kinds import FIT_KINDS
from kammerton.estimation.shots import fit_shots

__all__ = ["FIT_KINDS", "FitBatch", "fit_batch", "fit_shots", "warm"]
