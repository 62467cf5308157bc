"""Whether values between 0 and 1 are populations that were counted from so many shots."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator

import numpy as np
from scipy.special import gammaincinv

from kammerton.estimation.files.ground import named_excited, named_ground
from kammerton.model.trace import FloatArray

COUNTS = ("counts", "count", "ones", "n1", "n_1", "counts_1", "counts 1")
CLOSE = 0.02  # of one count: what y times shots may be off a whole number
FEW = 0.05  # of the points may be off: slips, and no reason to think otherwise of the others
BY_CHANCE = 1e-3  # that so many values are whole, from which it says something
SURE = 1e-4  # level at which a scatter is not that of counts
LAGS = (1, 2, 4)  # points: an oscillation hides the scatter at one of them, hardly at all
DIGITS = 13
_NAMED = re.compile(r"populations?|occupation|prob(abilit(y|ies))?|(?<![a-z])p(?![a-z\d])")


def counted(y: FloatArray, shots: FloatArray, name: str) -> bool:
    """Return whether y (..., M), in the order of x, was counted from its shots; NaN is missing.

    It was where y times shots is whole at nearly all points, and to more digits than it could be
    by chance: any number of three decimals is so many of 1000 shots. Else it must be called a
    population, and its scatter must not speak against it.
    """
    known = np.isfinite(y)
    p, n = y[known], shots[known]
    if not p.size or (np.isin(p, (0, 1)).all() and (n > 1).any()):
        return False
    inside = (p >= 0) & (p <= 1)
    room = CLOSE + _half_digit(p) * n
    whole = _nearly_all(inside & (np.abs(p * n - np.round(p * n)) < room))
    if whole and _telling(p, n, room):
        return True
    if not inside.all() or not named_population(name):
        return False
    smooth, rough = _scatter(y, shots)
    return not smooth if whole else smooth is False and rough is False


def named_population(name: str) -> bool:
    """Return whether a name says that its column holds a population, or counts."""
    plain = name.strip().casefold()
    return (
        plain.partition("/")[0] in COUNTS or named_ground(name) or named_excited(name)
        or bool(_NAMED.search(plain.replace("_", " ")))
    )  # fmt: skip


def _nearly_all(good: np.ndarray) -> bool:
    allowed = max(int(FEW * good.size), int(good.size >= 8))
    return int((~good).sum()) <= allowed


def _telling(p: FloatArray, n: FloatArray, room: FloatArray) -> bool:
    """Return whether values that are no counts would hardly all be whole by chance."""
    some = (p > 0) & (p < 1)
    different = np.unique(np.column_stack([p, n, room])[some], axis=0)
    return float(np.log(np.fmin(2 * different[:, 2], 1.0)).sum()) < math.log(BY_CHANCE)


def _half_digit(y: FloatArray) -> FloatArray:
    """Return half of the last digit of each value, as written with decimals or with digits."""
    size = np.floor(np.log10(np.where(y == 0, 1.0, np.abs(y))))
    digits = _decimals(y / 10.0**size)
    last: FloatArray = np.fmax(10.0 ** (size - digits), 10.0 ** -_decimals(y))
    return 0.5 * last


def _decimals(values: FloatArray) -> float:
    """Return how many decimals all values have at most."""
    for digits in range(DIGITS):
        if (np.abs(np.round(values, digits) - values) < 1e-14).all():
            return float(digits)
    return 16.0


def _scatter(y: FloatArray, shots: FloatArray) -> tuple[bool | None, bool | None]:
    """Return whether y scatters less, and more, than counts do; None where too few points tell.

    The three points that are farthest off do not count.
    """
    found = [(ratio, freedom) for ratio, freedom in _ratios(y, shots) if freedom >= 4]
    if not found:
        return None, None
    ratio, freedom = found[0]
    smooth = ratio < 0.75 * _quantile(SURE, freedom)
    return smooth, all(r > _quantile(1 - SURE, f) for r, f in found)


def _ratios(y: FloatArray, shots: FloatArray) -> Iterator[tuple[float, float]]:
    """Yield variances of second differences over those of counts, and how many numbers tell."""
    p = (y * shots + 1) / (shots + 2)
    variance = p * (1 - p) / shots
    for lag in LAGS:
        if y.shape[-1] <= 2 * lag:
            return
        near, middle, far = (slice(0, -2 * lag), slice(lag, -lag), slice(2 * lag, None))
        jump = y[..., near] - 2 * y[..., middle] + y[..., far]
        expected = variance[..., near] + 4 * variance[..., middle] + variance[..., far]
        enough = variance[..., middle] * shots[..., middle] ** 2 > 1  # counts that scatter at all
        part = np.sort((jump**2 / expected)[enough & np.isfinite(jump)])[:-3]
        yield (float(part.mean()) if part.size else math.nan), part.size / 2


def _quantile(level: float, freedom: float) -> float:
    return float(gammaincinv(freedom / 2, level)) * 2 / freedom
