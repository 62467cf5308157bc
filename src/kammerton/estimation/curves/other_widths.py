"""Lines that may as well have quite another width: hardly wider than a step, or than the window.

A line that passes between two points may be narrower and higher, and its chi-square hardly minds:
towards no width the likelihood falls far more slowly than towards more. Of a line that fills its
window the same is true of wider ones, over another background. The bars of a parabola at the
minimum know neither. So they are no shorter than what another width costs says.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from kammerton.estimation.curves.shapes import bounds, of_either
from kammerton.estimation.numeric import kernels
from kammerton.estimation.numeric.derived import Derived
from kammerton.estimation.numeric.prepare import Batch
from kammerton.estimation.numeric.solver import Solution

Array = NDArray[np.float64]

NARROW, NARROWER = 2.5, (0.3, 0.5, 0.7, 0.85)  # steps of width, and parts of it that it may have
AROUND = 2.0  # half widths to each side, within which the widest step counts
BROAD, WIDER = 0.3, (1.25, 1.5, 2.0)  # windows of width, and parts of it
LIKELY = 36.0  # in chi-square, beyond which the place of a line so wide says nothing of its own
HIDDEN, FREE = 4.0, 9.0  # in chi-square: two bars, and three, hold what costs no more


def of_any_width(batch: Batch, fit: Solution, noise: Array, found: Derived) -> Derived:
    """Return the numbers of one line that are no better known than what is as likely elsewhere.

    noise (N,): variance of a row of weight 1. A bar is at least the way to the line of each other
    width, over the root of what that costs in chi-square.
    """
    width = 2.0 * fit.p[:, 1]
    error = {name: found.stderr[name].copy() for name in ("frequency", "linewidth")}
    narrow, broad = width < NARROW * _step(batch, fit), width > BROAD
    for mask, shares, least in ((narrow, NARROWER, HIDDEN), (broad & ~narrow, WIDER, FREE)):
        which = np.flatnonzero(mask)
        if len(which) == 0:
            continue
        span = np.broadcast_to(batch.column(batch.span), (batch.traces,))[which]
        bars = _bars(batch.take(which), fit.take(which), noise[which], shares, least)
        for each, bar in zip(error.values(), (bars * [1.0, 2.0]).T, strict=True):
            each[which] = np.maximum(each[which], bar * span)
    return replace(found, stderr=found.stderr | error)


def _step(batch: Batch, fit: Solution) -> Array:
    """Return the widest step between places that were measured at a line, in windows (N,).

    Not the points less one: places may be measured twice, missed, or spaced unevenly.
    """
    there = batch.w[:, : batch.points] > 0.0
    if batch.step.all() and there.all():
        return np.full(batch.traces, 1.0 / (batch.points - 1))
    x = np.sort(np.where(there, batch.x, np.nan), axis=1)
    centre, reach = fit.p[:, :1], AROUND * fit.p[:, 1:2]
    near = (x[:, :-1] < centre + reach) & (x[:, 1:] > centre - reach)
    return np.asarray(np.where(near, np.diff(x, axis=1), 0.0).max(axis=1))


def _bars(
    batch: Batch, fit: Solution, noise: Array, shares: tuple[float, ...], least: float
) -> Array:  # fmt: skip
    """Return the least bars of centre and half width (N, 2), in windows."""
    bars = np.zeros((batch.traces, 2))
    for share in shares:
        other = _of_width(batch, fit.p * np.array([1.0, share]))
        cost = (other.cost - fit.cost) / np.maximum(noise, 1e-300)
        bar = np.abs(other.p - fit.p) / np.sqrt(np.maximum(cost, least))[:, None]
        bar[cost > LIKELY, 0] = 0.0
        np.fmax(bars, bar, out=bars)
    return bars


def _of_width(batch: Batch, start: Array) -> Solution:
    """Return the better pure line (N,) of the half width at its start (N, 2)."""
    low, high = (np.tile(end, (2 * batch.traces, 1)) for end in bounds(batch, 1))
    low[:, 1] = high[:, 1] = np.tile(start[:, 1], 2)
    return of_either(kernels.LINE, batch, start, low, high, errors=False)
