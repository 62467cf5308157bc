"""The last stage of a map's fit: least squares over all points, with heights that columns share.

While a line is looked for, its height and the background are free in every column, so that a
readout that turns or fades with the bias does no harm. Most maps need no such freedom, and it costs
precision. So one height and one background are tried for all columns, as polynomials of the
frequency, in complex spectra turned by one delay. Single points, columns and frequencies that do
not belong are left out. The fit counts only if the columns of their own fit no better than chance
would have them, by the F-test's chi-square; else the free one is kept.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kammerton.estimation.maps import gathering, pulling, weighing
from kammerton.estimation.maps.positions import Law
from kammerton.estimation.maps.ridge import Columns
from kammerton.estimation.maps.tracks import CLOSE, NARROWEST, POLE, UNTOLD, Tracked

Array = NDArray[np.float64]
Prior = tuple[Array, Array]

GROUNDS = {"line": (2,), "fano": (2,), "pole": (1, 3)}  # powers of the frequency, tried in turn
ITERATIONS, MORE = 10, 20  # steps within which a map that holds is fitted, or nearly; most take 4
ENOUGH = 0.01  # step, in its sigmas, that is the last
LAST, NEAR, CREEPS = 5, 30.0, 1.0  # steps; chi-square gained in them: nearly; a valley's bottom
STRAY = 6.0  # sigmas beyond which points, columns and frequencies do not belong
MOST = 0.05, 0.1, 0.2  # part of the points, columns, frequencies that may not
CLEARED = 3
HOPELESS = 0.25  # part of the columns of which none can belong, whatever their heights
CHANCE = 5.0  # sigmas of chi-square by which heights of their own may be better
LEAST = 1.0  # information, per window squared, of a column that tells where its line is
LOOSE = 1.05  # noise is known no better


@dataclass(frozen=True, eq=False)
class Whole:
    """A map fitted as one. theta: law and width; cov: its covariance.

    c: without what was set aside. chi2: of the columns (B,). model: (B, A). off: how far each line
    (B, K) alone would move, in its sigmas, 0 where nothing is told. shares (L, parts): of the
    background's powers, then of the lines; every: the covariance of theta, delay and shares.
    lost: columns that were set aside; those without a point in the map are not.
    """

    theta: Array
    cov: Array
    c: Columns
    chi2: Array
    model: NDArray[Any]
    off: Array
    shares: Array
    every: Array
    lost: int = 0

    @property
    def reduced(self) -> float:
        """Reduced chi-square."""
        count = self.c.parts * int((self.c.w > 0).sum())
        return float(self.chi2.sum()) / max(1, count - len(self.theta))


def whole(
    every: Columns, c: Columns, law: Law, prior: Prior, fit: Tracked, shape: str
) -> Whole | None:
    """Return the fit with one height and background; None where columns need their own.

    every: the map; c: without what does not belong, where `fit` was found.
    """
    if _hopeless(every, fit):
        return None
    kept = replace(c, w=np.where(fit.weight[:, None] > 0.0, c.w, 0.0))
    linear = (3 if shape == POLE else 2) + len(fit.positions)
    free = Free(fit.pull.cost, fit.pull.reach & (kept.w > 0), linear)
    start = np.append(fit.theta[: len(prior[0])], fit.width)
    for ground in GROUNDS[shape]:
        found = shared(every, kept, law, prior, start, shape, ground)
        if found is not None and holds(found, free):
            return found
    return None


def _hopeless(every: Columns, fit: Tracked) -> bool:
    """Return whether many columns would be set aside even with heights of their own.

    And the law, free to settle with these, has settled: the shared ones lead it nowhere better.
    """
    count = every.parts * (every.w > 0).sum(axis=1)
    apart = fit.pull.cost - fit.pull.freedom > _more(count)
    return fit.step < CLOSE and bool(apart.sum() > HOPELESS * np.count_nonzero(count))


def _more(count: NDArray[np.intp]) -> Array:
    """Return how much more chi-square than so many points they have that do not belong."""
    return np.asarray(STRAY * np.sqrt(2.0 * count))


def unfit(every: Columns, found: Whole) -> float:
    """Return the chi-square of all points, each no more than that of one that does not belong."""
    off = np.abs((every.z - found.model) * every.w) ** 2
    return float(np.minimum(off, STRAY**2).sum())


@dataclass(frozen=True, eq=False)
class Free:
    """Columns fitted each for itself: chi-square (B,), where (B, A), and sums of each column."""

    cost: Array
    near: NDArray[np.bool_]
    linear: int


def holds(found: Whole, free: Free) -> bool:
    """Return whether heights and backgrounds of its own make no column better."""
    c, cost = found.c, free.cost
    off = np.abs((c.z - found.model) * c.w) ** 2
    use = (c.w > 0) & free.near
    count = c.parts * use.sum(axis=1)
    linear = c.parts * free.linear
    there = count > 2 * linear
    points = c.parts * int((c.w > 0).sum())
    unlike = max(1.0, float(cost[there].sum()) / max(1, int((count[there] - linear).sum())))
    more = float((np.where(use, off, 0.0).sum(axis=1) - cost)[there].sum()) / unlike
    freedom = linear * int(there.sum())
    total = LOOSE * unlike * (points + CHANCE * np.sqrt(2.0 * points))
    return bool(more < freedom + CHANCE * np.sqrt(2.0 * freedom) and found.chi2.sum() < total)


def follows(found: Whole) -> bool:
    """Return whether lines scatter about the law, and neighbours alike, no more than by chance."""
    off = found.off[(found.off != 0.0).any(axis=1)]
    count = np.count_nonzero(off)
    alike = float((off[1:] * off[:-1]).sum())
    return bool((off**2).sum() < count + CHANCE * np.sqrt(2.0 * count)
                and alike < CHANCE * np.sqrt(count))  # fmt: skip


def shared(
    every: Columns, c: Columns, law: Law, prior: Prior, start: Array, shape: str, ground: int
) -> Whole | None:
    """Fit law and width from start to c; then to all of `every` that belongs.

    None where too much of the map does not.
    """
    for _ in range(CLEARED):
        found = _descended(c, law, prior, start, shape, ground)
        if found is None:
            return None
        now = _belonging(found, every)
        if not _enough(now, every):
            return None
        if (now.w == c.w).all():
            return replace(found, lost=_shown(every) - _shown(now))
        c, start = now, found.theta
    return found


def _belonging(found: Whole, every: Columns) -> Columns:
    """Set aside points, columns and frequencies that do not belong."""
    there = every.w > 0
    off = np.abs((every.z - found.model) * every.w) ** 2
    away = off > STRAY**2
    for axis in (0, 1):
        count = every.parts * there.sum(axis=axis, keepdims=True)
        away = away | (off.sum(axis=axis, keepdims=True) > count + _more(count))
    return replace(every, w=np.where(away, 0.0, every.w))


def _shown(c: Columns) -> int:
    """Return how many columns have a point."""
    return int((c.w > 0).any(axis=1).sum())


def _enough(cleared: Columns, c: Columns) -> bool:
    """Return whether little enough was set aside."""
    left, there = cleared.w > 0, c.w > 0
    lost = [1.0 - left.any(axis=k).sum() / max(1, there.any(axis=k).sum()) for k in (1, 0)]
    rows = np.outer(left.any(axis=1), left.any(axis=0))
    points = (there & rows & ~left).sum() / max(1, (there & rows).sum())
    return bool(points < MOST[0] and lost[0] < MOST[1] and lost[1] < MOST[2])


@dataclass(frozen=True, eq=False)
class _State:
    """A place on the way down: theta is law, width, delay (POLE), shares."""

    theta: Array
    at: Array
    chi2: Array
    cost: float
    hessian: Array
    pull: Array
    off: Array


@dataclass(frozen=True, eq=False)
class _Question:
    """What is fitted: y (B, parts, A); law has so many parameters, and sums so many shares."""

    c: Columns
    y: Array
    law: Law
    mean: Array
    known: Array
    shape: str
    shares: int

    @property
    def size(self) -> int:
        """Number of parameters of the law."""
        return len(self.mean)

    def parted(self, theta: Array) -> tuple[float, float, Array]:
        """Return half width, delay and shares (L, parts)."""
        p = self.size
        delay = float(theta[p + 1]) if self.shape == POLE else 0.0
        share = theta[len(theta) - self.shares * self.c.parts :].reshape(self.shares, -1)
        return 0.5 * float(theta[p]), delay, share

    def asked(self, theta: Array) -> _State:
        """Return what the map says at theta."""
        p, c = self.size, self.c
        place = self.law.place(theta[:p])
        lines, rows = place.at.shape
        moving = len(theta) - p + lines
        at = np.minimum(np.maximum(place.at, -9.0), 9.0)  # np.clip takes ten times as long
        gradient, information = np.empty((rows, moving)), np.empty((rows, moving, moving))
        chi2 = np.empty(rows)
        half, delay, share = self.parted(theta)
        gathering.fill_gathered(
            c.f, self.y, c.w, at, half, delay, pulling.SHAPES.index(self.shape), share, gradient,
            information, chi2,
        )  # fmt: skip
        hessian, pull = np.empty((len(theta), len(theta))), np.empty(len(theta))
        off = np.empty((rows, lines))
        cost = weighing.ask_all(place.slope, gradient, information, chi2, self.mean - theta[:p],
                                self.known, LEAST, hessian, pull, off)  # fmt: skip
        return _State(theta, at, chi2, cost, hessian, pull, off)

    def model(self, at: Array, theta: Array) -> NDArray[Any]:
        """Return the image (B, A)."""
        image = np.empty_like(self.y)
        half, delay, share = self.parted(theta)
        gathering.fill_image(self.c.f, at, half, delay, pulling.SHAPES.index(self.shape), share,
                             image)  # fmt: skip
        return image[:, 0] + 1j * image[:, 1] if self.c.parts == 2 else image[:, 0]


def _descended(
    c: Columns, law: Law, prior: Prior, start: Array, shape: str, ground: int
) -> Whole | None:
    """Go down by Levenberg and Marquardt's steps; None where they come to no end."""
    parts = [c.z.real, c.z.imag] if c.parts == 2 else [c.z]
    y = np.ascontiguousarray(np.stack(parts, axis=1))
    shares = ground + law.lines * (2 if shape == "fano" else 1)
    question = _Question(c, y, law, prior[0], prior[1] ** 2, shape, shares)
    before = [0.0] * (1 if shape == POLE else 0)
    now = question.asked(np.concatenate([start, before, np.zeros(shares * c.parts)]))
    now = question.asked(now.theta + _step(now, 0.0, len(now.theta) - shares * c.parts))
    bottom = _bottom(question, now, len(start) - 1)
    if bottom is None:
        return None
    now = bottom
    size = len(start)
    every = _inverse(now.hessian)
    cov = every[:size, :size]
    if not (np.isfinite(now.cost) and np.isfinite(cov).all()):
        return None
    return Whole(now.theta[:size], cov, c, now.chi2, question.model(now.at, now.theta), now.off,
                 question.parted(now.theta)[2], every)  # fmt: skip


