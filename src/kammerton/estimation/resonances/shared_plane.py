"""Two resonances in the complex plane, of one resonator with its qubit in 0 and in 1.

S_s = exp(-2 pi i tau f) (b + b' (f - f_middle) + a L_s), L_s = 1 / (1 + 2i (f - f_s)/kappa):
background, delay, linewidth and coupling are those of one resonator, only its frequency moves. A
trace taken with a fraction p of the shots in 1 is (1 - p) S_0 + p S_1. What is shared is chosen by
evidence: all of it; all, but the trace of 1 holds shots in 0; background and delay; nothing.
Whether the background slopes is chosen by evidence, too.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache, partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kammerton.estimation.numeric.arrays import all_of
from kammerton.estimation.numeric.poles import ALIKE, APART, Sharing, curves, fit_poles, mixing
from kammerton.estimation.numeric.prepare import Batch
from kammerton.estimation.numeric.projection import Law, refine
from kammerton.estimation.numeric.projection_kernels import ALIKE as MIXED_LAW
from kammerton.estimation.numeric.solver import Solution, other_law, replaced
from kammerton.estimation.resonances.plane import BENDS, HINT, STEEP, Plane, padded, turned
from kammerton.estimation.verdict.evidence import Mask, delta_cost

Array = NDArray[np.float64]


ALL, MIXED, BACKGROUND, NOTHING = range(4)
MARGINS = (0.0, 6.0, 6.0, 10.0)  # delta-BIC for which less is shared
MIXES = 6.0  # gain in chi-square, as estimated, for which a mixture is tried
MOST_MIXED = 0.6  # part of the shots of 1 that may be in 0
SLOPES = slice(4, 6)  # of the columns: background, resonance, slope


@dataclass(frozen=True, eq=False)
class Pairs:
    """N pairs of fits.

    theta: (N, 3) both centres and the linewidth, in windows; cov (N, 3, 3) for weights as given.
    widths: (N, 2) linewidth of each trace. sizes: (N, 2) |a| of each. mixed: (N,) part of the
    shots of 1 that were in 0. shared: (N,) what is. each: the 2 N traces' solutions, curve their
    fitted y (2 N, R), batch themselves.
    """

    theta: Array
    cov: Array
    widths: Array
    sizes: Array
    mixed: Array
    shared: NDArray[np.intp]
    each: Solution
    curve: Array
    batch: Batch

    def replaced(self, which: NDArray[np.intp], part: Pairs) -> Pairs:
        """Return these pairs with those of `which` from `part`."""
        if all_of(which, len(self.theta)):
            return part
        each = _traces_of(which)
        arrays = {name: _with(getattr(self, name), which, getattr(part, name))
                  for name in ("theta", "cov", "widths", "sizes", "mixed", "shared")}  # fmt: skip
        solution = replaced(self.each, each, part.each, np.ones(len(each), bool))
        return replace(
            self, **arrays, each=solution, curve=_with(self.curve, each, part.curve)
        )  # fmt: skip


@dataclass(frozen=True, eq=False)
class _Joint:
    """One way to share: its solution (N), and where its numbers are.

    draw: returns its curve (N, 4 M). mixed: (N,) part of the shots of 1 that were in 0.
    """

    fit: Solution
    draw: Callable[[], Array]
    mixed: Array
    centres: tuple[int, int]
    widths: tuple[int, int]
    sizes: tuple[int, int]

    def take(self, which: NDArray[Any]) -> _Joint:
        """Return the solution of some pairs only."""
        if all_of(which, len(self.mixed)):
            return self
        return replace(
            self, fit=self.fit.take(which), draw=lambda: self.draw()[which], mixed=self.mixed[which]
        )

    @cached_property
    def halves(self) -> Solution:
        """Return what either trace's fit leaves (2 N); each has half of the parameters."""
        residual = self.fit.residual.reshape(2 * len(self.mixed), -1)
        free = np.repeat((self.fit.free + 1) // 2, 2)
        return _told((residual**2).sum(axis=1), residual, free)


def fit_pairs(both: Batch, plane: Plane, populations: Array, lost: Mask) -> Pairs:
    """Fit N pairs (2 N traces, 0 before 1) from their separate fits.

    populations: (N, 2) part of the shots of each trace that were in 1, NaN for the second where
    it is not known and to be found if it shows. lost: (N,) those of which nothing is shared.
    """
    sign = np.repeat(_sign(both, plane), 2)
    traces = turned(both, sign)
    if lost.all():
        return _separate(traces, plane, np.arange(len(lost)))
    found = _shared(traces, sign, plane, populations, lost)
    which = lost.nonzero()[0]
    return found.replaced(which, _separate(traces, plane, which)) if len(which) else found


def _shared(traces: Batch, sign: Array, plane: Plane, populations: Array, lost: Mask) -> Pairs:
    """Fit pairs that share what the evidence lets them; `lost` ones all of it."""
    pair = _in_twos(traces)
    start, known = _start(plane, sign), _level(plane)
    told = (populations[:, 0] > 0.0) | (populations[:, 1] < 1.0)
    if told.any():
        alike = _mixed(pair, start, known, populations, told=True)
        doubt = np.zeros(len(told), dtype=bool)
    else:
        alike = _alike(pair, start, known)
        doubt = np.isnan(populations[:, 1])
    doubtful = _doubtful(traces, alike.halves, plane)
    if (doubt & ~doubtful).any():
        part, gain = mixing(ALIKE, pair, alike.fit, slope=True)
        doubt &= (part > 0.0) & (gain > MIXES)
    which = ((doubt | doubtful) & ~lost).nonzero()[0]
    if len(which) == 0:
        return _of_joint(ALL, alike, traces)
    some, begin = pair.take(which), np.column_stack([alike.fit.theta[:, :3], start[:, 3]])[which]
    joints = [
        alike.take(which),
        _mixed(some, begin, known[which], populations[which], told=False),
        _apart(some, start[which], known[which], plane.fit.p.reshape(-1, 2, 3)[which, :, 1]),
    ]
    return _chosen(traces, alike, plane, joints, which, populations)


def _in_twos(traces: Batch) -> Batch:
    """Return the batch whose rows are those of both traces of a pair, one after the other."""
    y, w = (each.reshape(traces.traces // 2, -1) for each in (traces.y, traces.w))
    return Batch(
        traces.x, traces.step, y, w, traces.zero, traces.span, traces.level[::2], traces.parts,
        traces.known_noise, traces.order,
    )  # fmt: skip


def _doubtful(traces: Batch, alike: Solution, plane: Plane) -> Mask:
    """Return the pairs that may share less: those whose separate fits are as good as that asks."""
    cost, free, lower, rows = (each.reshape(-1, 2).sum(axis=1) for each in (
        alike.cost, alike.free, plane.fit.cost, traces.rows))  # fmt: skip
    least = _bic(traces, lower, free + 3, rows) + MARGINS[BACKGROUND]
    return np.asarray(least < _bic(traces, cost, free, rows))


def _sign(both: Batch, plane: Plane) -> Array:
    """Return the phase convention of each pair: that of the trace with more of a resonance."""
    explained = ((both.y * both.w) ** 2).sum(axis=1) / np.maximum(plane.fit.cost, 1e-300)
    best = explained.reshape(-1, 2).argmax(axis=1)
    return np.asarray(plane.sign.reshape(-1, 2)[np.arange(len(best)), best])


def _start(plane: Plane, sign: Array) -> Array:
    """Return starts (N, 4): both centres, linewidth and delay."""
    centre, width, delay = plane.fit.p.T
    turns, both = delay * plane.sign * sign, np.sqrt(width[::2] * width[1::2])
    return np.stack([centre[::2], centre[1::2], both, 0.5 * (turns[::2] + turns[1::2])], axis=1)


def _level(plane: Plane) -> Array:
    """Return what is known of the background's slope (N, 2): its variance's inverse, for either.

    A slope of as much as half the background across the window is no surprise.
    """
    rows = plane.turned.rows
    noise = np.ones(len(rows))
    if not plane.turned.known_noise:
        noise = plane.fit.cost / np.maximum(rows - plane.fit.free, 1)
    size = np.maximum(np.hypot(plane.fit.c[:, 0], plane.fit.c[:, 1]), 1e-150)
    each = noise / (STEEP * size) ** 2
    return np.stack([0.5 * (each[::2] + each[1::2])] * 2, axis=1)


@lru_cache(maxsize=16)
def _bounds(points: int, widths: int) -> tuple[Array, Array]:
    """Return bounds (P,) of two centres, so many widths, and a delay; not to be changed."""
    turns = 0.6 * points
    low = [-0.3, -0.3, *[0.6 / points] * widths, -turns]
    return np.array(low), np.array([1.3, 1.3, *[5.0] * widths, turns])


def _alike(pair: Batch, start: Array, known: Array) -> _Joint:
    """Fit pairs that share everything."""
    fit, draw = _over_background(ALIKE, pair, start, known, _bounds(pair.points, 1))
    return _Joint(fit, draw, np.zeros(pair.traces), (0, 1), (2, 2), (6, 6))


def _apart(pair: Batch, start: Array, known: Array, widths: Array) -> _Joint:
    """Fit pairs that share background and delay, each with its own linewidth and depth."""
    begin = np.column_stack([start[:, :2], widths, start[:, 3]])
    fit, draw = _over_background(APART, pair, begin, known, _bounds(pair.points, 2))
    return _Joint(fit, draw, np.zeros(pair.traces), (0, 1), (2, 3), (7, 9))


def _over_background(
    sharing: Sharing, pair: Batch, start: Array, known: Array, bounds: tuple[Array, Array]
) -> tuple[Solution, Callable[[], Array]]:
    """Return fits over a background that slopes where the evidence says so.

    And what returns their curves: a way to share that is not chosen is never drawn.
    """
    level, gain = fit_poles(sharing, pair, start, *bounds)
    best = padded(level, level.theta.shape[1] + 2)
    which = (gain > HINT).nonzero()[0]
    if len(which):
        part, p = pair.take(which), level.theta[which, : sharing.nonlinear]
        bent = fit_poles(sharing, part, p, *bounds, slope=True, ridge=known[which, 0])[0]
        best = replaced(best, which, bent, delta_cost(part, level.take(which), bent) > BENDS)
    return best, partial(curves, sharing, pair, best.theta, slope=True)


def _mixed(pair: Batch, start: Array, known: Array, populations: Array, *, told: bool) -> _Joint:
    """Fit pairs that share everything, but shots of one state are in the trace of the other.

    told: how many is known; else those of 1 that are in 0 are found.
    """
    given = np.empty((pair.traces, 3, pair.points))
    given[:, 0], given[:, 1], given[:, 2] = pair.x, pair.step[:, None], populations[:, :1]
    none = 1.0 - populations[:, 1:]
    part = np.nan_to_num(none) if told else np.where(np.isnan(none), 0.2, none)
    low, high = np.empty((2, pair.traces, 5))
    low[:, :4], high[:, :4] = _bounds(pair.points, 1)
    low[:, 4:], high[:, 4:] = (part, part) if told else (0.0, MOST_MIXED)
    prior = np.zeros((pair.traces, 2, 6))
    prior[:, 0, SLOPES] = known
    law = Law(MIXED_LAW, given, 6)
    fit = refine(law, pair, np.hstack([start, part]), low, high, prior)
    draw = partial(law.curve, fit.theta)
    return _Joint(fit, draw, fit.theta[:, 4], (0, 1), (2, 2), (7, 7))


def _chosen(
    traces: Batch, alike: _Joint, plane: Plane, joints: list[_Joint], which: NDArray[np.intp],
    populations: Array,
) -> Pairs:  # fmt: skip
    """Return the pairs with what the evidence chooses for `which`; the others share all."""
    each = _traces_of(which)
    rows, alone = traces.rows[each].reshape(-1, 2).sum(axis=1), plane.fit
    cost = [j.fit.cost for j in joints] + [alone.cost[each].reshape(-1, 2).sum(axis=1)]
    free = [j.fit.free for j in joints] + [alone.free[each].reshape(-1, 2).sum(axis=1)]
    score = _bic(traces, np.array(cost), np.array(free), rows) + np.array(MARGINS)[:, None]
    score[MIXED, ~np.isnan(populations[which, 1])] = np.inf
    shared = score.argmin(axis=0)
    if (shared == NOTHING).all() and all_of(which, len(alike.mixed)):
        return _separate(traces, plane, which)
    found = _of_joint(ALL, alike, traces)
    for kind in (MIXED, BACKGROUND):
        mine = (shared == kind).nonzero()[0]
        if len(mine):
            part = _of_joint(kind, joints[kind].take(mine), traces.take(_traces_of(which[mine])))
            found = found.replaced(which[mine], part)
    mine = which[shared == NOTHING]
    return found.replaced(mine, _separate(traces, plane, mine)) if len(mine) else found


def _bic(traces: Batch, cost: Array, free: Array, rows: Array) -> Array:
    if traces.known_noise:
        return np.asarray(cost + free * np.log(rows))
    return np.asarray(rows * np.log(np.maximum(cost, 1e-300) / rows) + free * np.log(rows))


def of_two(p: Array, cov: Array) -> tuple[Array, Array]:
    """Return theta (N, 3) and its covariance from separate fits.

    p: (N, 2, 2) centre and width of both; cov: (N, 2, 2, 2). The linewidth is their mean, weighed
    by their errors.
    """
    n = len(p)
    weight = 1.0 / np.maximum(cov[:, :, 1, 1], 1e-300)
    weight /= weight.sum(axis=1, keepdims=True)
    line = np.zeros((n, 3, 4))
    line[:, 0, 0] = line[:, 1, 2] = 1.0
    line[:, 2, 1::2] = weight
    block = np.zeros((n, 4, 4))
    block[:, :2, :2], block[:, 2:, 2:] = cov[:, 0], cov[:, 1]
    return (line @ p.reshape(n, 4, 1))[:, :, 0], line @ block @ line.transpose(0, 2, 1)


def _separate(traces: Batch, plane: Plane, which: NDArray[np.intp]) -> Pairs:
    """Return the pairs `which`, sharing nothing."""
    each, n = _traces_of(which), len(which)
    fit, batch, own = plane.fit.take(each), traces.take(each), plane.turned.take(each)
    theta, cov = of_two(fit.p.reshape(-1, 2, 3)[:, :, :2], fit.cov[:, :2, :2].reshape(-1, 2, 2, 2))
    curve = fit.curve(own)
    curve[:, traces.points :] *= conjugated(batch, own)[:, None]
    return Pairs(
        theta, cov, fit.p[:, 1].reshape(-1, 2), np.hypot(fit.c[:, 2], fit.c[:, 3]).reshape(-1, 2),
        np.zeros(n), np.full(n, NOTHING), _told(fit.cost, fit.residual, fit.free), curve, batch,
    )  # fmt: skip


def conjugated(one: Batch, other: Batch) -> Array:
    """Return -1 where the complex traces of one are the conjugates of the other's, else 1."""
    half = one.points
    same = (one.y[:, half:] == other.y[:, half:]).all(axis=1)
    return np.where(same, 1.0, -1.0)


def _of_joint(kind: int, joint: _Joint, traces: Batch) -> Pairs:
    """Return pairs from their joint fit."""
    fit, n = joint.fit, traces.traces
    line = np.zeros((3, fit.cov.shape[1]))
    line[0, joint.centres[0]] = line[1, joint.centres[1]] = 1.0
    for k in joint.widths:
        line[2, k] += 0.5
    sizes = np.hypot(fit.theta[:, list(joint.sizes)], fit.theta[:, [k + 1 for k in joint.sizes]])
    return Pairs(
        fit.theta @ line.T, line @ fit.cov @ line.T, fit.theta[:, list(joint.widths)], sizes,
        joint.mixed, np.full(n // 2, kind), joint.halves, joint.draw().reshape(n, -1), traces,
    )  # fmt: skip


def _traces_of(which: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return where the traces of the pairs `which` are."""
    each = np.empty(2 * len(which), dtype=np.intp)
    each[::2], each[1::2] = 2 * which, 2 * which + 1
    return each


def _with(old: Any, which: NDArray[np.intp], new: Any) -> Any:
    result = old.copy()
    result[which] = new
    return result


def _told(cost: Array, residual: Array, free: NDArray[np.intp]) -> Solution:
    """Return what a trace's fit leaves, without its parameters: they are the pair's."""
    none = np.empty((len(cost), 0))
    return Solution(other_law(0), none, none[:, :, None], cost, residual, free)
