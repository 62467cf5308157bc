"""T1 and Hahn echo: where to put the next delays.

With known offset and contrast one delay is best: 1.3 T for the fewest shots, and nearer to 0.4 T
for the least time with active reset. But one delay fits every trace, a flat one too. So 15 % of
the shots go to 0.55 and 15 % to 1.6 times that delay, and 3 % to 2.5 T, which costs a twentieth
of the information and lets a chi-square disprove the law. With unknown levels the best design has
a short, a middle and a long delay, and needs no such care.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from kammerton.estimation.design.allocate import dealt, needed, variance_after, whole
from kammerton.estimation.design.joint import joint
from kammerton.estimation.design.laws import T1, T2_ECHO, Law
from kammerton.estimation.design.posterior import Posterior, Prior, begin
from kammerton.estimation.design.words import (
    Array,
    Levels,
    Plan,
    Timing,
    real,
    spread,
    whole_number,
)
from kammerton.model import TraceError

REACH = 40.0  # factor by which the truth may differ from the belief
CANDIDATES = 20
SHARES = np.array([0.15, 0.67, 0.15, 0.03])
APART = np.array([0.55, 1.0, 1.6])
LATE = 2.5  # T
SHAPES = [0.0, 0.25, 0.5, 0.75, 1.0]  # of an echo, from exponential to Gaussian
LEAST = 0.08  # of the shots so far: a round that hardly adds to them is not worth its trouble
FOREVER = 1e9  # s
AIM = 0.98  # of the goal: a last round that just misses it would cost another


def t1_belief(mean: ArrayLike, sigma: ArrayLike | None, levels: Levels) -> Posterior:
    """Return the belief about T1 of N targets, ready for `t1_design`.

    mean, sigma: s, one number or (N,). sigma None: only the order of magnitude is known; every
    T1 within a factor 40 is as likely. The tails are heavy: a truth 5 sigma off is found.
    """
    return _belief(T1, mean, sigma, levels, [1.0], [1.0])


def t2_echo_belief(mean: ArrayLike, sigma: ArrayLike | None, levels: Levels) -> Posterior:
    """Return the belief about the 1/e time of an echo, like `t1_belief`.

    Exponential and Gaussian decays, and what is in between, are weighed by what the data say of
    each; before them none is more likely.
    """
    return _belief(T2_ECHO, mean, sigma, levels, SHAPES, [1.0] * len(SHAPES))


def _belief(
    law: Law, mean: ArrayLike, sigma: ArrayLike | None, levels: Levels, hidden: list[float],
    odds: list[float],
) -> Posterior:  # fmt: skip
    n = len(levels)
    time = spread(mean, n, "mean")
    error = np.full(n, np.inf) if sigma is None else spread(sigma, n, "sigma") / time
    if (time <= 0).any():
        raise TraceError("mean is not positive; a decay time is")
    if (error <= 0).any():
        raise TraceError("sigma is not positive")
    centre = np.log(time)
    shape = (n, len(hidden))
    return begin(law, levels, Prior(
        centre, error, centre - np.log(REACH), centre + np.log(REACH),
        np.broadcast_to(hidden, shape), np.broadcast_to(np.log(odds), shape),
    ))  # fmt: skip


def t1_design(
    posterior: Posterior, timing: Timing, goal: ArrayLike = 0.05, budget: ArrayLike = np.inf,
    first: int = 24,
) -> Plan:  # fmt: skip
    """Return the next delays and shots for T1 (or an echo time).

    goal: relative sigma to reach, one number or (N,). budget: instrument seconds left, likewise.
    first: shots of the first round; each later one takes at most as many as all before it, so
    that delays follow what was learned, and even a sharp belief is tried first.

    The plan's `promised` is the sigma in s to expect after this round. A plan without shots
    says that the goal or the budget is reached; `judge` says which, and what it is worth.
    """
    demand_law(posterior, T1, T2_ECHO)
    aim, left = limits(posterior, goal, budget, first)
    most = np.maximum(first, posterior.shots)
    delays = _delays(posterior, timing, most)
    phases = np.zeros_like(delays[0])
    return settled(posterior, timing, delays, phases, aim, left, most)


t2_echo_design = t1_design


def demand_law(posterior: Posterior, *laws: Law) -> None:
    """Raise TraceError where what is believed is the parameter of another law."""
    if not isinstance(posterior, Posterior):
        raise TraceError("posterior is none: it comes from a belief, or from update")
    if posterior.law not in laws:
        names = " or ".join(law.name for law in laws)
        raise TraceError(f"the posterior is of {posterior.law.name}; this designs {names}")


def limits(
    posterior: Posterior, goal: ArrayLike, budget: ArrayLike, first: int
) -> tuple[Array, Array]:
    """Return checked goals and budgets (N,)."""
    aim = spread(goal, len(posterior), "goal")
    if (aim <= 0).any():
        raise TraceError("goal is not positive")
    left = spread(np.minimum(real(budget, "budget"), FOREVER), len(posterior), "budget")
    whole_number(first, "first", 1)
    return aim, left


def _delays(posterior: Posterior, timing: Timing, shots: Array) -> tuple[Array, Array]:
    """Return delays (N, K) and the share of the shots that each is worth (N, K)."""
    wide = np.exp(1.5 * np.minimum(posterior.sd, 1.5))[:, None]
    x = np.geomspace(0.15, 6.0, CANDIDATES - 1)
    factors = np.where(x < 1, x ** (1 + np.log(wide) / np.log(6)), x * wide ** (np.log(x) / 2))
    factors = np.column_stack([np.zeros(len(posterior)), factors])
    delays = timing.playable(posterior.value[:, None] * factors)
    outlook = joint(posterior, delays, np.zeros_like(delays))
    shares, _ = dealt(outlook, timing.price(delays), shots)
    if not posterior.levels.exact:
        return _compact(delays, shares)
    middle = np.exp((shares * np.log(np.maximum(delays, 1e-12))).sum(axis=1))
    apart = np.column_stack([middle[:, None] * APART, LATE * posterior.value])
    apart = timing.playable(apart)
    return apart, np.broadcast_to(SHARES, apart.shape)


def _compact(delays: Array, shares: Array) -> tuple[Array, Array]:
    """Drop settings that no target uses; sort the others by their shares."""
    order = np.argsort(-shares, axis=1, kind="stable")
    used = int((shares > 0).sum(axis=1).max())
    kept = order[:, :used]
    return np.take_along_axis(delays, kept, axis=1), np.take_along_axis(shares, kept, axis=1)


def settled(
    posterior: Posterior, timing: Timing, settings: tuple[Array, Array], phases: Array,
    aim: Array, budget: Array, most: Array,
) -> Plan:  # fmt: skip
    """Return the plan for given settings and shares: as many shots as the goal needs.

    aim: sigma of theta (N,). budget: s (N,). most: shots of this round (N,).
    """
    delays, shares = settings
    outlook = joint(posterior, delays, phases)
    after = variance_after(outlook, shares, most)
    wanted = needed(outlook.variance, after, most, AIM * aim)
    shots = np.minimum(np.maximum(wanted, LEAST * posterior.shots), most)
    each = (shares * delays).sum(axis=1) + timing.overhead
    shots = np.minimum(shots, np.floor(np.maximum(budget, 0.0) / each))
    shots = np.where(posterior.sd <= aim, 0.0, shots)
    counts = whole(shares, shots)
    over = (counts * (delays + timing.overhead)).sum(axis=1) > np.maximum(budget, 0.0)
    shots = np.where(over, np.maximum(shots - delays.shape[1], 0.0), shots)  # whole shots cost more
    counts = whole(shares, shots)
    left = np.sqrt(variance_after(outlook, shares, shots))
    return Plan(
        delays, counts, phases, left * posterior.law.scale(posterior.mean),
        (counts * (delays + timing.overhead)).sum(axis=1),
    )  # fmt: skip
