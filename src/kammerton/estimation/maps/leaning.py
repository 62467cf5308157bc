"""Lines of a map that lean over: within a column, too, the law moves steadily with time.

Swept one bias after another, a steady drift only stretches the bias, but for that. It is asked of
what the fit of all points leaves (a score test, Rao 1948), beside all that this could change; from
columns whose heights and backgrounds are free it hardly shows.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kammerton.estimation.maps.positions import Law
from kammerton.estimation.maps.whole import GROUNDS, Whole

Array = NDArray[np.float64]

OWN = 1e-3  # square of what leaning moves, in parts, that the fit cannot imitate


def leans(whole: Whole, law: Law, which: int) -> float:
    """Return by what chi-square a real line moves within columns as with theta[which]."""
    c, size = whole.c, len(whole.theta) - 1
    place = law.place(whole.theta[:size])
    at, slope = place.at[0], place.slope[0]
    half, height = 0.5 * float(whole.theta[size]), float(whole.shares[GROUNDS["line"][0], 0])
    u = (c.f - at[:, None]) / half
    even = 1.0 / (1.0 + u * u)
    aside = (2.0 * height / half) * u * even * even
    way = slope[:, which, None] * c.f * aside * c.w
    weighted = way * c.w
    level = weighted.sum(axis=0)
    tangents = np.concatenate([
        (weighted * aside).sum(axis=1) @ slope,
        [0.5 * (weighted * aside * u).sum(), level.sum(), level @ (c.f - 0.5),
         (weighted * even).sum()],
    ])  # fmt: skip
    itself = float((way * way).sum())
    left = float((weighted * (c.z - whole.model)).sum())
    own = itself - float(tangents @ whole.every @ tangents)
    return 0.0 if own <= OWN * itself else left * left / (own * max(1.0, whole.reduced))
