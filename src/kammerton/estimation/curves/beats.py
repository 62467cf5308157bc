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

FEW_BEATS, SHAPES = 2.5, (0.0, 1.0)  # turns below which frequencies are close; shapes to start from


def _table(*starts: tuple[float, float, float, float]) -> Array:
    """Return starts: rate, shape, and how many turns two frequencies are from a given one."""
    return np.array(starts) * [1.0, 1.0, 2 * np.pi, 2 * np.pi]


CLOSE = _table(
    (0.8, 1.0, -0.4, 0.4), (1.6, 1.0, -0.8, 0.8), (1.2, 0.0, 0.0, 1.2), (1.2, 0.0, -1.2, 0.0),
    (1.2, 0.0, -0.6, 0.6),
)  # fmt: skip
A_BEAT = _table(*((1.0, q, -0.5 * b, 0.5 * b) for q in SHAPES for b in (0.6, 0.85, 1.2)))
APART = _table(*((1.0, q, -0.5 * b, 0.5 * b) for q in SHAPES for b in (1.0, 1.5)))
WORSE, WORTH = 4.0, 15.0  # gains in chi-square of about a beat in the window
TURNS = 4 * np.pi  # rad: far from where a phase starts, so that no fit ends there
ALIKE, PHYSICAL = 0.1, 3.0  # chi-square that an envelope may cost that falls, or never grows
LOOSE = 0.33  # error of a rate, in parts of it, from which its envelope has to be a physical one
TOGETHER = 0.5  # rad in the window by which two frequencies differ that are one
HINT = 0.03  # chance of a chi-square of one frequency from which a second is looked for
MORE = 3  # parameters that two frequencies have and one does not: turns, cosine and sine
HIDDEN, OF_KNOWN_SHAPE = 20.0, 25.0  # gain in chi-square of two, that noise makes in 1 of 1000
LITTLE = 0.95  # chance of a chi-square of two frequencies above that of which none is hoped for
CLEARLY = 3.5, 30.0  # sigmas of neighbours alike, and their sum over lags, that no noise has
BRIEF, HOPE = 4, 6.0  # iterations, and what chi-square gains in them where there is a beat
FEW = 4  # traces up to which all starts are refined at once: a call costs more than a fit


@dataclass(frozen=True, eq=False)
class Beats:
    """The traces (B,) in which two frequencies were found, and their fit.

    joint: those of them that begin in phase, and joint_fit. met: those where two fit that are one,
    but for less than a tenth of a beat. A frequency that drifts looks like that, too; met_fit is
    theirs. hidden: those in which two explain more than noise makes them, but are not believed.
    """

    which: NDArray[np.intp]
    fit: Solution
    joint: NDArray[np.intp]
    joint_fit: Solution
    met: NDArray[np.intp]
    met_fit: Solution
    hidden: NDArray[np.intp]


def two_frequencies(batch: Batch, fit: Solution) -> Beats:
    """Look for a second frequency where the residuals of one are not noise."""
    hint = structured(batch, fit, chance=HINT) & (batch.rows > 10)
    which = np.flatnonzero(hint & _can_pay(batch, fit))
    if len(which) == 0:
        none = fit.take(slice(0))
        return Beats(which, none, which, none, which, none, which)
    part, single = batch.take(which), fit.take(which)
    seed = search(part, "oscillations", 2, np.where(part.w > 0, single.residual, 0.0))
    double = _from(part, np.column_stack([single.p, seed[:, 1]]))
    beat = _like_a_beat(part, single)
    double = _of_close(part, single, double, beat)
    double = _of_a_beat(part, single, double, beat)
    pays = delta_bic(part, single, double) > SEARCHED
    real, met = both_there(double) & pays, beat & _met(double) & pays
    asked = HIDDEN if batch.shape is None else OF_KNOWN_SHAPE  # a free one takes up some noise
    hidden = ~real & (delta_cost(part, single, double) > asked)
    found = _of_several(part.take(real), double.take(real))
    joint = which[:0], found.take(slice(0))
    return Beats(which[real], found, *joint, which[met], double.take(met), which[hidden])


def _can_pay(batch: Batch, single: Solution) -> Mask:
    """Return where one frequency leaves so much that two of usual residuals pay for themselves.

    Or where what it leaves is clearly no noise: of a sigma that is too large it is little.
    """
    clearly: Mask = clumped(batch, single.residual, *CLEARLY)
    if not batch.known_noise:
        return np.ones_like(clearly)
    usual = limits(np.maximum(batch.rows - single.free - MORE, 1), LITTLE)
    return clearly | (single.cost - usual > SEARCHED + MORE * np.log(batch.rows))


