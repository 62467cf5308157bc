"""Where to start on long traces: oscillations faster than their thinned points can show.

A grid over all frequencies of thousands of points does not fit into memory. A periodogram sees
them all, and a few envelopes at its peak tell how fast they decay.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Columns = Callable[[Array, Array], Array]  # candidate (P,), x (M,) -> (M, L)

RATES = (0.0, 1.5, 4.0, 10.0, 25.0, 60.0, 150.0)  # 1/e in the window
FINER = 4  # frequencies a quarter of a period apart


def decaying(candidate: Array, x: Array) -> Array:
    """Return cosine and sine under their envelope; candidate: rate and angular frequency."""
    rate, w = candidate
    envelope = np.exp(-np.clip(rate * x, -5.0, 500.0))
    return np.stack([envelope * np.cos(w * x), envelope * np.sin(w * x)], axis=1)


def cosine(candidate: Array, x: Array) -> Array:
    """Return a cosine about x = 0; candidate: angular frequency."""
    return np.asarray(np.cos(candidate[0] * x))[:, None]


LAWS: dict[str, tuple[Columns, tuple[tuple[float, ...], ...]]] = {
    "oscillations": (decaying, tuple((rate,) for rate in RATES)),
    "cosines": (cosine, ((),)),
}
"""Kind of grid -> its columns, and what of a candidate stands before the frequency."""


def or_faster(kind: str, x: Array, y: Array, best: Array) -> Array:
    """Return for each trace the better of `best` (N, P) and the periodogram's peak.

    x (M,) 1 long; y (N, M) without gaps. The peak is sought between even points.
    """
    columns, before = LAWS[kind]
    even = np.linspace(x[0], x[-1], x.size)
    result = best.copy()
    for n, row in enumerate(y):
        peak = _peak(np.interp(even, x, row))
        tried = [best[n], *(np.array([*first, peak]) for first in before)]
        result[n] = max(tried, key=lambda each: _explained(columns(each, x), row))
    return result


def _peak(y: Array) -> float:
    """Return the angular frequency, in 1/window, of the largest peak beyond the first period."""
    power = np.abs(np.fft.rfft(y - y.mean(), FINER * (y.size - 1))) ** 2
    power[:FINER] = 0.0
    return float(2 * np.pi / FINER * power.argmax())


def _explained(columns: Array, y: Array) -> float:
    """Return how much of y the columns and a constant explain: the length of their projection."""
    whole = np.column_stack([np.ones(len(y)), columns])
    found = np.linalg.lstsq(whole, y - y.mean(), rcond=None)[0]
    return float(np.sum((whole @ found) ** 2))
