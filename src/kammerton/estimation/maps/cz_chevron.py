"""The chevron of a CZ gate as a kind of fit: map amplitude x length."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from kammerton.estimation.maps.chevron import (
    AT,
    BEND,
    GAP,
    LATE,
    RATE,
    SLOPE,
    Descent,
    Exchange,
    Image,
    descend,
    finished,
    refine,
)
from kammerton.estimation.maps.chevron_objections import Found, objections
from kammerton.estimation.maps.chevron_rest import Rest
from kammerton.estimation.maps.chevron_seeds import SEEN, rows, starts
from kammerton.estimation.maps.compressed import compression, perhaps_compressed
from kammerton.estimation.maps.faults import without_faults
from kammerton.estimation.maps.fitted import chi_squares
from kammerton.estimation.maps.leftover import alike, excess
from kammerton.estimation.maps.maps import Maps, over_a_map, scatter, weighed_again
from kammerton.estimation.numeric.derived import Derived, derive
from kammerton.estimation.verdict.findings import Findings
from kammerton.estimation.verdict.kind import Kind, Known
from kammerton.estimation.verdict.objection import close
from kammerton.estimation.verdict.outcome import Outcome

Array = NDArray[np.float64]

UNITS = {"coupling": "Hz", "amplitude": "V", "cz_length": "s", "slope": "Hz/V", "visibility": "",
         "leakage": ""}  # fmt: skip
STRAY = 7.0  # sigmas from which a single point is stray
CHANCE = 2.0  # sigmas of chi-square from which a chevron may be a fringe off
ROUGH = 6.0  # times the typical chi-square from which an amplitude is set aside
WIDEST_RATE, WIDEST_LATE = 5.0, 0.5  # spread of damping and delay, in windows


def cz_chevron(maps: Maps, known: Known) -> Outcome:
    """Fit the exchange between two levels to each map."""
    told, (maps, faults) = maps, without_faults(maps)
    del known
    images = [_image(maps, n) for n in range(maps.traces)]
    found = [None if hopeless else _find(image, maps)
             for image, hopeless in zip(images, faults.hopeless, strict=True)]  # fmt: skip
    which, weighed = weighed_again(told, maps, _curve(maps, found))
    for n in which.tolist():
        images[n] = _image(weighed, n)
        found[n] = _find(images[n], maps)
    numbers = _numbers(found, maps)
    findings = Findings(maps.traces)
    faults.judge(findings)
    for n, (image, each) in enumerate(zip(images, found, strict=True)):
        close(findings, n, objections(image, each, numbers, n, maps))
    findings.accept("a clear chevron")
    return Outcome(numbers, UNITS, _curve(maps, found), chi_squares(maps, found), findings)


def _curve(maps: Maps, found: list[Found | None]) -> Array:
    curve = np.full(maps.y.shape, np.nan)
    for n, each in enumerate(found):
        if each is not None:
            curve[n] = each.fit.curve
    return curve


def _image(maps: Maps, n: int) -> Image:
    a, t = maps.places
    y, w = maps.y[n], maps.w[n]
    if not maps.known_noise:
        w = w / (max(scatter(y), 1e-9 * float(np.nanmax(np.abs(y)))) or 1.0)
    return Image(a[:, None], t[None, :], np.where(w > 0, np.nan_to_num(y), 0.0), w)


def _prior(maps: Maps) -> tuple[Array, Array]:
    t = maps.axes[1]
    mean, sure = np.zeros(6), np.zeros(6)
    mean[LATE], sure[LATE] = -t[0] / np.ptp(t), 1.0 / WIDEST_LATE
    sure[RATE] = 1.0 / WIDEST_RATE
    return mean, sure


def _find(image: Image, maps: Maps) -> Found | None:
    prior = _prior(maps)
    tried = starts(image)
    if not tried:
        return None
    fit = _best(image, tried, prior)
    cleared = _cleared(image, fit)
    if cleared is not None:
        image = cleared
        fit = refine(image, fit.theta, prior)
    return _held(image, fit)


def _best(image: Image, tried: list[Array], prior: tuple[Array, Array]) -> Exchange:
    """Return the best of several roads; a first one that leaves what noise usually does will do.

    A detuning that bends can be right on one side of the resonance and mirrored on the other, which
    noise may hide: so the best is tried once more from one that does not bend. What leaves more
    than noise may be a fringe off.
    """
    points = int((image.w > 0).sum())
    fits: list[Descent] = []
    for start, road in ((start, road) for start in tried for road in (_grown, descend)):
        fits.append(road(image, start, prior))
        if fits[-1].cost < points + np.sqrt(2.0 * points):
            break
    best = min(fits, key=lambda each: each.cost)
    for gone in ([BEND], [BEND, LATE]):
        best = _better(image, best, prior, gone, 0.0)
    for fringes in (1.0, -1.0):
        if best.cost > points + CHANCE * np.sqrt(2.0 * points):
            best = _better(image, best, prior, [], fringes)
    return finished(image, prior, best)


def _better(
    image: Image, best: Descent, prior: tuple[Array, Array], gone: list[int], fringes: float
) -> Descent:
    """Return the better of a fit and one from beside it: without something, or some fringes off."""
    start = best.theta.copy()
    start[gone] = 0.0
    start[LATE] += fringes / start[GAP]
    return min(best, descend(image, start, prior), key=lambda each: each.cost)


def _grown(image: Image, start: Array, prior: tuple[Array, Array]) -> Descent:
    """Fit short pulses first, then longer ones: so no fringe is taken for its neighbour."""
    theta, t = start, image.t[0]
    reach = 2.0 / max(start[GAP], 0.5)
    while reach < 0.9:
        part = slice(0, max(6, int(np.searchsorted(t, reach))))
        theta = descend(Image(image.a, image.t[:, part], image.y[:, part], image.w[:, part]),
                        theta, prior).theta  # fmt: skip
        reach *= 2.0
    return descend(image, theta, prior)


def _cleared(image: Image, fit: Exchange) -> Image | None:
    """Set single stray points and amplitudes of another law aside; None where there are none."""
    off = np.abs(image.y - fit.curve) * image.w
    stray = off > max(STRAY, 0.5 * abs(fit.c[0]) * float(np.median(image.w[image.w > 0])))
    each = np.where(stray, 0.0, off**2).sum(axis=1) / np.maximum((image.w > 0).sum(axis=1), 1)
    rough = each > ROUGH * max(1.0, float(np.median(each)))
    if stray.mean() > 0.05 or rough.mean() > 0.25 or not (stray.any() or rough.any()):
        return None
    return replace(image, w=np.where(stray | rough[:, None], 0.0, image.w))


def _held(image: Image, fit: Exchange) -> Found:
    there = image.w > 0
    left = (image.y - fit.curve) * image.w
    freedom = max(1, int(there.sum()) - 8)
    reduced = float((left**2).sum()) / freedom
    power = max(float((left**2).sum()), 1e-300)
    related = (float((left[1:] * left[:-1]).sum()) / power,
               float((left[:, 1:] * left[:, :-1]).sum()) / power)  # fmt: skip
    data, model = _mixed(image.y, there), _mixed(fit.curve, there)
    w2 = image.w**2
    gain = float((w2 * (data**2 - (data - model) ** 2)).sum())
    seen = int((rows(image)[1] > SEEN).sum())
    wide = excess(reduced, freedom) * alike(left)
    rest = Rest(image, fit)
    squeezed = compression(rest)
    fit = perhaps_compressed(replace(fit, cov=fit.cov * wide), squeezed)
    return Found(fit, gain, seen, reduced, related, image, rest, squeezed)


def _mixed(y: Array, there: NDArray[np.bool_]) -> Array:
    """Return what is neither the mean of its row nor that of its column."""
    values = np.where(there, y, 0.0)
    for axis in (1, 0, 1, 0):
        count = np.maximum(there.sum(axis=axis, keepdims=True), 1)
        values = np.where(there, values - values.sum(axis=axis, keepdims=True) / count, 0.0)
    return values


def _numbers(found: list[Found | None], maps: Maps) -> Derived:
    theta, cov = np.full((len(found), 8), np.nan), np.full((len(found), 8, 8), np.nan)
    for n, each in enumerate(found):
        if each is not None:
            theta[n], cov[n] = np.concatenate([each.fit.theta, each.fit.c]), each.fit.cov
    (a0, da), (t0, dt) = ((float(axis[0]), float(np.ptp(axis))) for axis in maps.axes)

    def formulas(p: Array) -> dict[str, Array]:
        return {
            "coupling": 0.5 * p[..., GAP] / dt, "amplitude": a0 + p[..., AT] * da,
            "cz_length": t0 + (p[..., LATE] + 1.0 / p[..., GAP]) * dt,
            "slope": np.abs(p[..., SLOPE]) / (dt * da), "visibility": np.abs(p[..., 6]),
            "leakage": 0.5 * (1.0 - np.exp(-p[..., RATE] / p[..., GAP])),
        }  # fmt: skip

    return derive(formulas, theta, cov)


KINDS: dict[str, Kind] = {
    "cz_chevron": over_a_map(
        cz_chevron, ("amplitude", "length"), (8, 8), complex_too=False, known=("shots",)
    )
}
