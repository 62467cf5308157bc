"""Single shots of one qubit as the loop takes them."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from kammerton.estimation.batch import fit_batch
from kammerton.model import Fit, Verdict
from kammerton.model.trace import ComplexArray

KIND = "single_shot_readout"
RINGING = 0.45


def fit_shots(
    ground: ComplexArray, excited: ComplexArray, target: str = "", dead: float = 0.0
) -> Fit:
    """Fit single shots (S0,) prepared in 0 and (S1,) prepared in 1, in V.

    Never raises for bad shots: what is not finite is missing, and the verdict says the rest.
    dead, values: see docs/estimation/readout.md.
    """
    sets = [np.append(z, np.nan) for z in (ground, excited)]  # an empty one is too few, no error
    y = np.concatenate(sets).astype(np.complex128)
    y = np.where(np.isfinite(y), y, np.nan)
    if np.isnan(y).all():
        return Fit(KIND, target, {}, Verdict.REJECTED, "no signal", "no shot is finite", math.nan)
    x = np.repeat([0, 1], [z.size for z in sets])
    return replace(fit_batch(KIND, x, y, dead=dead).fit(0, target), curve=None)


def dead_fraction(linewidth: float, length: float) -> float:
    """Return `dead` for a square tone of `length` (s) integrated from its start.

    linewidth: of the resonator, Hz. The field needs 1/(pi linewidth) to tell the states apart, so
    that a shot whose qubit decays in that time differs little from one that began in 0. The
    factor makes the fidelity unbiased for the linear response of a resonator with 0.5 to 4
    linewidths times length in a simulation; the effect itself is below 0.1 (length/T1).
    """
    return RINGING / (math.pi * linewidth * length)
