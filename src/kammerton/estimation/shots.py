"""Single shots of a qubit prepared in 0 and in 1: the discriminator and what it is worth.

The fidelity comes from counting, not from fitted curves. With a0 and a1 the fractions called 1
in the two sets, and w0 and w1 the fractions that really were in 1 when the readout began, the
errors of preparation cancel in

    F = 1/2 + (a1 - a0) / (2 (w1 - w0)),

which is exactly 1 - (P(1|0) + P(0|1))/2 for the state at the start. Only w1 - w0 is taken from
the fitted mixture (`kammerton.estimation.mixture`). The standard error is that of the influence
of each shot on F, through the counts and through w0 and w1 together: the noise of counting, the
information of the fit, and their correlation.
"""

from __future__ import annotations

import math

import numpy as np

from kammerton.estimation.mixture import DECAY, MU0, MU1, W0, W1, Mixture, fit_mixture, threshold
from kammerton.model import Advice, Fit, Value, Verdict
from kammerton.model.trace import ComplexArray, FloatArray

KIND = "single_shot_readout"
FEWEST = 100
LARGEST_STDERR = 0.02
SIGNIFICANT = 5.0
RINGING = 0.45
LARGEST_CHI2 = 10.0
"""A third state or slightly unequal clouds are tolerated; two humps in one cloud are not."""


def fit_shots(
    ground: ComplexArray, excited: ComplexArray, target: str = "", dead: float = 0.0
) -> Fit:
    """Fit single shots (S0,) prepared in 0 and (S1,) prepared in 1, in V.

    dead: time in which a decay goes unnoticed (the shot looks like one that began in 0), before
    the signal tells the states apart, as a fraction of the time in which it does.

    Values: `readout_angle` (rad, from 0 to 1), `readout_threshold` (V along it, of least total
    error), `readout_contrast` (V, distance of the undecayed states) and `assignment_fidelity`
    of the state at the start of the readout: neither thermal population nor an imperfect pi
    pulse counts. A third state is neglected. Never raises for bad shots: the verdict says it.
    """
    objection = _objection(ground, excited)
    if objection is not None:
        return _rejected(target, *objection)
    angle = float(np.angle(excited.mean() - ground.mean()))
    turned = [z * np.exp(-1j * angle) for z in (ground, excited)]
    u = [z.real for z in turned]
    step = float(u[1].mean() - u[0].mean())
    if step < SIGNIFICANT * _stderr_of_step(u):
        return _not_separated(target)
    mixture = fit_mixture(u[0], u[1])
    if mixture is None:
        return _not_separated(target)
    angle_stderr = _stderr_of_step([z.imag for z in turned]) / step
    values = {"readout_angle": Value(angle, angle_stderr, "rad")}
    values |= _discriminator(mixture)
    values["assignment_fidelity"] = _fidelity(mixture, u, values["readout_threshold"].value, dead)
    return _judged(target, values, mixture, min(z.size for z in u))


def dead_fraction(linewidth: float, length: float) -> float:
    """Return `dead` for a square tone of `length` (s) integrated from its start.

    linewidth: of the resonator, Hz. The field needs 1/(pi linewidth) to tell the states apart, so
    that a shot whose qubit decays in that time differs little from one that began in 0. The
    factor makes the fidelity unbiased for the linear response of a resonator with 0.5 to 4
    linewidths times length in a simulation; the effect itself is below 0.1 (length/T1).
    """
    return RINGING / (math.pi * linewidth * length)


def _rejected(target: str, status: str, reason: str, advice: Advice | None = None) -> Fit:
    """Return a rejected fit without values."""
    return Fit(
        KIND, target, {}, Verdict.REJECTED, status, reason, math.nan, advice or Advice()
    )  # fmt: skip


