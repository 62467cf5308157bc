"""Simulated qubits for adaptive runs: binary shots, hidden truths, seeded."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from kammerton.estimation.design import Plan, Posterior, Timing, update

OFFSET, CONTRAST = 0.05, 0.90
Probability = Callable[[Plan, int], np.ndarray]


@dataclass
class Run:
    """What an adaptive run left: posterior, seconds, last promise, rounds."""

    posterior: Posterior
    seconds: np.ndarray
    promised: np.ndarray
    rounds: int = 0
    shots: list[np.ndarray] = field(default_factory=list)


def level(fraction):
    return OFFSET + CONTRAST * fraction


def decay(t1):
    """T1 (N,) -> what a shot of a plan reads as 1, with this probability."""
    return lambda plan, _: level(np.exp(-plan.delays / t1[:, None]))


def echo(t2, slow):
    """An echo whose envelope has a share of slow noise; 1/e at t2."""

    def probability(plan, _):
        s = plan.delays / t2[:, None]
        return level(0.5 - 0.5 * np.exp(-(1 - slow) * s - slow * s * s))

    return probability


def fringes(detuning, t2_star, power=1.0):
    def probability(plan, _):
        envelope = np.exp(-((plan.delays / t2_star[:, None]) ** power))
        turn = 2 * np.pi * detuning[:, None] * plan.delays - plan.phases
        return level(0.5 + 0.5 * envelope * np.cos(turn))

    return probability


def flat(p):
    return lambda plan, _: np.full(plan.delays.shape, p)


def run(
    posterior: Posterior, design, goal, probability: Probability, seed: int,
    timing: Timing | None = None, budget: float = np.inf, rounds: int = 60, first: int = 24,
) -> Run:  # fmt: skip
    """Measure until the design says that it is done."""
    timing = timing or Timing(2e-6)
    rng = np.random.default_rng(seed)
    done = Run(posterior, np.zeros(len(posterior)), np.full(len(posterior), np.nan))
    while done.rounds < rounds:
        plan = design(done.posterior, timing, goal, budget - done.seconds, first)
        if plan.done.all():
            break
        ones = rng.binomial(plan.shots, probability(plan, done.rounds))
        done.posterior = update(done.posterior, plan, ones)
        done.seconds = done.seconds + plan.seconds
        done.promised = np.where(plan.done, done.promised, plan.promised)
        done.shots.append(plan.shots.sum(axis=1))
        done.rounds += 1
    return done
