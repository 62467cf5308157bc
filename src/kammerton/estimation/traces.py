"""Fit the traces of many targets in one batch."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from kammerton.estimation.batch import fit_batch
from kammerton.estimation.verdict.misfit import GIVEN
from kammerton.model import Fit, Trace, TraceError, Verdict

NOTHING: Mapping[str, object] = {}


def fit_traces(
    kind: str, traces: Mapping[str, Trace], shots: int, known: Mapping[str, object] = NOTHING
) -> dict[str, Fit]:
    """Return the fit of every trace; all have the same number of points.

    One that cannot be fitted, as nearly all of its points are missing, is told alone.

    shots: of a point, whose scatter is its sigma: nobody else gave an error. known: of them all,
    as `fit_batch` takes it.

    The bench plays whole sweeps, turn after turn: drift is alike at all points.
    """
    there = {n: trace for n, trace in traces.items() if np.isfinite(trace.y).any()}
    fits = {n: _too_few(kind, n, "all points are missing") for n in traces if n not in there}
    own = f"the errors of {shots} shots"
    for n, fit in _fitted(kind, there, known).items():
        fits[n] = replace(fit, reason=fit.reason.replace(GIVEN, own))
    return {n: fits[n] for n in traces}


def _fitted(kind: str, traces: Mapping[str, Trace], known: Mapping[str, object]) -> dict[str, Fit]:
    """Return the fits in one batch; one by one, where it is refused for some of them.

    Raises
    ------
    TraceError
        None of them can be fitted: it is no matter of a trace.
    """
    try:
        return _together(kind, traces, known) if traces else {}
    except TraceError:
        alone = {n: _alone(kind, n, trace, known) for n, trace in traces.items()}
        if all(isinstance(each, TraceError) for each in alone.values()):
            raise
    return {n: _too_few(kind, n, str(each)) if isinstance(each, TraceError) else each
            for n, each in alone.items()}  # fmt: skip


def _alone(kind: str, name: str, trace: Trace, known: Mapping[str, object]) -> Fit | TraceError:
    try:
        return _together(kind, {name: trace}, known)[name]
    except TraceError as error:
        return error


def _together(
    kind: str, traces: Mapping[str, Trace], known: Mapping[str, object]
) -> dict[str, Fit]:
    names = list(traces)
    x = np.array([traces[n].x for n in names])
    y = np.array([traces[n].y for n in names])
    sigma = np.array([traces[n].sigma for n in names])
    return fit_batch(kind, x, y, sigma, interleaved=True, **known).fits(names)


def _too_few(kind: str, name: str, reason: str) -> Fit:
    return Fit(kind, name, {}, Verdict.REJECTED, "no data", reason, math.nan)
