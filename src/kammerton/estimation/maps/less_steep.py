"""Another start where one of two branches that avoid each other is hardly inside the window.

A branch that shows at the crossing only tells neither its slope nor g, but g^2 over the slope: that
is how it pushes the other away. An enormous slope hides that it should show elsewhere, too.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

SHARE = 0.5  # part of the columns that have both branches inside where neither is too steep
ONCE = 0.5  # half of a slope that goes through the window once


def less_steep(
    mean: float, half: float, g: float, inside: NDArray[np.bool_]
) -> tuple[float, float, float] | None:
    """Return mean and half of both slopes and g with a steep branch that stays inside for longer.

    inside: columns in which each branch is inside the window (B, 2). None where most have both.
    """
    half = abs(half)
    if half <= ONCE or inside.all(axis=1).mean() > SHARE:
        return None
    return mean - math.copysign(half - ONCE, mean), ONCE, g * math.sqrt(ONCE / half)
