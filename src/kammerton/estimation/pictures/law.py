"""What a fitted curve is a sum of, by the numbers that its fit has published.

What is published is taken as it is; only what is not, is varied. x is in parts of the window.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kammerton.model.trace import FloatArray

Columns = Callable[[FloatArray, FloatArray], NDArray[Any]]
"""(theta (P,), x (M,)) -> (M, L)."""

BENT = ("drag", "drag_repetitions")
"""Swings of which a scan may hold no more than a parabola."""

SWINGING = ("ramsey", "rabi_length", "rabi_amplitude", "drag", "drag_repetitions")
RESONATING = ("resonator_spectroscopy", "dispersive_shift")
LINES = "qubit_spectroscopy"
DECAYS = {
    "t1": "t1", "t2_echo": "t2_echo", "cpmg": "t2_cpmg", "randomized_benchmarking": "",
    "interleaved_randomized_benchmarking": "",
}  # fmt: skip
"""Kinds that fall, and what their time is called; benchmarking publishes its rate otherwise."""

NEAR = (0.0, 0.25, -0.25, 0.5, -0.5)
"""Turns of the cable about those that leave a circle: a background's slope may look like more."""

LOOKS = (1.0, 0.6, 1.7)
"""Parts that a line's width may be of what it looks like beside others."""

FALLS = (1.0, 5.0, 25.0)
"""Rates in windows from which one that is not published is looked for."""

SHARES = (0.5, 0.25, 0.75)
"""Of the first of two frequencies in their mean: where it may be."""


@dataclass(frozen=True)
class Law:
    """A power of the curve is a sum of columns; theta is varied from `start`."""

    columns: Columns
    start: tuple[float, ...] = ()
    power: int = 1


def laws(
    kind: str, values: Mapping[str, float], widths: FloatArray, turns: float | None
) -> list[Law]:
    """Return what a curve may be, the likeliest first; none for what is smooth anyhow.

    values: as published, but for windows instead of the unit of x, from where x is 0. widths: of
    the lines about the frequencies, as they look. turns: of a resonator's cable over the window;
    None where the curve is real.
    """
    if kind in DECAYS:
        return [*_falls(kind, values), Law(straight)]
    if kind in BENT:
        return [*_swing(kind, values), Law(bent)]
    if kind == "drag_sequences":
        return [Law(straight)]
    if kind == "ramsey":
        return _fringes(values)
    if kind in SWINGING:
        return _swing(kind, values)
    centres = np.array(frequencies(values))
    if centres.size == 0 or "linewidth" not in values:
        return []
    if kind == LINES:
        law = partial(lines, centres)
        return [Law(law, tuple(np.log(part * widths))) for part in LOOKS]
    if kind == "resonator_spectroscopy":
        width = np.array([np.log(values["linewidth"])])
        sizes = [Law(partial(_fixed, partial(size, centres), width), power=n) for n in (2, 1)]
        planes = partial(_of_width, centres, width)
        return sizes if turns is None else [Law(planes, (turns + t,)) for t in NEAR]
    if kind == "dispersive_shift":
        return _pair(centres, float(np.log(values["linewidth"])), turns)
    return []


def frequencies(values: Mapping[str, float]) -> list[float]:
    """Return the centres of all lines, each once."""
    return sorted({v for name, v in values.items() if name.startswith("frequency")})


def _fringes(values: Mapping[str, float]) -> list[Law]:
    turns, apart = values.get("frequency", 0.0), values.get("frequency_splitting", 0.0)
    rate = 1 / values["t2_star"] if "t2_star" in values else None
    shapes = [(q,) if rate is not None else (q, 1.0) for q in (0.0, 1.0)]
    shares = [(share,) for share in SHARES] if apart > 0 else [()]
    law = partial(fringes, turns, apart, rate)
    return [Law(law, (*share, *shape)) for share in shares for shape in shapes]


def _falls(kind: str, values: Mapping[str, float]) -> list[Law]:
    time = values.get(DECAYS[kind], 0.0)
    rates = (1 / time, *FALLS) if time else FALLS
    shapes: tuple[tuple[float, ...], ...] = ((), (0.5,)) if kind in ("t2_echo", "cpmg") else ((),)
    return [Law(falling, (rate, *shape)) for shape in shapes for rate in rates]


def _swing(kind: str, values: Mapping[str, float]) -> list[Law]:
    turns = 1 / values["period"] if "period" in values else 0.0
    decays = kind == "rabi_amplitude" or (kind == "rabi_length" and "t_rabi" not in values)
    rate = 1 / values["t_rabi"] if "t_rabi" in values else 0.0
    law = partial(swing, turns, kind == "rabi_amplitude")
    return [Law(law, (0.0,))] if decays else [Law(partial(_fixed, law, np.array([rate])))]


