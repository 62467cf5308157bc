"""Fit the traces of many targets in one batch."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from kammerton.estimation.batch import fit_batch
from kammerton.model import Fit, Trace


def fit_traces(kind: str, traces: Mapping[str, Trace]) -> dict[str, Fit]:
    """Return the fit of every trace; all have the same number of points.

    The bench plays whole sweeps, turn after turn: drift is alike at all points.
    """
    names = list(traces)
    x = np.array([traces[n].x for n in names])
    y = np.array([traces[n].y for n in names])
    sigma = np.array([traces[n].sigma for n in names])
    return fit_batch(kind, x, y, sigma, interleaved=True).fits(names)
