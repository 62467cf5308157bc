"""Maps of a tunable transmon: spectra against frequency and bias."""

from __future__ import annotations

import numpy as np

from tests.catalogue.truth import Array, Draw, Parameters, Truth, log_uniform

F0, SPAN = 4.80e9, 300e6
B0, REACH = -0.2, 0.5
DRIVES = F0 + np.linspace(0.0, SPAN, 61)
BIASES = B0 + np.linspace(0.0, REACH, 51)
LOW, HIGH = 3.0e9, 2.2e9
WIDE_DRIVES = LOW + np.linspace(0.0, HIGH, 81)
E_C = 200e6


def transmon(phase: Array, f_max: Array, d: Array | float = 0.0, e_c: Array | float = E_C) -> Array:
    """f01 at phase = pi (bias - sweet spot) / period; Koch et al. 2007."""
    part = np.cos(phase) ** 2 + np.square(d) * np.sin(phase) ** 2
    return (f_max + e_c) * np.sqrt(np.sqrt(part)) - e_c


def lorentzian(x: Array, centre: Array, width: Array) -> Array:
    return 1 / (1 + (2 * (x - centre) / width) ** 2)


def arc(x: tuple[Array, Array], p: Parameters) -> Array:
    f, b = x
    line = transmon(np.pi * (b - p["top"]) / p["period"], F0 + SPAN * p["f_max"])
    return p["offset"] + p["contrast"] * lorentzian(F0 + SPAN * f, line, SPAN * p["width"])


def high_arc(x: tuple[Array, Array], p: Parameters) -> Array:
    """An arc that is seen down to where unlike junctions hold it up."""
    f, b = x
    phase = np.pi * (b - p["top"]) / p["period"]
    line = transmon(phase, LOW + HIGH * p["f_max"], p["asymmetry"])
    return p["offset"] + p["contrast"] * lorentzian(LOW + HIGH * f, line, HIGH * p["width"])


def high_arcs(rng: np.random.Generator, n: int) -> Parameters:
    return {
        **arcs(rng, n), "period": log_uniform(rng, 0.8, 1.4, n),
        "asymmetry": rng.uniform(0.35, 0.7, n),
    }  # fmt: skip


def arcs(rng: np.random.Generator, n: int) -> Parameters:
    return {
        "f_max": rng.uniform(0.75, 0.95, n), "top": rng.uniform(0.3, 0.7, n),
        "period": log_uniform(rng, 1.5, 4.0, n), "width": log_uniform(rng, 0.02, 0.05, n),
        "contrast": rng.choice([-1.0, 1.0], n) * rng.uniform(0.3, 1.0, n),
        "offset": rng.uniform(-1.0, 1.0, n),
    }  # fmt: skip


def arcs_of(low: float, high: float) -> Draw:
    """Return a draw of arcs of such periods, in windows."""
    return lambda rng, n: {**arcs(rng, n), "period": log_uniform(rng, low, high, n)}


def scored(p: Parameters) -> dict[str, Array]:
    top = F0 + SPAN * p["f_max"]
    return {
        "frequency": top, "sweet_spot": B0 + REACH * p["top"], "period": REACH * p["period"],
        "curvature": -0.5 * (top + E_C) * (np.pi / (REACH * p["period"])) ** 2,
        "linewidth": SPAN * p["width"],
    }  # fmt: skip


def scored_with_asymmetry(p: Parameters) -> dict[str, Array]:
    top, d = LOW + HIGH * p["f_max"], p["asymmetry"]
    bend = -0.5 * (top + E_C) * (1 - d**2) * (np.pi / (REACH * p["period"])) ** 2
    return {
        **scored(p), "frequency": top, "curvature": bend, "linewidth": HIGH * p["width"],
        "asymmetry": d,
    }  # fmt: skip


def high_scales(p: Parameters) -> dict[str, Array]:
    return {**scales(p), "frequency": HIGH * p["width"]}


def scales(p: Parameters) -> dict[str, Array]:
    return {"frequency": SPAN * p["width"], "sweet_spot": np.full(len(p["top"]), REACH)}


TRUTHS: dict[str, Truth] = {
    truth.name: truth
    for truth in (
        Truth(
            "qubit_flux_map", "qubit_flux_map", (DRIVES, BIASES), arcs, arc, scored, scales,
            known=lambda p: {"anharmonicity": -E_C, "asymmetry": 0.0}, breaks=False,
            mixed=(8.0, 100.0), snrs=(8.0, 20.0, 50.0), short=arcs_of(15.0, 60.0),
            long=arcs_of(0.06, 0.15), drifts="top", slow=1,
        ),
        Truth(
            "qubit_flux_map, unlike junctions", "qubit_flux_map", (WIDE_DRIVES, BIASES), high_arcs,
            high_arc, scored_with_asymmetry, high_scales, known=lambda p: {"anharmonicity": -E_C},
            breaks=False, mixed=(8.0, 100.0), snrs=(8.0, 20.0, 50.0),
        ),
    )
}  # fmt: skip
