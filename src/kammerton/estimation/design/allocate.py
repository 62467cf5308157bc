"""From candidate settings to shots: how many, where, and what they promise."""

from __future__ import annotations

import numpy as np

from kammerton.estimation.design.joint import Joint
from kammerton.estimation.design.words import Array, Counts

PARTS = 8  # a round's shots are dealt out in eighths


def dealt(joint: Joint, price: Array, shots: Array) -> tuple[Array, Array]:
    """Deal shots (N,) to settings: each eighth where it lowers the variance most for its price.

    Returns shares (N, M) that sum to 1, and the variance (N,) afterwards.
    """
    shares = np.zeros_like(joint.cross)
    rows = np.arange(len(shares))
    for _ in range(PARTS):
        gain = joint.gain(np.maximum(shots, PARTS) / PARTS) / price
        best = gain.argmax(axis=1)
        shares[rows, best] += 1.0 / PARTS
        joint = joint.after(best, shots / PARTS)
    return shares, joint.variance


def variance_after(joint: Joint, shares: Array, shots: Array) -> Array:
    """Return the variance (N,) after shots (N,) dealt by given shares (N, M)."""
    for setting in range(shares.shape[1]):
        at = np.full(len(shots), setting)
        joint = joint.after(at, shots * shares[:, setting])
    return joint.variance


def needed(before: Array, after: Array, shots: Array, goal: Array) -> Array:
    """Return the shots that reach a goal, if each adds the same information (N,)."""
    information = np.maximum(1 / after - 1 / before, 1e-300) / np.maximum(shots, 1.0)
    result: Array = np.maximum(1 / goal**2 - 1 / before, 0.0) / information
    return np.ceil(result)


def whole(shares: Array, shots: Array) -> Counts:
    """Return whole shots (N, M) that sum to `shots` (N,), largest remainders first."""
    exact = shares * shots[:, None]
    counts = np.floor(exact).astype(np.int64)
    left = (np.round(shots).astype(np.int64) - counts.sum(axis=1))[:, None]
    order = np.argsort(np.argsort(-(exact - counts), axis=1, kind="stable"), axis=1)
    result: Counts = counts + (order < left)
    return result
