"""Reject the fit of a run in the middle of which something hopped.

The points of a sweep are played in turn, again and again, so that a decay that changes meanwhile is
a mixture of two, and one law fits it. The blocks of the run, in the order of time, tell it.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from kammerton.estimation.hops.axes import Axes, parts
from kammerton.estimation.hops.series import Errors, Hop, largest_hop
from kammerton.estimation.hops.shape import OTHERWISE, changed
from kammerton.estimation.hops.tangents import Told, tangents
from kammerton.estimation.reduce import Blocks
from kammerton.model import Fit, Trace, Value, Verdict
from kammerton.model.quantity import show
from kammerton.model.trace import FloatArray

STATUS = "drift during scan"
FEWEST = 4  # places on the axis, with which a law can be wrong at all
MOST = 3.0  # of a logarithm that is told: a derivative knows no more


def held_still(fit: Fit, trace: Trace, blocks: Blocks, seconds: float) -> Fit:
    """Return an accepted fit, rejected where the blocks (B, M) of its run show a change.

    trace: their mean, with its errors. seconds: how long the run took; what a parameter is expected
    to wander meanwhile is in its error bar (ADR 26) and no reason.
    """
    if fit.verdict is not Verdict.ACCEPTED or fit.curve is None or blocks.shape[0] < 2:
        return fit
    good = np.isfinite(trace.y) & (trace.sigma > 0) & np.isfinite(fit.curve)
    if np.unique(trace.x[good]).size < FEWEST:
        return fit
    directions = tangents(fit, trace.x[good], fit.curve[good])
    if directions is None:
        return fit
    weights = 1 / (trace.sigma[good] * math.sqrt(len(blocks)))  # in errors of one block
    apart = parts((blocks[:, good] - trace.y[good]) * weights)
    axes = Axes.of(directions, weights)
    reason = _objection(fit, axes, apart, seconds)
    if reason is None:
        return fit
    return replace(fit, verdict=Verdict.REJECTED, status=STATUS, reason=reason)


def _objection(fit: Fit, axes: Axes, apart: FloatArray, seconds: float) -> str | None:
    read = axes.read(len(apart))
    for k, told in enumerate(axes.told):
        length, value = axes.lengths[k], fit.values[told.value]
        bar = length * value.stderr / (abs(value.value) if told.relative else 1.0)
        walk = length * told.drift * math.sqrt(seconds)
        block, moved = float(np.linalg.norm(read[:, k])), axes.moved(read[:, k])
        hop = largest_hop(apart @ read[:, k], Errors(block, bar, moved, walk))
        if hop.matters:
            return _words(value, told, hop, length)
    errors, part = changed(axes.without(apart))
    if errors <= OTHERWISE:
        return None
    return (
        f"the trace changed after about {part:.0%} of the run: its early and late blocks differ by "
        f"{errors:.0f} standard deviations of their chi-square"
    )


def _words(value: Value, told: Told, hop: Hop, length: float) -> str:
    early, late = (
        show(_moved(value.value, shift / length, told), value.unit, value.stderr / math.sqrt(part))
        for shift, part in ((hop.early, hop.part), (hop.late, 1 - hop.part))
    )
    return (
        f"{told.value} changed after about {hop.part:.0%} of the run, from about {early} to {late}"
    )


def _moved(value: float, shift: float, told: Told) -> float:
    return value * math.exp(min(max(shift, -MOST), MOST)) if told.relative else value + shift
