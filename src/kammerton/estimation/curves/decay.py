"""Energy relaxation: A exp(-t/T1) + C."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kammerton.estimation.curves.decay_fit import fitted, numbers, prior_of, refined
from kammerton.estimation.curves.decay_verdict import BENDING, judge, judge_order
from kammerton.estimation.curves.levels import LEVELS
from kammerton.estimation.numeric.prepare import Batch
from kammerton.estimation.numeric.solver import weighed_anew
from kammerton.estimation.verdict.evidence import propagate, weigh
from kammerton.estimation.verdict.findings import STEADY, drift_asked
from kammerton.estimation.verdict.kind import DECAYING, Kind, Known, sweep
from kammerton.estimation.verdict.nulls import simple_laws
from kammerton.estimation.verdict.outcome import Outcome

Array = NDArray[np.float64]

LAW, CLEAR_DECAY = "an exponential decay", "a clear exponential decay"
DRIFT = 20.0  # delta-BIC over a random walk
SLOPING = 1.5  # parts of a window of T that an error of the levels is worth, in parts of contrast


def t1(batch: Batch, known: Known) -> Outcome:
    """Fit an exponential; `offset` and `contrast` may be known from the readout calibration."""
    prior = prior_of(batch, known)
    first = fitted(batch, 0.0, "decays", prior)
    batch, fit, curve = weighed_anew(
        batch, first,
        lambda part, which: refined(
            part, first.p[which], None if prior is None else prior[which]),
    )  # fmt: skip
    nulls = simple_laws(batch)
    evidence = weigh(batch, fit, curve, nulls)
    span = batch.column(batch.span)
    found = propagate(lambda theta: numbers("t1", theta, span, batch.level), fit, evidence)
    drift = drift_asked(batch, known, DRIFT if prior is None else STEADY)  # no walk knows levels
    slope = _slope_tells(known)
    findings = judge(batch, fit, evidence, nulls, found, "t1", LAW, drift, slope=slope)
    judge_order(findings, batch, fit, evidence, known)
    rate = fit.theta[:, 0]
    findings.accept((lambda n: _said(rate[n])) if slope else CLEAR_DECAY)
    units = {"t1": "s", "amplitude": "", "offset": ""}
    return Outcome(found, units, curve, evidence.chi2_reduced, findings)


def _slope_tells(known: Known) -> bool:
    """Return whether a slope alone tells T: between known levels, where no drift can follow x."""
    return bool(known.get("interleaved")) and all(known.get(name) is not None for name in LEVELS)


def _said(rate: float) -> str:
    if rate >= BENDING:
        return CLEAR_DECAY
    return (f"a decay between known levels of which only the beginning is seen: 1 % of drift of "
            f"either would be worth about {SLOPING / rate:.0f} % of T1")  # fmt: skip


KINDS: dict[str, Kind] = {
    "t1": sweep(t1, 4, from_zero=True, known=LEVELS, weighs=True, swings=DECAYING),
}
