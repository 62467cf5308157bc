"""What the drive lines leave in the refrigerator: their mean power, attenuator by attenuator.

A stage takes P 10^(-above/10) (1 - 10^(-own/10)) of the power P at the top of a line, and the
chip's plate takes the rest. A generator pair puts (I^2 + Q^2) / (2 * 50 ohm) into its mixer,
averaged over the turn of its loop; a source that does not pump the mixer puts out nothing.
The mean is taken when a generator starts, stops or is triggered, and holds until the next time.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from weakref import WeakKeyDictionary

import numpy as np

from kammerton_sim.chip.cryostat import Cryostat
from kammerton_sim.chip.words import Line
from kammerton_sim.fridge.refrigerator import Refrigerator
from kammerton_sim.fridge.stages import STAGES
from kammerton_sim.signals import ChannelId, ChannelOutput, Wave

_OHM = 50.0


def deposited(top: float, cryostat: Cryostat) -> dict[str, float]:
    """W that every stage takes of `top` W at the top of a line."""
    left, taken = top, {}
    for stage, attenuation in zip(STAGES, cryostat.attenuations(), strict=True):
        passed = left * 10 ** (-attenuation / 10)
        taken[stage], left = left - passed, passed
    taken[STAGES[-1]] += left
    return taken


class LineHeat:
    """Keeps the load "drive" of a refrigerator up to date."""

    def __init__(
        self,
        refrigerator: Refrigerator,
        cryostat: Cryostat,
        lines: Iterable[Line],
        pumps: Callable[[str], bool],
    ) -> None:
        self._refrigerator, self._cryostat = refrigerator, cryostat
        self._lines, self._pumps = tuple(lines), pumps
        self._squares: dict[ChannelId, float] = {}
        self._known: WeakKeyDictionary[Wave, float] = WeakKeyDictionary()
        self._lock = threading.Lock()

    def heard(self, outputs: Mapping[ChannelId, ChannelOutput]) -> None:
        """Note what the channels of a box put out from now on."""
        squares = {channel: self._mean_square(output) for channel, output in outputs.items()}
        with self._lock:
            self._squares |= squares
        self.pumped()

    def pumped(self) -> None:
        """Note which mixers are pumped from now on."""
        with self._lock:
            top = sum(self._power(line) for line in self._lines)
        self._refrigerator.load("drive", deposited(top, self._cryostat))

    def _power(self, line: Line) -> float:
        """W at the top of a line."""
        if not self._pumps(line.source):
            return 0.0
        square = self._squares.get(line.i, 0.0) + self._squares.get(line.q, 0.0)
        return float(square / (2 * _OHM) * 10 ** (-self._cryostat.mixer_loss / 10))

    def _mean_square(self, output: ChannelOutput) -> float:
        """V^2, over a turn of the loop."""
        samples = sum(s.wave.samples.size * s.repeats for s in output.loop)
        if not output.on or not samples:
            return 0.0
        total = sum(self._energy(s.wave) * s.repeats for s in output.loop)
        return total / samples * (output.vpp / 2) ** 2

    def _energy(self, wave: Wave) -> float:
        if wave not in self._known:
            x = wave.samples.astype(np.float64)
            self._known[wave] = float(x @ x)
        return self._known[wave]
