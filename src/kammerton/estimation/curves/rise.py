"""The time in which a pulse rises, which a Rabi law of lengths waits before it turns.

Where it is seen or not, it moves the pi length: a nanosecond too small to be believed is 25 error
bars of a law without any. So it is always free, and its part in the errors. Over less than a period
it cannot be told from the period, and is what is usual: none, give or take SPREAD. The more is
swept the less that holds it, so that from about 1.5 periods on the data alone tell.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from kammerton.estimation.numeric import kernels
from kammerton.estimation.numeric.prepare import Batch
from kammerton.estimation.numeric.seeds import search
from kammerton.estimation.numeric.solver import Solution, replaced, solve, variance_of_rows
from kammerton.estimation.verdict.evidence import Evidence, delta_bic, structured
from kammerton.estimation.verdict.findings import Findings
from kammerton.estimation.verdict.kind import Known
from kammerton.estimation.verdict.outcome import per_trace
from kammerton.model import TraceError
from kammerton.model.quantity import show

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

MOST_DECAY = 10.0  # per window
SLOWEST = 0.3  # rad in the window
SPREAD, OF_PERIOD = 3e-9, 0.03  # s, and at most in periods: usual rises, of either sign
LOOSENED = 4.0  # power of the periods swept, beyond one, with which they matter less
TURN, RISE = 1, 2  # of the parameters
LEVELS, ALL = 2, 5  # parameters that are linear, and all: of a prior
TOLD = 1.1  # periods swept, below which the data alone say too little of a rise
RISEN = 12.0  # delta-BIC for which a rise is believed: over less than that, or a large one
LATE_LIMIT = 1.0  # rad by which the extremum may miss length 0


def known_rise(batch: Batch, known: Known) -> Array | None:
    """Return the rise that is known (N,), in windows; None where it is not.

    Raises
    ------
    TraceError
        It is no number, or longer than the sweep.
    """
    rise = per_trace(known, "rise", batch)
    if rise is None:
        return None
    span = batch.column(batch.span)
    beyond = np.flatnonzero(np.abs(rise) >= span)
    if len(beyond):
        n = beyond[0]
        raise TraceError(f"a rise of {rise[n]:.3g} s is longer than the sweep, {span[n]:.3g} s")
    return np.asarray(rise / span)


def bounds(batch: Batch, least: Array, most: Array | None = None) -> tuple[Array, Array]:
    """Return between what decay, angular frequency and rise (N,) of a Rabi law may be (N, 3)."""
    low, high = np.empty((2, batch.traces, 3))
    low[:, 0], high[:, 0] = -1.0, MOST_DECAY
    low[:, 1], high[:, 1] = SLOWEST, np.pi * (batch.most_places - 1)
    low[:, 2], high[:, 2] = least, least if most is None else most
    return low, high


def phased(batch: Batch) -> Solution:
    """Return oscillations with a phase of their own; theta = rate, shape, w, cosine, sine, 1."""
    start = np.insert(search(batch, "oscillations", 2), 1, 0.0, axis=1)
    low, high = np.array([-1.0, 0.0, SLOWEST]), np.array([MOST_DECAY, 0.0, 0.0])
    high[2] = np.pi * (batch.most_places - 1)
    return solve(kernels.RAMSEY, batch, start, low, high)


def missed(theta: Array) -> Array:
    """Return by how much (rad) the extremum of such an oscillation misses 0."""
    cos, sin = theta[..., 3], theta[..., 4]
    result: Array = np.arctan2(np.where(cos < 0, -sin, sin), np.abs(cos))
    return result


def risen(batch: Batch, straight: Solution, prior: Array | None, periods: Array) -> Solution:
    """Let the law rise as is usual, and as it wants where so much is swept (N,) that it is told.

    And where it is seen. straight: the law without a rise.
    """
    fit = _usual(batch, straight, prior, periods)
    hint = np.flatnonzero(structured(batch, fit))
    if len(hint) == 0:
        return fit
    part = phased(batch.take(hint))
    start = np.zeros((batch.traces, 3))
    start[hint] = np.stack(
        [part.theta[:, 0], part.theta[:, 2], missed(part.theta) / part.theta[:, 2]], axis=1
    )
    other, so_far = _free(batch, start, prior, hint), fit.take(hint)
    asked = np.where(so_far.free < other.free, RISEN, 0.0)
    return replaced(fit, hint, other, delta_bic(batch.take(hint), so_far, other) > asked)


def usual_spread(batch: Batch, turn: Array) -> Array:
    """Return how far from none a usual rise is, one sigma of it (N,), in windows."""
    return np.asarray(np.minimum(SPREAD / batch.column(batch.span), OF_PERIOD * 2 * np.pi / turn))


def longest_held(batch: Batch, straight: Solution, fit: Solution, periods: Array) -> Array:
    """Return the rise (N,), s, beyond which it is not in the errors; inf where the data tell it.

    One sigma of a usual one, over less than `TOLD` periods, unless it is seen: a qubit that rests
    until the pulse has risen follows no cosine, and of so few points at rest nobody sees it.
    """
    reach = usual_spread(batch, fit.p[:, TURN]) * batch.column(batch.span)
    told = (periods > TOLD) | believed(batch, straight, fit)
    return np.where(told, np.inf, reach)


def unless_late(longest: float) -> str:
    """Return what an accepted fit says of rises longer than that, in s."""
    held = show(float(f"{longest:.1g}"), "s")
    return (f", if the pulse rises within {held}: of so few periods the errors hold no more; say "
            "the rise, or sweep longer")  # fmt: skip


def _usual(batch: Batch, straight: Solution, prior: Array | None, periods: Array) -> Solution:
    """Return the law whose rise is a usual one; no parameter more where the data say less of it."""
    spread = usual_spread(batch, straight.p[:, TURN])
    spread *= np.maximum(periods, 1.0) ** LOOSENED
    noise = variance_of_rows(batch, straight)
    usual = np.zeros((batch.traces, 2, ALL))
    if prior is not None:
        usual[:, :, :LEVELS] = prior
    usual[:, 0, LEVELS + RISE] = noise / spread**2
    fit = _free(batch, straight.p, usual, np.arange(batch.traces))
    return replace(fit, free=fit.free - (fit.cov[:, RISE, RISE] * noise > 0.5 * spread**2))


def _free(
    batch: Batch, start: Array, prior: Array | None, which: NDArray[np.intp]
) -> Solution:  # fmt: skip
    """Return the law of the traces `which` whose extremum is free within a quarter of a period."""
    part, begun = batch.take(which), start[which]
    reach = 0.5 * np.pi / np.maximum(begun[:, 1], SLOWEST)
    low, high = bounds(part, -reach, reach)
    return solve(kernels.RABI, part, begun, low, high, None if prior is None else prior[which])


def believed(batch: Batch, straight: Solution, fit: Solution) -> Mask:
    """Return whether a rise is more than one that is only left open (N,)."""
    result: Mask = (fit.free > straight.free) & (delta_bic(batch, straight, fit) > RISEN)
    return result


def as_simple(evidence: Evidence, batch: Batch, straight: Solution, fit: Solution) -> Evidence:
    """Return the evidence for the law that pays best: a rise that is not seen is no parameter.

    Not over a random walk, which follows some rise more easily than none: a usual one pays there
    for what it gains, or as a parameter.
    """
    lost = (straight.cost - fit.cost) / np.maximum(evidence.noise, 1e-300)
    price, counted = np.log(batch.rows), fit.free > straight.free
    saved = np.where(counted, np.maximum(price - lost, 0.0), 0.0)
    owed = np.where(counted, 0.0, np.minimum(lost, price))
    return replace(
        evidence, gain_flat=evidence.gain_flat + saved, gain_line=evidence.gain_line + saved,
        gain_step=evidence.gain_step + saved, gain_walk=evidence.gain_walk - owed,
    )  # fmt: skip


def judge_missed(findings: Findings, batch: Batch, straight: Solution, fit: Solution) -> None:
    """Object to an extremum that is seen to miss zero by more than pulses rise."""
    turn = np.where(believed(batch, straight, fit), fit.p[:, 1] * fit.p[:, 2], 0.0)
    judge_turn(findings, turn, LATE_LIMIT)


def judge_turn(findings: Findings, turn: Array, limit: float) -> None:
    """Object to an extremum that misses zero by a turn (N,), in rad, of more than the limit."""
    findings.rejected(
        np.abs(turn) > limit, "model does not fit",
        lambda n: f"the extremum misses zero by {abs(turn[n]):.2f} rad",
    )  # fmt: skip