def _about(turn: Array, table: Array) -> Array:
    """Return the starts of a table (S, 4) about frequencies (N,), (S N, 4)."""
    starts = np.repeat(table[:, None], len(turn), axis=1)
    starts[:, :, 2:] += turn[:, None]
    return starts.reshape(-1, 4)


def _of_close(batch: Batch, single: Solution, double: Solution, beat: Mask) -> Solution:
    """Try two frequencies close to that of a quick decay (`beat`), until they explain it."""
    poor = np.flatnonzero(beat & _lacking(batch, single, double, both_there(double)))
    if len(poor) == 0:
        return double
    part, one, best = batch.take(poor), single.take(poor), double.take(poor)
    hopeful, starts = _hopeful(part, one)
    at_once = len(CLOSE) if len(poor) <= FEW else 1
    for first in range(0, len(CLOSE), at_once):
        some = slice(first, first + at_once)
        best = _of_starts(part, one, best, hopeful[some], starts[some])
    return replaced(double, poor, best, np.ones(len(poor), dtype=bool))


def _of_starts(
    batch: Batch, single: Solution, double: Solution, hopeful: Mask, starts: Array
) -> Solution:
    """Refine starts (S, N, P) that are hopeful (S, N); take one after the other what is better.

    Until two frequencies explain a trace; of one start that is not asked.
    """
    there = both_there(double)
    lacking = _lacking(batch, single, double, there)
    start, rows = np.nonzero(hopeful & lacking)
    if len(rows) == 0:
        return double
    part = batch.take(rows)
    other = _from(part, starts[start, rows])
    real = both_there(other)
    still = _lacking(part, single.take(rows), other, real) if len(starts) > 1 else real
    best, cost = np.full(batch.traces, -1), double.cost.copy()
    for k in range(len(starts)):
        mine = np.flatnonzero((start == k) & lacking[rows] & real)
        mine = mine[(other.cost[mine] < cost[rows[mine]]) | ~there[rows[mine]]]
        which = rows[mine]
        best[which], cost[which] = mine, other.cost[mine]
        there[which], lacking[which] = True, still[mine]
    which = np.flatnonzero(best >= 0)
    return replaced(double, which, other.take(best[which]), np.ones(len(which), dtype=bool))


def _of_a_beat(batch: Batch, single: Solution, double: Solution, beat: Mask) -> Solution:
    """Try about a beat in the window where nothing explains a quick decay (`beat`) yet.

    What follows it best may be two that meet: then it is a frequency that drifts as well.
    """
    much = single.cost > batch.rows - single.free + SEARCHED if batch.known_noise else True
    poor = np.flatnonzero(beat & much & _lacking(batch, single, double, both_there(double)))
    if len(poor) == 0:
        return double
    part, one = batch.take(poor), single.take(poor)
    brief = _from(part, _about(one.p[:, 2], A_BEAT), BRIEF)
    hope = np.flatnonzero(delta_cost(part, one, brief) > WORTH)
    if len(hope) == 0:
        return double
    rows = poor[hope % len(poor)]
    other = _from(batch.take(rows), brief.p[hope])
    best = np.lexsort((other.cost, rows))
    which, first = np.unique(rows[best], return_index=True)
    best = best[first]
    clearly = other.cost[best] < double.cost[which] - WORSE
    return replaced(double, which, other.take(best), clearly)


def _lacking(batch: Batch, single: Solution, double: Solution, there: Mask) -> Mask:
    """Return where two frequencies are not found yet (`there`), or leave more than noise."""
    pays = delta_bic(batch, single, double) > SEARCHED
    return np.asarray(structured(batch, double) | ~(there & pays))


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
    own = np.ones((len(SHAPES), len(turns), 4))
    own[:, :, 1], own[:, :, 2:] = np.array(SHAPES)[:, None], turns
    starts = [own.reshape(-1, 4), _about(turns[close].mean(axis=1), APART)]
    rows = np.concatenate([every] * len(SHAPES) + [close] * len(APART))
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


def _hopeful(batch: Batch, single: Solution) -> tuple[Mask, Array]:
    """Return where each of CLOSE may explain a beat (C, N), and starts (C, N, P).

    A few steps tell, and the start is where they lead to.
    """
    brief = _from(batch, _about(single.p[:, 2], CLOSE), BRIEF)
    hope = delta_cost(batch, single, brief) > HOPE
    every = len(CLOSE), batch.traces
    return hope.reshape(every), brief.p.reshape(*every, -1)


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
