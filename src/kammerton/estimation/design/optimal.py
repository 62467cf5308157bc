"""Designs for any law, from its Jacobian: where to measure, and what a sweep promises.

The variance of one parameter, c' M^-1 c with M = sum n_i J_i J_i' / sigma_i^2, is least for the
shots n_i that Elfving's theorem (Ann. Math. Stat. 23, 255 (1952)) gives: write c as
sum u_i J_i / sigma_i with the least sum |u_i|, a linear program; then n_i is proportional to
|u_i|. A shot at i that takes s_i seconds counts as J_i / sqrt(s_i).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import linprog

from kammerton.estimation.design.words import Array, Timing, numbers, one_number, whole_number
from kammerton.model import TraceError

STEP = 1e-5  # relative, of numerical derivatives
PRESENT = 1e-9  # share below which a setting is none
LARGEST = 1e15  # shots at a point, and numbers of parameters: more is a slip


@dataclass(frozen=True, eq=False)
class Optimum:
    """Shares (M,) of the shots, and the variance of the parameter for one shot or one second."""

    shares: Array
    variance: float


def c_optimal(
    jacobian: ArrayLike, sigma: ArrayLike = 1.0, seconds: ArrayLike | None = None, of: int = 0
) -> Optimum:
    """Return the design that is best for one parameter of a law.

    jacobian: (M, P), derivatives of the reading at each of M settings by P unknown parameters
    (leave out those that are known). sigma: of one shot, one number or (M,). seconds: what a shot
    takes (M,); given, the design is the best for its time, and `variance` is that of one second
    of measuring instead of one shot. of: the parameter asked for.

    Raises
    ------
    TraceError
        The arrays cannot be used, or no setting tells anything of the parameter.
    """
    rows, of = numbers(jacobian, "jacobian"), whole_number(of, "of", -int(LARGEST))
    if rows.ndim != 2 or not -rows.shape[1] <= of < rows.shape[1]:
        raise TraceError(f"jacobian has shape {rows.shape}; it must be (M, P), with P above {of}")
    noise = _each(sigma, "sigma", len(rows))
    cost = _each(1.0 if seconds is None else seconds, "seconds", len(rows))
    scaled = rows / (noise * np.sqrt(cost))[:, None]
    size = np.maximum(np.abs(scaled).max(axis=0), 1e-300)
    wanted = np.zeros(rows.shape[1])
    wanted[of] = 1.0
    both = np.vstack([scaled / size, -scaled / size]).T
    found = linprog(np.ones(both.shape[1]), A_eq=both, b_eq=wanted, method="highs")
    if not found.success:
        raise TraceError("no setting tells this parameter from the others")
    pair = np.asarray(found.x)
    spent = np.abs(pair[: len(rows)] - pair[len(rows) :])
    shots = spent / np.sqrt(cost)
    shares = np.where(shots > PRESENT * shots.sum(), shots, 0.0)
    return Optimum(shares / shares.sum(), float((spent.sum() / size[of]) ** 2))


@dataclass(frozen=True, eq=False)
class Sweep:
    """A sweep that reaches a sigma: its points (M,), shots at each, sigma promised, and time."""

    x: Array
    shots: int
    promised: float
    seconds: float


def sweep_design(
    law: Callable[[Array, Array], Array], theta: ArrayLike, windows: Sequence[ArrayLike],
    goal: float, sigma: float, timing: Timing, of: int = 0, delays: bool = False,
) -> Sweep:  # fmt: skip
    """Return the window, of those offered, in which an even sweep reaches a sigma soonest.

    law(x, theta): the reading, e.g. a Rabi oscillation or a line. theta (P,): believed
    parameters, all of them fitted. windows: candidates of x (M,). goal: sigma of parameter `of`.
    sigma: of one shot. delays: x is a delay in s, so that a shot takes x and the overhead.

    Raises
    ------
    TraceError
        An array cannot be used, or no window tells anything of the parameter.
    """
    believed, of = np.atleast_1d(numbers(theta, "theta")), whole_number(of, "of", -int(LARGEST))
    if not -len(believed) <= of < len(believed):
        raise TraceError(f"of is {of}; theta has {len(believed)} parameters")
    if not (one_number(goal, "goal") > 0 and one_number(sigma, "sigma") > 0):
        raise TraceError("goal and sigma must be positive")
    sweeps = [
        _sweep(law, believed, np.atleast_1d(numbers(x, "window")), goal, sigma, timing, of, delays)
        for x in windows
    ]
    if not sweeps:
        raise TraceError("no window was offered")
    best = min(sweeps, key=lambda sweep: sweep.seconds)
    if not np.isfinite(best.seconds):
        raise TraceError("no window tells this parameter from the others")
    return best


def _sweep(
    law: Callable[[Array, Array], Array], theta: Array, x: Array, goal: float, sigma: float,
    timing: Timing, of: int, delays: bool,
) -> Sweep:  # fmt: skip
    if delays and (x < 0).any():
        raise TraceError("a window has negative delays")
    rows = jacobian(law, x, theta) / sigma
    size = np.maximum(np.sqrt((rows**2).sum(axis=0)), 1e-300)
    _, values, right = np.linalg.svd(rows / size, full_matrices=False)
    if len(values) < len(theta) or values[-1] < 1e-7 * values[0]:
        return Sweep(x, 0, np.inf, np.inf)
    one = float(np.sqrt(((right[:, of] / values) ** 2).sum()) / size[of])
    if one / goal > LARGEST**0.5:
        raise TraceError(f"goal is {goal:g}; a shot at each point gives {one:g}")
    shots = max(1, int(np.ceil((one / goal) ** 2)))
    each = x.size * timing.overhead + (float(x.sum()) if delays else 0.0)
    return Sweep(x, shots, one / np.sqrt(shots), shots * each)


def jacobian(law: Callable[[Array, Array], Array], x: Array, theta: Array) -> Array:
    """Return central differences of a law by each parameter, (M, P)."""
    columns = []
    for k in range(theta.size):
        step = np.zeros_like(theta)
        step[k] = STEP * max(abs(theta[k]), 1e-12)
        both = [numbers(law(x, theta + sign * step), "what law returns") for sign in (1, -1)]
        if any(y.shape != x.shape for y in both):
            raise TraceError(f"law returns shape {both[0].shape} for x of shape {x.shape}")
        columns.append((both[0] - both[1]) / (2 * step[k]))
    return np.stack(columns, axis=1)


def _each(values: ArrayLike, name: str, settings: int) -> Array:
    array = numbers(values, name)
    if array.shape not in ((), (settings,)) or (array <= 0).any():
        raise TraceError(f"{name} must be positive: one number, or one for each setting")
    return np.broadcast_to(array, (settings,))
