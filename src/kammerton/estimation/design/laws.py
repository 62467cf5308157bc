"""The laws that adaptive runs know, as the fraction of the qubit in 1 after a delay.

Each law has one parameter that is asked for, on a grid, and a hidden one that is averaged over.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Law:
    """A law on the coordinate theta: the logarithm of a time in s, or a frequency in Hz.

    fraction(theta, hidden, delay, phase): the fraction in 1; its arrays broadcast.
    scale(theta): d value / d theta. unit: of the value. margin: the part of what is thought
    possible, at each end, in which a result may as well lie outside.
    """

    name: str
    unit: str
    fraction: Callable[[Array, Array, Array, Array], Array]
    value: Callable[[Array], Array]
    scale: Callable[[Array], Array]
    margin: float


def _relaxation(theta: Array, hidden: Array, delay: Array, phase: Array) -> Array:
    """exp(-t/T1), from 1."""
    del hidden, phase
    result: Array = np.exp(-delay * np.exp(-theta))
    return result


def _echo(theta: Array, hidden: Array, delay: Array, phase: Array) -> Array:
    """(1 - exp(-(1 - q) s - q s^2))/2, s = t/T2, from 0: four half turns make two whole ones.

    hidden: q, the share of slow noise, as `kammerton.estimation.curves.echo` has it.
    """
    del phase
    s = delay * np.exp(-theta)
    result: Array = hidden * (1.0 - s)
    result -= 1.0
    result *= s
    np.exp(result, out=result)
    result *= -0.5
    result += 0.5
    return result


def _fringe(theta: Array, hidden: Array, delay: Array, phase: Array) -> Array:
    """(1 + exp(-t/T2*) cos(2 pi f t - phase))/2; f = f01 - drive, phase of the second pulse."""
    envelope = 0.5 * np.exp(-delay / hidden)
    result: Array = 0.5 + envelope * np.cos(2 * np.pi * theta * delay - phase)
    return result


def _same(theta: Array) -> Array:
    return theta


T1 = Law("t1", "s", _relaxation, np.exp, np.exp, 0.1)
T2_ECHO = Law("t2_echo", "s", _echo, np.exp, np.exp, 0.1)
RAMSEY = Law("ramsey", "Hz", _fringe, _same, np.ones_like, 0.005)
