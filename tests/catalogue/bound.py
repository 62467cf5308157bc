"""What a trace can tell at best: the Cramer-Rao bound, and least squares started at the truth."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests.catalogue.truth import Array, Other, Parameters, Traces, Truth

STEP = 1e-5  # of a parameter of order one
CHUNK = 50_000  # points at once
ITERATIONS = 300  # few traces need more than 20: those whose valley is long and bent
FREE = 1e-7  # damping below which a step is as long as it wants to be
SURELY = 3.0  # standard deviations
UNTOLD = 9.0  # in chi-square, by which a law must be worse than another to be ruled out by it
TINY = 1e-13  # of a normalised information matrix; what is not determined gets a huge bound


def free(truth: Truth, p: Parameters) -> list[str]:
    """Return the names of the parameters that the trace has to tell."""
    return [name for name in p if name not in truth.fixed]


def bound(truth: Truth, p: Parameters, traces: Traces) -> dict[str, Array]:
    """Return the smallest standard error (N,) that an unbiased estimate of each value can have.

    From the information of all hidden parameters at the truth; Gaussian noise of the traces'
    sigma, or counts. What is only known to be usual has the information of that besides (van Trees,
    Detection, Estimation, and Modulation Theory, 1968). NaN where there is no such value. Of what
    only lies between two points, the standard deviation of a uniform law.
    """
    sigma = truth.noise(p, traces)
    parts = [_bound(truth, _part(p, s), sigma[s]) for s in _slices(sigma)]
    best = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    return best | truth.spreads(p, sigma)


def _slices(sigma: Array) -> list[slice]:
    n = len(sigma)
    some = max(1, CHUNK * n // sigma.size)
    return [slice(k, min(k + some, n)) for k in range(0, n, some)]


def _part(p: Parameters, which: Any) -> Parameters:
    return {name: v[which] for name, v in p.items()}


def _bound(truth: Truth, p: Parameters, sigma: Array) -> dict[str, Array]:
    w = 1.0 / rows_of(sigma, truth.clean(p))
    truth = replace(truth, fixed=tuple(name for name in truth.fixed if name not in truth.usual))
    information = _normal(_jacobian(truth, p) * w[:, :, None])
    _add(information, _usual(truth, p))
    cov = _inverse(information)
    gradient = _gradient(truth, p)
    with np.errstate(invalid="ignore"):
        return {name: np.sqrt(np.einsum("ni,nij,nj->n", g, cov, g)) for name, g in gradient.items()}


def _usual(truth: Truth, p: Parameters) -> Array:
    """Return the information (N, K) that it is to know what is usual of each parameter."""
    spreads = [truth.usual.get(name, np.inf) for name in free(truth, p)]
    each = [spread(p) if callable(spread) else spread for spread in spreads]
    n = len(next(iter(p.values())))
    return np.column_stack([np.broadcast_to(spread, n) for spread in each]) ** -2.0


def _add(information: Array, more: Array) -> None:
    """Add to the diagonals of matrices (N, K, K)."""
    every = np.arange(more.shape[1])
    information[:, every, every] += more


def rows_of(sigma: Array, y: NDArray[Any]) -> Array:
    """Return sigma as it belongs to the rows of `stacked(y)`."""
    flat = sigma.reshape(len(sigma), -1)
    return np.hstack([flat, flat]) if np.iscomplexobj(y) else flat


def stacked(y: NDArray[Any]) -> Array:
    """Return y as real rows (N, R)."""
    flat = y.reshape(len(y), -1)
    return np.hstack([flat.real, flat.imag]) if np.iscomplexobj(y) else flat


def _steps(p: Parameters, name: str) -> Array:
    result: Array = STEP * np.maximum(np.abs(p[name]), 0.02)
    return result


def _jacobian(truth: Truth, p: Parameters) -> Array:
    """Central differences of the law (N, R, K)."""
    columns = []
    for name in free(truth, p):
        h = _steps(p, name)
        up, down = (truth.clean({**p, name: p[name] + s}) for s in (h, -h))
        columns.append((stacked(up) - stacked(down)) / (2 * h[:, None]))
    return np.stack(columns, axis=2)


def _gradient(truth: Truth, p: Parameters) -> dict[str, Array]:
    names = free(truth, p)
    found = {name: np.zeros((len(v), len(names))) for name, v in truth.scored(p).items()}
    for k, hidden in enumerate(names):
        h = _steps(p, hidden)
        up, down = (truth.scored({**p, hidden: p[hidden] + s}) for s in (h, -h))
        for name, g in found.items():
            g[:, k] = (up[name] - down[name]) / (2 * h)
    return found


def _normal(j: Array) -> Array:
    result: Array = j.transpose(0, 2, 1) @ j
    return result


def _inverse(information: Array) -> Array:
    size = np.sqrt(np.maximum(np.einsum("nii->ni", information), 1e-200))
    scale = size[:, :, None] * size[:, None, :]
    cov: Array = np.linalg.inv(information / scale + TINY * np.eye(information.shape[1])) / scale
    return cov


def oracle(
    truth: Truth, p: Parameters, traces: Traces, enough: float = 0.0
) -> tuple[Parameters, Array]:
    """Return the least-squares parameters (N,) found from the truth, and their chi-square (N,).

    enough: a chi-square that nobody asks to be lower.
    """
    sigma = truth.noise(p, traces)
    parts = [_oracle(truth, _part(p, s), traces.y[s], sigma[s], enough) for s in _slices(sigma)]
    best = {name: np.concatenate([part[0][name] for part in parts]) for name in p}
    return best, np.concatenate([part[1] for part in parts])


@dataclass(frozen=True, eq=False)
class Choice:
    """What an oracle finds that does not know the law: values and chi-square (N,).

    told: the values of an oracle that knows it. alike: those of another law as simple, where
    neither law is ruled out by the other; else NaN.
    """

    values: dict[str, Array]
    chi2: Array
    told: dict[str, Array]
    alike: dict[str, Array]


def choosing_oracle(truth: Truth, p: Parameters, traces: Traces) -> Choice:
    """Fit all laws from the truth; believe the true one for the gain that the fit asks."""
    best, chi2 = oracle(truth, p, traces)
    told = truth.scored(best)
    freedom = stacked(traces.y).shape[1] - len(free(truth, p))
    chosen, lowest, least = dict(told), chi2, np.full(len(chi2), np.inf)
    alike = {name: np.full(len(chi2), np.nan) for name in told}
    for other in truth.others:
        another, cost = _instead(truth, other, p, traces)
        gain = np.minimum(cost - chi2, freedom * np.log(cost / chi2))
        take = (gain < other.asked) & (cost < least)
        values = truth.scored(another)
        chosen = {name: np.where(take, values[name], chosen[name]) for name in told}
        lowest = np.where(take, cost, lowest)
        least = np.where(take & (not other.alike), cost, least)  # another law goes before it
        near = (np.abs(cost - chi2) < UNTOLD) & (not other.fixed and not other.freed)
        alike = {name: np.where(near, values[name], alike[name]) for name in told}
    return Choice(chosen, lowest, told, alike)


def told(truth: Truth, p: Parameters, traces: Traces) -> NDArray[np.bool_]:
    """Return where a trace tells the true law from every other (N,).

    The gain in chi-square over another law scatters about that without noise, D, by 2 sqrt(D):
    told is what falls below the gain that the fit asks in less than one of 700 traces.
    """
    result, silent = np.ones(len(traces), dtype=bool), replace(traces, y=truth.clean(p))
    for other in truth.others:
        if other.alike:
            continue
        d = np.maximum(_instead(truth, other, p, silent)[1], 0.0)
        result &= d - other.asked > 2.0 * SURELY * np.sqrt(d)
    return result


def _instead(truth: Truth, other: Other, p: Parameters, traces: Traces) -> tuple[Parameters, Array]:
    """Return least squares of another law."""
    known = tuple(name for name in truth.fixed if name not in other.freed)
    simple = replace(truth, fixed=(*known, *other.fixed))
    return oracle(simple, {**p, **other.start(p)}, traces)


def _oracle(
    truth: Truth, p: Parameters, y: NDArray[Any], sigma: Array, enough: float
) -> tuple[Parameters, Array]:
    """Levenberg-Marquardt with a damping of its own for every trace."""
    names, w, target = free(truth, p), 1.0 / rows_of(sigma, y), stacked(y)
    usual, n = _usual(truth, p), len(y)
    p = {k: v.copy() for k, v in p.items()}
    cost, damping = _cost(truth, p, target, w, usual), np.full(n, 1e-3)
    busy = np.flatnonzero(cost > enough)
    for _ in range(ITERATIONS):
        if len(busy) == 0:
            break
        now = _part(p, busy)
        j = _jacobian(truth, now) * w[busy, :, None]
        r = (target[busy] - stacked(truth.clean(now))) * w[busy]
        _held_at_limits(truth, now, names, j, r)
        move = _move(j, r, damping[busy], usual[busy], np.column_stack([now[k] for k in names]))
        tried = {k: v + (move[:, names.index(k)] if k in names else 0) for k, v in now.items()}
        tried |= {k: np.clip(tried[k], *truth.ends(k, tried)) for k in truth.limits if k in names}
        with np.errstate(all="ignore"):
            new = _cost(truth, tried, target[busy], w[busy], usual[busy])
        better = new < cost[busy]
        for k in names:
            p[k][busy[better]] = tried[k][better]
        done = better & (cost[busy] - new < 1e-6) & (damping[busy] < FREE)
        cost[busy[better]] = new[better]
        damping[busy] *= np.where(better, 0.1, 10.0)
        busy = busy[~done & (damping[busy] < 1e8) & (cost[busy] > enough)]
    return p, _cost(truth, p, target, w, 0.0 * usual)


def _held_at_limits(truth: Truth, now: Parameters, names: list[str], j: Array, r: Array) -> None:
    """Forget how y depends on parameters that are at a limit and would go beyond it."""
    for name in truth.limits:
        low, high = truth.ends(name, now)
        if name not in names:
            continue
        column = j[:, :, names.index(name)]
        slope = np.einsum("nr,nr->n", column, r)
        column[((now[name] <= low) & (slope < 0)) | ((now[name] >= high) & (slope > 0))] = 0.0


def _move(j: Array, r: Array, damping: Array, usual: Array, at: Array) -> Array:
    information = _normal(j)
    _add(information, usual)
    size = np.sqrt(np.maximum(np.einsum("nii->ni", information), 1e-300))
    matrix = information / (size[:, :, None] * size[:, None, :])
    matrix += (damping[:, None, None] + TINY) * np.eye(matrix.shape[1])
    slope = (np.einsum("nrk,nr->nk", j, r) - usual * at) / size
    result: Array = np.linalg.solve(matrix, slope[:, :, None])[:, :, 0] / size
    return result


def _cost(truth: Truth, p: Parameters, target: Array, w: Array, usual: Array) -> Array:
    """Return chi-square, and that of what is usual (N, K)."""
    cost = (((target - stacked(truth.clean(p))) * w) ** 2).sum(axis=1)
    cost += (usual * np.column_stack([p[k] for k in free(truth, p)]) ** 2).sum(axis=1)
    result: Array = np.where(np.isfinite(cost), cost, np.inf)
    return result
