"""Two resonances in the complex plane, of one resonator with its qubit in 0 and in 1.

S_s = exp(-2 pi i tau f) (b + b' (f - f_middle) + a L_s), L_s = 1 / (1 + 2i (f - f_s)/kappa):
background, delay, linewidth and coupling are those of one resonator, only its frequency moves. A
trace taken with a fraction p of the shots in 1 is (1 - p) S_0 + p S_1. What is shared is chosen by
evidence: all of it; all, but the trace of 1 holds shots in 0; background and delay; nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kammerton.estimation.numeric.prepare import Batch
from kammerton.estimation.numeric.projection import NO_LAW, Law, refine
from kammerton.estimation.numeric.projection_kernels import ALIKE as ALIKE_LAW
from kammerton.estimation.numeric.projection_kernels import APART as APART_LAW
from kammerton.estimation.numeric.solver import Solution, replaced
from kammerton.estimation.resonances.plane import Plane, turned
from kammerton.estimation.verdict.evidence import structured

Array = NDArray[np.float64]


ALL, MIXED, BACKGROUND, NOTHING = range(4)
MARGINS = (0.0, 6.0, 6.0, 10.0)  # delta-BIC for which less is shared
MOST_MIXED = 0.6  # part of the shots of 1 that may be in 0
STEEP = 0.5  # of the background, across the window
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

    def replaced(self, which: NDArray[np.intp], other: Pairs) -> Pairs:
        """Return these pairs with those of `which` from others."""
        each = np.ravel(2 * which[:, None] + np.arange(2))
        arrays = {name: _with(getattr(self, name), which, getattr(other, name)[which])
                  for name in ("theta", "cov", "widths", "sizes", "mixed", "shared")}  # fmt: skip
        solution = replaced(self.each, each, other.each.take(each), np.ones(len(each), bool))
        curve = _with(self.curve, each, other.curve[each])
        return replace(self, **arrays, each=solution, curve=curve)


@dataclass(frozen=True, eq=False)
class _Joint:
    """One way to share: its solution (N), curve (N, 4 M) and where its numbers are."""

    fit: Solution
    curve: Array
    centres: tuple[int, int]
    widths: tuple[int, int]
    sizes: tuple[int, int]

    def take(self, which: NDArray[Any]) -> _Joint:
        """Return the solution of some pairs only."""
        return replace(self, fit=self.fit.take(which), curve=self.curve[which])


def fit_pairs(both: Batch, plane: Plane, populations: Array) -> Pairs:
    """Fit N pairs (2 N traces, 0 before 1) from their separate fits.

    populations: (N, 2) part of the shots of each trace that were in 1, NaN for the second where
    it is not known and to be found if it shows.
    """
    sign = np.repeat(_sign(both, plane), 2)
    traces = turned(both, sign)
    pair = replace(
        traces, y=traces.y.reshape(len(sign) // 2, -1), w=traces.w.reshape(len(sign) // 2, -1),
        level=traces.level[::2], variance=None,
    )  # fmt: skip
    start, known = _start(plane, sign, populations), _level(plane)
    alike = _alike(pair, start, known, populations[:, 0], free=False)
    found = _put(_separate(traces, plane), np.arange(pair.traces), ALL, alike)
    which = _doubtful(found, plane)
    if len(which) == 0:
        return found
    joints = [
        alike.take(which),
        _alike(pair.take(which), _mixed_start(alike.fit, populations)[which], known[which],
               populations[which, 0], free=True),
        _apart(pair.take(which), start[which], known[which],
               plane.fit.p.reshape(-1, 2, 3)[which, :, 1]),
    ]  # fmt: skip
    return _chosen(found, _separate(traces, plane), joints, which, populations)


def _doubtful(found: Pairs, plane: Plane) -> NDArray[np.intp]:
    """Return the pairs that may share less: the separate fits are better, or none is good."""
    alike, alone = found.each, plane.fit
    cost, free, more, rows = (each.reshape(-1, 2).sum(axis=1) for each in (
        alike.cost, alike.free, alone.free, found.batch.rows))  # fmt: skip
    better = cost - alone.cost.reshape(-1, 2).sum(axis=1)
    if not found.batch.known_noise:
        better = better * (rows - free) / np.maximum(cost, 1e-300)
    extra = np.maximum(more - free, 1)
    doubt = better > extra + 3.0 * np.sqrt(2.0 * extra)
    doubt |= structured(found.batch, alike).reshape(-1, 2).any(axis=1)
    return np.flatnonzero(doubt)


def _sign(both: Batch, plane: Plane) -> Array:
    """Return the phase convention of each pair: that of the trace with more of a resonance."""
    explained = ((both.y * both.w) ** 2).sum(axis=1) / np.maximum(plane.fit.cost, 1e-300)
    best = explained.reshape(-1, 2).argmax(axis=1)
    return np.take_along_axis(plane.sign.reshape(-1, 2), best[:, None], axis=1)[:, 0]


def _start(plane: Plane, sign: Array, populations: Array) -> Array:
    """Return starts (N, 5): both centres, linewidth, delay, part of 1 that is in 0."""
    p = plane.fit.p.reshape(-1, 2, 3)
    delay = (plane.fit.p[:, 2] * plane.sign * sign).reshape(-1, 2).mean(axis=1)
    none = np.nan_to_num(1.0 - populations[:, 1])
    return np.column_stack([p[:, 0, 0], p[:, 1, 0], np.sqrt(p[:, :, 1].prod(axis=1)), delay, none])


def _mixed_start(fit: Solution, populations: Array) -> Array:
    start = fit.theta[:, :5].copy()
    start[:, 4] = np.where(np.isnan(populations[:, 1]), 0.2, 1.0 - populations[:, 1])
    return start


def _level(plane: Plane) -> Array:
    """Return what is known of the background's slope (N, 2): its variance's inverse, for either.

    A slope of as much as half the background across the window is no surprise.
    """
    rows = plane.turned.rows
    noise = np.ones(len(rows))
    if not plane.turned.known_noise:
        noise = plane.fit.cost / np.maximum(rows - plane.fit.free, 1)
    size = np.maximum(np.hypot(plane.fit.c[:, 0], plane.fit.c[:, 1]), 1e-150)
    each = (noise / (STEEP * size) ** 2).reshape(-1, 2).mean(axis=1)
    return np.column_stack([each, each])


def _bounds(points: int, parts: list[str], mixed: Array) -> tuple[Array, Array]:
    """Return bounds (N, P) of centres, widths, a delay, and a mixture that may be frozen."""
    every = {"centre": (-0.3, 1.3), "width": (0.6 / points, 5.0),
             "delay": (-0.6 * points, 0.6 * points)}  # fmt: skip
    low, high = (np.tile([every[part][k] for part in parts], (len(mixed), 1)) for k in (0, 1))
    return low, high


def _axis(pair: Batch) -> tuple[Array, Array]:
    return pair.x, pair.step[:, None]


def _alike(pair: Batch, start: Array, known: Array, population: Array, *, free: bool) -> _Joint:
    """Fit pairs that share everything; free: the part of 1 that is in 0 too."""
    low, high = _bounds(pair.points, ["centre", "centre", "width", "delay"], start)
    part = start[:, 4:]
    low = np.hstack([low, np.zeros_like(part) if free else part])
    high = np.hstack([high, np.full_like(part, MOST_MIXED) if free else part])

    given = np.stack(np.broadcast_arrays(*_axis(pair), population[:, None]), axis=1)
    return _joint(
        Law(ALIKE_LAW, given, 6), pair, start, (low, high), known, ((0, 1), (2, 2), (7, 7))
    )


def _apart(pair: Batch, start: Array, known: Array, widths: Array) -> _Joint:
    """Fit pairs that share background and delay, each with its own linewidth and depth."""
    begin = np.column_stack([start[:, :2], widths, start[:, 3]])
    bounds = _bounds(pair.points, ["centre", "centre", "width", "width", "delay"], start)

    law = Law(APART_LAW, np.stack(np.broadcast_arrays(*_axis(pair)), axis=1), 8)
    return _joint(law, pair, begin, bounds, known, ((0, 1), (2, 3), (7, 11)))


def _joint(
    law: Law, pair: Batch, start: Array, bounds: tuple[Array, Array],
    known: Array, where: tuple[tuple[int, int], ...],
) -> _Joint:  # fmt: skip
    prior = np.zeros((pair.traces, 2, law.linear))
    prior[:, 0, SLOPES] = known
    fit = refine(law, pair, start, *bounds, prior)
    return _Joint(fit, law.curve(fit.theta), *where)


def _chosen(
    found: Pairs, separate: Pairs, joints: list[_Joint], which: NDArray[np.intp],
    populations: Array,
) -> Pairs:  # fmt: skip
    """Return the pairs with what the evidence chooses for `which`."""
    traces, each = found.batch, np.ravel(2 * which[:, None] + np.arange(2))
    rows, alone = traces.rows[each].reshape(-1, 2).sum(axis=1), separate.each.take(each)
    cost = [j.fit.cost for j in joints] + [alone.cost.reshape(-1, 2).sum(axis=1)]
    free = [j.fit.free for j in joints] + [alone.free.reshape(-1, 2).sum(axis=1)]
    score = _bic(traces, np.array(cost), np.array(free), rows) + np.array(MARGINS)[:, None]
    score[MIXED, ~np.isnan(populations[which, 1])] = np.inf
    shared = score.argmin(axis=0)
    for kind in (MIXED, BACKGROUND):
        mine = shared == kind
        found = _put(found, which[mine], kind, joints[kind].take(mine))
    return found.replaced(which[shared == NOTHING], separate)


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


def _separate(traces: Batch, plane: Plane) -> Pairs:
    """Return pairs that share nothing."""
    fit, n = plane.fit, traces.traces // 2
    theta, cov = of_two(fit.p.reshape(-1, 2, 3)[:, :, :2], fit.cov[:, :2, :2].reshape(-1, 2, 2, 2))
    curve = fit.curve(plane.turned)
    curve[:, traces.points :] *= conjugated(traces, plane.turned)[:, None]
    return Pairs(
        theta, cov, fit.p[:, 1].reshape(-1, 2), np.hypot(fit.c[:, 2], fit.c[:, 3]).reshape(-1, 2),
        np.zeros(n), np.full(n, NOTHING), fit, curve, traces,
    )  # fmt: skip


def conjugated(one: Batch, other: Batch) -> Array:
    """Return -1 where the complex traces of one are the conjugates of the other's, else 1."""
    half = one.points
    same = (one.y[:, half:] == other.y[:, half:]).all(axis=1)
    return np.where(same, 1.0, -1.0)


