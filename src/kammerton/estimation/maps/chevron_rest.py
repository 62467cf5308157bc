"""What a chevron's fit leaves, asked for what another law would leave (score tests, Rao 1948).

What is left is projected on the direction in which the other law moves the map, less what the
fit's own parameters can do.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from kammerton.estimation.maps.chevron import Exchange, Image, exchanged

Array = NDArray[np.float64]

STEP = 1e-5
CHANCE = 2.0  # standard deviations of chi-square that noise alone may leave
ITS_OWN = 1e-3  # square of a direction, in parts, that the fit's parameters cannot imitate


@dataclass(frozen=True, eq=False)
class Score:
    """By how much what is left goes a way: amount, its error, and the chi-square that it gains.

    imitated: how the law's tangents (8,) together imitate one unit of it.
    """

    amount: float
    error: float
    gain: float
    imitated: Array


@dataclass(frozen=True, eq=False)
class Rest:
    """A chevron and what it leaves of the points that are there (R,)."""

    image: Image
    fit: Exchange

    @cached_property
    def there(self) -> NDArray[np.bool_]:
        """Which points of the map are (A, B)."""
        return np.asarray(self.image.w > 0)

    @cached_property
    def w(self) -> Array:
        """1/sigma (R,)."""
        return self.image.w[self.there]

    @cached_property
    def left(self) -> Array:
        """What is left, in sigmas (R,)."""
        return ((self.image.y - self.fit.curve) * self.image.w)[self.there]

    @cached_property
    def law(self) -> Array:
        """The exchanged population (R,)."""
        return self.of(self.fit.theta)

    @cached_property
    def tangents(self) -> Array:
        """What each of theta moves, the law, and a level (R, 8)."""
        slopes, theta = [], self.fit.theta
        for k in range(len(theta)):
            step = STEP * max(1.0, abs(theta[k])) * (np.arange(len(theta)) == k)
            slopes.append((self.of(theta + step) - self.of(theta - step)) / (2.0 * step[k]))
        return np.stack([*slopes, self.law, np.ones_like(self.law)], axis=1)

    @cached_property
    def excess(self) -> float:
        """Chi-square beyond what noise may leave."""
        freedom = self._freedom
        return float(self.left @ self.left) - freedom - CHANCE * float(np.sqrt(2.0 * freedom))

    @cached_property
    def structure(self) -> float:
        """What is left beyond noise, rms in parts of the exchange's height."""
        more = float(self.left @ self.left) / self._freedom - 1.0
        height = abs(float(self.fit.c[0])) * float(np.median(self.w))
        return float(np.sqrt(max(more, 0.0))) / max(height, 1e-9)

    def of(self, theta: Array) -> Array:
        """Return the exchanged population of another theta (R,)."""
        return exchanged(theta, self.image.a, self.image.t)[self.there]

    def thinned(self, points: int) -> Rest:
        """Return the same of about so many points: of whole amplitudes, evenly spaced."""
        each = slice(None, None, max(1, round(self.there.sum() / points)))
        part = Image(self.image.a[each], self.image.t, self.image.y[each], self.image.w[each])
        return Rest(part, replace(self.fit, curve=self.fit.curve[each]))

    def own(self, way: Array) -> Array:
        """Return, in sigmas, what of a way (R,) the law itself cannot go."""
        q = self._basis[0]
        moved = self.w * way
        return np.asarray(moved - q @ (q.T @ moved))

    def score(self, way: Array) -> Score | None:
        """Return how far what is left goes a way (R,); None where the law itself can go it."""
        q, triangle = self._basis
        moved = self.w * way
        along = q.T @ moved
        own = moved - q @ along
        size = float(own @ own)
        if size <= ITS_OWN * float(moved @ moved):
            return None
        amount = float(own @ self.left) / size
        gain = amount * amount * size
        noise = max(1.0, (float(self.left @ self.left) - gain) / self._freedom)
        imitated: Array = np.asarray(np.linalg.lstsq(triangle, along, rcond=None)[0], np.float64)
        return Score(amount, float(np.sqrt(noise / size)), gain, imitated)

    @cached_property
    def _basis(self) -> tuple[Array, Array]:
        q, triangle = np.linalg.qr(self.tangents * self.w[:, None])
        return q, triangle

    @property
    def _freedom(self) -> int:
        return max(1, len(self.left) - len(self.fit.cov))
