"""The resonator with the qubit in 0 and in 1: two traces of one resonance, one beside the other.

Where the shift passes the linewidth, the law of the readout frequency has a kink, and no bound:
there it is not judged.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.catalogue.truth import Array, Parameters, Truth, log_uniform
from tests.catalogue.truths_resonators import (
    SPAN,
    START,
    TONES,
    Complex,
    cables,
    height,
    notch,
)

STATES = np.array([0.0, 1.0])
KINK = 0.15  # linewidths from a shift by one


OWN = ("gain", "depth", "skew", "slope")  # that magnitudes of 0 and 1 are not said to share


def pulled(x: tuple[Array, Array], p: Parameters) -> Complex:
    """S of both states; the resonance moves by `shift`."""
    state, f = x
    one = {**p, "centre": p["centre"] + p["shift"], **{k: p.get(f"{k}_1", p[k]) for k in OWN}}
    return np.where(state == 0, notch(f, p), notch(f, one))


def magnitudes(x: tuple[Array, Array], p: Parameters) -> Array:
    return np.abs(pulled(x, {**p, "angle": 0.0, "delay": 0.0}))  # type: ignore[dict-item]  # any phase will do


def shifts(
    low: float, high: float, cable: bool = True, widths: tuple[float, float] = (0.04, 0.15)
) -> Any:
    """Return a draw of shifts of so many linewidths, of either sign, about the middle."""

    def draw(rng: np.random.Generator, n: int) -> Parameters:
        width = log_uniform(rng, *widths, n)
        shift = rng.choice([-1.0, 1.0], n) * log_uniform(rng, low, high, n) * width
        p = {
            "centre": rng.uniform(0.35, 0.65, n) - shift / 2, "shift": shift, "width": width,
            "depth": rng.uniform(0.3, 0.95, n), "skew": rng.uniform(-0.5, 0.5, n),
            "slope": np.zeros(n), **cables(rng, n, (-0.5, 1.5)),
        }  # fmt: skip
        if cable:
            return p
        free = {k: v for k, v in p.items() if k not in ("angle", "delay")}
        return free | {f"{k}_1": p[k].copy() for k in OWN}

    return draw


def scored(p: Parameters) -> dict[str, Array]:
    zero = START + SPAN * p["centre"]
    return {
        "frequency_0": zero, "frequency_1": zero + SPAN * p["shift"],
        "dispersive_shift": SPAN * p["shift"] / 2, "resonator_shift": SPAN * p["shift"],
        "linewidth": SPAN * p["width"],
    }  # fmt: skip


def best_frequency(p: Parameters) -> dict[str, Array]:
    """Where |S1 - S0| is largest: between both, or, far apart, near that of 0, by the pole."""
    shift, width = p["shift"], p["width"]
    aside = np.sqrt(np.maximum(shift**2 - width**2, 0.0)) * np.sign(shift)
    best = START + SPAN * (p["centre"] + (shift - aside) / 2)
    return {"readout_frequency": np.where(np.abs(np.abs(shift / width) - 1) < KINK, np.nan, best)}


def in_linewidths(p: Parameters) -> dict[str, Array]:
    """Of a centre, 5 % is a part of the linewidth."""
    width = SPAN * p["width"]
    return dict.fromkeys(("frequency_0", "frequency_1", "readout_frequency"), width)


TRUTHS: dict[str, Truth] = {
    truth.name: truth
    for truth in (
        Truth(
            "dispersive_shift", "dispersive_shift", (STATES, TONES), shifts(0.2, 3.0), pulled,
            scored, in_linewidths, strength="depth", size=height, breaks=False,
            choice="what both traces share", fixed=("slope",), drifts="centre",
            short=shifts(0.2, 3.0, widths=(1.5, 6.0)), long=shifts(0.2, 3.0, widths=(2e-4, 2e-3)),
            besides=best_frequency,
        ),
        Truth(
            "dispersive_shift, magnitude", "dispersive_shift", (STATES, TONES),
            shifts(0.2, 3.0, cable=False), magnitudes, scored, in_linewidths, strength="depth",
            size=height, breaks=False, mixed=(30.0, 300.0), snrs=(30.0, 50.0, 300.0),
            fixed=("slope", "slope_1"), usual={"slope": 0.5, "slope_1": 0.5},
            besides=best_frequency,
        ),
    )
}  # fmt: skip