def _pair(centres: FloatArray, width: float, turns: float | None) -> list[Law]:
    """Each state's resonance alone, or both where the qubit was in either."""
    each = [centres[n : n + 1] for n in range(centres.size)]
    if turns is None:
        return [Law(partial(size, some), (width,), power=n) for some in each for n in (2, 1)]
    several = (*each, centres)
    return [Law(partial(plane, some), (turns + t, width)) for some in several for t in NEAR]


def _fixed(law: Columns, at: FloatArray, theta: FloatArray, x: FloatArray) -> NDArray[Any]:
    return law(at, x)


def _of_width(
    centres: FloatArray, width: FloatArray, theta: FloatArray, x: FloatArray
) -> NDArray[Any]:
    return plane(centres, np.concatenate([theta, width]), x)


def fringes(
    turns: float, apart: float, rate: float | None, theta: FloatArray, x: FloatArray
) -> NDArray[Any]:
    """Cosines and sines of one frequency or two under an envelope that is 1/e at 1/rate.

    theta: of two the share of the first in their mean; how Gaussian the envelope is; the rate
    where it is not known. The envelope is held as the fit holds it (`kernels.exponents`).
    """
    share, (shape, *more) = (theta[0], theta[1:]) if apart > 0 else (0.0, theta)
    s = rate if rate is not None else more[0]
    shape = max(shape, -(1 + s) / (s * s - s + 1e-9)) if s > 1 else shape
    decay = np.exp(np.clip(-(1 - shape) * s * x - shape * (s * x) ** 2, -50.0, 50.0))
    both = [turns - (1 - share) * apart, turns + share * apart] if apart > 0 else [turns]
    turned = 2 * np.pi * np.outer(x, both)
    waves = decay[:, None] * np.hstack([np.cos(turned), np.sin(turned)])
    return np.column_stack([waves, np.ones(x.size)])


def falling(theta: FloatArray, x: FloatArray) -> NDArray[Any]:
    """A decay and a constant; theta: its rate, and how Gaussian it is where it may be."""
    s, shape = theta[0], theta[1] if theta.size > 1 else 0.0
    decay = np.exp(np.clip(-(1 - shape) * s * x - shape * s * np.abs(s) * x**2, -50.0, 50.0))
    return np.column_stack([decay, np.ones(x.size)])


def straight(theta: FloatArray, x: FloatArray) -> NDArray[Any]:
    """A constant and a slope."""
    return np.column_stack([np.ones(x.size), x])


def bent(theta: FloatArray, x: FloatArray) -> NDArray[Any]:
    """A parabola."""
    return np.column_stack([np.ones(x.size), x, x**2])


def swing(turns: float, even: bool, theta: FloatArray, x: FloatArray) -> NDArray[Any]:
    """A cosine that falls with |x|, and a sine where it is not even; theta: the rate."""
    decay = np.exp(np.clip(-theta[0] * np.abs(x), -50.0, 50.0))
    turned = 2 * np.pi * turns * x
    waves = [np.cos(turned)] if even else [np.cos(turned), np.sin(turned)]
    return np.column_stack([*(decay * wave for wave in waves), np.ones(x.size)])


def lines(centres: FloatArray, theta: FloatArray, x: FloatArray) -> NDArray[Any]:
    """Both shapes of every line, a constant and a slope; theta: logarithms of the widths."""
    u2 = (2 * (x[:, None] - centres) / _width(theta)) ** 2
    gaussian = np.exp2(-np.minimum(u2, 500.0))
    return np.column_stack([1 / (1 + u2), gaussian, np.ones(x.size), x - centres[0]])


def plane(centres: FloatArray, theta: FloatArray, x: FloatArray) -> NDArray[Any]:
    """Resonances over a background with a slope.

    theta: the turns of the cable, the logarithm of the width.
    """
    away = x[:, None] - centres
    resonances = 1 / (1 + 2j * away / _width(theta[1]))
    cable = np.exp(2j * np.pi * theta[0] * away[:, :1])
    return np.asarray(cable * np.column_stack([resonances, np.ones(x.size), away[:, 0]]))


def size(centres: FloatArray, theta: FloatArray, x: FloatArray) -> NDArray[Any]:
    """The square of a resonance's magnitude, or a real part of it; theta: log of its width."""
    u = 2 * (x - centres[0]) / _width(theta[0])
    return np.column_stack([1 / (1 + u**2), u / (1 + u**2), np.ones(x.size), u])


def _width(logarithm: Any) -> Any:
    return np.exp(np.clip(logarithm, -20.0, 20.0))
