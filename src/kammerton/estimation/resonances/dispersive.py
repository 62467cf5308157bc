"""Dispersive shift: the resonator with its qubit in 0 and in 1.

chi = (f_1 - f_0)/2 (Koch et al., PRA 76, 042319, 2007); negative where the qubit lies below the
resonator. Two equal lines a distance 2 chi apart differ most at the middle if 2 |chi| < kappa, and
else at kappa/2 sqrt((2 chi/kappa)^2 - 1) to either side of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kammerton.estimation.maps.maps import Maps, prepare_maps
from kammerton.estimation.numeric.derived import derive
from kammerton.estimation.numeric.prepare import Batch, prepare
from kammerton.estimation.resonances.dispersive_judge import Sides, judge, judge_planes
from kammerton.estimation.resonances.plane import BENDS, Plane, fit_plane
from kammerton.estimation.resonances.resonator import SEARCHED_PLANE, resonator_spectroscopy
from kammerton.estimation.resonances.shared_plane import (
    NOTHING,
    Pairs,
    conjugated,
    fit_pairs,
    of_two,
)
from kammerton.estimation.verdict.evidence import IN_PLANE, gain_over, weigh
from kammerton.estimation.verdict.findings import UNSURE
from kammerton.estimation.verdict.kind import Kind, Known
from kammerton.estimation.verdict.nulls import Nulls
from kammerton.estimation.verdict.outcome import Outcome, per_trace, significance
from kammerton.estimation.verdict.place import PLACE
from kammerton.model import TraceError

Array = NDArray[np.float64]

LEAST = 8
LOST = 0.06  # what a resonance leaves, in parts of the signal: four times what is let pass
SHARED_BY_EACH = 5  # parameters of a pair that shares all, for each of its traces
NAMES = ("frequency_0", "frequency_1", "dispersive_shift", "resonator_shift", "linewidth",
         "readout_frequency")  # fmt: skip


@dataclass(frozen=True, eq=False)
class Pair:
    """N targets: their 2 N traces, 0 before 1, and the map they came from."""

    both: Batch
    maps: Maps

    @property
    def traces(self) -> int:
        """N."""
        return self.maps.traces

    @property
    def window(self) -> Array:
        """Length of both axes (2, N)."""
        return self.maps.window

    def restore(self, curve: NDArray[Any]) -> NDArray[Any]:
        """Return a fitted (N, 2, M) in the caller's order."""
        return self.maps.restore(curve)


def ready(x: Any, y: ArrayLike, sigma: ArrayLike | None) -> Pair:
    """Check both axes and take the traces apart.

    Raises
    ------
    TraceError
        Says which array cannot be used, and why.
    """
    maps = prepare_maps(
        x, y, sigma, names=("state", "frequency"), least=(2, LEAST), complex_too=True
    )
    if not np.array_equal(maps.axes[0], (0, 1)):
        raise TraceError("the axis of state must be 0 and 1")
    shape = (2 * maps.traces, -1)
    both = prepare(
        maps.axes[1], maps.y.reshape(shape), None, complex_too=True, from_zero=False, least=LEAST
    )
    if maps.known_noise:
        w = maps.w.reshape(shape)
        given = 1.0 / np.where(w > 0, w, np.inf) ** 2
        both = Batch(
            both.x, both.step, both.y, np.hstack([w] * both.parts), both.zero, both.span,
            both.level, both.parts, True, both.order, given,
        )  # fmt: skip
    return Pair(both, maps)


def dispersive_shift(pair: Pair, known: dict[str, object]) -> Outcome:
    """Fit both resonances; the part of the shots of each trace that were in 1 may be known.

    And where the resonance is `expected` with the qubit in 0, `within` one sigma.
    Complex traces share what the evidence lets them (`shared_plane`); magnitudes share nothing.
    """
    populations = _populations(pair, known)
    if pair.both.parts == 2:
        return _outcome(pair, _of_planes(pair, populations), known)
    if (populations[:, 0] > 0).any() or (populations[:, 1] < 1).any():
        raise TraceError("population_0 and population_1 need complex y: magnitudes do not mix")
    return _outcome(pair, _of_magnitudes(pair), known)


def _populations(pair: Pair, known: dict[str, object]) -> Array:
    """Return the known parts in 1 (N, 2), 0 and NaN where they are not."""
    parts = np.empty((pair.traces, 2))
    for k, (name, without) in enumerate((("population_0", 0.0), ("population_1", np.nan))):
        value = per_trace(known, name, pair)
        parts[:, k] = without if value is None else value
    if (parts[:, 0] >= parts[:, 1]).any():
        raise TraceError("population_0 must be less than population_1")
    return parts


def _of_planes(pair: Pair, populations: Array) -> Sides:
    plane = fit_plane(pair.both)
    nulls = plane.nulls()
    alone = gain_over(plane.turned, plane.fit, *nulls.flat)
    lost = (_lost(plane, nulls) | _nothing(plane, alone)) & (populations[:, 0] == 0)
    found = fit_pairs(pair.both, plane, populations, lost)
    evidence = weigh(found.batch, found.each, found.curve, nulls)
    snr = significance(found.batch, nulls.flat[0], found.each, evidence)
    noise = 0.5 * (evidence.noise[::2] + evidence.noise[1::2])
    curve = found.curve.copy()
    curve[:, pair.both.points :] *= conjugated(pair.both, found.batch)[:, None]
    return Sides(
        found.theta, found.cov * noise[:, None, None], found.widths, found.sizes, found.mixed,
        found.shared, judge_planes(found, plane, _unmixed(found, populations), evidence, snr),
        _missing(alone),
        evidence.chi2_reduced, curve,
    )  # fmt: skip


