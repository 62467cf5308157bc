"""Lines that nearly fill their window: where the width hangs on the shape of what is not seen.

Where the noise makes such a line look Gaussian, it is narrow and its width seems well known; in
most other draws it would be wide and hardly known. What is accepted by its own error bar then is
what is wrong. So the bar is no less than where the line is a pure Lorentzian, or a Gaussian, if
that is possible.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from kammerton.estimation.curves.shapes import GAUSSIAN, LORENTZIAN, bounds, half_each, shaped
from kammerton.estimation.numeric import kernels
from kammerton.estimation.numeric.derived import Derived
from kammerton.estimation.numeric.prepare import Batch
from kammerton.estimation.numeric.solver import Solution, solve

Array = NDArray[np.float64]

BROAD = 0.25  # windows of width from which the shoulders are hardly seen
POSSIBLE = 9.0  # chi-square by which a pure shape may be worse


def of_any_shape(batch: Batch, fit: Solution, noise: Array, found: Derived) -> Derived:
    """Return the numbers of one line with a `linewidth` no better known than of possible shapes.

    noise (N,): variance of a row of weight 1.
    """
    which = np.flatnonzero(2.0 * fit.p[:, 1] > BROAD)
    if len(which) == 0:
        return found
    part, single = batch.take(which), fit.take(which)
    error = found.stderr["linewidth"].copy()
    scale = 2.0 * np.broadcast_to(part.span[:, 0], (len(which),)) * np.sqrt(noise[which])
    for shape in (LORENTZIAN, GAUSSIAN):
        pure = shaped(part, single.p, shape, errors=False)
        free = solve(
            kernels.LINE, part, pure.p, *bounds(part, 1), half_each(part, pure), iterations=0
        )
        possible = pure.cost < single.cost + POSSIBLE * noise[which]
        other = scale * np.sqrt(np.maximum(free.cov[:, 1, 1], 0.0))
        error[which] = np.where(possible, np.maximum(error[which], other), error[which])
    return replace(found, stderr=found.stderr | {"linewidth": error})
