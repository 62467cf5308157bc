"""How shots change what is believed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike

from kammerton.estimation.design.focus import refocused
from kammerton.estimation.design.posterior import (
    Posterior,
    absorb,
    predicted,
    shot_variance,
    weighed,
)
from kammerton.estimation.design.words import Array, Entry, Plan, numbers, real
from kammerton.model import TraceError


def update(posterior: Posterior, plan: Plan, ones: ArrayLike) -> Posterior:
    """Return the posterior after `ones` (N, K) of the plan's shots were read as 1.

    NaN is a setting that was not measured.

    Raises
    ------
    TraceError
        The counts do not belong to the plan.
    """
    counts = _shaped(ones, plan, posterior, "ones")
    if (counts < 0).any() or (counts > plan.shots).any():
        raise TraceError("ones must lie between 0 and the shots of the plan")
    return _extended(posterior, plan, counts, None)


def update_populations(
    posterior: Posterior, plan: Plan, population: ArrayLike, sigma: ArrayLike
) -> Posterior:
    """Return the posterior after populations (N, K) with their sigmas were measured.

    Both are in the unit of the levels. NaN in population is a setting that was not measured.

    Raises
    ------
    TraceError
        The arrays do not belong to the plan, or a sigma is not positive.
    """
    y = _shaped(population, plan, posterior, "population")
    noise = np.broadcast_to(numbers(sigma, "sigma"), y.shape)
    if (noise <= 0).any():
        raise TraceError("sigma must be positive")
    return _extended(posterior, plan, y, noise**2)


def _shaped(values: ArrayLike, plan: Plan, posterior: Posterior, name: str) -> Array:
    array = np.atleast_2d(real(values, name))
    if array.shape != plan.delays.shape or len(array) != len(posterior):
        raise TraceError(
            f"{name} has shape {array.shape}; the plan has {plan.delays.shape} settings "
            f"for {len(posterior)} targets"
        )
    if np.isinf(array).any():
        raise TraceError(f"{name} holds infinite values")
    return array


def _extended(posterior: Posterior, plan: Plan, y: Array, variance: Array | None) -> Posterior:
    """Add each setting of a plan."""
    now, sums, entries = posterior.rounds, posterior.sums.copy(), list(posterior.history)
    for k in range(y.shape[1]):
        missing = np.isnan(y[:, k])
        shots = np.where(missing, 0.0, plan.shots[:, k])
        delay, phase = plan.delays[:, k], plan.phases[:, k]
        if variance is not None:
            noise = variance[:, k]
        elif posterior.levels.exact:
            noise = np.ones(len(y))
        else:
            reading = predicted(posterior, delay, phase)
            noise = shot_variance(posterior, reading) / np.maximum(shots, 1.0)
        seen = np.where(missing, 0.0, y[:, k])
        entries.append(Entry(delay, phase, shots, seen, noise, variance is None, now))
        absorb(posterior, sums, entries[-1])
    return refocused(weighed(replace(posterior, sums=sums, history=tuple(entries))))
