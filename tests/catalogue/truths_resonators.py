"""Resonator spectroscopy: notch, reflection and transmission, complex and in magnitude.

Magnitudes have Gaussian noise, so they are taken only where they stand well above it; a network
analyser's noise floor is another law (Rice's).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests.catalogue.truth import Array, Draw, Other, Parameters, Truth, log_uniform

START, SPAN = 7.00e9, 20e6
TONES = START + np.linspace(0.0, SPAN, 201)
Complex = NDArray[np.complex128]


def pole(x: Array, p: Parameters) -> Complex:
    return np.asarray(1 / (1 + 2j * (x - p["centre"]) / p["width"]))


def line(x: Array, p: Parameters) -> Complex:
    """Gain and phase of the cables; `delay` turns of it across the window."""
    return np.asarray(p["gain"] * np.exp(1j * (p["angle"] - 2 * np.pi * p["delay"] * x)))


def notch(x: Array, p: Parameters) -> Complex:
    """1 - depth e^(i skew) L over a background that may slope; in reflection depth reaches 2."""
    return line(x, p) * (sloping(x, p) - p["depth"] * np.exp(1j * p["skew"]) * pole(x, p))


def transmission(x: Array, p: Parameters) -> Complex:
    leak = p["leak"] * np.exp(1j * p["skew"]) * sloping(x, p)
    return line(x, p) * (p["depth"] * pole(x, p) + leak)


def sloping(x: Array, p: Parameters) -> Complex:
    """Size and phase that slope; where a gain slopes, the line is another one, but a line."""
    return np.asarray(1 + (p["slope"] + 1j * p.get("twist", 0.0)) * (x - 0.5))


def seen(law: Callable[[Array, Parameters], Complex]) -> Callable[[Array, Parameters], Array]:
    """Return the law of the magnitude."""

    def magnitude(x: Array, p: Parameters) -> Array:
        return np.abs(law(x, {**p, "angle": 0.0, "delay": 0.0}))  # type: ignore[dict-item]  # any phase will do

    return magnitude


def cables(rng: np.random.Generator, n: int, turns: tuple[float, float]) -> Parameters:
    return {
        "gain": log_uniform(rng, 0.1, 1.0, n), "angle": rng.uniform(-np.pi, np.pi, n),
        "delay": rng.uniform(*turns, n),
    }  # fmt: skip


def between(
    width: tuple[float, float], centre: tuple[float, float] = (0.08, 0.92),
    depth: tuple[float, float] = (0.2, 0.95), *, phase: bool = True, slope: bool = False,
    leak: bool = False, turns: tuple[float, float] = (-0.5, 1.5),
) -> Draw:  # fmt: skip
    """Return a draw; without `phase` the cables have only a gain. turns: of their delay."""

    def draw(rng: np.random.Generator, n: int) -> Parameters:
        p = {
            "centre": rng.uniform(*centre, n), "width": log_uniform(rng, *width, n),
            "depth": rng.uniform(*depth, n), "skew": rng.uniform(-0.5, 0.5, n),
            "slope": np.zeros(n), **cables(rng, n, turns),
        }  # fmt: skip
        if slope:
            p |= {name: rng.uniform(-0.3, 0.3, n) for name in ("slope", "twist")}
        if leak:
            p |= {"leak": rng.uniform(0.1, 0.3, n), "skew": rng.uniform(-np.pi, np.pi, n)}
        return p if phase else {k: v for k, v in p.items() if k not in ("angle", "delay")}

    return draw


def outside_or_wide(
    depth: tuple[float, float] = (0.2, 0.95), *, phase: bool = True, leak: bool = False
) -> Draw:
    """Windows that show less than a resonance: it is wider, or lies beside the window."""

    def draw(rng: np.random.Generator, n: int) -> Parameters:
        wide = between((1.5, 6.0), (0.0, 1.0), depth, phase=phase, leak=leak)(rng, n)
        beside = between((0.1, 0.4), depth=depth, phase=phase, leak=leak)(rng, n)
        side, away = rng.choice([-1.0, 1.0], n), beside["width"] * rng.uniform(0.1, 0.8, n)
        beside["centre"] = np.where(side > 0, 1 + away, -away)
        return {name: np.where(rng.random(n) < 0.5, wide[name], beside[name]) for name in wide}

    return draw


def either_coupling(draw: Draw) -> Draw:
    """Return the draw with every other resonator overcoupled: its dip is about as deep."""

    def either(rng: np.random.Generator, n: int) -> Parameters:
        p = draw(rng, n)
        return {**p, "depth": np.where(rng.random(n) < 0.5, p["depth"], 2.0 - p["depth"])}

    return either


def windows(depth: tuple[float, float], **how: bool) -> dict[str, Draw]:
    """Return draws for windows that are well chosen, too short and too long."""
    return {
        "typical": between((0.04, 0.15), (0.25, 0.75), depth, **how),
        "short": outside_or_wide(depth, **how),
        "long": between((0.0002, 0.002), depth=depth, **how),
    }


def loaded(p: Parameters) -> dict[str, Array]:
    frequency, width = START + p["centre"] * SPAN, p["width"] * SPAN
    return {"frequency": frequency, "linewidth": width, "q_loaded": frequency / width}


def qualities(part: float) -> Callable[[Parameters], dict[str, Array]]:
    """kappa_c / kappa is `part` of the real part of the depth (diameter correction)."""

    def scored(p: Parameters) -> dict[str, Array]:
        told = loaded(p)
        background = sloping(p["centre"], p)
        share = part * (p["depth"] * np.exp(1j * p["skew"]) / background).real
        q = told["q_loaded"]
        return {**told, "q_internal": q / (1 - share), "q_coupling": q / share}

    return scored


def through(p: Parameters) -> dict[str, Array]:
    """Neither a transmission nor a reflection's magnitude tells internal from coupling losses."""
    none = np.full(len(p["centre"]), np.nan)
    return {**loaded(p), "q_internal": none, "q_coupling": none}


