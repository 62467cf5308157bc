"""Punch-out: the resonator against its drive."""

from __future__ import annotations

import numpy as np

from tests.catalogue.truth import Array, Parameters, Truth, log_uniform

F0, SPAN = 7.0e9, 20e6
FREQUENCIES = F0 + np.linspace(0.0, SPAN, 81)
POWERS = np.linspace(-60.0, -10.0, 41)
STEP = float(POWERS[1] - POWERS[0])


def notch(f: Array, centre: Array, width: Array, depth: Array) -> Array:
    """S21 of a hanger; width is the full width at half maximum of |S21|^2."""
    return 1 - depth / (1 + 2j * (f - centre) / width)


def resonator(x: tuple[Array, Array], p: Parameters) -> Array:
    f, power = x
    centre = np.where(power < p["at"], p["low"], p["low"] - p["shift"])
    turn = p["gain"] * np.exp(1j * p["angle"] - 2j * np.pi * p["delay"] * f)
    return turn * notch(f, centre, p["width"], p["depth"] * np.exp(1j * p["skew"]))


def resonators(rng: np.random.Generator, n: int) -> Parameters:
    width = log_uniform(rng, 0.04, 0.1, n)
    return {
        "low": rng.uniform(0.45, 0.6, n), "width": width,
        "shift": width * rng.choice([-1.0, 1.0], n) * rng.uniform(1.0, 3.0, n),
        "depth": rng.uniform(0.4, 0.8, n), "gain": log_uniform(rng, 0.1, 10.0, n),
        "at": rng.uniform(0.3, 0.7, n), "delay": rng.uniform(0.0, 1.0, n),
        "angle": rng.uniform(-3.0, 3.0, n), "skew": rng.uniform(-0.5, 0.5, n),
    }  # fmt: skip


def all_alike(rng: np.random.Generator, n: int) -> Parameters:
    """Powers that are all too low, or all too high."""
    return {**resonators(rng, n), "at": np.where(rng.random(n) < 0.5, -1.0, 2.0)}


def too_narrow(rng: np.random.Generator, n: int) -> Parameters:
    """Lines narrower than the distance of two frequencies."""
    p = resonators(rng, n)
    return {**p, "width": log_uniform(rng, 0.0005, 0.004, n)}


def scored(p: Parameters) -> dict[str, Array]:
    return {
        "frequency": F0 + p["low"] * SPAN, "bare_frequency": F0 + (p["low"] - p["shift"]) * SPAN,
        "shift": p["shift"] * SPAN, "linewidth": p["width"] * SPAN,
        "power": POWERS[0] + p["at"] * np.ptp(POWERS),
    }  # fmt: skip


def scales(p: Parameters) -> dict[str, Array]:
    """Places in linewidths; a power in ten steps, of which 5 % are half a one."""
    places = dict.fromkeys(("frequency", "bare_frequency", "shift"), p["width"] * SPAN)
    return {**places, "power": np.full(len(p["at"]), 10.0 * STEP)}


TRUTHS: dict[str, Truth] = {
    truth.name: truth
    for truth in (
        Truth(
            "punch_out", "punch_out", (FREQUENCIES, POWERS), resonators, resonator, scored,
            scales, fixed=("at",), between={"power": STEP}, breaks=False, strength="depth",
            size=lambda p: p["gain"] * p["depth"], mixed=(8.0, 100.0), snrs=(8.0, 20.0, 50.0),
            short=all_alike, long=too_narrow, drifts="low", slow=1,
        ),
    )
}  # fmt: skip
