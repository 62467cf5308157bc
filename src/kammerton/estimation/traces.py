"""Fit the traces of many targets in one batch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from kammerton.estimation.batch import fit_batch
from kammerton.estimation.verdict.misfit import GIVEN
from kammerton.model import Fit, Trace


def fit_traces(kind: str, traces: Mapping[str, Trace], shots: int) -> dict[str, Fit]:
    """Return the fit of every trace; all have the same number of points.

    shots: of a point, whose scatter is its sigma: nobody else gave an error.

    The bench plays whole sweeps, turn after turn: drift is alike at all points.
    """
    names = list(traces)
    x = np.array([traces[n].x for n in names])
    y = np.array([traces[n].y for n in names])
    sigma = np.array([traces[n].sigma for n in names])
    fits = fit_batch(kind, x, y, sigma, interleaved=True).fits(names)
    own = f"the errors of {shots} shots"
    return {n: replace(fit, reason=fit.reason.replace(GIVEN, own)) for n, fit in fits.items()}
