"""What a chevron's fit leaves, asked for what another law would leave (score tests, Rao 1948).

What is left is projected on the direction in which the other law moves the map, less what the
fit's own parameters can do. Only products are needed of the directions, which are as long as the
map.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from kammerton.estimation.maps import chevron_sums
from kammerton.estimation.maps.chevron import BOUNDS, Exchange, Image

Array = NDArray[np.float64]

CHANCE = 2.0  # standard deviations of chi-square that noise alone may leave
ITS_OWN = 1e-3  # square of a direction, in parts, that the fit's parameters cannot imitate
TOLD = 1e-12  # eigenvalue, in parts of the largest, of what the tangents differ in
TANGENTS = 8


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
class Ways:
    """What of some ways the law itself cannot go: products with each other and with what is left.

    whole (K,): squares of all of them. imitated (8, K): by the law's tangents.
    """

    products: Array
    along: Array
    whole: Array
    imitated: Array


@dataclass(frozen=True, eq=False)
class Rest:
    """A chevron and what it leaves of the points of its map (A, B), in sigmas: 0 of missing ones.

    Ways are in sigmas, too.
    """

    image: Image
    fit: Exchange

    @cached_property
    def measured(self) -> Array:
        """What was measured (A B,)."""
        return np.asarray((self.image.y * self.image.w).ravel())

    @cached_property
    def left(self) -> Array:
        """What is left (A B,)."""
        return np.asarray(((self.image.y - self.fit.curve) * self.image.w).ravel())

    @cached_property
    def tangents(self) -> Array:
        """What each of theta moves, the law, and a level (8, A, B)."""
        rows = np.empty((TANGENTS, *self.image.w.shape))
        chevron_sums.fill_tangents(self.fit.theta, *self._axes, self._w, rows)
        return rows

    @cached_property
    def chi2(self) -> float:
        """Chi-square."""
        return float(self.left @ self.left)

    @cached_property
    def excess(self) -> float:
        """Chi-square beyond what noise may leave."""
        freedom = self.freedom
        return self.chi2 - freedom - CHANCE * float(np.sqrt(2.0 * freedom))

    def of(self, thetas: Array) -> Array:
        """Return the exchanged population at other thetas (K, 6), as ways (K, A, B)."""
        ways = np.empty((len(thetas), *self.image.w.shape))
        self.fill(thetas, ways)
        return ways

    def fill(self, thetas: Array, ways: Array) -> None:
        """Fill ways (K, A, B) with the same: to ask for new memory each time takes longer."""
        chevron_sums.fill_ways(thetas, *self._axes, self._w, ways)

    def with_another(self, start: Array) -> tuple[float, Array]:
        """Return chi-square of two exchanges, and what is fitted (10,): see `descend_two`."""
        now, y = start.copy(), self.measured.reshape(self._w.shape)
        return chevron_sums.descend_two(now, *self._axes, y, self._w, BOUNDS), now

    def thinned(self, points: int) -> Rest:
        """Return the same of about so many points: of whole amplitudes, evenly spaced."""
        each = slice(None, None, max(1, round(np.count_nonzero(self._w) / points)))
        part = Image(self.image.a[each], self.image.t, self.image.y[each], self.image.w[each])
        return Rest(part, replace(self.fit, curve=self.fit.curve[each]))

    def own(self, ways: Array) -> Ways:
        """Return what of ways (K, A, B) the law itself cannot go."""
        rows, tangents = ways.reshape(len(ways), -1), self._rows
        along = tangents @ rows.T
        imitated = self._inverse @ along
        squares = rows @ rows.T
        return Ways(squares - along.T @ imitated, rows @ self.left - self._pull @ imitated,
                    np.diagonal(squares), imitated)  # fmt: skip

    def scores(self, ways: Array) -> list[Score | None]:
        """Return how far what is left goes each of ways; None where the law itself can go it."""
        own, found = self.own(ways), list[Score | None]()
        for k, whole in enumerate(own.whole):
            size = float(own.products[k, k])
            if size <= ITS_OWN * whole:
                found.append(None)
                continue
            amount = float(own.along[k]) / size
            gain = amount * amount * size
            noise = max(1.0, (self.chi2 - gain) / self.freedom)
            error = float(np.sqrt(noise / size))
            found.append(Score(amount, error, gain, own.imitated[:, k]))
        return found

    @cached_property
    def _axes(self) -> tuple[Array, Array]:
        a, t = self.image.a[:, 0], self.image.t[0]
        return np.ascontiguousarray(a), np.ascontiguousarray(t)

    @cached_property
    def _w(self) -> Array:
        return np.ascontiguousarray(self.image.w)

    @cached_property
    def _rows(self) -> Array:
        return self.tangents.reshape(TANGENTS, -1)

    @cached_property
    def _pull(self) -> Array:
        return np.asarray(self._rows @ self.left)

    @cached_property
    def _inverse(self) -> Array:
        """The inverse of the tangents' products (8, 8), but for what they do not differ in."""
        gram = self._rows @ self._rows.T
        scale = np.sqrt(np.maximum(np.diagonal(gram), 1e-300))
        each = np.outer(scale, scale)
        return np.asarray(np.linalg.pinv(gram / each, TOLD, hermitian=True) / each)

    @cached_property
    def freedom(self) -> int:
        """Points, less what the fit has free."""
        return max(1, int(np.count_nonzero(self._w)) - len(self.fit.cov))
