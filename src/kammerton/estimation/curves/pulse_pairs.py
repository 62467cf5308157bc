"""The 21 pairs of pulses of AllXY, and what small errors do to them.

Reed, thesis, Yale 2013, section 5.3.3 and figure 5.8. The responses are computed here, from the
motion of the Bloch vector under imperfect pulses: to second order in the errors, and to third in
each by itself.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

PAIRS = (
    "I I", "X X", "Y Y", "X Y", "Y X",
    "x I", "y I", "x y", "y x", "x Y", "y X", "X y", "Y x", "x X", "X x", "y Y", "Y y",
    "X I", "Y I", "x x", "y y",
)  # fmt: skip
"""First and second pulse: capitals turn by pi, small letters by pi/2, about x or y."""

IDEAL = np.array([0.0] * 5 + [0.5] * 12 + [1.0] * 4)
ERRORS = ("angle_error", "detuning_angle", "drag_error", "relaxation")
"""What can be wrong with a pulse, in the order of the responses.

angle_error: rad by which a pi pulse turns too far; half of it for pi/2. detuning_angle: rad that a
qubit, idle for as long as a pulse, precesses against the drive: positive where it lies above the
drive and Y is at +90 degrees, cos(w t + phi). drag_error: the same for the shift
that a pi pulse itself makes, a quarter of it for pi/2 (it goes with the square of the amplitude).
relaxation: length of a pulse in parts of T1.
"""

STEP = 5e-3


@lru_cache(maxsize=1)
def responses() -> tuple[Array, Array, Array]:
    """Return the populations' derivatives: (21, 4), (21, 4, 4), and by each thrice, (21, 4)."""
    unit = STEP * np.eye(len(ERRORS))
    odd = np.stack([populations(u) - populations(-u) for u in unit], axis=1)
    far = np.stack([populations(2 * u) - populations(-2 * u) for u in unit], axis=1)
    second = np.array([
        [populations(u + v) - populations(u - v) - populations(v - u) + populations(-u - v)
         for u in unit] for v in unit
    ])  # fmt: skip
    third = (far - 2 * odd) / (2 * STEP**3)
    first = odd / (2 * STEP) - third * STEP**2 / 6
    return first, np.ascontiguousarray(second.transpose(2, 0, 1) / (4 * STEP**2)), third


@lru_cache(maxsize=1)
def polynomials() -> Array:
    """Return each pair's population as a polynomial of the errors, as PAIRS wants it (19, 21)."""
    first, second, third = responses()
    both = [second[:, k, j] * (0.5 if j == k else 1.0)
            for k in range(len(ERRORS)) for j in range(k, len(ERRORS))]  # fmt: skip
    return np.stack([IDEAL, *first.T, *third.T / 6.0, *both])


def populations(errors: Array) -> Array:
    """Return the population of 1 after each pair (21,), for errors (4,) in the order of ERRORS."""
    after = [_played(pair.split(), errors) for pair in PAIRS]
    return (1.0 - np.array([bloch[2] for bloch in after])) / 2.0


def _played(pulses: list[str], errors: Array) -> Array:
    bloch = np.array([0.0, 0.0, 1.0])
    for pulse in pulses:
        bloch = _pulse(pulse, errors, bloch)
    return bloch


def _pulse(name: str, errors: Array, bloch: Array) -> Array:
    over, detuning, phase, lost = errors
    part = {"I": 0.0, "x": 0.5, "y": 0.5, "X": 1.0, "Y": 1.0}[name]
    angle = part * (np.pi + over)
    shift = detuning + phase * part**2
    axis = np.array([angle * (name in "xX"), angle * (name in "yY"), shift])
    turned: Array = _turn(axis) @ _relaxed(bloch, lost / 2)
    return _relaxed(turned, lost / 2)


def _relaxed(bloch: Array, lost: float) -> Array:
    kept = np.exp(-lost)
    result: Array = bloch * [np.sqrt(kept), np.sqrt(kept), kept] + [0.0, 0.0, 1.0 - kept]
    return result


def _turn(axis: Array) -> Array:
    """Return the rotation (3, 3) about a vector, by its length (Rodrigues)."""
    angle = float(np.linalg.norm(axis))
    if angle == 0.0:
        return np.eye(3)
    x, y, z = axis / angle
    cross = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
    turn: Array = np.eye(3) + np.sin(angle) * cross + (1.0 - np.cos(angle)) * cross @ cross
    return turn
