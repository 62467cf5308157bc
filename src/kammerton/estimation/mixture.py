"""Two clouds on a line, seen through imperfect preparation and decay during the readout.

A shot is projected on the line from 0 to 1. A qubit in 0 gives N(mu0, s). One in 1 that lives
through the readout gives N(mu1, s); if it decays after a fraction f of it, the shot lies at
mu0 + f (mu1 - mu0), f exponential with rate lambda = readout time / T1 (Gambetta et al.,
PRA 76, 012325, 2007). Fractions w0 and w1 of the shots prepared in 0 and in 1 began in 1. These six
numbers are fitted by maximum likelihood to both histograms together, by Fisher's scoring.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq
from scipy.special import ndtr

from kammerton.model.trace import FloatArray

MU0, MU1, WIDTH, DECAY, W0, W1 = range(6)

BINS = 200
LOWER = np.array([-math.inf, -math.inf, 0.02, 1e-4, 1e-5, 0.05])
UPPER = np.array([math.inf, math.inf, 20.0, 3.0, 0.95, 1.0 - 1e-5])
"""In units of the distance of the two means, where that of shots prepared in 0 is the origin."""

STEPS = np.full(6, 1e-4)
RARE = 1e-12
TURNS = 60


@dataclass(frozen=True, eq=False)
class Mixture:
    """The six numbers with their covariance, in V where they are voltages.

    separation: distance of the clouds in units of s. bin_scores: derivative of the log
    probability of each bin by the numbers (2, K, 6), for the edges (K + 1,).
    """

    theta: FloatArray
    covariance: FloatArray
    chi2_reduced: float
    edges: FloatArray
    bin_scores: FloatArray

    @property
    def separation(self) -> float:
        """Distance of the two clouds in standard deviations of one."""
        return float((self.theta[MU1] - self.theta[MU0]) / self.theta[WIDTH])

    @property
    def steps(self) -> FloatArray:
        """Steps for numerical derivatives by theta."""
        return STEPS * _units(float(self.theta[MU1] - self.theta[MU0]))

    def stderr(self, slope: FloatArray) -> float:
        """Return the standard error of a function of theta with this gradient (6,)."""
        return math.sqrt(max(0.0, float(slope @ self.covariance @ slope)))

    def scores(self, u: list[FloatArray]) -> list[FloatArray]:
        """Return for the shots of each set (S,) their derivatives of log likelihood (S, 6)."""
        return [
            scores[np.clip(np.searchsorted(self.edges, part) - 1, 0, scores.shape[0] - 1)]
            for part, scores in zip(u, self.bin_scores, strict=True)
        ]


def below(theta: FloatArray, u: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the probability to lie below u (K,) for a qubit that begins in 0, and in 1.

    The exponential smear of decays convolved with the noise integrates to error functions.
    """
    zero = np.asarray(ndtr((u - theta[MU0]) / theta[WIDTH]))
    return zero, zero - _undecayed(theta, u)


def densities(theta: FloatArray, u: float) -> tuple[float, float]:
    """Return the probability densities at u for a qubit that begins in 0, and in 1."""
    distance, s, rate = theta[MU1] - theta[MU0], theta[WIDTH], theta[DECAY]
    zero = _normal((u - theta[MU0]) / s) / s
    lived = math.exp(-rate) * _normal((u - theta[MU1]) / s) / s
    decayed = rate / distance * float(_undecayed(theta, np.array([u]))[0])
    return zero, lived + decayed


def threshold(theta: FloatArray) -> float:
    """Return the u where 0 and 1 are equally likely: there the total error is least."""

    def odds(u: float) -> float:
        zero, one = densities(theta, u)
        return math.log(max(one, 1e-300)) - math.log(max(zero, 1e-300))

    low, high = float(theta[MU0]), float(theta[MU1])
    if odds(low) >= 0 or odds(high) <= 0:
        return 0.5 * (low + high)
    return float(brentq(odds, low, high, xtol=1e-9 * (high - low)))


def fit_mixture(u0: FloatArray, u1: FloatArray) -> Mixture | None:
    """Fit shots projected on the line from 0 to 1 (S0,), (S1,); None if no fit is possible.

    The mean of u1 must lie above that of u0.
    """
    origin, distance = float(u0.mean()), float(u1.mean() - u0.mean())
    scaled = [(u - origin) / distance for u in (u0, u1)]
    edges = _edges(scaled)
    counts = np.array([np.histogram(u, edges)[0] for u in scaled], dtype=float)
    theta = _most_likely(edges, counts, scaled)
    slopes = _slopes(theta, edges)
    try:
        covariance = np.linalg.inv(_information(theta, edges, counts, slopes))
    except np.linalg.LinAlgError:
        return None
    if not (np.isfinite(covariance).all() and (np.diag(covariance) > 0).all()):
        return None
    back = _units(distance)
    chi2 = _chi2_reduced(_probabilities(theta, edges), counts)
    in_volts = theta * back
    in_volts[[MU0, MU1]] += origin
    return Mixture(
        in_volts, covariance * np.outer(back, back), chi2, edges * distance + origin, slopes / back
    )


def _units(distance: float) -> FloatArray:
    return np.array([distance, distance, distance, 1.0, 1.0, 1.0])


def _normal(v: float) -> float:
    return math.exp(-0.5 * min(v * v, 1400.0)) / math.sqrt(2 * math.pi)


