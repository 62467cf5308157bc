"""Laws of the lines of a map: the face of laws.py."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from kammerton.estimation.maps import laws

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Place:
    """Where a law's theta puts the lines: at (K, B), and the slope by theta (K, B, P)."""

    theta: Array
    at: Array
    slope: Array


@dataclass(frozen=True, eq=False)
class Law:
    """Where lines lie at biases b (B,), in windows. code, numbers: see laws.py."""

    code: int
    b: Array
    numbers: Array = field(default_factory=lambda: np.empty(0))

    @property
    def lines(self) -> int:
        """How many there are, K."""
        return 2 if self.code == laws.CROSSING else 1

    def __call__(self, theta: Array) -> Array:
        """Return the positions (K, ..., B) of theta (..., P)."""
        each = np.ascontiguousarray(theta).reshape(-1, theta.shape[-1])
        at, slope = self._room(len(each), theta.shape[-1])
        laws.fill_places(self.code, self.numbers, each, self.b, at, slope)
        return at.transpose(1, 0, 2).reshape(self.lines, *theta.shape[:-1], len(self.b))

    def place(self, theta: Array) -> Place:
        """Return where theta (P,) puts the lines, with slopes."""
        at, slope = self._room(1, len(theta))
        laws.fill_places(self.code, self.numbers, theta[None], self.b, at, slope)
        return Place(theta, at[0], slope)

    def after(
        self, before: Place, step: Array, most: float, room: tuple[Array, Array] | None = None
    ) -> Place:
        """Return the place a step (P,) further, or less where most lines would move too far.

        room: arrays at (K, B) and slope (K, B, P) that are filled; new ones where none are given.
        """
        theta = before.theta.copy()
        at, slope = room or (np.empty_like(before.at), np.empty_like(before.slope))
        laws.step_on(self.code, self.numbers, self.b, step, most, before.at, theta, at, slope)
        return Place(theta, at, slope)

    def part(self, columns: slice) -> Law:
        """Return the law of some columns."""
        return replace(self, b=np.ascontiguousarray(self.b[columns]))

    def _room(self, thetas: int, parameters: int) -> tuple[Array, Array]:
        k, columns = self.lines, len(self.b)
        return np.empty((thetas, k, columns)), np.empty((k, columns, parameters))


def levels(of_each: NDArray[np.intp]) -> Law:
    """Return the law of lines that stand still: which of theta each column shows (B,)."""
    return Law(laws.LEVELS, of_each.astype(np.float64))
