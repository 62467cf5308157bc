"""Energy relaxation, echo and CPMG: offset + contrast times an envelope, as populations.

The hidden parameter is the rate: it may be 0 within its error, where a time would be infinite.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from tests.catalogue.truth import Array, Draw, Other, Parameters, Truth, either, log_uniform

WINDOW = 100e-6
DELAYS = np.linspace(0.0, WINDOW, 51)
NO_GROWTH = {"rate": (-1.0, np.inf)}
"""A rate is positive, but for its error. Fit and oracle share the bound; without it, the oracle is
right as often (of 1000 echoes each at an SNR of 5 and 10), but one of 2000 grows."""
SPARSE_THEN_DENSE = np.r_[0.0, np.geomspace(0.4e-6, 300e-6, 50)]


def exponential(x: Array, p: Parameters) -> Array:
    return p["offset"] + p["contrast"] * np.exp(-x * p["rate"])


def shaped(x: Array, p: Parameters) -> Array:
    """1/e at 1/rate whatever `slow`, the share of slow noise: 0 exponential, 1 Gaussian."""
    s = x * p["rate"]
    return p["offset"] + p["contrast"] * np.exp(-(1 - p["slow"]) * s - p["slow"] * s * s)


def population(rng: np.random.Generator, n: int) -> Parameters:
    """Contrast and offset of an imperfect readout, either way up."""
    contrast = rng.choice([-1.0, 1.0], n) * rng.uniform(0.3, 0.95, n)
    room = 1 - np.abs(contrast)
    offset = rng.uniform(0.0, 1.0, n) * room + np.where(contrast < 0, -contrast, 0.0)
    return {"contrast": contrast, "offset": offset}


def any_time(rng: np.random.Generator, n: int) -> Array:
    """From a thirtieth of the window to four windows; three in five are well placed."""
    return either(
        rng, [0.6, 0.2, 0.2],
        [log_uniform(rng, *span, n) for span in ((0.1, 0.7), (0.03, 0.1), (1.0, 4.0))],
    )  # fmt: skip


Share = Callable[[np.random.Generator, int], Array]


def between(low: float, high: float, slow: Share | None = None) -> Draw:
    """Return a draw with times between two fractions of the window."""

    def draw(rng: np.random.Generator, n: int) -> Parameters:
        p = {"rate": 1 / log_uniform(rng, low, high, n), **population(rng, n)}
        return p if slow is None else {**p, "slow": slow(rng, n)}

    return draw


def anywhere(slow: Share | None = None) -> Draw:
    """Return a draw with times anywhere."""

    def draw(rng: np.random.Generator, n: int) -> Parameters:
        p = {"rate": 1 / any_time(rng, n), **population(rng, n)}
        return p if slow is None else {**p, "slow": slow(rng, n)}

    return draw


def white(rng: np.random.Generator, n: int) -> Array:
    """Exponential decays."""
    return np.zeros(n)


def slowly(rng: np.random.Generator, n: int) -> Array:
    """Gaussian decays."""
    return np.ones(n)


def mixed(rng: np.random.Generator, n: int) -> Array:
    """Relaxation and slow noise together."""
    return rng.uniform(0.1, 0.9, n)


def ideal(rng: np.random.Generator, n: int) -> Parameters:
    """Readout so good that counts are often exactly 0 or all."""
    return {
        "rate": 1 / any_time(rng, n), "contrast": rng.uniform(0.9, 0.98, n),
        "offset": rng.uniform(0.002, 0.02, n),
    }  # fmt: skip


def of_either_end(truth: Truth) -> Truth:
    """Return that decay for whoever knows that it is exponential or Gaussian, but not which."""
    other = Other(lambda p: {"slow": 1.0 - p["slow"]})
    return replace(truth, fixed=("slow",), limits=NO_GROWTH, others=(other,), edge=False)


def levels(p: Parameters) -> dict[str, Array]:
    return {"amplitude": p["contrast"], "offset": p["offset"]}


ENDS = (
    Other(lambda p: {"slow": np.zeros_like(p["slow"])}, ("slow",)),
    Other(lambda p: {"slow": np.ones_like(p["slow"])}, ("slow",)),
)


def decay(
    kind: str, value: str, slow: Share, name: str = "", *, breaks: bool = True, edge: bool = True
) -> Truth:
    """Return the truth of an echo-like decay whose envelope has a share of slow noise."""
    return Truth(
        name or kind, kind, DELAYS, anywhere(slow), shaped,
        lambda p: {value: WINDOW / p["rate"]}, breaks=breaks,
        typical=between(0.15, 0.4, slow), short=between(3.0, 30.0, slow),
        long=between(0.002, 0.01, slow), drifts="rate", limits={**NO_GROWTH, "slow": (0.0, 1.0)},
        times=(value,), besides=levels, edge=edge,
        choice="" if edge else "a shape in between", others=() if edge else ENDS,
    )  # fmt: skip


T1 = Truth(
    "t1", "t1", DELAYS, anywhere(), exponential, lambda p: {"t1": WINDOW / p["rate"]},
    typical=between(0.15, 0.5), short=between(3.0, 30.0), long=between(0.002, 0.01), drifts="rate",
    times=("t1",), besides=levels,
)  # fmt: skip

TRUTHS: dict[str, Truth] = {
    truth.name: truth
    for truth in (
        T1,
        Truth(
            "t1, delays growing", "t1", SPARSE_THEN_DENSE, anywhere(), exponential,
            lambda p: {"t1": SPARSE_THEN_DENSE[-1] / p["rate"]}, breaks=False, times=("t1",),
            besides=levels,
        ),
        Truth(
            "t1, 500 shots", "t1", DELAYS, ideal, exponential,
            lambda p: {"t1": WINDOW / p["rate"]}, shots=500, breaks=False,
            times=("t1",), besides=levels,
        ),
        Truth(
            "t1, 100 shots", "t1", DELAYS, ideal, exponential,
            lambda p: {"t1": WINDOW / p["rate"]}, shots=100, breaks=False,
            times=("t1",), besides=levels,
        ),
        Truth(
            "t1, readout known", "t1", DELAYS, anywhere(), exponential,
            lambda p: {"t1": WINDOW / p["rate"]}, fixed=("contrast", "offset"), breaks=False,
            times=("t1",), known=lambda p: {"contrast": p["contrast"], "offset": p["offset"]},
        ),
        decay("t2_echo", "t2_echo", white),
        decay("t2_echo", "t2_echo", slowly, "t2_echo, slow noise", breaks=False),
        decay("t2_echo", "t2_echo", mixed, "t2_echo, both noises", breaks=False,
              edge=False),
        decay("cpmg", "t2_cpmg", white),
        decay("cpmg", "t2_cpmg", slowly, "cpmg, slow noise", breaks=False),
    )
}  # fmt: skip
