"""Two frequencies in Ramsey fringes: what a switching charge parity leaves, or a second mode."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from kammerton.estimation.curves.fringes import SEARCHED, SHAPE, bounds, mirrored, near
from kammerton.estimation.numeric import kernels
from kammerton.estimation.numeric.derived import Formulas
from kammerton.estimation.numeric.prepare import Batch
from kammerton.estimation.numeric.seeds import search
from kammerton.estimation.numeric.solver import ITERATIONS, Solution, replaced, solve, weighed_anew
from kammerton.estimation.verdict.evidence import Mask, delta_bic, delta_cost, limits, structured
from kammerton.estimation.verdict.findings import Findings
from kammerton.estimation.verdict.traits import clumped
from kammerton.model.quantity import show

Array = NDArray[np.float64]

# Turns of two frequencies from that of a single one, and the shape of their envelope
CLOSE = ((-0.4, 0.4, 1.0), (-0.8, 0.8, 1.0), (0.0, 1.2, 0.0), (-1.2, 0.0, 0.0), (-0.6, 0.6, 0.0))
FEW_BEATS, APART, SHAPES = 2.5, (1.0, 1.5), (0.0, 1.0)  # turns and shapes from which to start anew
A_BEAT, WORSE, WORTH = (0.6, 0.85, 1.2), 4.0, 15.0  # beats in the window; gains in chi-square
TURNS = 4 * np.pi  # rad: far from where a phase starts, so that no fit ends there
ALIKE, PHYSICAL = 0.1, 3.0  # chi-square that an envelope may cost that falls, or never grows
LOOSE = 0.33  # error of a rate, in parts of it, from which its envelope has to be a physical one
TOGETHER = 0.5  # rad in the window by which two frequencies differ that are one
HINT = 0.03  # chance of a chi-square of one frequency from which a second is looked for
MORE = 3  # parameters that two frequencies have and one does not: turns, cosine and sine
LITTLE = 0.95  # chance of a chi-square of two frequencies above that of which none is hoped for
CLEARLY = 3.5, 30.0  # sigmas of neighbours alike, and their sum over lags, that no noise has
BRIEF, HOPE = 4, 6.0  # iterations, and what chi-square gains in them where there is a beat


@dataclass(frozen=True, eq=False)
class Beats:
    """The traces (B,) in which two frequencies were found, and their fit.

    joint: those of them that begin in phase, and joint_fit. met: those where two fit that are one,
    but for less than a tenth of a beat. A frequency that drifts looks like that, too; met_fit is
    theirs.
    """

    which: NDArray[np.intp]
    fit: Solution
    joint: NDArray[np.intp]
    joint_fit: Solution
    met: NDArray[np.intp]
    met_fit: Solution


def two_frequencies(batch: Batch, fit: Solution) -> Beats:
    """Look for a second frequency where the residuals of one are not noise."""
    hint = structured(batch, fit, chance=HINT) & (batch.rows > 10)
    which = np.flatnonzero(hint & _can_pay(batch, fit))
    if len(which) == 0:
        none = fit.take(slice(0))
        return Beats(which, none, which, none, which, none)
    part, single = batch.take(which), fit.take(which)
    seed = search(part, "oscillations", 2, np.where(part.w > 0, single.residual, 0.0))
    double = _from(part, np.column_stack([single.p, seed[:, 1]]))
    beat = _like_a_beat(part, single)
    double = _of_close(part, single, double, beat)
    double = _of_a_beat(part, single, double, beat)
    real, gain = _found(part, single, double), delta_bic(part, single, double)
    met = beat & _met(double) & (gain > SEARCHED)
    found = _of_several(part.take(real), double.take(real))
    joint = which[:0], found.take(slice(0))
    return Beats(which[real], found, *joint, which[met], double.take(met))


def _can_pay(batch: Batch, single: Solution) -> Mask:
    """Return where one frequency leaves so much that two of usual residuals pay for themselves.

    Or where what it leaves is clearly no noise: of a sigma that is too large it is little.
    """
    clearly: Mask = clumped(batch, single.residual, *CLEARLY)
    if not batch.known_noise:
        return np.ones_like(clearly)
    usual = limits(np.maximum(batch.rows - single.free - MORE, 1), LITTLE)
    return clearly | (single.cost - usual > SEARCHED + MORE * np.log(batch.rows))


def _found(batch: Batch, single: Solution, double: Solution) -> Mask:
    """Return where two frequencies are there, and pay for themselves."""
    return both_there(double) & (delta_bic(batch, single, double) > SEARCHED)


def _evenly(shape: float, turns: Array) -> Array:
    """Return a start with these turns (N, 2), of an envelope that falls to 1/e in the window."""
    rate = np.ones(len(turns))
    return np.column_stack([rate, shape * rate, turns])


def _of_close(batch: Batch, single: Solution, double: Solution, beat: Mask) -> Solution:
    """Try two frequencies close to that of a quick decay (`beat`), until they explain it."""
    poor = np.flatnonzero(beat & _lacking(batch, single, double))
    if len(poor) == 0:
        return double
    part, one = batch.take(poor), single.take(poor)
    hopeful, starts = _hopeful(part, one)
    for hope, start in zip(hopeful, starts, strict=True):
        rows = np.flatnonzero(hope & _lacking(part, one, double.take(poor)))
        if len(rows) == 0:
            continue
        old, other = double.take(poor[rows]), _from(part.take(rows), start[rows])
        better = both_there(other) & ((other.cost < old.cost) | ~both_there(old))
        double = replaced(double, poor[rows], other, better)
    return double


def _of_a_beat(batch: Batch, single: Solution, double: Solution, beat: Mask) -> Solution:
    """Try about a beat in the window where nothing explains a quick decay (`beat`) yet.

    What follows it best may be two that meet: then it is a frequency that drifts as well.
    """
    much = single.cost > batch.rows - single.free + SEARCHED if batch.known_noise else True
    poor = np.flatnonzero(beat & much & _lacking(batch, single, double))
    if len(poor) == 0:
        return double
    turn = single.p[poor, 2:3]
    starts = [
        _evenly(shape, turn + np.pi * np.array([-apart, apart]))
        for shape in SHAPES for apart in A_BEAT
    ]  # fmt: skip
    rows = np.tile(poor, len(starts))
    part, one = batch.take(rows), single.take(rows)
    brief = _from(part, np.concatenate(starts), BRIEF)
    hope = np.flatnonzero(delta_cost(part, one, brief) > WORTH)
    if len(hope) == 0:
        return double
    rows, other = rows[hope], _from(part.take(hope), brief.p[hope])
    best = np.lexsort((other.cost, rows))
    which, first = np.unique(rows[best], return_index=True)
    best = best[first]
    clearly = other.cost[best] < double.cost[which] - WORSE
    return replaced(double, which, other.take(best), clearly)


def _lacking(batch: Batch, single: Solution, double: Solution) -> Mask:
    """Return where two frequencies are not found yet, or leave more than noise."""
    return structured(batch, double) | ~_found(batch, single, double)


def _of_several(batch: Batch, double: Solution) -> Solution:
    """Return the best of several minima: of each envelope, and where a beat is as long as x."""
    other = best_of(kernels.BEAT, batch, double.p[:, 2:])
    every = np.arange(batch.traces)
    better = (other.cost < double.cost) & both_there(other)
    return decaying(batch, replaced(double, every, other, better))


def best_of(law: int, batch: Batch, turns: Array, *more: Array) -> Solution:
    """Return the best fit from several envelopes and, of turns (N, 2) that are close, distances.

    more: further columns (N,) of the starts. All starts are refined at once: for few traces, calls
    cost more than fits.
    """
    every = np.arange(len(turns))
    close = np.flatnonzero(np.abs(turns[:, 0] - turns[:, 1]) < 2 * np.pi * FEW_BEATS)
    mean = turns[close].mean(axis=1, keepdims=True)
    beside = [mean + np.pi * np.array([-apart, apart]) for apart in APART]
    starts = [_evenly(shape, each) for shape in SHAPES for each in (turns, *beside)]
    rows = np.concatenate([every, *[close] * len(APART)] * len(SHAPES))
    start = np.column_stack([np.concatenate(starts), *(column[rows] for column in more)])
    other = of_two(law, batch.take(rows), start)
    best = np.lexsort((other.cost, rows))
    return other.take(best[np.searchsorted(rows[best], every)])


def decaying(batch: Batch, double: Solution) -> Solution:
    """Return fits whose envelopes fall: with the root of 1/e that is ahead, and to the end."""
    which, start = mirrored(double.p)
    double = _instead(batch, double, which, start, SHAPE[0], ALIKE)
    rate, shape = double.p[:, 0], double.p[:, 1]
    noise = double.cost / np.maximum(batch.rows - double.free, 1)
    loose = np.sqrt(double.cov[:, 0, 0] * noise) > LOOSE * np.abs(rate)
    which = np.flatnonzero((shape < 0) & (loose | (1 - shape + 2 * shape * rate < 0)))
    start = double.p[which]
    start[:, :2] = 1.0, 0.0
    return _instead(batch, double, which, start, 0.0, PHYSICAL)


def _instead(
    batch: Batch, double: Solution, which: NDArray[np.intp], start: Array, least: float, more: float
) -> Solution:
    """Take fits from start (B, P) with shapes of `least` or more, if chi-square is hardly worse."""
    if len(which) == 0:
        return double
    part, old = batch.take(which), double.take(which)
    other = of_two(double.law, part, start, least=least)
    ok = both_there(other) & (delta_cost(part, other, old) < more)
    return replaced(double, which, other, ok)


def weighed_by_beats(batch: Batch, beats: Beats) -> tuple[Batch, Beats]:
    """Weigh anew what two frequencies follow better than one did."""
    if len(beats.which) == 0:
        return batch, beats
    double = beats.fit
    part, fit, _ = weighed_anew(
        batch.take(beats.which), double, lambda some, which: _from(some, double.p[which])
    )
    w = batch.w.copy()
    w[beats.which] = part.w
    return batch.with_y(batch.y, w), replace(beats, fit=fit)


def _hopeful(batch: Batch, single: Solution) -> tuple[Array, Array]:
    """Return where each of CLOSE may explain a beat (C, N), and starts (C, N, P).

    A few steps tell, and the start is where they lead to.
    """
    brief = _from(batch, np.concatenate([_close(single, *close) for close in CLOSE]), BRIEF)
    n = batch.traces
    each = [brief.take(slice(first, first + n)) for first in range(0, len(brief.cost), n)]
    hope = np.array([delta_cost(batch, single, one) > HOPE for one in each])
    return hope, np.array([one.p for one in each])


def _like_a_beat(batch: Batch, single: Solution) -> Mask:
    """Return where a quick decay of several turns follows most of the signal, but not all."""
    whole = ((batch.w * batch.y) ** 2).sum(axis=1)
    quick = (single.p[:, 0] > 1.5) & (single.p[:, 2] > 4 * np.pi)
    return np.asarray(quick & (single.cost < 0.5 * whole))


def _from(batch: Batch, start: Array, iterations: int = ITERATIONS) -> Solution:
    return of_two(kernels.BEAT, batch, start, iterations)


def of_two(
    law: int, batch: Batch, start: Array, iterations: int = ITERATIONS, least: float = SHAPE[0]
) -> Solution:
    """Refine two frequencies, each with its phase or both in one (IN_PHASE), from start (N, P).

    Where both are in phase is held where the start has it.
    """
    low, high = bounds(batch, 2)
    low[1] = max(low[1], least)
    if law == kernels.IN_PHASE:
        held = start[:, 5]
        low, high = (
            np.column_stack([np.tile([*each, end], (len(start), 1)), held])
            for each, end in ((low, -TURNS), (high, TURNS))
        )
    compared_only = iterations <= BRIEF
    return solve(law, batch, start, low, high, iterations=iterations, errors=not compared_only)


def _close(single: Solution, first: float, second: float, shape: float) -> Array:
    """Return a start with frequencies beside a single one: the end of a beat looks like a decay."""
    rate = np.full(len(single.cost), second - first)
    turns = single.p[:, 2:] + 2 * np.pi * np.array([first, second])
    return np.column_stack([rate, np.full_like(rate, shape), turns])


def both_there(double: Solution) -> Mask:
    """Return where there are two, of like size, that turn."""
    alone = double.law == kernels.IN_PHASE  # an amplitude each, and no pair of them
    first, second = double.c[:, :2].T if alone else amplitudes(double.theta)
    turning = ~_met(double) & (double.p[:, 2:4].min(axis=1) > 2 * np.pi)
    result: Mask = (np.minimum(first, second) > 0.05 * np.maximum(first, second)) & turning
    return result


def _met(double: Solution) -> Mask:
    return np.asarray(np.abs(double.p[:, 2] - double.p[:, 3]) <= TOGETHER)


def amplitudes(theta: Array) -> tuple[Array, Array]:
    """Return both amplitudes of frequencies with a phase each."""
    return np.hypot(theta[..., 4], theta[..., 5]), np.hypot(theta[..., 6], theta[..., 7])


def numbers_of_two(batch: Batch, at: Array) -> Formulas:
    """The mean frequency, weighted by amplitude: what a switching charge parity leaves."""
    span, level = batch.column(batch.span), batch.level
    n, main = np.arange(len(at)), 4 + 2 * (np.argmax(amplitudes(at), axis=0))
    start = np.arctan2(-at[n, main + 1], at[n, main])

    def numbers(theta: Array) -> dict[str, Array]:
        first, second = amplitudes(theta)
        both = np.maximum(first + second, 1e-300)
        mean = (first * theta[..., 2] + second * theta[..., 3]) / both
        return {
            "frequency": mean / (2 * np.pi * span), "t2_star": span / theta[..., 0],
            "amplitude": first + second,
            "phase": near(np.arctan2(-theta[..., n, main + 1], theta[..., n, main]), start),
            "offset": theta[..., 8] + level,
            "frequency_splitting": np.abs(theta[..., 2] - theta[..., 3]) / (2 * np.pi * span),
        }  # fmt: skip

    return numbers


def mention_beats(findings: Findings, beats: Beats, batch: Batch) -> None:
    """Accept beating with its own status: the mean frequency is still a frequency."""
    if len(beats.which) == 0:
        return
    which = np.zeros(batch.traces, dtype=bool)
    which[beats.which] = True
    span, alike = batch.column(batch.span), np.zeros(batch.traces, dtype=bool)
    alike[beats.joint] = True
    turns = np.zeros((batch.traces, 2))
    turns[beats.which], turns[beats.joint] = beats.fit.p[:, 2:4], beats.joint_fit.p[:, 2:4]
    turns /= 2 * np.pi * span[:, None]
    findings.object_to(
        which, "accepted", "beating",
        lambda n: "two frequencies, "
        + " and ".join(show(float(each), "Hz") for each in sorted(turns[n]))
        + (", assumed to begin in phase" if alike[n] else "")
        + "; their mean is given",
    )  # fmt: skip
