"""Interleaved randomized benchmarking: a reference and the same with one gate after each Clifford.

Magesan et al., Phys. Rev. Lett. 109, 080505 (2012). Both series share what preparation and readout
do, A and B: A p^m + B and A (p p_gate)^m + B. The gate's error is (1 - p_gate)(d - 1)/d, known
only to within a bound that no more data can lower.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kammerton.estimation.curves.benchmarking import (
    DRIFT,
    KNOWN,
    PRECISE,
    Decay,
    decaying,
    dimension,
    judge,
    judge_drift,
    judge_end,
    judge_population,
    ready,
)
from kammerton.estimation.curves.held_up import judge_first
from kammerton.estimation.curves.levels import known_levels
from kammerton.estimation.curves.repeats import Means, means, unlike
from kammerton.estimation.curves.series import split
from kammerton.estimation.curves.uneven_scatter import by_own_misses
from kammerton.estimation.numeric.derived import Derived, derive
from kammerton.estimation.numeric.prepare import Batch
from kammerton.estimation.numeric.projection import Law, refine
from kammerton.estimation.numeric.projection_kernels import DECAYS
from kammerton.estimation.numeric.solver import Solution
from kammerton.estimation.verdict.findings import Findings, drift_asked
from kammerton.estimation.verdict.kind import Kind
from kammerton.estimation.verdict.outcome import Outcome
from kammerton.model import Advice

Array = NDArray[np.float64]

APART = 18.0  # chi-square, of 2 degrees of freedom, of preparation and readout that changed
BESIDE = 0.2  # of a Clifford's error, to which that of the gate must be known
SEEN = 2.0  # sigmas of an error of the gate that is said to be seen
WRONG_WAY = 4.0  # sigmas by which an interleaved gate may seem to help
UNITS = {
    "depolarization": "", "depolarization_interleaved": "", "error_per_clifford": "",
    "error_per_gate": "", "error_per_gate_bound": "", "amplitude": "", "offset": "",
}  # fmt: skip
SERIES = (" (reference)", " (interleaved)")


@dataclass(frozen=True, eq=False)
class Pair:
    """Two series over the same lengths: the reference and the interleaved one."""

    reference: Batch
    interleaved: Batch
    back: NDArray[np.intp]

    @property
    def traces(self) -> int:
        """N."""
        return self.reference.traces

    @property
    def window(self) -> Array:
        """Longest less shortest sequence (N,)."""
        return self.reference.window

    def restore(self, curve: Array) -> Array:
        """Return fitted survivals (N, 2, M) in the order of the caller's."""
        both = (self.reference, self.interleaved)
        ordered = [b.restore(curve[:, k]) for k, b in enumerate(both)]
        return np.stack(ordered, axis=1)[:, self.back]


def ready_pair(x: tuple[ArrayLike, ArrayLike], y: ArrayLike, sigma: ArrayLike | None) -> Pair:
    """Check x = (series, lengths) and y (2, M) or (N, 2, M); the reference is the lesser series."""
    parts = split(x, y, sigma, exactly=2)
    first, second = (ready(parts.x, ys, noise) for ys, noise in parts.rows)
    return Pair(first, second, parts.back)


def interleaved_benchmarking(pair: Pair, known: dict[str, object]) -> Outcome:
    """Fit both series with common A and B; known as for randomized_benchmarking."""
    sampled = [means(batch) for batch in (pair.reference, pair.interleaved)]
    alone = [decaying(each, known_levels(each.batch, known)) for each in sampled]
    both = _joint(sampled)
    law = _law(both, sampled[0].batch.points)
    fit = refine(
        law, both,
        np.column_stack([each.fit.p[:, 0] for each in alone]),
        np.full(2, -1.0), np.full(2, 4.0 * both.points**2), known_levels(both, known),
    )  # fmt: skip
    reduced, noise = _noise(both, fit, alone)
    cov = _scattered(sampled, both, fit, law) * noise[:, None, None]
    span, size = pair.window, dimension(both, known)
    found = derive(lambda theta: _numbers(theta, span, both.level, size), fit.theta, cov)
    findings, open_end = Findings(both.traces), known.get("offset") is None
    for each, decay, where in zip(sampled, alone, SERIES, strict=True):
        judge(findings, each, decay, known, where)
    judge_first(findings, both, fit, _moves(both, fit, law), sampled)
    _judge_pair(findings, fit, alone, noise, found)
    gain = (sum(each.line for each in alone) - fit.cost) / np.where(noise > 0, noise, 1.0)
    errors = np.sqrt(np.maximum(np.einsum("nii->ni", cov), 0.0))
    for k in range(2):
        judge_end(
            findings,
            fit.p[:, k],
            errors[:, k],
            alone[k],
            sampled[k].batch,
            gain,
            open_end=open_end,
        )
    judge_population(findings, both, known, found)
    _judge_error(findings, found)
    judge_drift(findings, alone, drift_asked(both, known, DRIFT))
    findings.accept(lambda n: _praise(found, n))
    curve = _curve(law.curve(fit.theta), sampled, both)
    return Outcome(found, UNITS, curve, reduced, findings)


def _unlike(pair: Pair) -> NDArray[np.intp]:
    return unlike(pair.reference) * 2 + unlike(pair.interleaved)


def _joint(sampled: list[Means]) -> Batch:
    """Return the means of both series as one batch, the interleaved ones after the others."""
    first, second = (each.batch for each in sampled)
    level = (first.level + second.level) / 2
    y = [each.y + (each.level - level)[:, None] for each in (first, second)]
    known = first.known_noise and second.known_noise
    weights = [each.w if known or first.known_noise == second.known_noise else each.w * 0 + 1
               for each in (first, second)]  # fmt: skip
    return replace(
        first, x=np.hstack([first.x, second.x]), y=np.hstack(y), w=np.hstack(weights),
        level=level, known_noise=known,
    )  # fmt: skip


