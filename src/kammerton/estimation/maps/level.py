"""A level that jumps once somewhere along the frequency, alike at all biases: that is no line.

Nor is it a line wider than the window: what the jump leaves must be far smaller than itself. In a
complex map the signal turns with the delay of its cable, and what jumped on top of it need not.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from kammerton.estimation.maps.ridge import Columns, median, turning

Array = NDArray[np.float64]

TWO_LEVELS = 0.1  # of a jump of the level, rms: what it may leave
NOISY = 1.1  # of the variance of noise, which the rest may have
DELAYS = np.arange(-7.0, 7.0, 1.0)  # radians in the window about the likeliest, and parts of
FINER = np.arange(0.0, 1.0, 0.1)  # one, that are tried
LEFT = 0.2  # part of a jump's square, at least, that a level and what turns do not imitate, on
EVEN = 0.5  # an axis whose steps differ by less than that part


def level_jump(c: Columns) -> int | None:
    """Return before which frequency the level of a map as measured jumps; None if it does not."""
    even = c.z - c.level
    spectrum = median(even, c.w > 0, 0)[0]
    cuts = np.arange(max(4, len(c.f) // 10), len(c.f) - max(4, len(c.f) // 10) + 1)
    if len(cuts) == 0 or _moving(c, even - spectrum, _highest(spectrum, cuts)):
        return None
    rest, height = _jumps(spectrum, _backgrounds(c), cuts)
    best = np.unravel_index(rest.argmin(), rest.shape)
    least = TWO_LEVELS * float(height[best])
    jumps = rest[best] < len(c.f) * least**2 and _alike(c, even - spectrum, least)
    return int(cuts[best[1]]) if jumps else None


def _highest(spectrum: NDArray[Any], cuts: NDArray[np.intp]) -> float:
    """Return how high a jump of a spectrum (A,) before one of some cuts may be at most."""
    points = len(spectrum)
    least = LEFT * float((cuts * (points - cuts)).min()) / points
    return float(np.sqrt((np.abs(spectrum) ** 2).sum() / max(least, 1e-9)))


def _moving(c: Columns, rest: NDArray[Any], highest: float) -> bool:
    """Return whether the biases differ by more than the highest jump allows (B, A)."""
    even = c.parts == 1 or float(np.ptp(np.diff(c.f))) < EVEN * c.step
    return even and not _alike(c, rest, TWO_LEVELS * highest)


def _alike(c: Columns, rest: NDArray[Any], least: float) -> bool:
    """Return whether the biases differ by no more than noise and so much more, rms (B, A).

    And by levels of their own: where half of a bias is high, its median is either.
    """
    rest = rest - median(rest, c.w > 0, 1)
    chance = NOISY * c.parts + (least * c.w) ** 2
    return bool((np.abs(rest * c.w) ** 2).sum() < chance[c.w > 0].sum())


def _backgrounds(c: Columns) -> NDArray[Any]:
    """Return what there is without the jump, a level and what turns, orthonormal (D, A, 1 or 2)."""
    level = np.full((1, len(c.f), 1), len(c.f) ** -0.5)
    if c.parts == 1:
        return level
    slow, steps = (np.exp(1j * each[:, None] * (c.f - c.f.mean()))
                   for each in (turning(c) + DELAYS, FINER))  # fmt: skip
    turned = (slow[:, None] * steps).reshape(-1, len(c.f))
    turned -= turned.mean(axis=1, keepdims=True)
    turned /= np.maximum(np.linalg.norm(turned, axis=1, keepdims=True), 1e-9)
    return np.stack([np.broadcast_to(level[..., 0], turned.shape), turned], axis=2)


def _jumps(
    y: NDArray[Any], backgrounds: NDArray[Any], cuts: NDArray[np.intp]
) -> tuple[Array, Array]:
    """Return what backgrounds (D, A, P) with a jump before each cut (C,) leave of y (A,).

    Sum of squares, and how high the jump is (D, C).
    """
    across = backgrounds.conj().transpose(0, 2, 1)
    part = across @ y
    left = (np.abs(y) ** 2).sum() - (np.abs(part) ** 2).sum(axis=1)
    share = (np.cumsum(across[..., ::-1], axis=2)[..., ::-1])[..., cuts]
    size = len(y) - cuts - (np.abs(share) ** 2).sum(axis=1)
    same = np.cumsum(y[::-1])[::-1][cuts] - np.einsum("dpc,dp->dc", share.conj(), part)
    size = np.maximum(size, 1e-9 * len(y))
    return left[:, None] - np.abs(same) ** 2 / size, np.abs(same) / size
