"""Chevrons of a two-qubit gate: exchange against amplitude and length."""

from __future__ import annotations

import numpy as np

from tests.catalogue.truth import Array, Parameters, Truth, log_uniform

A0, REACH = 0.18, 0.05
LENGTH = 80e-9
AMPLITUDES = A0 + np.linspace(0.0, REACH, 51)
LENGTHS = np.linspace(0.0, LENGTH, 61)


def exchange(t: Array, gap: Array, detuning: Array, rate: Array | float = 0.0) -> Array:
    """Rabi's formula: gap = 2g and detuning in periods per unit of t; damped at `rate`."""
    whole = np.sqrt(gap**2 + detuning**2)
    return 0.5 * (gap / whole) ** 2 * (1 - np.exp(-rate * t) * np.cos(2 * np.pi * whole * t))


def chevron(x: tuple[Array, Array], p: Parameters) -> Array:
    a, t = x
    away = a - p["at"]
    d = p["slope"] * away + p["bend"] * away**2
    return p["offset"] + p["contrast"] * exchange(t - p["late"], p["gap"], d, p["rate"])


def chevrons(rng: np.random.Generator, n: int) -> Parameters:
    return chevrons_of(rng, log_uniform(rng, 1.3, 6.0, n))


def chevrons_of(rng: np.random.Generator, gap: Array) -> Parameters:
    n = len(gap)
    return {
        "gap": gap, "at": rng.uniform(0.25, 0.75, n), "slope": gap * log_uniform(rng, 4.0, 12.0, n),
        "bend": gap * rng.uniform(-2.0, 2.0, n), "late": rng.uniform(0.0, 0.08, n),
        "rate": rng.uniform(0.0, 1.0, n), "offset": rng.uniform(-1.0, 1.0, n),
        "contrast": rng.choice([-1.0, 1.0], n) * rng.uniform(0.3, 1.0, n),
    }  # fmt: skip


def scored(p: Parameters) -> dict[str, Array]:
    return {
        "coupling": 0.5 * p["gap"] / LENGTH, "amplitude": A0 + p["at"] * REACH,
        "cz_length": (p["late"] + 1 / p["gap"]) * LENGTH, "slope": p["slope"] / (LENGTH * REACH),
        "visibility": np.abs(p["contrast"]),
        "leakage": 0.5 * (1 - np.exp(-p["rate"] / p["gap"])),
    }  # fmt: skip


TRUTHS: dict[str, Truth] = {
    truth.name: truth
    for truth in (
        Truth(
            "cz_chevron", "cz_chevron", (AMPLITUDES, LENGTHS), chevrons, chevron, scored,
            lambda p: {"leakage": np.full(len(p["gap"]), 1.0)}, breaks=False,
            short=lambda rng, n: chevrons_of(rng, log_uniform(rng, 0.05, 0.3, n)),
            long=lambda rng, n: chevrons_of(rng, log_uniform(rng, 20.0, 60.0, n)), drifts="at",
        ),
    )
}  # fmt: skip
