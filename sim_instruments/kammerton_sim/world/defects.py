"""Two-level systems that take a qubit's energy: Lorentzian dips of T1 over frequency.

1/T1 = 1/T1_0 + sum of 2 g^2 G / ((w - w_i)^2 + G^2), all in rad/s: weak coupling, g below G
(Klimov et al. 2018, arXiv:1809.01043; Mueller, Cole, Lisenfeld 2019, arXiv:1705.01108).
A defect hops between two places (telegraph) and wanders.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TypeVar

import numpy as np

from kammerton_sim.chip import Defect, Drift
from kammerton_sim.world.drift import Path
from kammerton_sim.world.events import Events, FloatArray
from kammerton_sim.world.stretches import stretches

F = TypeVar("F", float, FloatArray)

_NOTHING = 10.0  # 1/s: a defect that never adds more need not be followed
_GRID = 1000  # steps within the time of a wander


class Defects:
    """All defects that one qubit sees, on the laboratory clock."""

    def __init__(self, defects: Sequence[Defect], *seed: int) -> None:
        self._each = [_Moving(defect, *seed, n) for n, defect in enumerate(defects)]

    @property
    def moving(self) -> bool:
        """Whether anything changes with time."""
        return any(one.moving for one in self._each)

    def rate(self, f01: float, times: FloatArray) -> FloatArray:
        """What they add to 1/T1, in 1/s, of a qubit at f01 (Hz), at unix times."""
        total = np.zeros(times.shape)
        if times.size:
            first, last = float(times.min()), float(times.max())
            for one in self._each:
                total += one.rate(f01, times, first, last)
        return total


class _Moving:
    def __init__(self, defect: Defect, *seed: int) -> None:
        self._defect = defect
        hops = defect.jump > 0 and defect.hop_rate > 0
        self._hops = Events(2 * defect.hop_rate, *seed, 0) if hops else None
        path = Path(Drift(defect.wander, defect.wander_time), *seed, 1)
        self._path = path if defect.wander > 0 else None
        self._grid = defect.wander_time / _GRID
        self._known = math.nan, 0.0  # the last of the grid's instants, and Hz of the path there

    @property
    def moving(self) -> bool:
        return self._hops is not None or self._path is not None

    def frequency(self, times: FloatArray) -> FloatArray:
        """Hz; half of the events leave it where it is, so they come twice as often as hops."""
        place = np.full(times.shape, self._defect.frequency)
        if self._hops is not None:
            place += self._defect.jump * (np.round(self._hops.latest(times)) - 0.5)
        if self._path is not None:
            place += self._wandered(times)
        return place

    def _wandered(self, times: FloatArray) -> FloatArray:
        """Hz of the slow path, as it was at the last of its grid's instants."""
        instants = np.floor(times / self._grid)
        begin, stretch = stretches(instants)
        return np.array([self._wander(t) for t in instants[begin].tolist()])[stretch]

    def _wander(self, instant: float) -> float:
        known, place = self._known  # of one moment: another thread may replace it
        if instant != known and self._path is not None:
            place = self._path(instant * self._grid)
            self._known = instant, place
        return place

    def _resting(self, first: float, last: float) -> float | None:
        """Hz, where it stays from one time to another; None where it moves meanwhile."""
        place = self._defect.frequency
        if self._hops is not None:
            if (mark := self._hops.lasting(first, last)) is None:
                return None
            place += self._defect.jump * (round(mark) - 0.5)
        if self._path is not None:
            if (instant := math.floor(first / self._grid)) != math.floor(last / self._grid):
                return None
            place += self._wander(instant)
        return place

    def rate(self, f01: float, times: FloatArray, first: float, last: float) -> FloatArray | float:
        """1/s at unix times, of which these are the first and the last; a number where it rests."""
        defect = self._defect
        reach = defect.jump / 2 + 5 * defect.wander
        if self._lorentzian(max(abs(f01 - defect.frequency) - reach, 0.0)) < _NOTHING:
            return self._lorentzian(f01 - defect.frequency)
        if (place := self._resting(first, last)) is not None:
            return self._lorentzian(f01 - place)
        return self._lorentzian(f01 - self.frequency(times))

    def _lorentzian(self, away: F) -> F:
        g, width = (2 * math.pi * x for x in (self._defect.coupling, self._defect.linewidth))
        return 2 * g**2 * width / ((2 * math.pi * away) ** 2 + width**2)