def in_linewidths(p: Parameters) -> dict[str, Array]:
    return {"frequency": p["width"] * SPAN}


def height(p: Parameters) -> Array:
    result: Array = p["gain"] * p["depth"]
    return result


def resonance(name: str, draw: Draw, law: Any, scored: Any, **more: Any) -> Truth:
    return Truth(
        f"resonator_spectroscopy, {name}", "resonator_spectroscopy", TONES, draw, law, scored,
        in_linewidths, strength="depth", size=height, drifts="centre", **more,
    )  # fmt: skip


LEVEL = Other(lambda p: {"twist": np.zeros_like(p["twist"])}, ("twist",), 8.0)
UNSEEN: dict[str, Any] = {"fixed": ("slope",), "usual": {"slope": 0.5}}
WIDE = (0.015, 0.4)
ABOVE_NOISE: dict[str, Any] = {"mixed": (30.0, 300.0), "snrs": (30.0, 50.0, 300.0), **UNSEEN}

TRUTHS: dict[str, Truth] = {
    truth.name: truth
    for truth in (
        resonance(
            "notch", between(WIDE), notch, qualities(1.0),
            **windows((0.4, 0.9)), **UNSEEN,
        ),
        resonance(
            "notch, sloping background", between((0.02, 0.2), slope=True), notch, qualities(1.0),
            breaks=False, mixed=(10.0, 100.0), choice="phase level or sloping",
            others=(LEVEL,),
        ),
        resonance(
            "notch, long cables", between((0.02, 0.3), turns=(-8.0, 25.0)), notch, qualities(1.0),
            breaks=False, **UNSEEN,
        ),
        resonance(
            "reflection", between(WIDE, depth=(0.6, 1.9)), notch, qualities(0.5),
            known=lambda p: {"geometry": "reflection"}, **windows((0.8, 1.8)), **UNSEEN,
        ),
        resonance(
            "transmission", between(WIDE, depth=(0.8, 1.0), leak=True), transmission, through,
            known=lambda p: {"geometry": "transmission"}, **windows((0.8, 1.0), leak=True),
            **UNSEEN,
        ),
        resonance(
            "notch, magnitude", between(WIDE, depth=(0.2, 0.9), phase=False), seen(notch),
            qualities(1.0), **ABOVE_NOISE, **windows((0.4, 0.9), phase=False),
        ),
        resonance(
            "reflection, magnitude", either_coupling(between(WIDE, depth=(0.3, 0.8), phase=False)),
            seen(notch), through, **ABOVE_NOISE, known=lambda p: {"geometry": "reflection"},
            **{which: either_coupling(draw)
               for which, draw in windows((0.4, 0.8), phase=False).items()},
        ),
        resonance(
            "transmission, magnitude", between(WIDE, depth=(0.8, 1.0), phase=False, leak=True),
            seen(transmission), through, **ABOVE_NOISE,
            known=lambda p: {"geometry": "transmission"},
            **windows((0.8, 1.0), phase=False, leak=True),
        ),
    )
}  # fmt: skip