def _objection(
    ground: ComplexArray, excited: ComplexArray
) -> tuple[str, str] | tuple[str, str, Advice] | None:
    for state, z in ((0, ground), (1, excited)):
        if z.ndim != 1 or z.size < FEWEST:
            size = max(1, z.size)
            return (
                "too few shots",
                f"{z.size} shots of the qubit prepared in {state}; at least {FEWEST} are needed",
                Advice(shots_times=max(2.0, 10.0 * FEWEST / size)),
            )
        bad = int((~np.isfinite(z)).sum())
        if bad:
            return "not finite", f"{bad} of {z.size} shots prepared in {state} are not finite"
        if np.unique(z).size <= 0.01 * z.size:
            return (
                "stuck data",
                f"the {z.size} shots prepared in {state} have only {np.unique(z).size}"
                " different values; the digitizer seems stuck",
            )
    return None


def _not_separated(target: str) -> Fit:
    reason = "the clouds of 0 and 1 are not separated: the fidelity is not above 0.5"
    return _rejected(target, "clouds not separated", reason)


def _stderr_of_step(u: list[FloatArray]) -> float:
    return math.sqrt(sum(float(part.var()) / part.size for part in u))


def _discriminator(mixture: Mixture) -> dict[str, Value]:
    """Threshold and contrast, with errors by the delta method."""
    theta = mixture.theta
    along_contrast = np.zeros(theta.size)
    along_contrast[[MU0, MU1]] = -1.0, 1.0
    boundary = threshold(theta)
    along_threshold = np.array([
        (threshold(theta + step) - threshold(theta - step)) / (2 * step.max())
        for step in np.diag(mixture.steps)
    ])  # fmt: skip
    return {
        "readout_threshold": Value(boundary, mixture.stderr(along_threshold), "V"),
        "readout_contrast": Value(
            float(theta[MU1] - theta[MU0]), mixture.stderr(along_contrast), "V"
        ),
    }


def _fidelity(mixture: Mixture, u: list[FloatArray], boundary: float, dead: float) -> Value:
    theta = mixture.theta
    lived = math.exp(-theta[DECAY] * dead)
    prepared = float(theta[W1] - theta[W0]) / lived
    called = [(part > boundary).astype(float) for part in u]
    half = 0.5 * float(called[1].mean() - called[0].mean()) / prepared
    slope = np.zeros(theta.size)
    slope[[W0, W1]] = -1.0 / lived, 1.0 / lived
    slope[DECAY] = dead * prepared
    variance = 0.0
    for sign, part, ones, score in zip((-1, 1), u, called, mixture.scores(u), strict=True):
        counting = sign * 0.5 * (ones - ones.mean()) / (part.size * prepared)
        fitting = half / prepared * (score @ (mixture.covariance @ slope))
        variance += float(((counting - fitting) ** 2).sum())
    return Value(0.5 + half, math.sqrt(variance), "")


def _judged(target: str, values: dict[str, Value], mixture: Mixture, shots: int) -> Fit:
    fidelity = values["assignment_fidelity"]
    chi2 = mixture.chi2_reduced
    if not all(math.isfinite(v.value) and math.isfinite(v.stderr) for v in values.values()):
        return _not_separated(target)
    verdict, status, advice = Verdict.ACCEPTED, "success", Advice()
    reason = f"two clouds, {mixture.separation:.1f} standard deviations apart"
    if fidelity.stderr > LARGEST_STDERR:
        verdict, status = Verdict.INSUFFICIENT, "too uncertain"
        advice = Advice(shots_times=min(20.0, 1.5 * (fidelity.stderr / LARGEST_STDERR) ** 2))
        reason = f"the fidelity is known only to ± {fidelity.stderr:.2g} from {shots} shots"
    elif fidelity.value - 0.5 < SIGNIFICANT * fidelity.stderr:
        return _not_separated(target)
    elif chi2 > LARGEST_CHI2:
        verdict, status = Verdict.REJECTED, "not two clouds"
        reason = f"two Gaussian clouds and decay do not describe the shots (chi2 {chi2:.1f})"
    return Fit(KIND, target, values, verdict, status, reason, chi2, advice)
