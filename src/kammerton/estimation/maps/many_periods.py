"""A line that comes back with the bias many times in a map, and is met a few times in each period.

No arc shows then: from bias to bias the line jumps, or is in the window and out of it. But its
places are those of one cosine (of f itself, or of what of f makes a transmon's arc one), which
three numbers and a period tell. Places at random follow none: of N of them, the least that any of
some periods leaves is about their number to the power of -2/(N - 4), in parts of their variance.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from kammerton.estimation.maps.arcs import Seeker
from kammerton.estimation.maps.ridge import SOLID, Columns, fine, scores

Array = NDArray[np.float64]

LEAST = 8  # biases that must show the line
MOST = 64  # biases that are asked, in the middle of the map
FAR = 2.0  # points that it moves by on average, which is more than its noise
TO_AND_FRO = 0.5  # of that, from bias to bias: an arc moves by a sixth, what is at random by 1.4
LONGEST, SHORTEST = 9.0, 2.0  # periods that are tried, in biases
STEP, AT_ONCE = 0.04, 16  # periods in the window between those that are tried, and to a block
FINER = np.linspace(-STEP, STEP, 17)  # about the best of them
LEFT = 0.03  # of the variance of the places, which the cosine may leave
CHANCE = 14.0  # logarithm of one over the chance that places at random leave so little
CLIPPED = 3.0  # widths; a place that misses by more is another's, and says no more


def many_periods(c: Columns, seeker: Seeker) -> bool:
    """Return whether the brightest places move to and fro by far, as one cosine of the bias."""
    b, f, width = _places(c)
    if len(b) < LEAST:
        return False
    far = float(np.abs(f - np.median(f)).mean())
    if far < FAR * c.step or float(np.abs(np.diff(f)).mean()) < TO_AND_FRO * far:
        return False
    left = _least_left(b, f, width, seeker, min(len(c.b), MOST))
    told = 0.5 * (len(b) - 4) * np.log(1.0 / max(left, 1e-12)) - np.log(len(c.b))
    return bool(left < LEFT and told > CHANCE)


def _places(c: Columns) -> tuple[Array, Array, float]:
    """Return which biases show a line within the window, at which frequency, and how wide it is.

    The biases are told in parts of those that are asked.
    """
    s, width = scores(c, stripes=False)[0]
    first = max(0, (len(c.b) - MOST) // 2)
    s, b = s[first : first + MOST], c.b[first : first + MOST]
    at = s.argmax(axis=1)
    seen = (s.max(axis=1) > SOLID) & (at > 0) & (at < len(c.f) - 1)
    return (b[seen] - b[0]) / (b[-1] - b[0]), fine(s, at[:, None], c.f)[seen, 0], width


def _least_left(b: Array, f: Array, width: float, seeker: Seeker, count: int) -> float:
    """Return which part of the variance of places f at biases b the best cosine leaves.

    count: of biases from b = 0 to 1.
    """
    often = np.arange((count - 1) / LONGEST, (count - 1) / SHORTEST, STEP * AT_ONCE)
    steps = STEP * np.arange(AT_ONCE)
    blocks, within = (np.exp(2j * np.pi * each[:, None] * b) for each in (often, steps))
    turned = (blocks[:, None] * within).reshape(-1, len(b))
    best = (often[:, None] + steps).ravel()[_left(turned, f, width, seeker).argmin()]
    turned = np.exp(2j * np.pi * (best + FINER)[:, None] * b)
    return float(_left(turned, f, width, seeker).min() / max(float(f.var()), 1e-300))


def _left(turned: NDArray[Any], f: Array, width: float, seeker: Seeker) -> Array:
    """Return the mean square that cosines leave of places f (B,); turned: exp(i phase) (K, B)."""
    slope = seeker.slope(f)
    shape = np.stack([np.ones(turned.shape), turned.real, turned.imag], axis=-1) / slope[:, None]
    y, across = seeker.forward(f) / slope, shape.transpose(0, 2, 1)
    inner = across @ shape + 1e-9 * len(f) * np.eye(3)
    c = np.linalg.solve(inner, (across @ y)[..., None])
    miss = np.minimum(np.abs((shape @ c)[..., 0] - y), CLIPPED * width)
    return np.asarray((miss**2).mean(axis=1))
