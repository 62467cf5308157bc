"""The magnitude of one resonance over a background that may slope.

|S|^2 is linear in 1, 1/(1+u^2) and u/(1+u^2) for any a/b of S = b + a / (1 + iu). A gain that
slopes, 1 + s t with t about the middle of the window, adds t and t^2 to that and nothing else: the
one is fitted, and the other, which follows from it, is taken off before. A real trace that also
falls below zero is a quadrature, and is fitted as it is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from kammerton.estimation.numeric import kernels
from kammerton.estimation.numeric.kernels import kernel
from kammerton.estimation.numeric.prepare import Batch
from kammerton.estimation.numeric.seeds import search
from kammerton.estimation.numeric.solver import Solution, merged, replaced, solve
from kammerton.estimation.resonances.plane import DEGREES, STEEP, over_background
from kammerton.estimation.verdict.evidence import Mask, structured

Array = NDArray[np.float64]

ROUGHLY = 0.3  # of the largest magnitude, below which all are weighed alike at first
BELOW = 5.0  # sigmas
FAINT = 0.05  # of the largest magnitude, below which its square says nothing about the trace
ROUNDS = 3  # in which squares and weights follow the curve
LEAST, TINY = 0.5, 1e-3  # sigmas, and parts of the largest magnitude, that a size counts at least
BENT, HINTED = 6.0, 4.0  # gain in chi-square for which a slope is believed, and is fitted
STEEPEST = 1.0  # slope of the gain, per window, that there may be
AT_BACKGROUND, AT_SLOPE = 4, 5  # in theta


@dataclass(frozen=True, eq=False)
class Sizes:
    """Fits of N real traces, of which `told` (N,) are magnitudes.

    fit: of the squares, with a slope of the background, 0 where there is none; what it leaves is
    that of the sizes. level (N,): of the squares. size, power (N, M): the fitted size, and its
    square; where there is no magnitude, both are the fitted trace.
    """

    told: Mask
    fit: Solution
    level: Array
    size: Array
    power: Array


def fit_sizes(batch: Batch) -> tuple[Sizes, Sizes]:
    """Fit every trace from two starts, over a background that slopes where that is seen.

    And then with a slope left open in every trace: see `sloping`.
    """
    level = batch.y + batch.level[:, None]
    told = _not_below_zero(batch, level)
    rough = np.maximum(np.abs(level), ROUGHLY * np.abs(level).max(axis=1, keepdims=True))
    squared = _squared(batch, level, told, rough, level**2)
    low, high = _bounds(batch)
    starts = [search(squared, grid, 2) for grid in ("powers", "level powers")]
    both, n = solve(kernels.POWER, squared, np.concatenate(starts), low, high), batch.traces
    first, second = both.take(slice(n)), both.take(slice(n, None))
    best = merged(first, second, second.cost < first.cost)
    for _ in range(ROUNDS):
        squared = _about_curve(batch, squared, level, told, best)
        best = solve(kernels.POWER, squared, best.p, low, high)

    def bent(part: Batch, p: Array) -> Solution:
        return solve(kernels.POWER, part, p, low, high, more=DEGREES)

    hints = structured(squared, best) | (slope_gain(squared, best) > HINTED)
    fit = over_background(squared, best, hints, 1, bent, BENT)
    fit, mean, power = _about_slopes(batch, level, told, squared, fit, bent)
    sizes = _sizes(batch, level, told, fit, mean, power)
    return sizes, _opened(batch, level, squared, sizes)


def _sizes(
    batch: Batch, level: Array, told: Mask, fit: Solution, mean: Array, power: Array
) -> Sizes:  # fmt: skip
    size = np.where(told[:, None], np.sqrt(np.maximum(power, 0.0)), power)
    residual = batch.w * (level - size)
    fit = replace(fit, residual=residual, cost=(residual**2).sum(axis=1))
    return Sizes(told, fit, mean, size, power)


def _opened(batch: Batch, level: Array, squared: Batch, sizes: Sizes) -> Sizes:
    """Return the fits with a slope of the gain left open, whether it was seen or not."""
    told, fit = sizes.told, sizes.fit
    usual = _usual(batch, squared, sizes)
    for turn in range(ROUNDS + 1):
        if turn:
            squared = _about_curve(batch, squared, level, told, fit)
        fit = solve(kernels.POWER, squared, fit.p, *_bounds(batch), usual, DEGREES)
    return _sizes(batch, level, told, fit, squared.level, _power(fit, squared, told))


def _usual(batch: Batch, squared: Batch, sizes: Sizes) -> Array:
    """Return what is known of the columns (N, 2, L): a gain hardly slopes by more than `STEEP`."""
    fit, told = sizes.fit, sizes.told
    noise = np.ones(batch.traces)
    if not batch.known_noise:
        noise = fit.cost / np.maximum(batch.rows - fit.free, 1)
    least = np.maximum(TINY * sizes.power.max(axis=1), 1e-150)
    background = np.maximum(fit.theta[:, AT_BACKGROUND] + sizes.level, least)
    known = np.zeros((batch.traces, 2, AT_SLOPE - 1))
    known[:, 0, -1] = np.where(told, noise / (2.0 * STEEP * background) ** 2, 0.0)
    return known


def _bounds(batch: Batch) -> tuple[Array, Array]:
    return np.array([-0.3, 0.3 / batch.points]), np.array([1.3, 2.5])


def squares(batch: Batch, sizes: Sizes) -> Batch:
    """Return the squares of what was measured, weighed by what was fitted."""
    level = batch.y + batch.level[:, None]
    clear = np.maximum(sizes.size, FAINT * np.abs(level).max(axis=1, keepdims=True))
    return _squared(batch, level, sizes.told, clear, level**2)


def slope_gain(batch: Batch, fit: Solution) -> Array:
    """Return by how much chi-square would fall (N,) if the background sloped (Rao 1948).

    In units of the scatter about the fit where sigma is not known.
    """
    gain = np.empty(batch.traces)
    fill_slope_gain(batch.x, batch.w, fit.residual, fit.theta, fit.cov, gain)
    if not batch.known_noise:
        gain *= np.maximum(batch.rows - fit.free, 1) / np.maximum(fit.cost, 1e-300)
    return gain


@kernel
def fill_slope_gain(
    x: Array, w: Array, residual: Array, theta: Array, cov: Array, out: Array
) -> None:  # fmt: skip
    """Fill out (N,) with what t = x - 1/2 gains beside (a + b u) / (1 + u^2) and a constant."""
    cross = np.empty(5)
    for n in range(theta.shape[0]):
        axis, half, a, b = x[n if x.shape[0] > 1 else 0], theta[n, 1], theta[n, 2], theta[n, 3]
        whole = fall = 0.0
        cross[:] = 0.0
        for i in range(axis.size):
            t, u = axis[i] - 0.5, (axis[i] - theta[n, 0]) / half
            line = 1.0 / (1.0 + u * u)
            by_u = line * (b - 2.0 * u * line * (a + b * u)) / half
            along = w[n, i] * w[n, i] * t
            whole, fall = whole + along * t, fall + w[n, i] * t * residual[n, i]
            cross[0] -= along * by_u
            cross[1] -= along * by_u * u
            cross[2] += along * line
            cross[3] += along * u * line
            cross[4] += along
        own = whole
        for i in range(5):
            for j in range(5):
                own -= cross[i] * cov[n, i, j] * cross[j]
        out[n] = fall * fall / own if own > 1e-6 * whole else 0.0


def _about_slopes(
    batch: Batch, level: Array, told: Mask, squared: Batch, fit: Solution,
    bent: Callable[[Batch, Array], Solution],
) -> tuple[Solution, Array, Array]:  # fmt: skip
    """Return the fit with backgrounds that slope bent by it too, the mean and the power (N, M)."""
    mean, power = squared.level.copy(), _power(fit, squared, told)
    which = np.flatnonzero(fit.theta[:, AT_SLOPE])
    if len(which) == 0:
        return fit, mean, power
    part, some, near, own = batch.take(which), squared.take(which), fit.take(which), told[which]
    for _ in range(ROUNDS):
        some = _about_curve(part, some, level[which], own, near)
        near = bent(some, near.p)
    mean[which], power[which] = some.level, _power(near, some, own)
    return replaced(fit, which, near, np.ones(len(which), dtype=bool)), mean, power


def _power(fit: Solution, squared: Batch, told: Mask) -> Array:
    """Return the fitted squares (N, M)."""
    result: Array = fit.curve(squared) + squared.level[:, None] + _bow(fit, squared, told)
    return result


def _bow(fit: Solution, squared: Batch, told: Mask) -> Array:
    """Return what the square of a slope adds to the squares: s^2 t^2 where 2 s t is fitted."""
    if fit.theta.shape[1] <= AT_SLOPE or not fit.theta[told, AT_SLOPE].any():
        return np.zeros_like(squared.y)
    bow = np.where(told, _bend(fit.theta, squared.level), 0.0)
    return np.asarray(bow[:, None] * (squared.x - 0.5) ** 2)


def _bend(theta: Array, level: Array) -> Array:
    """Return s^2 times the background's square, from its slope; 0 where that is too steep."""
    background, slope = theta[..., AT_BACKGROUND] + level, theta[..., AT_SLOPE]
    bend = 0.25 * slope**2 / np.where(background > 0, background, np.inf)
    return np.where(np.abs(slope) < 2.0 * STEEPEST * background, bend, 0.0)


