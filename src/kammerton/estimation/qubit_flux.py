"""The arc of a qubit in a spectroscopy map, frequency x bias."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from kammerton.estimation import flux
from kammerton.estimation.arcfit import LIKE, SAME, Found, Model, faint, find
from kammerton.estimation.derived import Derived, derive
from kammerton.estimation.findings import Findings, percent
from kammerton.estimation.flux import E_C, F_MAX, LOG_PERIOD, SQUARE, TOP, Scale
from kammerton.estimation.kind import Kind, Known
from kammerton.estimation.maps import Maps, over_a_map
from kammerton.estimation.misses import JUMP
from kammerton.estimation.objections import (
    LOOSE,
    SHARE,
    Objection,
    close,
    coarse,
    empty,
    insufficient,
    lost,
    no_line,
    rejected,
    unlike,
)
from kammerton.estimation.outcome import Outcome, per_trace
from kammerton.estimation.ridge import Columns, columns, standing
from kammerton.estimation.tracks import LINE, NARROWEST
from kammerton.model import Advice

Array = NDArray[np.float64]

UNITS = {"frequency": "Hz", "sweet_spot": "V", "period": "V", "asymmetry": "",
         "curvature": "Hz/V^2", "linewidth": "Hz"}  # fmt: skip
KNOWN = ("anharmonicity", "period", "asymmetry")
ASYMMETRIC = 3.5  # sigmas of d^2 from which junctions are said to differ
ARC = "arc of a transmon"
TWIN = 0.6e9  # Hz below the qubit's arc where its two-photon line may run
COARSE_PERIOD = 0.33  # relative error of the period


def qubit_flux_map(maps: Maps, known: Known) -> Outcome:
    """Fit the arc of a transmon to each map; known: anharmonicity, period, asymmetry."""
    scale = Scale.of(maps)
    given = {name: per_trace(known, name, maps) for name in KNOWN}
    pictures = [columns(maps, n) for n in range(maps.traces)]
    models = [
        _model(c, scale, {k: None if v is None else float(v[n]) for k, v in given.items()})
        for n, c in enumerate(pictures)
    ]
    found = [find(c, model) for c, model in zip(pictures, models, strict=True)]
    numbers = _numbers(found, scale, given["asymmetry"])
    findings = Findings(maps.traces)
    for n, (c, each, model) in enumerate(zip(pictures, found, models, strict=True)):
        close(findings, n, _objections(c, each, numbers, n, scale, maps.known_noise, model))
    findings.accept(lambda n: _praise(numbers, n))
    return Outcome(numbers, UNITS, _curve(maps, pictures, found), _chi2(maps, found), findings)


def _model(c: Columns, scale: Scale, known: dict[str, float | None]) -> Model:
    prior = flux.qubit_prior(scale, known["anharmonicity"], known["period"], known["asymmetry"])
    seeker = flux.qubit_seeker(scale, prior)
    return Model(flux.qubit_law(c.b, scale), prior, seeker, LINE, TOP, TWIN / scale.df)


def _numbers(found: list[Found | None], scale: Scale, asymmetry: Array | None) -> Derived:
    size = 6
    theta = np.full((len(found), size), np.nan)
    cov = np.full((len(found), size, size), np.nan)
    for n, each in enumerate(found):
        if each is not None:
            theta[n], cov[n] = each.fit.theta, each.fit.cov
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


def _objections(
    c: Columns,
    found: Found | None,
    numbers: Derived,
    n: int,
    scale: Scale,
    known_noise: bool,
    model: Model,
) -> Iterator[Objection | None]:
    yield empty(c)
    if (found is None or not _holds(found)) and standing(c):
        yield insufficient(
            "range too narrow", "the line does not move over the swept bias",
            Advice(window_times=4.0, axis=1),
        )  # fmt: skip
    if (found is None or found.misses.share < SHARE) and faint(c, model):
        yield insufficient(
            "signal too weak", "an arc shows only when neighbouring biases are averaged",
            Advice(shots_times=5.0),
        )  # fmt: skip
    if found is None:
        yield no_line(c, known_noise, ARC)
        return
    value, error = ({k: float(v[n]) for k, v in each.items()}
                    for each in (numbers.values, numbers.stderr))  # fmt: skip
    yield _two_halves(found)
    yield lost(c, found.misses, known_noise, ARC)
    yield _second(found, scale)
    yield _jumped(found)
    yield unlike(found.misses, c.step / found.fit.width, found.elsewhere, ARC)
    yield coarse(found.fit.width, c.step, NARROWEST, value["frequency"])
    yield from _placed(found, value, error, scale)


def _holds(found: Found) -> bool:
    held = found.misses
    bend = np.ptp(found.fit.positions[0][held.kept]) if held.kept.any() else 0.0
    return bool(held.share > 0.6 and held.scatter < 2 * LOOSE and bend > found.fit.width)


def _two_halves(found: Found) -> Objection | None:
    if not found.halves:
        return None
    return rejected(
        "drift during scan", "both halves of the scan show an arc, but at different biases"
    )


def _jumped(found: Found) -> Objection | None:
    if found.jump[0] < JUMP:
        return None
    return rejected(
        "drift during scan",
        f"the sweet spot moves during the scan, near point {found.jump[1] + 1} of the bias",
    )


def _second(found: Found, scale: Scale) -> Objection | None:
    bright, theta = found.other
    if bright < LIKE:
        return None
    lower = (found.fit.theta[F_MAX] - theta[F_MAX]) * scale.df
    same = abs(found.fit.theta[TOP] - theta[TOP]) < SAME
    if same and 0 < lower < TWIN:
        return None  # the two-photon line of 0-2 runs below, by half of the anharmonicity
    return rejected(
        "two arcs", "two arcs of like strength run through the map: which is the qubit?"
    )


def _placed(
    found: Found, value: dict[str, float], error: dict[str, float], scale: Scale
) -> Iterator[Objection | None]:
    fit = found.fit
    top, period = fit.theta[TOP], value["period"] / scale.db
    nearest = top + period * np.round((0.5 - top) / period)
    spot = scale.b0 + float(np.clip(nearest, -1.5, 2.5)) * scale.db
    valley = top + period * (np.round((0.5 - top) / period - 0.5) + 0.5)
    shows = found.misses.kept.nonzero()[0]
    seen = shows[[0, -1]] / (len(found.misses.kept) - 1)
    if not seen[0] < nearest < seen[1]:
        if seen[0] < valley < seen[1]:
            yield insufficient(
                "wrong branch", "the map shows the minimum of the arc, not its sweet spot",
                Advice(centre_on=spot, axis=1),
            )  # fmt: skip
        if not 0 <= nearest <= 1:
            yield insufficient(
                "range too narrow", "the sweet spot lies outside the swept bias",
                Advice(window_times=1.5, centre_on=spot, axis=1),
            )  # fmt: skip
    if not 0.0 <= fit.theta[F_MAX] <= 1.0:
        yield insufficient(
            "line at the edge", "the top of the arc lies outside the swept frequencies",
            Advice(centre_on=value["frequency"], axis=0),
        )  # fmt: skip
    yield _precise(value, error, scale)


def _precise(value: dict[str, float], error: dict[str, float], scale: Scale) -> Objection | None:
    wider = Advice(window_times=2.0, centre_on=value["sweet_spot"], axis=1)
    if not error["period"] < COARSE_PERIOD * value["period"]:
        return insufficient(
            "range too narrow", "the period is known only to "
            f"{percent(value['period'], error['period'])}: the arc hardly bends", wider,
        )  # fmt: skip
    if not error["sweet_spot"] < 0.1 * scale.db:
        return insufficient(
            "range too narrow", "the sweet spot is known only to "
            f"{100 * error['sweet_spot'] / scale.db:.0f} % of the window", wider,
        )  # fmt: skip
    return None


def _praise(numbers: Derived, n: int) -> str:
    if np.isnan(numbers.values["asymmetry"][n]):
        return "a clear arc; equal junctions cannot be told from unequal ones"
    return "a clear arc"


def _curve(
    maps: Maps, pictures: list[Columns], found: list[Found | None]
) -> NDArray[np.float64] | NDArray[np.complex128]:
    curve = np.full(maps.y.shape, np.nan, dtype=maps.y.dtype)
    for n, each in enumerate(found):
        if each is not None:
            curve[n] = each.fit.pull.model.T
    return curve


def _chi2(maps: Maps, found: list[Found | None]) -> Array:
    if not maps.known_noise:
        return np.full(maps.traces, np.nan)
    return np.array([np.nan if each is None else each.misses.chi2_reduced for each in found])


KINDS: dict[str, Kind] = {
    "qubit_flux_map": over_a_map(qubit_flux_map, ("frequency", "bias"), (8, 8), known=KNOWN)
}
