"""Another line so near a map's that both look like one: what all powers leave alike tells.

The mean of what columns leave, each in parts of its own line, is far quieter than any of them. A
second line is tried in it at some distances (a score test, Rao 1948), beside all that place, width
and background could change. Hums and spurs leave much there, too, but nothing like a line.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kammerton.estimation.maps.flattened import Alone, moves

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

AWAY = np.array([0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0])  # linewidths by which it may be away
GAIN = 60.0  # chi-square that it must explain
MOST = 0.5  # part of what is left beyond noise that it must explain: spurs leave at most 0.46
HEIGHT = 0.15  # of the other, in parts of this line's


def beside(columns: Alone | None, f: Array, at: float, width: float, which: Mask) -> bool:
    """Return whether another line stands beside the one at `at` in some of the columns (B,)."""
    mine = np.zeros(0, dtype=bool) if columns is None else which[columns.here]
    if columns is None or not mine.any():
        return False
    height = columns.height[mine, None]
    w = np.sqrt(((np.abs(height) * columns.w[mine]) ** 2).sum(axis=0))
    mean = (height.conj() * columns.w[mine] * columns.left[mine]).sum(axis=0)
    line = np.asarray(1.0 / (1.0 + 2j * (f - at) / width), dtype=np.complex128)
    q = np.linalg.qr(moves(f, line) * w[:, None])[0]
    left = mean / np.maximum(w, 1e-300)
    left = left - q @ (q.conj().T @ left)
    away = width * np.concatenate([-AWAY[::-1], AWAY])
    ways = w[:, None] / (1.0 + 2j * (f[:, None] - at - away) / width)
    ways = ways - q @ (q.conj().T @ ways)
    size = np.maximum((np.abs(ways) ** 2).sum(axis=0), 1e-300)
    amount = np.abs(ways.conj().T @ left) / size
    gain = amount**2 * size
    best = int(gain.argmax())
    excess = float((np.abs(left) ** 2).sum()) - 2.0 * (len(f) - q.shape[1])
    return bool(gain[best] > max(GAIN, MOST * excess) and amount[best] > HEIGHT)
