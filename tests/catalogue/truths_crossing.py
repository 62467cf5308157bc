"""Two levels that avoid each other, in a map frequency x bias."""

from __future__ import annotations

import numpy as np

from tests.catalogue.truth import Array, Draw, Parameters, Truth, log_uniform
from tests.catalogue.truths_flux import lorentzian

F0, SPAN = 5.0e9, 200e6
B0, REACH = -0.1, 0.2
FREQUENCIES = F0 + np.linspace(0.0, SPAN, 81)
BIASES = B0 + np.linspace(0.0, REACH, 51)


def branches(b: Array, place: Array, first: Array, second: Array, g: Array) -> tuple[Array, Array]:
    """Both levels, upper first, about where the uncoupled ones meet."""
    one, other = first * (b - place), second * (b - place)
    apart = np.sqrt(0.25 * (one - other) ** 2 + g**2)
    return 0.5 * (one + other) + apart, 0.5 * (one + other) - apart


def pair(x: tuple[Array, Array], p: Parameters) -> Array:
    f, b = x
    upper, lower = branches(b, p["place"], p["first"], p["second"], p["g"])
    peaks = lorentzian(f, p["middle"] + upper, p["width"])
    peaks = peaks + p["second_height"] * lorentzian(f, p["middle"] + lower, p["width"])
    return np.asarray(p["offset"] + p["contrast"] * peaks)


def pairs(rng: np.random.Generator, n: int) -> Parameters:
    return {
        "middle": rng.uniform(0.4, 0.6, n), "place": rng.uniform(0.4, 0.6, n),
        "first": rng.uniform(0.6, 1.6, n), "second": -rng.uniform(0.1, 1.0, n),
        "g": rng.uniform(0.05, 0.12, n), "width": log_uniform(rng, 0.025, 0.05, n),
        "contrast": rng.choice([-1.0, 1.0], n) * rng.uniform(0.3, 1.0, n),
        "second_height": rng.uniform(0.6, 1.4, n), "offset": rng.uniform(-1.0, 1.0, n),
    }  # fmt: skip


def steeper(low: float, high: float) -> Draw:
    """Return a draw of branches so many times as steep: hardly, or too quickly, apart."""

    def draw(rng: np.random.Generator, n: int) -> Parameters:
        p, times = pairs(rng, n), log_uniform(rng, low, high, n)
        return {**p, "first": times * p["first"], "second": times * p["second"]}

    return draw


def scored(p: Parameters) -> dict[str, Array]:
    steep = SPAN / REACH
    return {
        "coupling": SPAN * p["g"], "gap": 2 * SPAN * p["g"],
        "crossing_bias": B0 + REACH * p["place"], "crossing_frequency": F0 + SPAN * p["middle"],
        "slope_upper": steep * p["first"], "slope_lower": steep * p["second"],
        "linewidth": SPAN * p["width"],
    }  # fmt: skip


def scales(p: Parameters) -> dict[str, Array]:
    return {"crossing_frequency": SPAN * p["width"],
            "crossing_bias": np.full(len(p["g"]), REACH)}  # fmt: skip


TRUTHS: dict[str, Truth] = {
    truth.name: truth
    for truth in (
        Truth(
            "avoided_crossing", "avoided_crossing", (FREQUENCIES, BIASES), pairs, pair, scored,
            scales, breaks=False, mixed=(8.0, 100.0), snrs=(8.0, 20.0, 50.0),
            short=steeper(0.005, 0.03), long=steeper(30.0, 100.0), drifts="place", slow=1,
        ),
    )
}  # fmt: skip
