"""Ramsey: delays that grow as the doubt about the frequency shrinks, and a phase that follows.

At delay t the reading is most sensitive half-way up the fringe, so the second pulse is turned to
put the believed frequency there, on one slope and on the other in turn, which cancels an error of
the levels. But a dead qubit also reads half. So a third of the shots looks elsewhere: at the top
of the fringe, at a shorter delay, where a jump by a whole fringe is seen, and at no delay, both
ways up. The best delay is near 1/(2 pi sigma) while sigma is large, and below T2* at the end
(feedback on delay and phase: Bonato and Berry, arXiv 1703.09317).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from kammerton.estimation.design.decays import demand_law, limits, settled
from kammerton.estimation.design.joint import joint
from kammerton.estimation.design.laws import RAMSEY
from kammerton.estimation.design.posterior import Posterior, Prior, begin
from kammerton.estimation.design.words import Array, Levels, Plan, Timing, spread
from kammerton.model import TraceError

REACH = 8.0  # sigmas of the belief within which the frequency is looked for
CANDIDATES = 14
SHARES = np.array([0.34, 0.34, 0.12, 0.12, 0.04, 0.04])
SHORTER = 0.4
NODES = np.array([-6.0, -4.5, -3.0, -2.0, -1.0, 0.0, 1.0, 2.0])  # of ln T2*, in sigmas
SURPRISE = -2.0  # least log odds of a node: T2* may have fallen to a half, or a third
LEAST = 0.2  # of T2*, by which nodes below it lie apart at least
LONGEST = 1.0  # delays, in T2*
WIDEST = 1.0  # rad by which one sigma may turn the fringe: more, and its neighbours count


def ramsey_belief(
    frequency: ArrayLike, sigma: ArrayLike | None, t2_star: ArrayLike, t2_star_sigma: ArrayLike,
    levels: Levels, band: ArrayLike | None = None,
) -> Posterior:  # fmt: skip
    """Return the belief about the detuning f01 - drive of N targets, ready for `ramsey_design`.

    frequency, sigma: Hz. t2_star, t2_star_sigma: s; the envelope is taken as exponential.
    sigma None: every frequency within +-band (Hz) is as likely.
    """
    n = len(levels)
    centre = spread(frequency, n, "frequency")
    if sigma is None and band is None:
        raise TraceError("neither sigma nor band says where the frequency may be")
    width = np.full(n, np.inf) if sigma is None else spread(sigma, n, "sigma")
    reach = spread(band, n, "band") if band is not None else REACH * width
    time, doubt = spread(t2_star, n, "t2_star"), spread(t2_star_sigma, n, "t2_star_sigma")
    for name, values in (("sigma", width), ("band", reach), ("t2_star", time)):
        if (values <= 0).any():
            raise TraceError(f"{name} is not positive")
    if (doubt < 0).any():
        raise TraceError("t2_star_sigma is negative")
    apart = (doubt / time)[:, None]
    hidden = time[:, None] * np.exp(np.where(NODES < 0, np.maximum(apart, LEAST), apart) * NODES)
    odds = np.broadcast_to(np.maximum(-0.5 * NODES**2, SURPRISE), hidden.shape)
    return begin(RAMSEY, levels, Prior(centre, width, centre - reach, centre + reach, hidden, odds))


def ramsey_design(
    posterior: Posterior, timing: Timing, goal: ArrayLike, budget: ArrayLike = np.inf,
    first: int = 16,
) -> Plan:  # fmt: skip
    """Return the next delays, phases and shots for the frequency.

    goal: sigma to reach, Hz, one number or (N,). budget: instrument seconds left, likewise.
    first: shots of a round while the delay still grows.
    """
    demand_law(posterior, RAMSEY)
    aim, left = limits(posterior, goal, budget, first)
    longest = LONGEST * (posterior.weights.sum(axis=2) * posterior.prior.hidden).sum(axis=1)
    grown = 1 / (2 * np.pi * posterior.sd) > longest
    most = np.where(grown, np.maximum(first, posterior.shots), first).astype(np.float64)
    highest = np.minimum(longest, WIDEST / (2 * np.pi * posterior.sd))
    steps = np.geomspace(0.02, 1.0, CANDIDATES)
    delays = timing.playable(highest[:, None] * steps)
    slopes = _slopes(posterior, delays)
    gain = joint(posterior, delays, slopes).gain(most) / timing.price(delays)
    best = gain.argmax(axis=1)[:, None]
    delay, slope = np.take_along_axis(delays, best, 1), np.take_along_axis(slopes, best, 1)
    shorter = timing.playable(SHORTER * delay)
    top = 2 * np.pi * posterior.mean[:, None] * delay
    none = timing.playable(np.zeros_like(delay))
    start = 2 * np.pi * posterior.mean[:, None] * none
    turned = [slope, slope + np.pi, top, _slopes(posterior, shorter), start, start + np.pi]
    phases = np.mod(np.hstack(turned), 2 * np.pi)
    settings = np.hstack([delay, delay, delay, shorter, none, none])
    shares = np.broadcast_to(SHARES, settings.shape)
    return settled(posterior, timing, (settings, shares), phases, aim, left, most)


def _slopes(posterior: Posterior, delays: Array) -> Array:
    """Return the phases at which readings follow the frequency most closely (N, M)."""
    away = posterior.theta - posterior.mean[:, None]
    envelope = np.exp(-delays[:, :, None] / posterior.prior.hidden[:, None, :])
    weights = envelope @ (posterior.weights * away[:, None, :])
    angle = 2 * np.pi * delays[:, :, None] * posterior.theta[:, None, :]
    result: Array = np.arctan2(
        (weights * np.sin(angle)).sum(axis=2), (weights * np.cos(angle)).sum(axis=2)
    )
    return result
