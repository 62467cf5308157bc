"""Qubit spectroscopy: a line, and the two-photon line of 0-2 where there is one."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from kammerton.estimation.curves.broad import of_any_shape
from kammerton.estimation.curves.doublet import ALONE, Pairs, best_of, main_of, two_lines
from kammerton.estimation.curves.left_over import flattened
from kammerton.estimation.curves.other_widths import of_any_width
from kammerton.estimation.curves.several import MOST, Several, several_lines
from kammerton.estimation.curves.shapes import LORENTZIAN, bounds, half_each, pure, shaped
from kammerton.estimation.curves.standing import judge_standing
from kammerton.estimation.curves.telegraph import over_a_box
from kammerton.estimation.numeric import kernels
from kammerton.estimation.numeric.derived import Derived, Formulas
from kammerton.estimation.numeric.prepare import Batch
from kammerton.estimation.numeric.reweighing import may_weigh, weighed_again
from kammerton.estimation.numeric.seeds import search
from kammerton.estimation.numeric.solver import Solution, replaced, solve
from kammerton.estimation.verdict.evidence import (
    Evidence,
    Mask,
    propagate,
    structured,
    weigh,
)
from kammerton.estimation.verdict.findings import (
    OUTSIDE,
    Findings,
    drift_asked,
    judge_doubt,
    judge_line,
    judge_signal,
)
from kammerton.estimation.verdict.kind import Kind, Known, known_of_some, sweep
from kammerton.estimation.verdict.nulls import Nulls, simple_laws
from kammerton.estimation.verdict.outcome import Outcome, significance
from kammerton.estimation.verdict.place import PLACE, expectation, judge_place
from kammerton.model import Advice

Array = NDArray[np.float64]

DRIFT = 30.0  # delta-BIC over a random walk
SEEN = 24.0  # delta-BIC over a sloping background; three points of noise gain 21 now and then
BOX, UNLIKE_BOX = -8.0, -4.0  # delta-BIC over two jumps: defects are rarer than lines
PAIR_UNLIKE_BOX = 12.0  # that of two lines: a doublet is rarer than a defect
OTHERS = tuple(f"frequency_{k}" for k in range(2, MOST + 1))
UNITS = {
    "frequency": "Hz", "linewidth": "Hz", "frequency_gf_half": "Hz", "lines": "",
    **dict.fromkeys(OTHERS, "Hz"),
}  # fmt: skip
COMPRESSED = "the line is flattened where it is strongest: by an amplifier, or by a short pulse"
ALARM = 4.0  # sigmas of correlated residuals that ask for further lines
WIDE, MIDDLE = 0.15, (0.5, 0.25)  # half width that a slope may feign, and where to start again
OUTER = 0.49  # windows from the middle where a slope may feign a line, too


@dataclass(frozen=True, eq=False)
class _Lines:
    """One line of each trace (N), two where they are, and several of the crowded ones (B,)."""

    fit: Solution
    pairs: Pairs
    crowded: NDArray[np.intp]
    several: Several | None

    @property
    def more(self) -> NDArray[np.intp]:
        """Return the traces of three lines or more."""
        return self.crowded[:0] if self.several is None else self.crowded[self.several.count > 2]

    def curve(self, batch: Batch) -> Array:
        """Return the fitted y (N, M)."""
        curve, which = self.fit.curve(batch), self.pairs.which
        if len(which):
            curve[which] = self.pairs.fit.curve(batch.take(which))
        if self.several is not None:
            curve[self.more] = self.several.curve[self.several.count > 2]
        return curve


def qubit_spectroscopy(batch: Batch, known: Known) -> Outcome:
    """Fit a mixture of a Lorentzian and a Gaussian of the same width; more lines where they are.

    Complex y is projected on its direction of largest change. `expected` is where the line is
    believed to be, `within` one sigma of that. Traces that their lines weigh anew are fitted
    again before they are judged.
    """
    if batch.parts == 2:
        return _projected(batch, known)
    lines = _found(batch)
    again = weighed_again(batch, lines.curve(batch)) if may_weigh(batch) else None
    if again is None:
        return _judged(batch, lines, known)
    which, part = again
    anew = _judged(part, _found(part), known_of_some(known, which, batch.traces))
    if len(which) == batch.traces:
        return anew
    return _judged(batch, lines, known).replaced(which, anew)


def _found(batch: Batch) -> _Lines:
    fit = one_line(batch)
    pairs = two_lines(batch, fit)
    which = _crowded(batch, fit, pairs)
    if len(which) == 0:
        return _Lines(fit, pairs, which, None)
    part = batch.take(which)
    several = several_lines(part, fit.take(which), _lorentzian, bounds(batch, 1))
    return _Lines(fit, pairs, which, several)


def _judged(batch: Batch, lines: _Lines, known: Known) -> Outcome:
    expected, fit, pairs = expectation(batch, known), lines.fit, lines.pairs
    nulls, curve = simple_laws(batch).over_a_slope(), fit.curve(batch)
    found, evidence = _told(batch, lines, expected, nulls, curve)
    findings = Findings(batch.traces)
    law = "a line over a smooth background"
    snr = significance(batch, nulls.flat[0], fit, evidence)
    findings.insufficient(
        pairs.narrow, "sampling too coarse",
        "two lines, each narrower than the distance of two points", Advice(window_times=0.4),
    )  # fmt: skip
    judge_signal(findings, batch, evidence, snr, law, SEEN, OUTSIDE)
    box, unlike_box = _unlike_jumps(batch, fit, pairs, findings.is_open())
    findings.rejected(
        box < BOX, "drift during scan",
        "the data jump to another level and back instead of following " + law,
    )  # fmt: skip
    judge_standing(findings, batch, fit, curve, found.values["lines"])
    judge_line(findings, batch, found, shoulders=True)
    judge_place(findings, batch, batch.window, found, known)
    judge_doubt(findings, evidence, law, SEEN, drift_asked(batch, known, DRIFT))
    findings.insufficient(
        box < unlike_box, "signal too weak",
        "a jump to another level and back could explain the trace as well as " + law,
        Advice(shots_times=4.0),
    )  # fmt: skip
    alone = findings.is_open() & (found.values["lines"] == 1)
    findings.rejected(flattened(batch, fit, alone), "saturated", COMPRESSED)
    findings.accept(lambda n: _said(found, n))
    return Outcome(found, UNITS, curve, evidence.chi2_reduced, findings)


def _projected(batch: Batch, known: Known) -> Outcome:
    m = batch.points
    re, im, w = batch.y[:, :m], batch.y[:, m:], batch.w[:, :m]
    total = w.sum(axis=1, keepdims=True)
    mean = [(w * part).sum(axis=1, keepdims=True) / total for part in (re, im)]
    dre, dim = (np.where(w > 0, v - a, 0.0) for v, a in zip((re, im), mean, strict=True))
    twist = 2 * np.einsum("nm,nm->n", dre, dim)
    angle = 0.5 * np.arctan2(twist, (dre**2 - dim**2).sum(axis=1))[:, None]
    along = dre * np.cos(angle) + dim * np.sin(angle)
    real = Batch(
        batch.x, batch.step, np.ascontiguousarray(along), np.ascontiguousarray(w), batch.zero,
        batch.span, np.zeros(batch.traces), 1, batch.known_noise, batch.order,
    )  # fmt: skip
    found = qubit_spectroscopy(real, known)
    curve = np.hstack(
        [mean[0] + found.curve * np.cos(angle), mean[1] + found.curve * np.sin(angle)]
    )
    return replace(found, curve=curve)


def _unlike_jumps(batch: Batch, fit: Solution, pairs: Pairs, among: Mask) -> tuple[Array, Array]:
    """Return how much better the lines are than a jump and back (N,), and how much they must be.

    At the end of a window there is no way back, and a slope hides that the levels are two. Where
    there is none `among` those that are asked for, lines are better by any amount.
    """
    if not among.any():
        return np.full(batch.traces, np.inf), np.zeros(batch.traces)
    best, where = best_of(fit, pairs), fit.p.T
    needed = np.full(batch.traces, UNLIKE_BOX)
    needed[pairs.which] = PAIR_UNLIKE_BOX
    return over_a_box(batch, best, *where), needed


def _said(found: Derived, n: int) -> str:
    count = int(found.values["lines"][n])
    if count == 1:
        return "a clear line"
    said = f"{count} lines; the one given as frequency is clear"
    if count > 2 or np.isfinite(found.values["frequency_gf_half"][n]):
        return said
    return said + ", and the other is not taken for its two-photon line"


def _crowded(batch: Batch, fit: Solution, pairs: Pairs) -> NDArray[np.intp]:
    """Return the traces in which one line or two leave more than noise."""
    doubt = structured(batch, best_of(fit, pairs), ALARM)
    return (doubt & (batch.rows > 8 * ALONE)).nonzero()[0]


def _told(
    batch: Batch, lines: _Lines, expected: Array, nulls: Nulls, curve: Array
) -> tuple[Derived, Evidence]:
    """Return the numbers of all traces, and what speaks for them.

    curve (N, M), of one line, becomes that of all; fewer lines are not asked where there are more.
    """
    fit, pairs, more = lines.fit, lines.pairs, lines.more
    which, several = lines.crowded, lines.several
    if several is not None and len(more) == batch.traces:
        return _of_several(batch, which, several, expected, nulls, curve)
    if len(pairs.which) == batch.traces:
        found, evidence = _of_pairs(batch, pairs, expected, nulls, curve)
    else:
        evidence = weigh(batch, fit, curve, nulls)
        found = propagate(_one(batch), fit, evidence)
        found = of_any_shape(batch, fit, evidence.noise, found)
        found = of_any_width(batch, fit, evidence.noise, found)
        if len(pairs.which):
            both, own = _of_pairs(batch, pairs, expected, nulls, curve)
            found, evidence = found.replaced(pairs.which, both), evidence.replaced(pairs.which, own)
    if several is None or len(more) == 0:
        return found, evidence
    every, own = _of_several(batch, which, several, expected, nulls, curve)
    return found.replaced(more, every), evidence.replaced(more, own)


def _of_pairs(
    batch: Batch, pairs: Pairs, expected: Array, nulls: Nulls, curve: Array
) -> tuple[Derived, Evidence]:
    """Return the numbers of the traces with two lines, and what speaks for them."""
    which, fit = pairs.which, pairs.fit
    part = batch.take(which)
    curve[which] = fit.curve(part)
    own = weigh(part, fit, curve[which], nulls.take(which))
    return propagate(_two(part, fit, expected[which]), fit, own), own


def _of_several(
    batch: Batch, which: NDArray[np.intp], lines: Several, expected: Array, nulls: Nulls,
    curve: Array,
) -> tuple[Derived, Evidence]:  # fmt: skip
    """Return the numbers of those of `which` with three lines or more, and what speaks for them."""
    more = lines.count > 2
    part = batch.take(which)
    zero, span = part.column(part.zero), part.column(part.span)
    at = zero + lines.centres() * span
    nearest = np.nan_to_num(np.abs(at - expected[which]), nan=np.inf).argmin(axis=0)
    main = lines.main(part, nearest)
    own = weigh(part, main, lines.curve, nulls.take(which))
    others, errors = lines.others(nearest, at, span * np.sqrt(own.noise))
    values = propagate(_among(part, lines, nearest, others), main, own)
    for name, error in zip(OTHERS, errors, strict=False):
        values.stderr[name][:] = error
    curve[which[more]] = lines.curve[more]
    return _picked(values, more), own.take(more)


def _lorentzian(batch: Batch, start: Array) -> Solution:
    return shaped(batch, start, LORENTZIAN, errors=False)


def _picked(found: Derived, which: Mask) -> Derived:
    values, stderr = ({k: v[which] for k, v in d.items()} for d in (found.values, found.stderr))
    return Derived(values, stderr, found.correlation[which])


def _among(batch: Batch, lines: Several, main: NDArray[np.intp], others: Array) -> Formulas:
    """Numbers of the main line, and the centres of the others (K, N)."""

    def numbers(theta: Array) -> dict[str, Array]:
        told = _one(batch)(theta)
        told["lines"] = np.broadcast_to(lines.count.astype(np.float64), theta.shape[:-1])
        for name, centre in zip(OTHERS, others, strict=False):
            told[name] = np.broadcast_to(centre, theta.shape[:-1])
        return told

    return numbers


def one_line(batch: Batch) -> Solution:
    """Fit one line of free shape; where in doubt, start again.

    A shape chosen by the data would make the width look better known than it is.
    """
    fit = _free(batch, search(batch, "lines", 1))
    seems_wide = (fit.p[:, 1] > WIDE) | (np.abs(fit.p[:, 0] - 0.5) > OUTER)
    doubt, wide = (structured(batch, fit) | seems_wide).nonzero()[0], seems_wide.nonzero()[0]
    if len(doubt) == 0:
        return fit
    start = search(batch.take(doubt), "level lines", 1)
    rows = np.concatenate([doubt, wide])
    others = _free(batch.take(rows), np.concatenate([start, np.tile(MIDDLE, (len(wide), 1))]))
    for mine in (slice(len(doubt)), slice(len(doubt), None)):
        which, other = rows[mine], others.take(mine)
        fit = replaced(fit, which, other, other.cost < fit.cost[which])
    return fit


def _free(batch: Batch, start: Array) -> Solution:
    """Fit a mixture of both shapes from the better one.

    A wide line over a background has another minimum, the difference of two lines, sometimes even
    the deeper one; from here it is not reached.
    """
    one = pure(batch, start)
    fit = solve(kernels.LINE, batch, one.p, *bounds(batch, 1), half_each(batch, one))
    return fit.of_free(one.free)


def _one(batch: Batch) -> Formulas:
    zero, span = batch.column(batch.zero), batch.column(batch.span)

    def numbers(theta: Array) -> dict[str, Array]:
        none = np.full(theta.shape[:-1], np.nan)
        return {
            "frequency": zero + theta[..., 0] * span, "linewidth": 2 * theta[..., 1] * span,
            "frequency_gf_half": none, "lines": np.ones_like(none), **dict.fromkeys(OTHERS, none),
        }  # fmt: skip

    return numbers


def _two(batch: Batch, fit: Solution, expected: Array) -> Formulas:
    """Numbers of the line that is expected, else of 0-1; and the centre of the other."""
    zero, span = batch.column(batch.zero), batch.column(batch.span)
    n, centres = np.arange(batch.traces), fit.p[:, 0::2]
    first, below = main_of(fit)
    off = np.abs(zero[:, None] + centres * span[:, None] - expected[:, None])
    main = np.where(np.isnan(expected), first, np.nan_to_num(off).argmin(axis=1))
    two_photons = below & (main == first)

    def numbers(theta: Array) -> dict[str, Array]:
        other = zero + theta[..., n, 2 - 2 * main] * span
        none = np.full(theta.shape[:-1], np.nan)
        told = {
            "frequency": zero + theta[..., n, 2 * main] * span,
            "linewidth": 2 * theta[..., n, 2 * main + 1] * span,
            "frequency_gf_half": np.where(two_photons, other, np.nan),
            "lines": 2.0 * np.ones_like(none), **dict.fromkeys(OTHERS, none),
        }  # fmt: skip
        told[OTHERS[0]] = other
        return told

    return numbers


KINDS: dict[str, Kind] = {
    "qubit_spectroscopy": sweep(qubit_spectroscopy, 6, complex_too=True, known=PLACE, weighs=True)
}