def _not_below_zero(batch: Batch, level: Array) -> Mask:
    """Return where no point is below zero, but by its noise: those are magnitudes."""
    noise = np.zeros_like(level)
    if batch.known_noise:
        noise = BELOW / np.where(batch.w > 0, batch.w, np.inf)
    lowest = np.where(batch.w > 0, level + noise, np.inf).min(axis=1)
    return np.asarray(lowest >= -FAINT * np.abs(level).max(axis=1))


def _about_curve(batch: Batch, squared: Batch, level: Array, told: Mask, fit: Solution) -> Batch:
    """Return squares that leave what the sizes do, near the fitted size S: S^2 + 2 S (y - S).

    Those of y itself would not: where S is small, the square of the noise is not. Repeated, this
    is Gauss and Newton's way to the least squares of the sizes.
    """
    bow = _bow(fit, squared, told)
    size = np.sqrt(np.maximum(fit.curve(squared) + squared.level[:, None] + bow, 0.0))
    noise = np.ones(batch.traces)
    if not batch.known_noise:
        noise = fit.cost / np.maximum(batch.rows - fit.free, 1)
    sigma = np.sqrt(noise)[:, None] / np.where(batch.w > 0, batch.w, np.inf)
    about = np.maximum(size, LEAST * sigma)  # a size has a kink at 0
    return _squared(batch, level, told, about, size**2 + 2.0 * about * (level - size) - bow)


