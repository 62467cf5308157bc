"""The directions of a curve in the errors of its points, and how a change along each is read."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kammerton.estimation.hops.tangents import Tangents, Told
from kammerton.estimation.reduce import Blocks
from kammerton.model.trace import FloatArray

SINGULAR = 1e-9  # of a direction's length


def parts(rows: Blocks) -> FloatArray:
    """Return both parts of complex points, one after the other."""
    return np.hstack([rows.real, rows.imag]) if np.iscomplexobj(rows) else rows.real


@dataclass(frozen=True, eq=False)
class Axes:
    """Directions (P, n) of unit length in the errors of a block, those that are told first.

    lengths (P,): theirs before.
    """

    told: list[Told]
    directions: FloatArray
    lengths: FloatArray

    @classmethod
    def of(cls, tangents: Tangents, weights: FloatArray) -> Axes:
        """Return directions in errors; what has no length, or no end, is none."""
        rows = parts(np.array([*tangents.told.values(), *tangents.others]) * weights)
        lengths = np.sqrt(np.square(rows).sum(axis=1))
        there = np.isfinite(lengths) & (lengths > 0)
        told = [each for each, is_there in zip(tangents.told, there, strict=False) if is_there]
        return cls(told, rows[there] / lengths[there, None], lengths[there])

    def read(self, blocks: int) -> FloatArray:
        """Return (n, P) by which early against late is read best, of as many blocks.

        Of what is not told it is known how little it changes (ridge regression): in the middle of
        a run, where the difference of two halves has an error of 2/sqrt(blocks).
        """
        known = np.where(np.arange(self.lengths.size) < len(self.told), 0.0, self.lengths**-2.0)
        matrix = blocks / 4 * self.directions @ self.directions.T + np.diag(known + SINGULAR)
        return np.asarray(blocks / 4 * np.linalg.solve(matrix, self.directions).T, np.float64)

    def moved(self, read: FloatArray) -> float:
        """Return what the change of all that is not told may add to a difference."""
        along = (self.directions @ read * self.lengths)[len(self.told) :]
        return float(np.linalg.norm(along))

    def without(self, rows: FloatArray) -> FloatArray:
        """Return rows (B, n) without what lies along any direction."""
        inverse = np.linalg.pinv(self.directions @ self.directions.T, rcond=SINGULAR)
        return rows - (rows @ self.directions.T @ inverse) @ self.directions
