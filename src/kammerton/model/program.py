"""Instrument-free pulses, waits, readout and one sweep, as a value.

Every field that may be swept is a float, or an array with one value for each point of the sweep.
All sequences of a program end together, where the readout begins.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
Swept = float | FloatArray
Shape = Literal["drag", "gaussian", "square"]


@dataclass(frozen=True, eq=False)
class Pulse:
    """A microwave pulse on a qubit's drive line.

    amplitude: peak of the envelope in volts at the generator's output, swept or not.
    length: s. frequency: absolute, Hz. phase: rad, in the frame of `frequency` counted from the
    start of the first pulse of the sequence. sigma: s, of the Gaussian ("gaussian", "drag").
    anharmonicity: Hz, sets the quadrature of "drag" (Motzoi et al., PRL 103, 110501).
    """

    shape: Shape
    amplitude: Swept
    length: float
    frequency: Swept
    phase: Swept = 0.0
    sigma: float = 0.0
    anharmonicity: float = 0.0


@dataclass(frozen=True, eq=False)
class Wait:
    """Nothing on this line for a time in s, swept or not."""

    duration: Swept


Sequence = tuple[Pulse | Wait, ...]


@dataclass(frozen=True, eq=False)
class Readout:
    """A square tone on the feedline, and the part of it that is integrated.

    frequency: absolute, Hz, swept or not. amplitude: V at the generator. length: s.
    settle: s after the start of the tone (beyond the line's delay) before integration begins.
    """

    frequency: Swept
    amplitude: float
    length: float
    settle: float = 0.0


@dataclass(frozen=True, eq=False)
class Program:
    """One sweep on many targets at once.

    sequences: target -> pulses and waits, ending at the readout.
    readouts: target -> its tone; every target of `sequences` has one.
    axis: target -> the swept values (M,), what a fit sees as x, in `axis_unit`.
    reset: s of waiting after each readout. keep_shots: keep each shot, not only block means.
    """

    name: str
    sequences: Mapping[str, Sequence]
    readouts: Mapping[str, Readout]
    axis: Mapping[str, FloatArray]
    axis_name: str
    axis_unit: str
    shots: int
    reset: float
    keep_shots: bool = False

    @property
    def points(self) -> int:
        """Number of points of the sweep."""
        return next(iter(self.axis.values())).size