def _put(found: Pairs, which: NDArray[np.intp], kind: int, joint: _Joint) -> Pairs:
    """Return the pairs with those of `which` from their joint fit."""
    if len(which) == 0:
        return found
    fit, each = joint.fit, np.ravel(2 * which[:, None] + np.arange(2))
    line = np.zeros((3, fit.cov.shape[1]))
    line[0, joint.centres[0]] = line[1, joint.centres[1]] = 1.0
    for k in joint.widths:
        line[2, k] += 0.5
    sizes = np.hypot(fit.theta[:, list(joint.sizes)], fit.theta[:, [k + 1 for k in joint.sizes]])
    none = np.zeros(len(which))
    return Pairs(
        _with(found.theta, which, fit.theta @ line.T),
        _with(found.cov, which, line @ fit.cov @ line.T),
        _with(found.widths, which, fit.theta[:, list(joint.widths)]),
        _with(found.sizes, which, sizes),
        _with(found.mixed, which, none if kind == BACKGROUND else fit.theta[:, 4]),
        _with(found.shared, which, np.full(len(which), kind)),
        _halves(found.each, each, fit),
        _with(found.curve, each, joint.curve.reshape(len(each), -1)), found.batch,
    )  # fmt: skip


def _with(old: Any, which: NDArray[np.intp], new: Any) -> Any:
    result = old.copy()
    result[which] = new
    return result


def _halves(old: Solution, each: NDArray[np.intp], fit: Solution) -> Solution:
    """Return the traces' solutions with those of joint fits, half the parameters for each."""
    residual = _with(old.residual, each, fit.residual.reshape(len(each), -1))
    free = _with(old.free, each, np.repeat((fit.free + 1) // 2, 2))
    cost = _with(old.cost, each, (residual[each] ** 2).sum(axis=1))
    return Solution(NO_LAW, old.theta, old.cov, cost, residual, free)
