"""Resonator spectroscopy: one resonance over a background, seen as a notch, a dip or a peak.

Complex: S = exp(-2 pi i tau f) (b + a / (1 + 2i (f - f0)/kappa)). A notch has a/b = -Q_l/Q_c with
a complex Q_c whose real part of the inverse counts (diameter correction, Khalil et al. 2012,
Probst et al. 2015); in reflection the ratio is twice that; in transmission a dominates b.
Magnitudes: |S|^2 is linear in three columns, 1, 1/(1+u^2) and u/(1+u^2), for any a/b.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from kammerton.estimation.numeric.derived import Derived
from kammerton.estimation.numeric.prepare import Batch
from kammerton.estimation.numeric.solver import Solution
from kammerton.estimation.resonances.beside import name_another
from kammerton.estimation.resonances.compression import compressed
from kammerton.estimation.resonances.flattened import flattened
from kammerton.estimation.resonances.magnitude import fit_sizes, ratio_of_power, squares
from kammerton.estimation.resonances.nulls import BARE
from kammerton.estimation.resonances.plane import DEGREES, fit_plane
from kammerton.estimation.resonances.ripple import rippled
from kammerton.estimation.resonances.sloping import over_a_slope
from kammerton.estimation.verdict.evidence import Evidence, Mask, propagate, weigh
from kammerton.estimation.verdict.findings import (
    OUTSIDE,
    Findings,
    drift_asked,
    judge_doubt,
    judge_line,
    judge_signal,
)
from kammerton.estimation.verdict.kind import Kind, Known, sweep
from kammerton.estimation.verdict.nulls import Nulls, simple_laws
from kammerton.estimation.verdict.outcome import Outcome, one_word, significance
from kammerton.estimation.verdict.place import PLACE, judge_place
from kammerton.estimation.verdict.rail import judge_rails

Array = NDArray[np.float64]
Complex = NDArray[np.complex128]

SEARCHED, SEARCHED_PLANE = 16.0, 30.0  # delta-BIC that pays for the search
DRIFT = 36.0  # delta-BIC over a random walk
GEOMETRIES = ("notch", "reflection", "transmission")
WIDEST, WIDEST_PLANE = 0.8, 0.6  # windows, that a line may be wide; in the plane drift bends too
PEAK = 3.0  # |a/b| beyond which the resonance is seen in transmission
SEEN_AS = {1.0: " (notch)", 0.5: " (reflection)"}
LOSSLESS = "; its coupling is all of the loss that is seen, so that there is no q_internal"
DEEPEST = 1.1  # Re(-a/b) beyond which a notch is impossible, and it is a reflection
LARGER, SURELY = 0.25, 5.0  # part, and errors, by which a circle is too large for its geometry
CLEARLY = 5.0  # errors, by which there is an internal loss, or its inverse is any
FAR = 5.0  # times the whole loss, which no error of a clear line explains
TRANSMISSION = "a transmission?"
COMPRESSED = "the resonance is compressed where it is strongest: the amplifier saturates"
FLATTENED = ("the resonance is flatter where it is strongest than the law: an amplifier saturates, "
             "or the frequency jitters while it is measured")  # fmt: skip
RIPPLE = ("what the resonance leaves swings beyond its line, too, as a ripple of the cable does: "
          "mend the cable, or take a narrower window")  # fmt: skip
OR_RIPPLE = "; or the cable has a ripple, which this window is too narrow to tell"
TELLING = 0.25  # linewidth, in windows, up to which a ripple is told by what lies beyond the line
QUALITIES = ("q_loaded", "q_internal", "q_coupling")
DETUNED = "; x reaches zero and is no absolute frequency, so that there are no quality factors"
UNITS = {"frequency": "Hz", "linewidth": "Hz", "q_loaded": "", "q_internal": "", "q_coupling": ""}


def resonator_spectroscopy(batch: Batch, known: dict[str, object]) -> Outcome:
    """Fit a resonance; `geometry` may be known ("notch", "reflection" or "transmission").

    And where it is `expected` (Hz), `within` one sigma of that. A geometry that is not known is
    taken from the depth, and named in the reason: an undercoupled reflection looks exactly like a
    notch, and is then taken for one: its internal and coupling Q are wrong.
    """
    geometry = one_word(known, "geometry", GEOMETRIES)
    return (_complex if batch.parts == 2 else _magnitude)(batch, geometry, known)


def _complex(batch: Batch, geometry: object, known: Known) -> Outcome:
    plane = fit_plane(batch)
    turned, fit = plane.turned, plane.fit
    curve, free = fit.curve(turned), over_a_slope(plane)
    share = _geometry(_ratio(free.theta), geometry)
    zero, span = batch.column(batch.zero), batch.column(batch.span)
    nulls = plane.nulls()
    evidence = weigh(turned, fit, curve, nulls)
    numbers = propagate(
        lambda p: _qualities(p[..., 0], p[..., 1], share * _ratio(p).real, zero, span), free,
        evidence,
    )  # fmt: skip
    found = _judged(
        turned, share, fit, free.curve(turned), nulls, evidence, numbers, known,
        lambda among: compressed(turned, fit, among),
    )  # fmt: skip
    found.curve[:, batch.points :] *= plane.sign[:, None]
    return found


def _ratio(theta: Array) -> Complex:
    """Return -a/b, with the background b taken at the resonance."""
    away = (theta[..., :1] - 0.5) ** np.arange(1, DEGREES + 1)
    real = theta[..., 3] + (theta[..., 7::2] * away).sum(axis=-1)
    imag = theta[..., 4] + (theta[..., 8::2] * away).sum(axis=-1)
    a, b = theta[..., 5] + 1j * theta[..., 6], real + 1j * imag
    return np.asarray(-a / np.where(b == 0, 1e-300, b), dtype=np.complex128)


def _geometry(ratio: Complex, known: object) -> Array:
    """Return kappa_c/kappa in parts of Re(-a/b): 1 notch, 1/2 reflection, NaN transmission."""
    if known is not None:
        factor = {"notch": 1.0, "reflection": 0.5, "transmission": np.nan}[str(known)]
        return np.full(len(ratio), factor)
    seen = np.where(ratio.real <= DEEPEST, 1.0, 0.5)
    there = (ratio.real > 0) & (np.abs(ratio) < PEAK)
    return np.where(there, seen, np.nan)


def _qualities(
    centre: Array, width: Array, share: Array, zero: Array, span: Array
) -> dict[str, Array]:
    """Frequency, width and quality factors; share is kappa_c / kappa.

    Of an axis that reaches zero, which is a detuning, the factors are in proportion only: they
    tell the parts of the loss, and are dropped once these are judged.
    """
    frequency, linewidth = zero + centre * span, width * span
    with np.errstate(divide="ignore", invalid="ignore"):
        loaded = np.where(zero > 0, frequency, span) / linewidth
        coupling, internal = loaded / share, loaded / (1.0 - share)
    return {
        "frequency": frequency, "linewidth": linewidth, "q_loaded": loaded,
        "q_internal": np.where(internal > 0, internal, np.nan),
        "q_coupling": np.where(coupling > 0, coupling, np.nan),
    }  # fmt: skip


def _magnitude(batch: Batch, geometry: object, known: Known) -> Outcome:
    """Fit |S|^2; a real trace that also falls below zero is a quadrature and is fitted as it is."""
    sizes, free = fit_sizes(batch)
    fit, told = sizes.fit, sizes.told
    zero, span = batch.column(batch.zero), batch.column(batch.span)
    share = _geometry(ratio_of_power(free.fit.theta, free.level).astype(np.complex128), geometry)
    share = np.where(told if geometry != "reflection" else False, share, np.nan)  # two answers

    def derive(theta: Array) -> dict[str, Array]:
        ratio = ratio_of_power(theta, free.level)
        return _qualities(theta[..., 0], 2 * theta[..., 1], share * ratio, zero, span)

    seen = squares(batch, sizes)
    nulls = simple_laws(seen).over_a_slope().least(simple_laws(batch).over_a_slope())
    curve, sloped = (
        np.where(batch.constant[:, None], batch.y, each.size - batch.level[:, None])
        for each in (sizes, free)
    )
    evidence = _stricter(
        weigh(seen, fit, sizes.power - seen.level[:, None], nulls), weigh(batch, fit, curve, nulls)
    )
    return _judged(
        batch, share, fit, sloped, nulls, evidence, propagate(derive, free.fit, evidence), known,
        lambda among: flattened(batch, fit, sizes.size, among & told),
    )  # fmt: skip


def _stricter(squares: Evidence, sizes: Evidence) -> Evidence:
    """Return the evidence of squares, but as strict about what the law leaves as that of sizes.

    What the law leaves is measured against the curve's extent in sigmas. Of squares that come near
    zero it is without bound, and of a deep dip it is half of that of sizes.
    """
    return replace(
        squares, misfit=squares.misfit | sizes.misfit,
        gain_walk=np.minimum(squares.gain_walk, sizes.gain_walk),
    )  # fmt: skip


def _judged(
    batch: Batch, share: Array, fit: Solution, curve: Array, nulls: Nulls, evidence: Evidence,
    found: Derived, known: Known, bent: Callable[[Mask], Mask],
) -> Outcome:  # fmt: skip
    findings = Findings(batch.traces)
    snr = significance(batch, nulls.flat[0], fit, evidence)
    law = "a resonance over a smooth background"
    searched = SEARCHED_PLANE if batch.parts == 2 else SEARCHED
    if batch.parts == 2:
        judge_rails(findings, batch)
    nothing = BARE if batch.parts == 2 else BARE.replace("a cable's delay and ", "")
    judge_signal(findings, batch, evidence, snr, law, searched, OUTSIDE, nothing)
    why = COMPRESSED if batch.parts == 2 else FLATTENED
    flat = bent(findings.is_open())
    findings.rejected(rippled(batch, fit.residual, found, flat), "model does not fit", RIPPLE)
    narrow = found.values["linewidth"] > TELLING * batch.window
    findings.rejected(flat, "saturated", lambda n: why + (OR_RIPPLE if narrow[n] else ""))
    judge_line(findings, batch, found, WIDEST_PLANE if batch.parts == 2 else WIDEST)
    judge_place(findings, batch, batch.window, found, known)
    detuned = batch.column(batch.zero) <= 0
    _judge_circle(findings, found, detuned)
    judge_doubt(findings, evidence, law, searched, drift_asked(batch, known, DRIFT))
    name_another(findings, batch, fit, curve, evidence, law)
    found = _with_clear_losses(found)
    lossless = np.isfinite(share) & np.isnan(found.values["q_internal"]) & ~detuned
    for name in QUALITIES:
        found = _without(found, name, detuned)
    findings.accept(
        lambda n: (
            f"a clear resonance{SEEN_AS.get(share[n], '')}"
            + (LOSSLESS if lossless[n] else DETUNED if detuned[n] else "")
        )
    )
    return Outcome(found, UNITS, curve, evidence.chi2_reduced, findings)


def _with_clear_losses(found: Derived) -> Derived:
    """Return the numbers without a q_internal whose loss is hardly seen.

    Errors are about even in the loss, so that those of its inverse are as lopsided as the loss is
    faint; and those that would be below zero are not there to even it out.
    """
    value, error = found.values["q_internal"], found.stderr["q_internal"]
    with np.errstate(invalid="ignore"):
        return _without(found, "q_internal", ~(value > CLEARLY * error))


def _without(found: Derived, name: str, gone: Mask) -> Derived:
    """Return the numbers without one of them in the fits `gone` (N,)."""
    if not gone.any():
        return found
    place = list(found.values).index(name)
    correlation = found.correlation.copy()
    correlation[gone, place], correlation[gone, :, place] = np.nan, np.nan
    values, stderr = (
        {**column, name: np.where(gone, np.nan, column[name])}
        for column in (found.values, found.stderr)
    )
    return Derived(values, stderr, correlation)


def _judge_circle(findings: Findings, found: Derived, detuned: Mask) -> None:
    """Object to a geometry in which a part of the loss would be more than the whole.

    A background that leaks in by another way may enlarge the circle (Rieger et al.,
    arXiv:2209.03036), but a reflection that is called a notch is too large by far; and one that
    points away from the origin, as in transmission, is none of either.
    """
    loaded, coupling = found.values["q_loaded"], found.values["q_coupling"]

    def small(name: str, n: int) -> str:
        if detuned[n]:
            return f"the loss that {name} tells would be more than the whole: "
        return f"{name} would be {found.values[name][n]:.0f}, below q_loaded, {loaded[n]:.0f}: "

    findings.rejected(
        _below_loaded(found, "q_coupling"), "model does not fit",
        lambda n: small("q_coupling", n) + "the circle is too large for this geometry; is it "
        + ("a reflection?" if loaded[n] < FAR * coupling[n] else TRANSMISSION),
    )  # fmt: skip
    findings.rejected(
        _below_loaded(found, "q_internal"), "model does not fit",
        lambda n: small("q_internal", n) + "the line is a peak, as none is in this geometry; is "
        "it " + TRANSMISSION,
    )  # fmt: skip


def _below_loaded(found: Derived, name: str) -> Mask:
    """Return where a quality factor is surely below the loaded one (N,)."""
    loaded, part = found.values["q_loaded"], found.values[name]
    with np.errstate(invalid="ignore", divide="ignore"):
        more = loaded / part - 1.0
        error = np.hypot(found.stderr["q_loaded"] / loaded, found.stderr[name] / part)
        sure = np.fmin(SURELY * error * (1.0 + more), FAR)
        return np.asarray(more > np.maximum(LARGER, sure))


KINDS: dict[str, Kind] = {
    "resonator_spectroscopy": sweep(
        resonator_spectroscopy, 8, complex_too=True, known=("geometry", *PLACE)
    )
}
