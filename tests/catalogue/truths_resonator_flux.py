"""The arc of a resonator that a tunable transmon below it shifts."""

from __future__ import annotations

import numpy as np

from tests.catalogue.truth import Array, Draw, Parameters, Truth, log_uniform
from tests.catalogue.truths_flux import E_C, transmon
from tests.catalogue.truths_punch_out import notch

F0, SPAN = 7.0e9, 20e6
B0, REACH = -0.4, 0.8
FREQUENCIES = F0 + np.linspace(0.0, SPAN, 81)
BIASES = B0 + np.linspace(0.0, REACH, 51)
QUBIT = 5.6e9


def pushed(bare: Array, g: Array, qubit: Array) -> Array:
    """The upper of two coupled levels."""
    away = bare - qubit
    return bare + np.sqrt(0.25 * away**2 + g**2) - 0.5 * away


def arc(x: tuple[Array, Array], p: Parameters) -> Array:
    f, b = x
    qubit = transmon(np.pi * (b - p["top"]) / p["period"], QUBIT)
    centre = (pushed(F0 + SPAN * p["bare"], 1e6 * p["g"], qubit) - F0) / SPAN
    turn = p["gain"] * np.exp(1j * p["angle"] - 2j * np.pi * p["delay"] * f)
    return turn * notch(f, centre, p["width"], p["depth"] * np.exp(1j * p["skew"]))


def arcs(rng: np.random.Generator, n: int) -> Parameters:
    return {
        "bare": rng.uniform(0.1, 0.3, n), "g": rng.uniform(70.0, 100.0, n),
        "top": rng.uniform(0.4, 0.6, n), "period": rng.uniform(1.3, 1.8, n),
        "width": log_uniform(rng, 0.03, 0.06, n), "depth": rng.uniform(0.4, 0.8, n),
        "gain": log_uniform(rng, 0.1, 10.0, n), "delay": rng.uniform(0.0, 1.0, n),
        "angle": rng.uniform(-3.0, 3.0, n), "skew": rng.uniform(-0.5, 0.5, n),
    }  # fmt: skip


def arcs_of(low: float, high: float) -> Draw:
    """Return a draw of arcs of such periods, in windows."""
    return lambda rng, n: {**arcs(rng, n), "period": log_uniform(rng, low, high, n)}


def scored(p: Parameters) -> dict[str, Array]:
    bare, g = F0 + SPAN * p["bare"], 1e6 * p["g"]
    top = pushed(bare, g, np.full(len(g), QUBIT))
    return {
        "frequency": top, "sweet_spot": B0 + REACH * p["top"], "period": REACH * p["period"],
        "shift": top - pushed(bare, g, np.full(len(g), -E_C)), "linewidth": SPAN * p["width"],
        "bare_frequency": bare, "g": g,
    }  # fmt: skip


def scales(p: Parameters) -> dict[str, Array]:
    width = p["width"] * SPAN
    return {"frequency": width, "bare_frequency": width, "sweet_spot": np.full(len(width), REACH)}


FINE = 8e6  # Hz, of the window of resonators of whose qubits nothing is known
DETUNING, ROOT = 1.5e9, 0.4  # usual ones; of the square root of the asymmetry


def below(p: Parameters, phase: Array) -> tuple[Array, Array, Array]:
    """The bare resonator, the qubit's f_max and f01 at a phase, in Hz."""
    bare = F0 + FINE * p["bare"]
    high = bare - DETUNING * np.exp(p["detuning"])
    return bare, high, transmon(phase, high, np.square(ROOT + p["root"]))


def unlike_arc(x: tuple[Array, Array], p: Parameters) -> Array:
    f, b = x
    bare, _, qubit = below(p, np.pi * (b - p["top"]) / p["period"])
    centre = (pushed(bare, 1e6 * p["g"], qubit) - F0) / FINE
    turn = p["gain"] * np.exp(1j * p["angle"] - 2j * np.pi * p["delay"] * f)
    return turn * notch(f, centre, p["width"], p["depth"] * np.exp(1j * p["skew"]))


def unlike_arcs(rng: np.random.Generator, n: int) -> Parameters:
    """Asymmetries of 0 to 0.6, 0.6 to 2.4 periods, and a g with which the resonator moves."""
    return unlike_of(0.42, 1.67)(rng, n)


def unlike_of(low: float, high: float) -> Draw:
    """Return a draw of them of such periods, in windows."""
    return lambda rng, n: _unlike(rng, log_uniform(rng, low, high, n))


def _unlike(rng: np.random.Generator, period: Array) -> Parameters:
    n = len(period)
    p = arcs(rng, n) | {
        "period": period, "detuning": rng.uniform(-0.5, 0.5, n),
        "root": np.sqrt(rng.uniform(0.0, 0.6, n)) - ROOT, "bare": np.zeros(n),
    }  # fmt: skip
    bare, high, lowest = below(p, 0.5 * np.pi * np.minimum(1.0, 0.8 / p["period"]))
    moves = FINE * log_uniform(rng, 0.2, 0.6, n) / (1.0 / (bare - high) - 1.0 / (bare - lowest))
    g = np.clip(np.sqrt(moves), 30e6, 150e6)
    bottom = rng.uniform(0.1, 0.25, n)
    return p | {"g": 1e-6 * g, "bare": bottom - g**2 / (bare - lowest) / FINE}


def unlike_scored(p: Parameters) -> dict[str, Array]:
    bare, high, _ = below(p, np.zeros(1))
    return {
        "frequency": pushed(bare, 1e6 * p["g"], high), "sweet_spot": B0 + REACH * p["top"],
        "linewidth": FINE * p["width"],
        **dict.fromkeys(("period", "shift", "bare_frequency", "g"), np.full(len(bare), np.nan)),
    }  # fmt: skip


def unlike_scales(p: Parameters) -> dict[str, Array]:
    return {"frequency": p["width"] * FINE, "sweet_spot": np.full(len(p["width"]), REACH)}


KNOWN = {"qubit_frequency": QUBIT, "anharmonicity": -E_C, "asymmetry": 0.0}

TRUTHS: dict[str, Truth] = {
    truth.name: truth
    for truth in (
        Truth(
            "resonator_flux_map", "resonator_flux_map", (FREQUENCIES, BIASES), arcs, arc, scored,
            scales, known=lambda p: dict(KNOWN),
            breaks=False, strength="depth", size=lambda p: p["gain"] * p["depth"],
            mixed=(8.0, 100.0), snrs=(8.0, 20.0, 50.0), short=arcs_of(15.0, 60.0),
            long=arcs_of(0.06, 0.15), drifts="top", slow=1,
        ),
        Truth(
            "resonator_flux_map, nothing known", "resonator_flux_map",
            (F0 + np.linspace(0.0, FINE, 81), BIASES), unlike_arcs, unlike_arc, unlike_scored,
            unlike_scales, breaks=False, strength="depth", size=lambda p: p["gain"] * p["depth"],
            mixed=(8.0, 100.0), snrs=(8.0, 20.0, 50.0), usual={"detuning": 0.5, "root": 0.3},
            tabled=True, short=unlike_of(15.0, 60.0), long=unlike_of(0.06, 0.15), drifts="top",
            slow=1,
        ),
    )
}  # fmt: skip
