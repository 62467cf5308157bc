"""DRAG coefficient from trains of several lengths: y = offset - contrast/2 cos(r k (x - b)).

r is the number of repetitions of a pulse and its inverse, b the right coefficient, common to all
trains: the long ones are sharp, the short ones tell which of their minima is the right one. The
law is that of the rough DRAG calibration in qiskit-experiments.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kammerton.estimation.curves.extremum import SORTS, Place, expectation, judge_place, sort_of
from kammerton.estimation.curves.series import Joined, joined, series_again, split
from kammerton.estimation.numeric.derived import derive
from kammerton.estimation.numeric.projection import Law, refine
from kammerton.estimation.numeric.projection_kernels import REPEATED
from kammerton.estimation.numeric.solver import Solution
from kammerton.estimation.verdict.evidence import Evidence, weigh
from kammerton.estimation.verdict.findings import (
    CLEAR,
    Findings,
    drift_asked,
    judge_doubt,
    judge_signal,
    judge_stray,
)
from kammerton.estimation.verdict.kind import Kind
from kammerton.estimation.verdict.nulls import simple_laws
from kammerton.estimation.verdict.outcome import Outcome, one_word, significance
from kammerton.model import Advice, TraceError

Array = NDArray[np.float64]

LEAST = 6
LAW = "trains that agree on one coefficient"
SLOWEST = 0.8  # rad in the window, of the longest train
FASTEST = 0.4  # periods per point of the longest train
SEARCHED = 24.0  # delta-BIC that pays for a search over some 1000 pairs of period and place
UNITS = {"drag_coefficient": "", "period": "", "amplitude": "", "offset": ""}
KNOWN = ("shots", "extremum", "expected", "interleaved")
DRIFT = 20.0  # delta-BIC over a random walk


@dataclass(frozen=True, eq=False)
class Trains(Joined):
    """Sweeps of trains as one batch, train by train; labels are numbers of repetitions."""

    @property
    def most(self) -> float:
        """The largest number of repetitions."""
        return float(self.labels.max())

    @property
    def repetitions(self) -> Array:
        """Return those of each train (A,), ascending, in parts of the largest."""
        return self.labels / self.most

    @property
    def alias(self) -> float:
        """Distance of two places that look the same to all trains, in periods of the longest."""
        whole = np.rint(self.labels).astype(np.int64)
        return float(self.most / np.gcd.reduce(whole))

    def law(self, sign: float) -> Law:
        """Return the cosine by p = (rad in the window of the longest train, place)."""
        r = np.repeat(self.repetitions, len(self.axis))
        u = np.tile(self.axis, len(self.repetitions))
        return Law(REPEATED, np.stack([r, u, np.full_like(r, sign)])[None])


def ready(x: tuple[ArrayLike, ArrayLike], y: ArrayLike, sigma: ArrayLike | None) -> Trains:
    """Check x = (repetitions, coefficients) and y (A, B) or (N, A, B)."""
    parts = split(x, y, sigma)
    r = parts.labels
    if len(r) < 2:
        raise TraceError("one train alone: that is a fit of kind drag")
    if (r < 1).any() or (r != np.rint(r)).any():
        raise TraceError("the repetitions must be whole numbers, 1 or more")
    return Trains(**vars(joined(parts, LEAST, "coefficients")))


def drag_repetitions(trains: Trains, known: dict[str, object]) -> Outcome:
    """Fit all trains at once; `extremum` and `expected` as for drag."""
    batch, low = trains.batch, np.full(trains.batch.traces, trains.low)
    sign = _sign(known)
    fit = _fit(trains, sign)
    curve = trains.law(sign).curve(fit.theta)
    nulls = simple_laws(batch)
    evidence = weigh(batch, fit, curve, nulls)
    expected = expectation(known, batch, low, low + trains.length)
    period = 2 * np.pi / fit.p[:, 0] * trains.alias
    shift = period * np.round(((expected - low) / trains.length - fit.p[:, 1]) / period)

    def numbers(theta: Array) -> dict[str, Array]:
        own = 2 * np.pi / theta[..., 0]
        places = theta[..., 1] + shift / period * own * trains.alias
        return {
            "drag_coefficient": trains.low + trains.length * places,
            "period": trains.length * own * trains.most, "amplitude": theta[..., 2] / 2.0,
            "offset": theta[..., 3] + batch.level,
        }  # fmt: skip

    found = derive(numbers, fit.theta, fit.cov * evidence.noise[:, None, None], fit.p.shape[1])
    findings = Findings(batch.traces)
    snr = significance(batch, nulls.flat[0], fit, evidence)
    judge_signal(findings, batch, evidence, snr, LAW, SEARCHED)
    _judge(findings, trains, fit, evidence)
    judge_place(findings, Place(
        found.values["drag_coefficient"], found.stderr["drag_coefficient"],
        period * trains.length, expected, low, low + trains.length,
    ))  # fmt: skip
    judge_stray(findings, evidence, findings.is_open())
    judge_doubt(
        findings,
        evidence,
        "trains that agree on one coefficient",
        CLEAR,
        drift_asked(batch, known, DRIFT, DRIFT),
    )
    findings.accept("all trains agree on one coefficient")
    return Outcome(found, UNITS, curve, evidence.chi2_reduced, findings)


def _sign(known: dict[str, object]) -> float:
    if one_word(known, "extremum", SORTS) == "either":
        raise TraceError('extremum "either" is only for one train; say minimum or maximum')
    return 1.0 if sort_of(known)[0] == 0.0 else -1.0


def _fit(trains: Trains, sign: float) -> Solution:
    batch, fastest = trains.batch, np.pi * (len(trains.axis) - 1)
    places, waves = _grid(trains.repetitions.tobytes(), trains.axis.tobytes(), fastest)
    w2, waves = batch.w**2, sign * waves
    total = w2.sum(axis=1, keepdims=True)
    level = (w2 * batch.y).sum(axis=1, keepdims=True) / total
    square = w2 @ (waves**2) - (w2 @ waves) ** 2 / total
    right = (w2 * (batch.y - level)) @ waves
    seen = square > 1e-6 * total
    gain = np.where(seen & (right > 0), right**2 / np.where(seen, square, 1.0), 0.0)
    start = places[gain.argmax(axis=1)]
    ends = np.array([SLOWEST, -1.0]), np.array([fastest, 2.0])
    return refine(trains.law(sign), batch, start, *ends)


@lru_cache(maxsize=8)
def _grid(repetitions: bytes, coefficient: bytes, fastest: float) -> tuple[Array, Array]:
    """Return candidates (G, 2) of rad in the window and place, and their waves (A B, G)."""
    r, u = np.frombuffer(repetitions), np.frombuffer(coefficient)
    found = []
    speed = SLOWEST
    while speed < fastest:
        reach = min(0.55, np.pi / (speed * r.min()) + 0.05)
        found += [(speed, at) for at in np.arange(0.5 - reach, 0.5 + reach, 1.2 / max(speed, 4.0))]
        speed += max(0.8, 0.1 * speed)
    places = np.array(found)
    turn = places[:, 0] * (r[:, None, None] * (u[:, None] - places[:, 1]))
    return places, np.cos(turn).reshape(-1, len(places)) / 2.0


def _judge(findings: Findings, trains: Trains, fit: Solution, evidence: Evidence) -> None:
    """Object to trains whose minimum is not seen, and to periods as short as a few points."""
    periods = fit.p[:, 0] / (2 * np.pi)
    findings.rejected(
        fit.c[:, 0] <= 0, "model does not fit",
        "only extrema of the other sort lie where all trains agree",
    )  # fmt: skip
    findings.insufficient(
        periods > FASTEST * (len(trains.axis) - 1), "sampling too coarse",
        lambda n: f"{periods[n]:.0f} periods of the longest train lie in "
        f"{len(trains.axis)} points: they may be aliases",
        Advice(window_times=0.3),
    )  # fmt: skip


KINDS: dict[str, Kind] = {
    "drag_repetitions": Kind(ready, drag_repetitions, KNOWN, axes=2, again=series_again)
}
