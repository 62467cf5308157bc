"""The arc of a qubit in a spectroscopy map, frequency x bias."""

from __future__ import annotations

from dataclasses import replace
from functools import cache, partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kammerton.estimation.maps import flux
from kammerton.estimation.maps.arc import Found, Model, last
from kammerton.estimation.maps.arcfit import find
from kammerton.estimation.maps.faults import without_faults
from kammerton.estimation.maps.fitted import chi_squares, stacked
from kammerton.estimation.maps.flux import E_C, F_MAX, LOG_PERIOD, SQUARE, TOP, Scale
from kammerton.estimation.maps.maps import Maps, over_a_map, weighed_again
from kammerton.estimation.maps.other_period import name_other_periods
from kammerton.estimation.maps.periods import Periods
from kammerton.estimation.maps.ridge import Columns, columns
from kammerton.estimation.maps.sweet_spot import objections, plainer, plainly
from kammerton.estimation.maps.tracks import LINE
from kammerton.estimation.numeric.derived import Derived, derive
from kammerton.estimation.verdict.findings import Findings
from kammerton.estimation.verdict.kind import Kind, Known
from kammerton.estimation.verdict.objection import close
from kammerton.estimation.verdict.outcome import Outcome, per_trace

Array = NDArray[np.float64]

UNITS = {"frequency": "Hz", "sweet_spot": "V", "period": "V", "asymmetry": "",
         "curvature": "Hz/V^2", "linewidth": "Hz"}  # fmt: skip
KNOWN = ("anharmonicity", "period", "asymmetry")
ASYMMETRIC = 3.5  # sigmas of d^2 from which junctions are said to differ
ARC = "arc of a transmon"
NEGATIVE = 0.1  # of d^2, below 0: a period known to 6 % is no fault
LOWEST_SQUARE = -0.3  # of d^2 where the period is free: two spreads of what is usual
TWIN = 0.6e9  # Hz below the qubit's arc where its two-photon line may run


def qubit_flux_map(maps: Maps, known: Known) -> Outcome:
    """Fit the arc of a transmon to each map; known: anharmonicity, period, asymmetry."""
    weighed, outcome = _fitted(maps, known)
    name_other_periods(weighed, known, outcome, lambda *one: _fitted(*one)[1])
    return outcome


def _fitted(told: Maps, known: Known) -> tuple[Maps, Outcome]:
    """Return what was fitted, and the maps as they were weighed."""
    maps, faults = without_faults(told)
    scale = Scale.of(maps)
    given = {name: per_trace(known, name, maps) for name in KNOWN}
    pictures = [columns(maps, n) for n in range(maps.traces)]
    models = [
        _model(c, scale, {k: None if v is None else float(v[n]) for k, v in given.items()})
        for n, c in enumerate(pictures)
    ]
    found = [
        None if hopeless else last(c, find(c, model), model)
        for c, model, hopeless in zip(pictures, models, faults.hopeless, strict=True)
    ]
    which, weighed = weighed_again(told, maps, _curve(maps, found))
    for n in which.tolist():
        pictures[n] = columns(weighed, n)
        found[n] = last(pictures[n], find(pictures[n], models[n], found[n]), models[n])
    numbers = _numbers(found, scale, given["asymmetry"])
    findings = Findings(maps.traces)
    faults.judge(findings)
    for n, (c, each, model) in enumerate(zip(pictures, found, models, strict=True)):
        plain = cache(partial(plainly, c, c, model))
        against = objections(c, each, numbers, n, scale, maps.known_noise, model, ARC, plain)
        close(findings, n, plainer(plain, against))
    _judge_period(findings, found, given["period"])
    findings.accept(lambda n: _praise(numbers, n))
    outcome = Outcome(numbers, UNITS, _curve(maps, found), chi_squares(maps, found), findings)
    return replace(told, w=weighed.w, told=None), outcome


def _model(c: Columns, scale: Scale, known: dict[str, float | None]) -> Model:
    prior = flux.qubit_prior(scale, known["anharmonicity"], known["period"], known["asymmetry"])
    seeker = flux.qubit_seeker(scale, prior)
    law, twin = flux.qubit_law(c.b, scale), TWIN / scale.df
    periods = None if known["period"] is not None else Periods(flux.with_period, LOG_PERIOD, _can)
    return Model(law, prior, seeker, LINE, TOP, twin, periods=periods)


def _can(theta: Array) -> bool:
    return bool(theta[SQUARE] > LOWEST_SQUARE)


def _numbers(found: list[Found | None], scale: Scale, asymmetry: Array | None) -> Derived:
    theta, cov = stacked(found, 6)
    known = np.full(len(found), np.nan) if asymmetry is None else asymmetry
    square, error = theta[:, SQUARE], np.sqrt(cov[:, SQUARE, SQUARE])
    told = (square > ASYMMETRIC * error) & (error < 0.5 * flux.USUAL_SQUARE)

    def formulas(t: Array) -> dict[str, Array]:
        period = np.exp(np.clip(t[..., LOG_PERIOD], -3.0, 7.0)) * scale.db
        f_max = scale.f0 + t[..., F_MAX] * scale.df
        high = f_max + t[..., E_C] * scale.df
        return {
            "frequency": f_max, "sweet_spot": scale.b0 + t[..., TOP] * scale.db,
            "period": period,
            "asymmetry": np.where(told, np.sqrt(np.maximum(t[..., SQUARE], 0.0)), known),
            "curvature": -0.5 * high * (1.0 - t[..., SQUARE]) * (np.pi / period) ** 2,
            "linewidth": t[..., 5] * scale.df,
        }  # fmt: skip

    return derive(formulas, theta, cov)


def _judge_period(findings: Findings, found: list[Found | None], period: Array | None) -> None:
    """Object to a period, given for known, with which no junctions make such an arc."""
    if period is None:
        return
    theta, cov = stacked(found, 6)
    square, error = theta[:, SQUARE], np.sqrt(np.maximum(cov[:, SQUARE, SQUARE], 0.0))
    findings.rejected(
        square < -NEGATIVE - 5.0 * error, "model does not fit",
        lambda n: f"with the period that is said to be known, {period[n]:.4g}, the square of the "
        f"asymmetry would be {square[n]:.2f} ± {error[n]:.1g}, and none is below 0",
    )  # fmt: skip


def _praise(numbers: Derived, n: int) -> str:
    if np.isnan(numbers.values["asymmetry"][n]):
        return "a clear arc; equal junctions cannot be told from unequal ones"
    return "a clear arc"


def _curve(maps: Maps, found: list[Found | None]) -> NDArray[Any]:
    curve = np.full(maps.y.shape, np.nan, dtype=maps.y.dtype)
    for n, each in enumerate(found):
        if each is not None:
            curve[n] = each.image.T
    return curve


KINDS: dict[str, Kind] = {
    "qubit_flux_map": over_a_map(
        qubit_flux_map, ("frequency", "bias"), (8, 8), known=("shots", *KNOWN)
    )
}
