"""Quasiparticle bursts: an impact raises 1/T1 of every qubit at once, then it recovers.

Impacts are a Poisson process; each adds exp(-t / recovery) / shortest_t1 to 1/T1 of the whole
chip (McEwen et al. 2022, Nature Physics 18, 107: about one in ten seconds, some 25 ms; the
figures from memory). Real impacts are also local and shift f01: not modelled.
"""

from __future__ import annotations

import numpy as np

from kammerton_sim.chip import Bursts
from kammerton_sim.world.events import Events, FloatArray

_FORGOTTEN = 20.0  # recoveries


class BurstNoise:
    """The bursts of a chip on the laboratory clock."""

    def __init__(self, bursts: Bursts, *seed: int) -> None:
        self._bursts = bursts
        self._impacts = Events(bursts.rate, *seed)

    def impacts(self, start: float, stop: float) -> FloatArray:
        """Unix times of the impacts from `start` to `stop`."""
        times = self._impacts.around(start, stop)[0]
        return times[(times >= start) & (times <= stop)]

    def rate(self, times: FloatArray) -> FloatArray:
        """What bursts add to 1/T1, in 1/s, at unix times."""
        if times.size == 0:
            return np.zeros(0)
        recovery = self._bursts.recovery
        struck = self.impacts(times.min() - _FORGOTTEN * recovery, times.max())
        total = np.zeros(times.shape)
        for impact in struck.tolist():
            after = times >= impact
            total[after] += np.exp((impact - times[after]) / recovery)
        return total / self._bursts.shortest_t1
