"""A second resonance in the sweep, which a fit of one is refused for: where it is."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kammerton.estimation.numeric.poles import ALONE, fit_poles
from kammerton.estimation.numeric.prepare import Batch
from kammerton.estimation.numeric.solver import Solution
from kammerton.estimation.resonances.magnitude import fit_sizes
from kammerton.estimation.resonances.plane import bounds, turned
from kammerton.estimation.resonances.seeds import resonance_starts
from kammerton.estimation.verdict.evidence import Evidence, Mask
from kammerton.estimation.verdict.findings import REJECTED, Findings

Array = NDArray[np.float64]

EXPLAINED = 0.7  # of what one resonance leaves, that a second must explain
NARROW = 0.25  # windows, that both may be wide: what is wider may be a background that bends
SPIKE = 1.3  # steps, below which it may be a stray point or a tone of a generator
APART = 1.0  # mean widths, by which the two must part
FOUND = 60.0  # delta-BIC of one resonance over a line and a jump
FAINT = 0.08  # of the first one's height, below which it may be a ripple of the cable
CLEAR = 40.0  # in chi-square, by which it must be seen


def name_another(
    findings: Findings, batch: Batch, fit: Solution, curve: Array, evidence: Evidence, law: str
) -> None:  # fmt: skip
    """Say where another resonance lies, of traces that were refused because `law` has only one."""
    refused = (findings.verdict == REJECTED) & (findings.status == "model does not fit")
    found = np.minimum(evidence.gain_line, evidence.gain_step) > FOUND  # there is one, at least
    place = another(batch, fit, curve, refused & found)
    zero = batch.column(batch.zero)
    hertz = zero + place * batch.column(batch.span)
    for n in np.flatnonzero(np.isfinite(place)):
        where = f"{hertz[n] / 1e9:.6g} GHz" if zero[n] > 0 else f"{hertz[n] / 1e6:.4g} MHz"
        findings.reason[n] = (
            f"the data do not follow {law}: another one seems to lie near {where}; sweep each in "
            "a window of its own"
        )


def another(batch: Batch, fit: Solution, curve: Array, among: Mask) -> Array:
    """Return where a second resonance lies in what a fit leaves (N,), x of the batch; NaN for none.

    fit: of one resonance, with its centre and width first; curve: (N, R). Only `among` these (N,)
    is it looked for. What it finds is good for a sentence: it is no fit of two.
    """
    place, which = np.full(batch.traces, np.nan), np.flatnonzero(among)
    if len(which):
        place[which] = _of_rest(batch.take(which), fit.take(which), curve[which])
    return place


def _of_rest(batch: Batch, fit: Solution, curve: Array) -> Array:
    rest, plane = batch.with_y(batch.y - curve), batch.parts == 2
    second = _in_plane(rest) if plane else fit_sizes(rest)[0].fit
    width, own = ((1.0 if plane else 2.0) * each.p[:, 1] for each in (second, fit))
    noise = np.ones(batch.traces)
    if not batch.known_noise:
        noise = second.cost / np.maximum(batch.rows - second.free - fit.free, 1)
    gain = ((rest.w * rest.y) ** 2).sum(axis=1) - second.cost
    seen = (gain > CLEAR * noise) & (gain > EXPLAINED * (gain + second.cost - noise * batch.rows))
    apart = np.abs(second.p[:, 0] - fit.p[:, 0]) > APART * (width + own) / 2.0
    inside = (second.p[:, 0] > 0.0) & (second.p[:, 0] < 1.0)
    lines = (width < NARROW) & (own < NARROW) & (width > SPIKE / (batch.points - 1))
    high = _size(second, plane) > FAINT * _size(fit, plane)
    return np.where(seen & apart & inside & lines & high, second.p[:, 0], np.nan)


def _size(fit: Solution, plane: bool) -> Array:
    """Return the height of a resonance (N,): of S, or of |S|^2."""
    return np.asarray(np.hypot(*(fit.theta[:, 5:7] if plane else fit.theta[:, 2:4]).T))


def _in_plane(rest: Batch) -> Solution:
    start = resonance_starts(rest)[0]
    return fit_poles(ALONE, turned(rest, start.sign), start.p, *bounds(rest))[0]
