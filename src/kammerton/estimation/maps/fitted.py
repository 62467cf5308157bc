"""What a map's fit ends with: the free one, or that of all points where it holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from kammerton.estimation.maps.leftover import alike, excess
from kammerton.estimation.maps.maps import Maps
from kammerton.estimation.maps.misses import Misses
from kammerton.estimation.maps.ridge import Columns
from kammerton.estimation.maps.tracks import Tracked
from kammerton.estimation.maps.whole import Whole

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Fitted:
    """A line or two in a map.

    fit: with heights free in every column, misses: how it holds, c: the map without what does not
    belong. whole: the fit of all points with heights that columns share, where that holds.
    widens: whether errors know of what the fit leaves that is not noise.
    """

    fit: Tracked
    misses: Misses
    c: Columns
    whole: Whole | None = field(default=None, kw_only=True)
    widens: bool = field(default=False, kw_only=True)

    @cached_property
    def wider(self) -> float:
        """By what variances grow for what the fit leaves that is not noise."""
        if not self.widens:
            return 1.0
        if self.whole is not None:
            return uneven(self.whole)
        return uneven_apart(self.c, self.fit, self.misses)

    @property
    def theta(self) -> Array:
        """The law, then the width."""
        return (self.fit if self.whole is None else self.whole).theta

    @property
    def cov(self) -> Array:
        """The covariance of theta."""
        return self.wider * (self.fit if self.whole is None else self.whole).cov

    @property
    def image(self) -> NDArray[Any]:
        """The fitted columns (B, A); NaN where nothing was fitted."""
        return self.fit.image() if self.whole is None else self.whole.model

    @property
    def reduced(self) -> float:
        """Reduced chi-square."""
        return self.misses.chi2_reduced if self.whole is None else self.whole.reduced


class Judged(Protocol):
    """A fit that knows its reduced chi-square."""

    @property
    def reduced(self) -> float:
        """Reduced chi-square."""


Fit = TypeVar("Fit", bound=Fitted)


def widened(found: Fit) -> Fit:
    """Return a fit whose errors know of what it leaves that is not noise."""
    return replace(found, widens=True)


def uneven_apart(c: Columns, fit: Tracked, found: Misses) -> float:
    """Return the same for a fit with heights free in every column, near its lines."""
    used = fit.pull.reach & found.kept[:, None] & (c.w > 0)
    return alike(np.where(used, (c.z - fit.pull.model) * c.w, 0.0))


def uneven(whole: Whole) -> float:
    """Return by what variances grow for what a fit of all points leaves that is not noise."""
    c = whole.c
    left = (c.z - whole.model) * c.w
    return excess(whole.reduced, c.parts * int(np.count_nonzero(left))) * alike(left)


def chi_squares(maps: Maps, found: Sequence[Judged | None]) -> Array:
    """Return the reduced chi-square of each map (N,), NaN where sigma was not given."""
    if not maps.known_noise:
        return np.full(maps.traces, np.nan)
    return np.array([np.nan if each is None else each.reduced for each in found])


def stacked(found: Sequence[Fitted | None], size: int) -> tuple[Array, Array]:
    """Return theta (N, size) and cov (N, size, size) of fits; NaN where there is none."""
    theta, cov = np.full((len(found), size), np.nan), np.full((len(found), size, size), np.nan)
    for n, each in enumerate(found):
        if each is not None:
            theta[n], cov[n] = each.theta[:size], each.cov[:size, :size]
    return theta, cov
