"""Fine amplitude: an error of rotation, amplified by repeating the gate n times.

    P(n) = offset + contrast/2 exp(-g n) cos(n (angle + d) - phase)

d is the error per gate. The usual sequences: pi/2 and then n times pi (angle pi, phase pi/2), and
n times pi/2 from the ground state (angle pi/2, phase pi). Sheldon et al., Phys. Rev. A 93, 012301
(2016), repeat gates like this. A contrast known from the readout calibration is half the
measurement: with a small d, only the product of d and contrast is seen. After pi/2 and pi gates
the signs of the two are one, so that a free contrast is taken as positive.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kammerton.estimation.curves.gate_train import Train, fits, slopes
from kammerton.estimation.curves.levels import demand_contrast, known_levels
from kammerton.estimation.numeric.derived import Derived, derive
from kammerton.estimation.numeric.prepare import Batch, prepare
from kammerton.estimation.numeric.reweighing import weighed_again
from kammerton.estimation.numeric.solver import Solution
from kammerton.estimation.verdict.evidence import Evidence, Mask, weigh
from kammerton.estimation.verdict.findings import (
    CLEAR,
    UNSURE,
    Findings,
    judge_signal,
    judge_source,
    judge_stray,
)
from kammerton.estimation.verdict.further import more_is_seen
from kammerton.estimation.verdict.kind import Kind
from kammerton.estimation.verdict.misfit import misfit
from kammerton.estimation.verdict.nulls import simple_laws
from kammerton.estimation.verdict.outcome import Outcome, one_word, per_trace, significance
from kammerton.model import Advice, TraceError

Array = NDArray[np.float64]

LEAST = 5
SEARCHED = 20.0  # delta-BIC that pays for a search over some 100 errors
WIDER = 1.2  # limits within which an error is looked for
KNOWN_CONTRAST = 8.0  # sigmas of a fitted contrast from which it is known: chance that makes it
# small makes its bar short, so that at 5 every 40th of those that are not known passed
ALIKE = 9.0  # chi-square by which a second error per gate must be worse
GONE = 4.0  # decay over all gates beyond which most of them say nothing
PRECISE = 0.03  # error in parts of the angle that a Rabi oscillation reaches too
UNITS = {"angle_error": "rad", "amplitude_scale": "", "amplitude": "", "offset": ""}
KNOWN = ("shots", "angle", "phase", "contrast", "offset", "first_pulse")
FIRST = {"perfect": 0.0, "half": 0.5}  # gates' errors that the first pulse has
SEEN = 2.0  # errors of d, below which it is not seen
EVEN = 1e-3  # a cosine up to which the sign of the contrast is that of the error
ALIAS = "may be an alias: calibrate roughly first, or measure after every gate"
LARGE = "is no small one, which may be an alias: calibrate roughly first"
OTHERWISE = ", if the signal rises with 1; else the error has the other sign"


def ready(x: ArrayLike, y: ArrayLike, sigma: ArrayLike | None) -> Batch:
    """Check the numbers of gates."""
    batch = prepare(x, y, sigma, complex_too=False, from_zero=True, least=LEAST)
    count = batch.x * batch.span + batch.zero
    if count.min() < 0 or np.abs(count - np.round(count)).max() > 1e-6 * min(1.0, count.max()):
        raise TraceError("x must be numbers of gates, whole and not negative")
    return batch


def fine_amplitude(batch: Batch, known: dict[str, object]) -> Outcome:
    """Fit the error per gate; `angle` is pi and `phase` pi/2 unless said, in rad.

    first_pulse: "perfect" unless said; "half" has half of the error of a gate. Raises TraceError
    for a contrast that cannot be that of y.
    """
    train, prior = _train(batch, known), known_levels(batch, known)
    if prior is None:
        prior = np.zeros((batch.traces, 2, 2))
    nulls = simple_laws(batch)
    fit, twin, large = fits(batch, train, prior, nulls)
    curve = train.law().curve(fit.theta)
    evidence = weigh(batch, fit, curve, nulls)
    found = derive(
        lambda theta: _numbers(theta, train, batch.level), fit.theta,
        fit.cov * evidence.noise[:, None, None],
    )  # fmt: skip
    findings = Findings(batch.traces)
    judge_source(findings, batch, evidence)
    _judge_size(findings, train, large, evidence.stray)
    _judge_law(findings, batch, train, evidence, significance(batch, nulls.flat[0], fit, evidence))
    _judge(findings, train, fit, twin, evidence, found.stderr["angle_error"])
    _judge_size(findings, train, large, findings.is_open())
    _judge_more(findings, batch, curve, fit, slopes(train, fit, prior))
    either = (np.abs(np.cos(train.turn)) < EVEN).all(axis=1) & (prior[:, 0, 0] == 0)
    findings.accept(lambda n: _praise(found, n, OTHERWISE if either[n] else ""))
    return Outcome(found, UNITS, curve, evidence.chi2_reduced, findings)


def _praise(found: Derived, n: int, otherwise: str) -> str:
    error, sigma = (float(each["angle_error"][n]) for each in (found.values, found.stderr))
    if abs(error) < SEEN * sigma:
        return f"an error of rotation is not seen, within {sigma:.1g} rad a gate"
    far = "far" if error > 0 else "little"
    return f"each gate turns {abs(error):.2g} rad too {far}{otherwise}"


def _train(batch: Batch, known: dict[str, object]) -> Train:
    count = np.rint(np.broadcast_to(batch.x * batch.span + batch.zero, batch.y.shape))
    angle, phase = (
        np.full(batch.traces, usual) if value is None else value
        for value, usual in ((per_trace(known, "angle", batch), np.pi),
                             (per_trace(known, "phase", batch), np.pi / 2))
    )  # fmt: skip
    each = count.astype(np.int64)
    apart = np.gcd.reduce(each - each[:, :1], axis=1)
    common = np.maximum(np.asarray(apart, dtype=np.float64), 1.0)
    both = known.get("contrast") is not None and known.get("offset") is not None
    alias: Array = np.float64(np.pi) / common
    limit: Array = np.minimum(alias / 2, np.abs(angle) / 2)
    contrast = per_trace(known, "contrast", batch)
    if contrast is not None:
        demand_contrast(contrast, batch)
    sign = np.ones(batch.traces) if contrast is None else np.sign(contrast)
    first = FIRST[one_word(known, "first_pulse", FIRST) or "perfect"]
    return Train(
        count, angle[:, None], phase[:, None], limit, alias, WIDER * limit, count.max(axis=1), both,
        sign, first,
    )  # fmt: skip


def _numbers(theta: Array, train: Train, level: Array) -> dict[str, Array]:
    error, angle = theta[..., 0] / train.scale, train.angle[:, 0]
    return {
        "angle_error": error, "amplitude_scale": angle / (angle + error),
        "amplitude": theta[..., 2], "offset": theta[..., 3] + level,
    }  # fmt: skip


def _judge_law(
    findings: Findings, batch: Batch, train: Train, evidence: Evidence, snr: Array
) -> None:
    """Object to traces without a signal, unless the known contrast makes flatness a signal."""
    law = "an oscillation from gate to gate"
    flat = (evidence.gain_flat < SEARCHED) & evidence.dull & ~batch.constant
    if not train.known:
        findings.rejected(
            flat & (evidence.gain_flat < SEARCHED - UNSURE), "no signal",
            "the trace is flat within its noise: no error, or no signal; a known contrast tells",
        )  # fmt: skip
        judge_signal(findings, batch, evidence, snr, law, SEARCHED)
        findings.rejected(
            evidence.gain_line < CLEAR, "model does not fit",
            f"a straight line describes the populations as well as {law}",
        )  # fmt: skip
        return
    judge_source(findings, batch, evidence)
    judge_stray(findings, evidence, ~flat)
    findings.rejected(
        np.minimum(evidence.gain_line, evidence.gain_walk) < -CLEAR, "model does not fit",
        f"the populations drift instead of following {law}, with this contrast",
    )  # fmt: skip
    findings.rejected(
        evidence.misfit, "model does not fit",
        lambda n: misfit(batch, evidence, n, f"{law} with this contrast"),
    )  # fmt: skip


def _judge_size(findings: Findings, train: Train, error: Array, among: Mask) -> None:
    """Object to errors that may be aliases: of a point that stands out, too, if it is explained."""
    findings.insufficient(
        among & (np.abs(error) > train.limit), "sampling too coarse",
        lambda n: f"an error of {error[n]:.2f} rad per gate "
        + (ALIAS if train.alias[n] < np.pi else LARGE),
        Advice(window_times=0.5),
    )  # fmt: skip


def _judge(
    findings: Findings, train: Train, fit: Solution, twin: Solution, evidence: Evidence,
    stderr: Array,
) -> None:  # fmt: skip
    """Object to errors that may be aliases, and to those that are not known."""
    error, decay = fit.p[:, 0] / train.scale, fit.p[:, 1]
    _judge_size(findings, train, error, findings.is_open())
    gap = (twin.cost - fit.cost) / np.where(evidence.noise > 0, evidence.noise, 1.0)
    findings.insufficient(
        (gap < ALIKE) & (train.sign * twin.c[:, 0] > 0) & _elsewhere(fit, twin),
        "sampling too coarse",
        lambda n: f"errors of {error[n]:.3f} and {twin.p[n, 0] / train.scale[n]:.3f} rad per gate "
        "explain the trace equally well",
        Advice(shots_times=4.0),
    )  # fmt: skip
    findings.insufficient(
        decay > GONE, "window too long", "the signal decays within the first gates",
        Advice(window_times=0.3),
    )  # fmt: skip
    contrast = train.sign * fit.c[:, 0]
    doubt = np.sqrt(np.maximum(fit.cov[:, 2, 2] * evidence.noise, 0.0))
    findings.insufficient(
        contrast < KNOWN_CONTRAST * doubt, "error too large",
        "contrast and error per gate cannot be told apart: give the contrast, or take more gates",
        Advice(window_times=3.0),
    )  # fmt: skip
    findings.insufficient(
        ~(stderr < PRECISE * np.abs(train.angle[:, 0])), "error too large",
        lambda n: f"the error per gate is known only to {stderr[n]:.2g} rad",
        Advice(window_times=2.0, shots_times=2.0),
    )  # fmt: skip


def _judge_more(
    findings: Findings, batch: Batch, curve: Array, fit: Solution,
    more: tuple[Array, Array, Array],
) -> None:  # fmt: skip
    """Object to what explains the rest of an accepted trace, by chance in 1 of 1000 each."""
    law, phase, bend = more
    findings.rejected(
        more_is_seen(batch, fit.residual, curve, law, phase), "model does not fit",
        "the oscillation from gate to gate begins at another phase: the first pulse is off, or "
        "something else swings",
    )  # fmt: skip
    findings.rejected(
        more_is_seen(batch, fit.residual, curve, law, bend), "model does not fit",
        "the populations are bent beside an oscillation from gate to gate, as where a readout "
        "clips or compresses them",
    )  # fmt: skip


def _elsewhere(fit: Solution, twin: Solution) -> Mask:
    """Return whether the other solution is another one."""
    spread = np.sqrt(np.maximum(fit.cov[:, 0, 0], 0.0))
    return np.asarray(np.abs(fit.p[:, 0] - twin.p[:, 0]) > 0.1 + 5.0 * spread)


KINDS: dict[str, Kind] = {
    "fine_amplitude": Kind(
        ready, fine_amplitude, KNOWN, whole=True, again=weighed_again, swings=(-0.5, 0.5)
    )
}
