"""Energy relaxation, echo and CPMG: offset + contrast exp(-(t/T)^n), as populations.

The hidden parameter is the rate: it may be 0 within its error, where a time would be infinite.
"""

from __future__ import annotations

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


def stretched(x: Array, p: Parameters) -> Array:
    """power 1 is white noise, 2 slow noise."""
    s = x * p["rate"]
    return p["offset"] + p["contrast"] * np.exp(-(np.abs(s) ** (p["power"] - 1)) * s)


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


def between(low: float, high: float, power: float | None = None) -> Draw:
    """Return a draw with times between two fractions of the window."""

    def draw(rng: np.random.Generator, n: int) -> Parameters:
        p = {"rate": 1 / log_uniform(rng, low, high, n), **population(rng, n)}
        return p if power is None else {**p, "power": np.full(n, power)}

    return draw


def anywhere(power: float | None = None) -> Draw:
    """Return a draw with times anywhere."""

    def draw(rng: np.random.Generator, n: int) -> Parameters:
        p = {"rate": 1 / any_time(rng, n), **population(rng, n)}
        return p if power is None else {**p, "power": np.full(n, power)}

    return draw


def ideal(rng: np.random.Generator, n: int) -> Parameters:
    """Readout so good that counts are often exactly 0 or all."""
    return {
        "rate": 1 / any_time(rng, n), "contrast": rng.uniform(0.9, 0.98, n),
        "offset": rng.uniform(0.002, 0.02, n),
    }  # fmt: skip


def levels(p: Parameters) -> dict[str, Array]:
    return {"amplitude": p["contrast"], "offset": p["offset"]}


def decay(kind: str, value: str, power: float, name: str = "", breaks: bool = True) -> Truth:
    """Return the truth of an echo-like decay of a fixed power."""
    other = Other(lambda p: {"power": 3.0 - p["power"]})
    return Truth(
        name or kind, kind, DELAYS, anywhere(power), stretched,
        lambda p: {value: WINDOW / p["rate"]}, fixed=("power",), breaks=breaks,
        choice="exponential or Gaussian", others=(other,),
        typical=between(0.15, 0.5, power), short=between(3.0, 30.0, power),
        long=between(0.002, 0.01, power), drifts="rate", limits=NO_GROWTH,
        times=(value,), besides=levels,
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
        decay("t2_echo", "t2_echo", 1.0),
        decay("t2_echo", "t2_echo", 2.0, "t2_echo, slow noise", breaks=False),
        decay("cpmg", "t2_cpmg", 1.0),
        decay("cpmg", "t2_cpmg", 2.0, "cpmg, slow noise", breaks=False),
    )
}  # fmt: skip
