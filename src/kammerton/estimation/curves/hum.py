"""A second tone in Ramsey fringes that does not decay with the first: a hum, and no frequency.

Two frequencies of one qubit have one envelope. What comes from the mains, a compressor or a clock
goes on to the end of the window; taken for the second of two, it moves their mean.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kammerton.estimation.curves.beats import Beats
from kammerton.estimation.curves.fringes import bounds
from kammerton.estimation.numeric import kernels
from kammerton.estimation.numeric.prepare import Batch
from kammerton.estimation.numeric.solver import Solution, solve
from kammerton.estimation.verdict.evidence import UNLIKELY, Mask, limits

Array = NDArray[np.float64]

BETTER = 6.0  # in chi-square, by which a tone that does not decay explains a trace better
BEGIN = 2.0, 0.5  # rate and shape to start from


def hums(batch: Batch, beats: Beats) -> tuple[Mask, Mask]:
    """Return in which traces (N,) one of two frequencies goes on without decay.

    And in which of these that is all there is: what it leaves is noise.
    """
    better, all_of_it = np.zeros((2, batch.traces), dtype=bool)
    if len(beats.which):
        part = batch.take(beats.which)
        better[beats.which], all_of_it[beats.which] = _better(part, beats.fit)
    return better, all_of_it


def _better(batch: Batch, double: Solution) -> tuple[Mask, Mask]:
    low, high = bounds(batch, 2)
    hum = solve(kernels.HUM, batch, _starts(double.p[:, 2:]), low, high, errors=False)
    cost = hum.cost.reshape(-1, batch.traces).min(axis=0)
    freedom, noise = np.maximum(batch.rows - double.free, 1), np.ones(batch.traces)
    if not batch.known_noise:
        noise = double.cost / freedom
    better = cost < double.cost - BETTER * noise
    return better, better & (cost < limits(freedom, UNLIKELY))


def _starts(turns: Array) -> Array:
    """Return starts (2 N, 4): either of two frequencies (N, 2) is the hum.

    What decays beside a hum does so faster than two that share an envelope, and as fast whichever
    shape that had; from there the minimum is found, and seldom from that envelope.
    """
    starts = np.empty((2, len(turns), 4))
    starts[:, :, :2] = BEGIN
    starts[0, :, 2:], starts[1, :, 2:] = turns, turns[:, ::-1]
    return starts.reshape(-1, 4)