def _undecayed(theta: FloatArray, u: FloatArray) -> FloatArray:
    """Return the integral over f of exp(-lambda f) d/df P(below u | decayed at f)."""
    distance, s, rate = theta[MU1] - theta[MU0], theta[WIDTH], theta[DECAY]
    shift = rate * s / distance
    near, far = (u - theta[MU0]) / s - shift, (u - theta[MU1]) / s - shift
    weight = np.exp(np.minimum(-rate * (u - theta[MU0]) / distance + 0.5 * shift**2, 500.0))
    # In the upper tail both are nearly 1; their difference is taken in the mirror.
    mirrored = np.where(far > 0, ndtr(-far) - ndtr(-near), ndtr(near) - ndtr(far))
    return np.asarray(weight * mirrored)


def _edges(u: list[FloatArray]) -> FloatArray:
    """Return bin edges over all but stray shots; the outermost bins take those."""
    low, high = (float(q) for q in np.quantile(np.concatenate(u), (0.0005, 0.9995)))
    margin = 0.05 * (high - low)
    inner = np.linspace(low - margin, high + margin, BINS - 1)
    return np.concatenate([[-1e6], inner, [1e6]])


def _probabilities(theta: FloatArray, edges: FloatArray) -> FloatArray:
    zero, one = (np.diff(p) for p in below(theta, edges))
    mixed = [zero + theta[w] * (one - zero) for w in (W0, W1)]
    result: FloatArray = np.maximum(np.array(mixed), RARE)
    return result


def _slopes(theta: FloatArray, edges: FloatArray) -> FloatArray:
    """Return d log(probability) / d theta (2, K, 6)."""
    h = np.minimum(STEPS, 0.3 * np.abs(theta) + 1e-9)
    logs = [
        np.log(_probabilities(theta + step, edges)) - np.log(_probabilities(theta - step, edges))
        for step in np.diag(h)
    ]
    result: FloatArray = np.stack(logs, axis=-1) / (2 * h)
    return result


def _information(
    theta: FloatArray, edges: FloatArray, counts: FloatArray, slopes: FloatArray
) -> FloatArray:
    expected = _probabilities(theta, edges) * counts.sum(axis=1, keepdims=True)
    return np.asarray(np.einsum("ik,ika,ikb->ab", expected, slopes, slopes))


def _likelihood(theta: FloatArray, edges: FloatArray, counts: FloatArray) -> float:
    return float((counts * np.log(_probabilities(theta, edges))).sum())


def _starts(scaled: list[FloatArray]) -> list[FloatArray]:
    """Return starting values: guesses of the preparation fix where the two clouds must be."""
    total = math.sqrt(0.5 * sum(float(u.var()) for u in scaled))
    narrow = 1.4826 * float(np.median(np.abs(scaled[0] - np.median(scaled[0]))))
    starts = []
    for w0, w1, s in itertools.product((0.01, 0.1), (0.97, 0.8, 0.55), (narrow, total)):
        gap = 1.0 / (w1 - w0)
        starts.append(np.array([-w0 * gap, (1 - w0) * gap, s, 0.05, w0, w1]))
    return starts


def _most_likely(edges: FloatArray, counts: FloatArray, scaled: list[FloatArray]) -> FloatArray:
    starts = sorted(
        (np.clip(start, LOWER, UPPER) for start in _starts(scaled)),
        key=lambda start: -_likelihood(start, edges, counts),
    )
    found = [_scored(start, edges, counts) for start in starts[:2]]
    return max(found, key=lambda theta: _likelihood(theta, edges, counts))


def _scored(theta: FloatArray, edges: FloatArray, counts: FloatArray) -> FloatArray:
    """Climb the likelihood with Fisher's information as the metric, halving steps that fail."""
    best = _likelihood(theta, edges, counts)
    damping = 0.0
    for _ in range(TURNS):
        slopes = _slopes(theta, edges)
        gradient = np.einsum("ik,ika->a", counts, slopes)
        information = _information(theta, edges, counts, slopes)
        free = ~(((theta <= LOWER) & (gradient < 0)) | ((theta >= UPPER) & (gradient > 0)))
        metric = information[np.ix_(free, free)]
        metric = metric + np.diag(np.diag(metric)) * damping + 1e-9 * np.eye(free.sum())
        step = np.zeros(theta.size)
        step[free] = np.linalg.solve(metric, gradient[free])
        trial = np.clip(theta + step, LOWER, UPPER)
        likelihood = _likelihood(trial, edges, counts)
        if likelihood > best:
            gain, theta, best = likelihood - best, trial, likelihood
            damping *= 0.2
            if gain < 1e-6:
                break
        else:
            damping = max(4 * damping, 0.1)
            if damping > 1e6:
                break
    return theta


def _chi2_reduced(probabilities: FloatArray, counts: FloatArray) -> float:
    """Return Pearson's chi-square over degrees of freedom, bins with few shots taken together."""
    expected = probabilities * counts.sum(axis=1, keepdims=True)
    terms: list[float] = []
    for mean, seen in zip(expected, counts, strict=True):
        group = np.floor(np.cumsum(mean) / 10.0).astype(int)
        together = np.bincount(group, mean), np.bincount(group, seen)
        kept = together[0] > 3.0
        terms += list((together[1][kept] - together[0][kept]) ** 2 / together[0][kept])
    return float(np.sum(terms) / max(1, len(terms) - 2 - LOWER.size))