def _squared(batch: Batch, level: Array, told: Mask, size: Array, square: Array) -> Batch:
    """Put squares for the traces that are magnitudes of about `size`, weights with them."""
    top = np.abs(level).max(axis=1, keepdims=True)
    slope = 2 * np.maximum(size, TINY * np.where(top > 0, top, 1.0))
    y = np.where(told[:, None], square, level)
    w = np.where(told[:, None], batch.w / slope, batch.w)
    mean = y.mean(axis=1)
    y = np.where(batch.constant[:, None], 0.0, y - mean[:, None])
    return Batch(
        batch.x, batch.step, np.ascontiguousarray(y), np.ascontiguousarray(w),
        batch.zero, batch.span, mean, 1, batch.known_noise, batch.order,
    )  # fmt: skip


def ratio_of_power(theta: Array, level: Array) -> Array:
    """Return Re(-a/b) from |b + a L|^2, taking the undercoupled of the two answers."""
    away = theta[..., 0] - 0.5
    background = theta[..., AT_BACKGROUND] + level + theta[..., AT_SLOPE] * away
    background = background + _bend(theta, level) * away**2
    background = np.maximum(background, 1e-12 * np.abs(level) + 1e-300)
    across = theta[..., 3] ** 2 / (4 * background)
    bottom = background + theta[..., 2] - across
    with np.errstate(over="ignore"):
        rest: Array = 1.0 - np.sqrt(np.where(bottom > 0, bottom, np.nan) / background)
    return rest
