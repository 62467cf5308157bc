"""The feasibility study's truths: a decay, fringes and a notch, each over all of its range.

The method was first tried on them, before anything of a laboratory was asked: signals of size one
on any offset, windows a factor too long or short, lines from two points to half the window. Two in
five decays, and half of the fringes and lines, are hard. What the study's law has not (a shape of
the envelope, a background that slopes) its oracle knows that there is not.
"""

from __future__ import annotations

import numpy as np

from tests.catalogue.truth import Array, Other, Parameters, Truth, either, log_uniform
from tests.catalogue.truths_decays import DELAYS, WINDOW, any_time, exponential, levels
from tests.catalogue.truths_oscillations import DELAYS as WAITS
from tests.catalogue.truths_oscillations import SHAPES, fringe_values, fringes, ramsey_values
from tests.catalogue.truths_resonators import UNSEEN, between, notch, qualities, resonance

FROM = "feasibility study"
ANY_SHAPE = Other(lambda p: {}, freed=("slow",), asked=np.inf)
ANY_SLOPE = Other(lambda p: {}, freed=("slope",), asked=np.inf, usual=UNSEEN["usual"])
"""Who does not know that an envelope is exponential, or a background level, never gains by it."""


def decays(rng: np.random.Generator, n: int) -> Parameters:
    return {
        "rate": 1 / any_time(rng, n), "contrast": rng.choice([-1.0, 1.0], n),
        "offset": rng.uniform(-1.0, 1.0, n),
    }  # fmt: skip


def turning(rng: np.random.Generator, n: int) -> Parameters:
    """From 0.4 periods to 48, of a Nyquist frequency of 50; all envelopes are exponential."""
    spans = ((2.0, 20.0), (0.4, 1.0), (20.0, 48.0))
    return {
        "frequency": either(rng, [0.6, 0.2, 0.2], [rng.uniform(*span, n) for span in spans]),
        "rate": 1 / log_uniform(rng, 0.15, 4.0, n), "slow": np.zeros(n),
        "phase": rng.uniform(-np.pi, np.pi, n), "contrast": np.full(n, 2.0),
        "offset": rng.uniform(-1.0, 1.0, n),
    }  # fmt: skip


def notches(rng: np.random.Generator, n: int) -> Parameters:
    """From two points wide to half the window, and up to its edges."""
    p = between((0.01, 0.5), (0.05, 0.95))(rng, n)
    return {**p, "gain": rng.uniform(0.1, 1.0, n)}


def losses(p: Parameters) -> dict[str, Array]:
    """Centre and width, and the internal quality factor: the loss there is its inverse."""
    told = qualities(1.0)(p)
    return {name: told[name] for name in ("frequency", "linewidth", "q_internal")}


def other_qualities(p: Parameters) -> dict[str, Array]:
    told = qualities(1.0)(p)
    return {name: told[name] for name in ("q_loaded", "q_coupling")}


def amplitude(p: Parameters) -> Array:
    return p["contrast"] / 2


TRUTHS: dict[str, Truth] = {
    truth.name: truth
    for truth in (
        Truth(
            f"t1, {FROM}", "t1", DELAYS, decays, exponential,
            lambda p: {"t1": WINDOW / p["rate"]}, breaks=False, times=("t1",), besides=levels,
        ),
        Truth(
            f"ramsey, {FROM}", "ramsey", WAITS, turning, fringes, ramsey_values, breaks=False,
            size=amplitude, times=("t2_star",), besides=fringe_values, fixed=("slow",),
            limits=SHAPES, choice="the envelope's shape", others=(ANY_SHAPE,),
        ),
        Truth(
            f"ramsey, {FROM}, envelope known", "ramsey", WAITS, turning, fringes, ramsey_values,
            breaks=False, size=amplitude, times=("t2_star",), besides=fringe_values,
            fixed=("slow",), known=lambda p: {"envelope": "exponential"},
        ),
        resonance(f"notch, {FROM}", notches, notch, losses, breaks=False, fixed=("slope",),
                  times=("q_internal",), choice="the background's slope", others=(ANY_SLOPE,),
                  besides=other_qualities),
    )
}  # fmt: skip
