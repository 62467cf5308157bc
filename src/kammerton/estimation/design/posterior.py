"""What is believed of N targets, on a grid.

Each node of the grid has a weight for each value of the law's hidden parameter. Where offset and
contrast are uncertain they are integrated out at each node (`kammerton.estimation.design.levels`).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from kammerton.estimation.design.laws import Law
from kammerton.estimation.design.levels import add, conditional, empty, log_likelihood
from kammerton.estimation.design.words import Array, Entry, Levels, Rows

NODES = 128
TAIL = 4.0  # degrees of freedom of the prior: a truth 5 sigma off costs some shots, not the run
FEWEST = 0.03  # expected populations are never taken for nearer to 0 or 1 than this


@dataclass(frozen=True, eq=False)
class Prior:
    """Belief before any shot (N,): Student's t about `centre`, flat where `width` is infinite.

    low, high: the ends of what is thought possible. hidden (N, K) and log_odds (N, K): the
    values of the hidden parameter and their weights.
    """

    centre: Array
    width: Array
    low: Array
    high: Array
    hidden: Array
    log_odds: Array

    def log_density(self, theta: Array) -> Array:
        """Return the prior at (N, G), as (N, K, G), up to a constant."""
        z = (theta - self.centre[:, None]) / self.width[:, None]
        tail = -0.5 * (TAIL + 1) * np.log1p(z * z / TAIL)
        return self.log_odds[:, :, None] + tail[:, None, :]

    def take(self, rows: Rows) -> Prior:
        """Return the prior of some targets only."""
        return Prior(*(getattr(self, name)[rows] for name in self.__dataclass_fields__))


@dataclass(frozen=True, eq=False)
class Posterior:
    """What is believed of N targets.

    theta (N, G): the nodes. weights (N, K, G): of each node and hidden value, sum 1.
    mean, sd (N,): of theta. sums: what the likelihood needs. history: all that was measured.
    """

    law: Law
    levels: Levels
    prior: Prior
    theta: Array
    sums: Array
    history: tuple[Entry, ...] = ()
    weights: Array = field(default_factory=lambda: np.empty(0))
    mean: Array = field(default_factory=lambda: np.empty(0))
    sd: Array = field(default_factory=lambda: np.empty(0))

    def __len__(self) -> int:
        return len(self.theta)

    @property
    def value(self) -> Array:
        """The parameter (N,), SI."""
        return self.law.value(self.mean)

    @property
    def stderr(self) -> Array:
        """One standard deviation of the parameter (N,), SI."""
        result: Array = self.sd * self.law.scale(self.mean)
        return result

    @property
    def shots(self) -> Array:
        """Shots taken so far (N,)."""
        result: Array = sum((e.shots for e in self.history), np.zeros(len(self)))
        return result

    @property
    def contrast(self) -> tuple[Array, Array]:
        """The contrast and its error (N,), as the readings say."""
        at = conditional(self.levels, self.sums)
        mean = (self.weights * at.contrast).sum(axis=(1, 2))
        spread = (self.weights * (at.contrast - mean[:, None, None]) ** 2).sum(axis=(1, 2))
        return mean, np.sqrt(spread + (self.weights * at.var_contrast).sum(axis=(1, 2)))

    @property
    def rounds(self) -> int:
        """How often it was updated."""
        return self.history[-1].round + 1 if self.history else 0


def begin(law: Law, levels: Levels, prior: Prior) -> Posterior:
    """Return the posterior before any shot."""
    theta = nodes(prior.low, prior.high)
    sums = empty(levels, prior.hidden.shape[1], NODES)
    return weighed(Posterior(law, levels, prior, theta, sums))


def absorb(posterior: Posterior, sums: Array, entry: Entry) -> None:
    """Add one more entry to the sums of the likelihood, in place."""
    add(posterior.levels, sums, fractions(posterior, entry.delay, entry.phase), entry)


def predicted(posterior: Posterior, delay: Array, phase: Array) -> Array:
    """Return the reading to expect at one setting (N,) of each target (N,)."""
    at = conditional(posterior.levels, posterior.sums)
    f = fractions(posterior, delay, phase)
    result: Array = (posterior.weights * (at.offset + at.contrast * f)).sum(axis=(1, 2))
    return result


def shot_variance(posterior: Posterior, expected: Array) -> Array:
    """Return the variance of one shot of which a reading (N,) or (N, M) is expected."""
    p = np.clip(expected, FEWEST, 1 - FEWEST)
    noise = posterior.levels.shot_noise.reshape(-1, *(1,) * (p.ndim - 1))
    result: Array = p * (1 - p) + noise**2
    return result


def fractions(posterior: Posterior, delay: Array, phase: Array) -> Array:
    """Return the law at every node, for one setting (N,) of each target: (N, K, G)."""
    return posterior.law.fraction(
        posterior.theta[:, None, :], posterior.prior.hidden[:, :, None],
        delay[:, None, None], phase[:, None, None],
    )  # fmt: skip


def nodes(low: Array, high: Array) -> Array:
    """Return evenly spaced nodes (N, G) between ends (N,)."""
    return low[:, None] + (high - low)[:, None] * np.linspace(0.0, 1.0, NODES)


def weighed(posterior: Posterior) -> Posterior:
    """Bring weights and moments up to date."""
    log = posterior.prior.log_density(posterior.theta)
    log += log_likelihood(posterior.levels, posterior.sums)
    log -= log.max(axis=(1, 2), keepdims=True)
    weights = np.exp(log, out=log)
    weights /= weights.sum(axis=(1, 2), keepdims=True)
    each = weights.sum(axis=1)
    mean = (each * posterior.theta).sum(axis=1)
    sd = np.sqrt((each * (posterior.theta - mean[:, None]) ** 2).sum(axis=1))
    return replace(posterior, weights=weights, mean=mean, sd=sd)