def _bottom(question: _Question, now: _State, width: int) -> _State | None:
    """Return where steps lead, theta[width] within its bounds; None where that is no end.

    A law of which the map tells too little has a narrow bent valley. What crawls along its bottom
    has come to an end; so may what is nearly there, if it gets twice the steps.
    """
    rate, eased, costs = 0.0, 0.1, [now.cost]
    for turn in range(MORE):
        if turn >= ITERATIONS and costs[-LAST] - now.cost > NEAR:
            return None
        step = _step(now, rate)
        tried = question.asked(_bounded(now.theta + step, width, question.c.step))
        if tried.cost <= now.cost:
            now, rate, eased = tried, eased * rate if rate > 1e-6 else 0.0, 0.1
            if step @ now.hessian @ step < ENOUGH**2:
                return now
        elif rate > 1e6:
            return now
        else:
            rate, eased = max(10.0 * rate, 1e-3), 1.0
        costs.append(now.cost)
    return now if costs[-LAST] - now.cost < CREEPS else None


def _step(now: _State, rate: float, first: int = 0) -> Array:
    """Return the step of the parameters from `first` on."""
    step = np.empty(len(now.theta))
    weighing.fill_damped(now.hessian, now.pull, rate, first, step)
    return step


def _inverse(hessian: Array) -> Array:
    """Return the covariance; what the map says nothing about has an enormous variance."""
    own = np.diagonal(hessian)
    told = own > 0.0
    size = np.sqrt(np.where(told, own, 1.0))
    scale = size[:, None] * size
    cov = np.linalg.pinv(np.where(told[:, None] & told, hessian / scale, 0.0), hermitian=True)
    return np.asarray(cov / scale + np.diag(np.where(told, 0.0, UNTOLD)))


def _bounded(theta: Array, width: int, step: float) -> Array:
    theta[width] = min(max(theta[width], NARROWEST * step), 0.6)
    return theta