def _law(both: Batch, first: int) -> Law:
    """Return both decays with one amplitude, and the common end."""
    second = np.broadcast_to(np.arange(both.points) >= first, both.x.shape)
    return Law(DECAYS, np.stack([both.x, second], axis=1))


def _noise(both: Batch, fit: Solution, alone: list[Decay]) -> tuple[Array, Array]:
    """Reduced chi-square of both, and the factor by which the scatter exceeds the sigmas."""
    reduced = fit.cost / np.maximum(both.rows - fit.free, 1)
    if not both.known_noise:
        return np.full(both.traces, np.nan), reduced
    return reduced, np.maximum(*(each.evidence.noise for each in alone))


def _scattered(sampled: list[Means], both: Batch, fit: Solution, law: Law) -> Array:
    """Covariance from the means' own variances, whatever the weights were (Huber 1967)."""
    variances = [each.variance for each in sampled if each.variance is not None]
    if len(variances) < 2 and both.known_noise:
        return fit.cov
    rows = _moves(both, fit, law)
    if len(variances) < 2:
        return by_own_misses(both, fit, rows)
    middle = (rows * (both.w**4 * np.hstack(variances))[:, None, :]) @ rows.transpose(0, 2, 1)
    return np.asarray(fit.cov @ middle @ fit.cov)


def _moves(both: Batch, fit: Solution, law: Law) -> Array:
    """Return how both rates, amplitude and offset move the curve (N, 4, M)."""
    decay = law.curve(np.column_stack([fit.p, np.ones(both.traces), np.zeros(both.traces)]))
    slope, own = -fit.theta[:, 2:3] * both.x * decay, law.given[:, 1] == 0
    return np.stack([slope * own, slope * ~own, decay, np.ones_like(decay)], axis=1)


def _numbers(theta: Array, span: Array, level: Array, size: Array) -> dict[str, Array]:
    p, both = np.exp(-theta[..., 0] / span), np.exp(-theta[..., 1] / span)
    share = (size - 1.0) / size
    return {
        "depolarization": p, "depolarization_interleaved": both,
        "error_per_clifford": (1.0 - p) * share, "error_per_gate": (1.0 - both / p) * share,
        "error_per_gate_bound": bound(p, both, size),
        "amplitude": theta[..., 2], "offset": theta[..., 3] + level,
    }  # fmt: skip


def bound(p: Array, both: Array, size: Array) -> Array:
    """Return how far the gate's error may be from its estimate (Magesan et al. 2012, eq. 5)."""
    lost = np.maximum(1.0 - p, 0.0)
    first = (size - 1.0) / size * (np.abs(p - both / p) + lost)
    square = size**2 - 1.0
    second = 2.0 * square * lost / (p * size**2) + 4.0 * np.sqrt(lost * square) / p
    result: Array = np.minimum(first, second)
    return result


def _judge_pair(
    findings: Findings, fit: Solution, alone: list[Decay], noise: Array, found: Derived
) -> None:
    """Object to series that do not belong together."""
    apart = (fit.cost - sum(each.fit.cost for each in alone)) / np.maximum(noise, 1e-300)
    findings.rejected(
        apart > APART, "drift during scan",
        "preparation or readout changed between the reference and the interleaved series",
    )  # fmt: skip
    error, sigma = found.values["error_per_gate"], found.stderr["error_per_gate"]
    findings.rejected(
        error < -WRONG_WAY * sigma, "model does not fit",
        "the interleaved series decays more slowly than its reference",
    )  # fmt: skip


def _judge_error(findings: Findings, found: Derived) -> None:
    """Object to an error of a gate that is known neither to a third nor beside a Clifford's.

    To a third alone, of good gates only those would pass whose error seems large by chance.
    """
    error, sigma = found.values["error_per_gate"], found.stderr["error_per_gate"]
    clifford = found.values["error_per_clifford"]
    findings.insufficient(
        ~(sigma < np.maximum(PRECISE * error, BESIDE * clifford)), "error too large",
        lambda n: f"the error of the gate, {error[n]:.2g}, is known only to ±{sigma[n]:.1g}, and "
        f"that of a Clifford is {clifford[n]:.2g}",
        Advice(shots_times=4.0),
    )  # fmt: skip


def _praise(found: Derived, n: int) -> str:
    error, sigma = found.values["error_per_gate"][n], found.stderr["error_per_gate"][n]
    if error > SEEN * sigma:
        return "two clear exponential decays"
    if error < -SEEN * sigma:
        return (f"two clear exponential decays; but the gate seems to help, by {-error / sigma:.1f}"
                " standard errors")  # fmt: skip
    return "two clear exponential decays; an error of the gate is not seen"


def _curve(fitted: Array, sampled: list[Means], both: Batch) -> Array:
    """Return fitted survivals (N, 2, M), each less its own series' level."""
    first = sampled[0].batch.points
    fitted = fitted + both.level[:, None]
    parts = fitted[:, :first], fitted[:, first:]
    return np.stack(
        [each.spread(part) - each.batch.level[:, None]
         for each, part in zip(sampled, parts, strict=True)], axis=1,
    )  # fmt: skip


KINDS: dict[str, Kind] = {
    "interleaved_randomized_benchmarking": Kind(
        ready_pair, interleaved_benchmarking, KNOWN, axes=2, whole=True, unlike=_unlike
    ),
}
