"""How warm the mixing chamber was: what is true of the chip at a past time hangs on it."""

from __future__ import annotations

import math
from bisect import bisect_right

_ALIKE = 1e-3
"""Of a temperature: less than this it has not changed."""

_MOST = 100_000
"""Moments that are kept; then the older half is let go."""


class History:
    """Temperatures at moments, told in the order of time; between two a straight line."""

    def __init__(self) -> None:
        self._times: list[float] = []
        self._kelvins: list[float] = []

    def tell(self, time: float, kelvin: float) -> None:
        """Note that it was so warm at a time (unix s), not before the one that was told last."""
        if len(self._times) > 1 and all(abs(k / kelvin - 1) < _ALIKE for k in self._kelvins[-2:]):
            self._times[-1] = time  # it rests: the ends of the rest suffice
            return
        self._times.append(time)
        self._kelvins.append(kelvin)
        if len(self._times) > _MOST:
            del self._times[: _MOST // 2], self._kelvins[: _MOST // 2]

    def at(self, time: float) -> float:
        """Return K at a time; before the first moment that is kept, as then, and so at the end."""
        after = bisect_right(self._times, time)
        if after in (0, len(self._times)):
            return self._kelvins[max(0, after - 1)] if self._kelvins else math.nan
        (t0, t1), (k0, k1) = (each[after - 1 : after + 1] for each in (self._times, self._kelvins))
        return k0 + (k1 - k0) * (time - t0) / (t1 - t0)
