"""Populations lie between 0 and 1, and so do the levels of a law that they follow."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kammerton.estimation.numeric.derived import Derived
from kammerton.estimation.verdict.findings import ACCEPTED, NOTHING, REJECTED, Findings

Array = NDArray[np.float64]

SURE = 5.0
"""Standard errors by which a level lies outside before that is no chance."""


def judge_populations(said: Findings, found: Derived, swings: tuple[float, float]) -> None:
    """Reject what was accepted though it would lead from or to a population that cannot be.

    Of another law, or a window in which a drift is taken for the end of the decay. swings: the law
    lies between the offset and these parts of the amplitude.
    """
    verb = "lead" if 0.0 in swings else "swing"
    for part in swings:
        level, error = _level(found, part)
        out = (level < -SURE * error) | (level > 1.0 + SURE * error)
        for n in np.flatnonzero(out & (said.verdict == ACCEPTED)):
            said.verdict[n], said.status[n] = REJECTED, "model does not fit"
            said.advice[n] = NOTHING
            said.reason[n] = (
                f"it would {verb} to a population of {level[n]:.3f} "
                f"± {error[n]:.3f}, and none is below 0 or above 1"
            )


def _level(found: Derived, part: float) -> tuple[Array, Array]:
    """Return offset + part x amplitude and its standard error (N,)."""
    names = list(found.values)
    a, o = names.index("amplitude"), names.index("offset")
    level = found.values["offset"] + part * found.values["amplitude"]
    own, swing = found.stderr["offset"], part * found.stderr["amplitude"]
    together = 2.0 * found.correlation[:, a, o] * own * swing
    return level, np.sqrt(np.maximum(own**2 + swing**2 + together, 0.0))
