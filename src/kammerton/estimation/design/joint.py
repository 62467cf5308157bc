"""What candidate settings would tell: best linear Bayesian design.

The parameter theta and the readings p_i at M settings are taken as jointly distributed as the
posterior says, and only their means and covariances are used. A measurement with variance v of
p_i then lowers the variance of theta by cov(theta, p_i)^2 / (var p_i + v). For a narrow posterior
this is the Fisher information; for a wide one it knows that a delay beyond the range in which p
is monotone tells little, so that Ramsey delays begin short and grow as the doubt shrinks.
(Chaloner and Verdinelli, Statist. Sci. 10, 273 (1995), review Bayesian designs.)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kammerton.estimation.design.levels import Conditional, conditional
from kammerton.estimation.design.posterior import Posterior, shot_variance
from kammerton.estimation.design.words import Array

ROWS = 32  # targets at a time, fewer of a law with hidden values: arrays stay in the cache


@dataclass(frozen=True, eq=False)
class Joint:
    """Variance of theta (N,), its covariance with M readings (N, M), theirs (N, M, M).

    noise: the variance of one shot at each setting (N, M).
    """

    variance: Array
    cross: Array
    between: Array
    noise: Array

    def after(self, setting: np.ndarray, shots: Array) -> Joint:
        """Return what remains when each target took some shots at one setting, both (N,)."""
        n = np.arange(len(self.cross))
        with np.errstate(divide="ignore"):
            total = self.between[n, setting, setting] + self.noise[n, setting] / shots
        column = self.between[n, :, setting]
        gain = self.cross[n, setting] / total
        return Joint(
            np.maximum(self.variance - gain * self.cross[n, setting], 1e-12 * self.variance),
            self.cross - gain[:, None] * column,
            self.between - column[:, :, None] * column[:, None, :] / total[:, None, None],
            self.noise,
        )  # fmt: skip

    def gain(self, shots: Array) -> Array:
        """Return by how much shots (N,) at each setting would lower the variance (N, M)."""
        own = np.einsum("nmm->nm", self.between)
        result: Array = self.cross**2 / (own + self.noise / np.maximum(shots, 1e-9)[:, None])
        return result


def joint(posterior: Posterior, delays: Array, phases: Array) -> Joint:
    """Return means and covariances of theta and the readings at settings (N, M)."""
    at = conditional(posterior.levels, posterior.sums)
    some = max(1, ROWS // posterior.prior.hidden.shape[1])
    parts = [
        _covariances(posterior, _rows(at, rows), delays[rows], phases[rows], rows)
        for rows in np.array_split(np.arange(len(delays)), -(-len(delays) // some))
    ]
    cross, between, mean = (np.concatenate(part) for part in zip(*parts, strict=True))
    noise = shot_variance(posterior, mean)
    return Joint(posterior.sd**2, cross, between, noise)


def _rows(at: Conditional, rows: np.ndarray) -> Conditional:
    return Conditional(*(part[rows] for part in at))


def _covariances(
    posterior: Posterior, at: Conditional, delays: Array, phases: Array, rows: np.ndarray
) -> tuple[Array, Array, Array]:
    n, m = delays.shape
    weights = posterior.weights[rows].reshape(n, 1, -1)
    theta = np.repeat(posterior.theta[rows][:, None], posterior.prior.hidden.shape[1], axis=1)
    f = posterior.law.fraction(
        posterior.theta[rows][:, None, None, :], posterior.prior.hidden[rows][:, None, :, None],
        delays[:, :, None, None], phases[:, :, None, None],
    )  # fmt: skip
    p = (at.offset[:, None] + at.contrast[:, None] * f).reshape(n, m, -1)
    f = np.broadcast_to(f, (n, m, *theta.shape[1:])).reshape(n, m, -1)
    mean = (p @ weights.transpose(0, 2, 1))[:, :, 0]
    p -= mean[:, :, None]
    weighted = weights * p
    away = (theta - posterior.mean[rows][:, None, None]).reshape(n, -1, 1)
    cross = (weighted @ away)[:, :, 0]
    between = weighted @ p.transpose(0, 2, 1)
    if not posterior.levels.exact:
        between = between + _of_levels(at, weights, f)
    return cross, between, mean


def _of_levels(at: Conditional, weights: Array, f: Array) -> Array:
    """Return the covariance of readings that the doubt about the levels adds (N, M, M)."""
    n = len(f)
    v0, v1, v01 = (part.reshape(n, 1, -1) for part in at[2:])
    mixed = (weights * v01 * f).sum(axis=2)
    result: Array = (
        (weights * v0).sum(axis=2)[:, :, None] + mixed[:, :, None] + mixed[:, None, :]
        + (weights * v1 * f) @ f.transpose(0, 2, 1)
    )  # fmt: skip
    return result
