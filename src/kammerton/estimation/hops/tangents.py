"""How a fitted curve moves with the numbers that are published of it, and with what else may move.

Each kind has its numbers; a curve that was fitted has no noise, and gives its own derivatives.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kammerton.model import Fit
from kammerton.model.parameter import BY_NAME
from kammerton.model.trace import FloatArray

Curve = NDArray[Any]


@dataclass(frozen=True)
class Told:
    """A number of a fit, and the parameter that it becomes, of which it is known how it wanders.

    relative: its direction is of the logarithm.
    """

    value: str
    parameter: str
    relative: bool

    @property
    def drift(self) -> float:
        """Its random walk per square root of a second, in the unit of its direction."""
        return BY_NAME[self.parameter].drift


@dataclass(frozen=True, eq=False)
class Tangents:
    """Directions (M,) of the curve: of each number that is told, and of what is not.

    others: as long as that may well change within a run, one standard deviation.
    """

    told: dict[Told, Curve]
    others: list[Curve]


STEADY = 0.01
"""Of the height of a curve: what contrast and offset of a readout may change within a run. They
hold better; were nothing known of them, a decay that hops could be told from them only half as
well."""

TURN = 0.1  # rad, or of a line's width: what phases, cables and widths may

T1, ECHO = Told("t1", "t1", True), Told("t2_echo", "t2_echo", True)
FRINGE, T2_STAR = Told("frequency", "f01", False), Told("t2_star", "t2_star", True)
PI = Told("pi_amplitude", "pi_amplitude", True)
QUBIT = Told("frequency", "f01", False)
RESONATOR, LINEWIDTH = Told("frequency", "frequency", False), Told("linewidth", "linewidth", True)


def tangents(fit: Fit, x: FloatArray, curve: Curve) -> Tangents | None:
    """Return the directions of a fitted curve (M,) over x (M,); None of a kind without any."""
    how = _KINDS.get(fit.kind)
    return None if how is None else how(fit, x, curve)


def slope(x: FloatArray, curve: Curve) -> Curve:
    """Return the derivative of a curve in x; x in any order, and as often as it was measured."""
    once, first, back = np.unique(x, return_index=True, return_inverse=True)
    return np.asarray(np.gradient(curve[first], once)[back])


def readout(curve: Curve) -> list[Curve]:
    """Return the directions of an offset and of a contrast that move a little."""
    height = float(np.abs(curve - curve.mean()).max())
    return [STEADY * height * np.ones(curve.size), STEADY * (curve - curve.mean())]


def _stretched(told: Told) -> Callable[[Fit, FloatArray, Curve], Tangents]:
    """Of a law of x over one length, with a height and an offset that are fitted."""

    def of(fit: Fit, x: FloatArray, curve: Curve) -> Tangents:
        del fit
        return Tangents({told: -x * slope(x, curve)}, readout(curve))

    return of


def _fringes(fit: Fit, x: FloatArray, curve: Curve) -> Tangents:
    """Of one frequency or two, which move together, under an envelope between its two shapes."""
    f, apart = fit.values["frequency"].value, fit.values.get("frequency_splitting")
    both = [f] if apart is None else [f - apart.value / 2, f + apart.value / 2]
    s = x / fit.values["t2_star"].value
    falls = [np.exp(-s), np.exp(-np.minimum(s * s, 500.0))]
    turned = 2 * np.pi * np.outer(x, both)
    waves = np.hstack([np.cos(turned), np.sin(turned)])
    quarter = np.hstack([-np.sin(turned), np.cos(turned)])
    columns = np.column_stack([*(fall[:, None] * waves for fall in falls), np.ones(x.size)])
    size = waves.shape[1]
    weights = np.linalg.lstsq(columns, curve)[0]
    first, second = (waves @ w for w in (weights[:size], weights[size : 2 * size]))
    late = falls[0] * (quarter @ weights[:size]) + falls[1] * (quarter @ weights[size : 2 * size])
    told = {
        FRINGE: 2 * np.pi * x * late,
        T2_STAR: s * falls[0] * first + 2 * s * s * falls[1] * second,
    }
    return Tangents(told, [*readout(curve), TURN * late])


def _line(fit: Fit, x: FloatArray, curve: Curve) -> Tangents:
    """Of a line that moves; height, background and width may change."""
    moves = slope(x, curve)
    wider = (x - fit.values["frequency"].value) * moves
    return Tangents({QUBIT: -moves}, [*readout(curve), TURN * wider])


def _resonance(fit: Fit, x: FloatArray, curve: Curve) -> Tangents:
    """Of a resonance that moves or widens; gain, phase and length of the cable may change."""
    moves, away = slope(x, curve), x - fit.values["frequency"].value
    told = {RESONATOR: -moves, LINEWIDTH: -away * moves}
    if not np.iscomplexobj(curve):
        return Tangents(told, readout(curve))
    turned = TURN * 1j * curve
    return Tangents(told, [STEADY * curve, turned, turned * away / np.ptp(x)])


_KINDS: dict[str, Callable[[Fit, FloatArray, Curve], Tangents]] = {
    "t1": _stretched(T1), "t2_echo": _stretched(ECHO), "rabi_amplitude": _stretched(PI),
    "ramsey": _fringes, "qubit_spectroscopy": _line, "resonator_spectroscopy": _resonance,
}  # fmt: skip
