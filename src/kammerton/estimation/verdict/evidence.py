"""How well a law explains a trace: against simpler laws, against the noise, and by itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import chdtrc

from kammerton.estimation.numeric.derived import Derived, Formulas, derive
from kammerton.estimation.numeric.prepare import Batch
from kammerton.estimation.numeric.solver import Solution
from kammerton.estimation.verdict.nulls import Nulls
from kammerton.estimation.verdict.traits import autocorrelation, traits

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

UNLIKELY = 1e-3  # chance of a chi-square this large that we take for a wrong model
FAITHFUL = 0.025  # what a law leaves, in parts of the signal: no walk is followed so closely
IN_PLANE = 8.0  # extent of a resonance that is seen, in parts of its mean size
JUMPED = 1.5  # reduced chi-square up to which a jump is an explanation
DISPROVED = 0.01  # chance of a chi-square that disproves a given sigma
SLACK = 1.07  # given variances are themselves estimates
RELATED_KNOWN, RELATED = 3.5, 3.1  # lag-1 autocorrelation, in sigmas, that is not chance
PORTMANTEAU = 42.0  # Ljung-Box sum over 8 lags that is not chance (p = 1e-6)
SMALL_KNOWN, SMALL = 0.015, 0.06  # structure in the residuals we let pass, in parts of the signal


@dataclass(frozen=True, eq=False)
class Evidence:
    """What is known about each fit (N,).

    noise: variance of a row of weight 1, for error bars. gain_flat, ..._line, ..._step, ..._walk:
    delta-BIC over no signal, a straight line, a single jump, a random walk. related: residuals
    show structure. misfit: so much of it that the law is wrong. stray: one point alone makes most
    of the signal. dull: what the law leaves is noise, so if it gains nothing there is nothing.
    railed: points at exactly the largest or the smallest value. jumped: a single jump explains
    the trace. copied: several points have exactly the same value. chi2_reduced: NaN where sigma
    was not given.
    """

    noise: Array
    chi2_reduced: Array
    gain_flat: Array
    gain_line: Array
    gain_step: Array
    gain_walk: Array
    related: Mask
    misfit: Mask
    stray: Mask
    dull: Mask
    railed: Array
    jumped: Mask
    copied: Mask

    def stderr(self, variance: Array) -> Array:
        """Return standard errors from unit-weight variances."""
        result: Array = np.sqrt(np.maximum(variance, 0.0) * self.noise)
        return result

    def take(self, which: NDArray[Any]) -> Evidence:
        """Return that of some traces only."""
        return Evidence(**{name: getattr(self, name)[which] for name in self.__dataclass_fields__})

    def replaced(self, which: NDArray[np.intp], part: Evidence) -> Evidence:
        """Return this evidence with that of the traces `which` from `part`."""
        fields = {name: getattr(self, name).copy() for name in self.__dataclass_fields__}
        for name, values in fields.items():
            values[which] = getattr(part, name)
        return Evidence(**fields)


def weigh(batch: Batch, fit: Solution, curve: Array, nulls: Nulls) -> Evidence:
    """Compare a solution with simpler laws, with the noise, and with itself."""
    rows = batch.rows
    freedom = np.maximum(rows - fit.free, 1)
    reduced = fit.cost / freedom
    worse = improbable(freedom, fit.cost / SLACK, UNLIKELY)
    worse &= batch.known_noise
    seen = traits(batch, fit.residual, curve)
    share = structure(seen.lags, rows, RELATED_KNOWN if batch.known_noise else RELATED)
    related = share > 0
    flat, line, step = (_gain(batch, fit, *null) for null in (nulls.flat, nulls.line, nulls.step))
    signal = np.maximum(_size(batch, fit, nulls, seen.extent), 1e-300)
    hidden = np.sqrt(share * reduced) / signal
    excess = np.sqrt(np.maximum(reduced - 1.0, 0.0)) / signal
    misfit = hidden > (SMALL_KNOWN if batch.known_noise else SMALL)
    misfit |= worse & (excess > SMALL_KNOWN)
    faithful = np.sqrt(reduced) < FAITHFUL * signal
    return Evidence(
        noise=_noise(batch, reduced, freedom, fit.cost) * _clumping(seen.lags, related),
        chi2_reduced=reduced if batch.known_noise else np.full(len(reduced), np.nan),
        gain_flat=flat, gain_line=line, gain_step=step,
        gain_walk=np.where(faithful, np.inf, _over_a_walk(batch, fit, nulls)),
        related=related, misfit=misfit, dull=~(worse | related),
        stray=seen.farthest > 0.6 * np.maximum(nulls.flat[0] - fit.cost, 0.4 * nulls.flat[0]),
        railed=seen.railed, jumped=_is_noise(batch, *nulls.step),
        copied=(seen.held > 3) | (seen.twins > 2),
    )  # fmt: skip


def _size(batch: Batch, fit: Solution, nulls: Nulls, extent: Array) -> Array:
    """Return the size of the signal; in the plane a cable turns everything, and does not count."""
    if batch.parts == 1:
        return extent
    result: Array = IN_PLANE * np.sqrt(np.maximum(nulls.flat[0] - fit.cost, 0.0) / batch.rows)
    return result


def _is_noise(batch: Batch, cost: Array, parameters: int) -> Mask:
    """Return whether what a law of this cost leaves may be noise; unknown where sigma is."""
    known = cost < JUMPED * np.maximum(batch.rows - parameters, 1)
    return known if batch.known_noise else np.ones_like(known)


def delta_bic(batch: Batch, simple: Solution, rich: Solution) -> Array:
    """Return how much better the richer law is, its extra parameters paid for."""
    return _gain(batch, rich, simple.cost, simple.free)


def delta_cost(batch: Batch, simple: Solution, rich: Solution) -> Array:
    """Return twice the logarithm of the likelihood ratio of two laws."""
    return _gain(batch, rich, simple.cost, rich.free)


def _gain(batch: Batch, fit: Solution, cost: Array, parameters: NDArray[np.intp] | int) -> Array:
    rows = batch.rows
    price = (fit.free - parameters) * np.log(rows)
    ratio = np.maximum(cost, 1e-300) / np.maximum(fit.cost, 1e-300 + 1e-14 * cost)
    gain = np.maximum(rows - fit.free, 1) * np.log(ratio)  # not rows: few points overfit easily
    if batch.known_noise:
        gain = np.minimum(gain, cost - fit.cost)
    result: Array = gain - price
    return result


def _over_a_walk(batch: Batch, fit: Solution, nulls: Nulls) -> Array:
    """Return delta-BIC over a random walk; its cost is a likelihood already."""
    cost, parameters = nulls.walk
    if not batch.known_noise:
        return _gain(batch, fit, cost, parameters)
    result: Array = cost - fit.cost - (fit.free - parameters) * np.log(batch.rows)
    return result


def structured(batch: Batch, fit: Solution, sigmas: float = 2.5) -> Mask:
    """Return whether the residuals hint at more than the law: cheap, and easily alarmed."""
    rows = batch.rows
    ratio = autocorrelation(batch, fit.residual)
    clumped = np.abs(ratio[:, 0]) * np.sqrt(rows) > sigmas
    result: Mask = clumped | ((ratio**2).sum(axis=1) * rows > 20.0)
    if batch.known_noise:
        freedom = np.maximum(rows - fit.free, 1)
        result |= improbable(freedom, fit.cost, DISPROVED)
    return result


def structure(ratio: Array, rows: NDArray[np.intp], sigmas: float) -> Array:
    """Return the share of the residual variance that is not noise; 0 where it may be chance."""
    lag = np.abs(ratio[:, 0])
    total = (ratio**2).sum(axis=1)
    share = np.where(lag * np.sqrt(rows) > sigmas, lag, 0.0)
    result: Array = np.maximum(
        share, np.where(total * rows > PORTMANTEAU, np.sqrt(total / 4.0), 0.0)
    )
    return result


def _clumping(ratio: Array, related: Mask) -> Array:
    """How much related residuals carry less information than independent ones."""
    return np.where(related, np.maximum(1.0, 1.0 + 2.0 * ratio.sum(axis=1)), 1.0)


def _noise(batch: Batch, reduced: Array, freedom: NDArray[np.intp], cost: Array) -> Array:
    """Scatter about the fit; a given sigma is trusted unless the scatter disproves it."""
    if not batch.known_noise:
        return reduced
    return np.where(improbable(freedom, cost, DISPROVED), reduced, 1.0)


def improbable(freedom: NDArray[np.intp], chi2: Array, chance: float) -> Mask:
    """Return where a chi-square this large has less than a chance of up to 1 %."""
    far = chi2 > freedom + 2.0 * np.sqrt(2.0 * freedom)  # below the quantile of 1 %
    result: Mask = far.copy()
    result[far] = chdtrc(freedom[far], chi2[far]) < chance
    return result


def propagate(formulas: Formulas, fit: Solution, evidence: Evidence) -> Derived:
    """Return numbers derived from theta (..., N, P + L), with errors from the full covariance."""
    return derive(formulas, fit.theta, fit.cov * evidence.noise[:, None, None])


def with_part(
    batch: Batch, which: NDArray[np.intp], fit: Solution, formulas: Callable[[Batch], Formulas],
    nulls: Nulls, curve: Array, found: Derived, evidence: Evidence,
) -> tuple[Derived, Evidence]:  # fmt: skip
    """Put another law's results in place for the traces `which`, in the curve too.

    fit: of those traces; formulas: of their batch.
    """
    if len(which) == 0:
        return found, evidence
    part = batch.take(which)
    curve[which] = fit.curve(part)
    own = weigh(part, fit, curve[which], nulls.take(which))
    return (
        found.replaced(which, propagate(formulas(part), fit, own)),
        evidence.replaced(which, own),
    )
