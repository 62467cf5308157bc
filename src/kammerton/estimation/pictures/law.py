"""What a fitted curve may be a sum of, from the numbers that its fit has published."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kammerton.model.trace import FloatArray

Columns = Callable[[FloatArray, FloatArray], NDArray[Any]]
"""(theta (P,), x (M,)) -> (M, L); x in windows."""

OSCILLATING = ("ramsey", "rabi_amplitude", "rabi_length", "drag", "drag_repetitions")
RESONATING = ("resonator_spectroscopy", "dispersive_shift")

SHARES = (0.5, 0.25, 0.75)
"""Of the mean of two frequencies, which is weighed by their sizes: where the first may lie."""

NARROWER = (1.0, 0.5, 0.25)
"""Parts of the width that is published, of one line, which the others may have."""


@dataclass(frozen=True)
class Law:
    """A power of the curve is a sum of columns; theta are the numbers in them that start near."""

    columns: Columns
    start: tuple[float, ...] = ()
    power: int = 1


def laws(kind: str, values: Mapping[str, float], span: float, turns: float) -> list[Law]:
    """Return what a curve of this kind may be, the likeliest first; none for what is smooth.

    values: as published, in SI. span: of the window, in the unit of x. turns: of a resonator's
    cable over the window.
    """
    if kind in OSCILLATING:
        return _oscillations(values, span)
    width = values.get("linewidth", 0.0) / span
    centres = sorted({v / span for name, v in values.items() if name.startswith("frequency")})
    if not width > 0 or not centres:
        return []
    if kind == "qubit_spectroscopy":
        widths = [np.log(width * part) for part in NARROWER]
        return [Law(lines(np.array(centres)), (w,) * len(centres)) for w in widths]
    if kind in RESONATING:
        planes = [Law(plane(centre, width), (turns,)) for centre in centres]
        sizes = [Law(size(centre, width), power=n) for centre in centres for n in (2, 1)]
        return planes + sizes
    return []


def _oscillations(values: Mapping[str, float], span: float) -> list[Law]:
    turns = span / values["period"] if "period" in values else values.get("frequency", 0.0) * span
    apart = values.get("frequency_splitting", 0.0) * span
    rate = span / values.get("t2_star", values.get("t_rabi", np.inf))
    pairs = [(turns - s * apart, turns + (1 - s) * apart) for s in SHARES]
    return [
        Law(swings, (*decay, *frequencies))
        for decay in ((rate, 0.0), (0.0, rate**2))
        for frequencies in (pairs if apart > 0 else [(turns,)])
    ]


def swings(theta: FloatArray, x: FloatArray) -> NDArray[Any]:
    """Cosines and sines under one envelope, and a constant.

    theta: the rates of an exponential and of a Gaussian decay, then one frequency or two.
    """
    decay = np.exp(np.clip(-theta[0] * np.abs(x) - theta[1] * x**2, -50.0, 50.0))[:, None]
    turned = 2 * np.pi * np.outer(x, theta[2:])
    return np.column_stack([decay * np.cos(turned), decay * np.sin(turned), np.ones(x.size)])


def lines(centres: FloatArray) -> Columns:
    """Both shapes of every line, a constant and a slope; theta: logarithms of the widths."""

    def columns(theta: FloatArray, x: FloatArray) -> NDArray[Any]:
        u2 = (2 * (x[:, None] - centres) / np.exp(np.clip(theta, -20.0, 20.0))) ** 2
        gaussian = np.exp2(-np.minimum(u2, 500.0))
        return np.column_stack([1 / (1 + u2), gaussian, np.ones(x.size), x - centres[0]])

    return columns


def plane(centre: float, width: float) -> Columns:
    """A resonance over a background with a slope; theta: the turns of its cable."""

    def columns(theta: FloatArray, x: FloatArray) -> NDArray[Any]:
        away = x - centre
        resonance = 1 / (1 + 2j * away / width)
        cable = np.exp(2j * np.pi * theta[0] * away)
        return np.asarray(cable[:, None] * np.column_stack([resonance, np.ones(x.size), away]))

    return columns


def size(centre: float, width: float) -> Columns:
    """The square of a resonance's magnitude, or a real part of it."""

    def columns(theta: FloatArray, x: FloatArray) -> NDArray[Any]:
        u = 2 * (x - centre) / width
        return np.column_stack([1 / (1 + u**2), u / (1 + u**2), np.ones(x.size), u])

    return columns