def _lost(plane: Plane, nulls: Nulls) -> NDArray[np.bool_]:
    """Return the pairs (N,) whose trace of 0 follows no resonance by far: sharing cannot help it.

    That of 1 may hold shots in 0, and then follows none alone.
    """
    batch, fit = plane.turned, plane.fit
    if not batch.known_noise:
        return np.zeros(batch.traces // 2, dtype=bool)
    beyond = np.maximum(fit.cost / np.maximum(batch.rows - fit.free, 1) - 1.0, 0.0)
    power = np.maximum(nulls.flat[0] - fit.cost, 0.0) / batch.rows
    return np.asarray(beyond > (LOST * IN_PLANE) ** 2 * power)[::2]


def _nothing(plane: Plane, alone: Array) -> NDArray[np.bool_]:
    """Return the pairs (N,) whose trace of 0 shows nothing, and would not if it shared.

    alone: (2 N,) what its own resonance gains over none. What is shared costs fewer parameters, and
    may slope where this one does not; no more.
    """
    spared = (plane.fit.free - SHARED_BY_EACH) * np.log(plane.turned.rows)
    return np.asarray(alone + spared + BENDS < SEARCHED_PLANE - UNSURE)[::2]


def _unmixed(found: Pairs, populations: Array) -> NDArray[np.bool_]:
    """Return the traces all of whose shots were in one state, as far as is known (2 N,)."""
    pure = np.empty(2 * len(populations), dtype=np.bool_)
    pure[::2] = populations[:, 0] == 0
    pure[1::2] = ~(populations[:, 1] < 1) & (found.mixed == 0)
    return pure


def _missing(gain: Array) -> NDArray[np.bool_]:
    """Return the traces without a resonance that would be clear, as its pair's is (2 N,)."""
    pairs = gain.reshape(-1, 2)
    missing = (pairs < SEARCHED_PLANE) & (pairs[:, ::-1] > 3.0 * SEARCHED_PLANE)
    return np.asarray(missing.reshape(-1))


def _of_magnitudes(pair: Pair) -> Sides:
    """Fit the 2 N magnitudes alone; the linewidth is the mean of both by their errors."""
    both, alone = pair.both, resonator_spectroscopy(pair.both, {})
    values, stderr = alone.found.values, alone.found.stderr
    zero, span = both.column(both.zero), both.column(both.span)
    p = np.column_stack([(values["frequency"] - zero) / span, values["linewidth"] / span])
    errors = np.column_stack([stderr["frequency"] / span, stderr["linewidth"] / span])
    cov = alone.found.correlation[:, :2, :2] * errors[:, :, None] * errors[:, None, :]
    theta, together = of_two(p.reshape(-1, 2, 2), cov.reshape(-1, 2, 2, 2))
    none = alone.findings.status == "no signal"
    n = pair.traces
    return Sides(
        theta, together, p[:, 1].reshape(-1, 2), np.ones((n, 2)), np.zeros(n), np.full(n, NOTHING),
        alone.findings, none, alone.chi2_reduced, alone.curve,
    )  # fmt: skip


def _outcome(pair: Pair, sides: Sides, known: Known) -> Outcome:
    both = pair.both
    zero, span = both.column(both.zero)[::2], both.column(both.span)[::2]
    found = derive(lambda theta: _numbers(theta, zero, span), sides.theta, sides.cov)
    found.stderr["readout_frequency"] = span * _error_of_best(sides.theta, sides.cov)
    findings = judge(pair.maps, sides, found, known)
    curve = both.restore(sides.curve).reshape(pair.maps.y.shape)
    chi2 = 0.5 * (sides.chi2[::2] + sides.chi2[1::2])
    return Outcome(found, dict.fromkeys(NAMES, "Hz"), curve, chi2, findings)


def _numbers(theta: Array, zero: Array, span: Array) -> dict[str, Array]:
    zeroth, first, width = (theta[..., k] for k in range(3))
    shift = first - zeroth
    aside = 0.5 * np.sqrt(np.maximum(shift**2 - width**2, 0.0))
    best = 0.5 * (zeroth + first) - np.sign(shift) * aside
    return {
        "frequency_0": zero + span * zeroth, "frequency_1": zero + span * first,
        "dispersive_shift": 0.5 * span * shift, "resonator_shift": span * shift,
        "linewidth": span * width, "readout_frequency": zero + span * best,
    }  # fmt: skip


def _error_of_best(theta: Array, cov: Array) -> Array:
    """Return the error of the best frequency (N,), in windows.

    Where one maximum becomes two it moves like a square root, so steps of two sigmas count.
    """
    shift, width = theta[:, 1] - theta[:, 0], theta[:, 2]
    apart = shift**2 - width**2
    gradient = 2.0 * np.stack([-shift, shift, -width], axis=1)
    error = np.sqrt(np.maximum(np.einsum("ni,nij,nj->n", gradient, cov, gradient), 0.0))
    low, here, high = (0.5 * np.sqrt(np.maximum(apart + k * error, 0.0)) for k in (-2, 0, 2))
    middle = 0.25 * (cov[:, 0, 0] + cov[:, 1, 1] + 2.0 * cov[:, 0, 1])
    aside = 0.5 * np.maximum(high - here, here - low)
    result: Array = np.sqrt(np.maximum(middle, 0.0) + aside**2)
    return result


KINDS: dict[str, Kind] = {
    "dispersive_shift": Kind(
        ready, dispersive_shift, ("population_0", "population_1", *PLACE), axes=2
    )
}
