"""What was measured: block means per point, or single shots."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

ComplexArray = NDArray[np.complex128]
FloatArray = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Records:
    """What the bench returns for one program.

    blocks: target -> (B, M) complex volts, the mean of each of B blocks of shots at each point;
    their scatter is the honest sigma. shots: target -> (S, M) complex volts, when asked for.
    seconds: instrument time the program took. clipped: fraction of samples at the rail. heat: stage
    -> W that it left there on average, of those that lab.toml has a budget for.
    """

    blocks: Mapping[str, ComplexArray]
    shots: Mapping[str, ComplexArray]
    seconds: float
    clipped: float = 0.0
    heat: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Trace:
    """A measured sweep of one target, ready to fit: x (M,), y (M,) real or complex, sigma (M,).

    For complex y, sigma is the standard deviation of each of its two parts. y_name: what y is,
    where a file says it.
    """

    target: str
    x: FloatArray
    y: NDArray[np.float64] | NDArray[np.complex128]
    sigma: FloatArray
    x_name: str
    x_unit: str
    y_unit: str = ""
    y_name: str = ""
