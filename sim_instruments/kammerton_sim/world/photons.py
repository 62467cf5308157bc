"""What the photons of a readout tone do to a qubit that is not being read.

With the fields a_s and a_t of two levels, their coherence r_st turns and decays as
exp(j (w_t - w_s) integral of conj(a_s) a_t): ac Stark shift and measurement-induced dephasing,
exact for coherent fields (Gambetta et al. 2006, arXiv:cond-mat/0602322; signs of this code).
It acts in kicks, one in the middle of 16 samples, between which the qubit evolves as usual.

Above a number of photons the tone throws the qubit out of |0> and |1>, at

    rate / (1 + exp(-(n - threshold) / width)),

into |2>, which stands for all that is higher (Sank et al. 2016, arXiv:1606.05721; Dumas et al.
2024, arXiv:2402.06615; the law is ours, a smooth step).
"""

from __future__ import annotations

import math
from collections.abc import Hashable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kammerton_sim.chip import Transitions
from kammerton_sim.world.cavity import Cavity, fill_up
from kammerton_sim.world.jit import kernel
from kammerton_sim.world.propagate import ComplexArray, FloatArray
from kammerton_sim.world.timeline import IntArray, Sound, bursts

_PIECE = 16  # samples
_EMPTY = 9.2  # lifetimes of a photon after which there is one in 10,000 left


@dataclass(frozen=True, eq=False)
class Kicks:
    """What happens to a qubit at samples `times` (n,) of a turn, sorted.

    turns (n, 3): factors of r01, r02, r12. kept (n, 2): shares of |0> and |1> that stay there;
    the others go to |2>.
    """

    times: IntArray
    turns: ComplexArray
    kept: FloatArray

    def chosen(self, which: NDArray[np.bool_]) -> Kicks:
        """Some of them."""
        return Kicks(self.times[which], self.turns[which], self.kept[which])


def kicks(
    tones: Sound, cavity: Cavity, transitions: Transitions | None, step: float, turn: int
) -> Kicks:
    """All kicks in one turn of `turn` samples of `step` s."""
    rest = math.ceil(_EMPTY / (2 * cavity.loss * step))
    known: dict[Hashable, Kicks] = {}
    each = []
    for start, stop in _stretches(tones, rest, turn):
        key = tones.fingerprint(start, stop), stop - start
        if key not in known:
            known[key] = _kicks(tones.volts(start, stop), cavity, transitions, step)
        each.append((known[key], start))
    times = [found.times + start for found, start in each]
    return Kicks(
        np.concatenate([np.empty(0, np.int64), *times]),
        np.concatenate([np.empty((0, 3), np.complex128), *(found.turns for found, _ in each)]),
        np.concatenate([np.empty((0, 2)), *(found.kept for found, _ in each)]),
    )


def hazard(photons: FloatArray, transitions: Transitions) -> FloatArray:
    """1/s at which a tone of so many photons throws the qubit out."""
    over = np.clip((photons - transitions.threshold) / transitions.width, -500, 500)
    rate: FloatArray = transitions.rate / (1 + np.exp(-over))
    return rate


def _stretches(tones: Sound, rest: int, turn: int) -> list[tuple[int, int]]:
    """[start, stop) while there are photons."""
    merged: list[tuple[int, int]] = []
    for start, stop in bursts(tones.spans, np.empty(0, np.int64), turn):
        if merged and start <= merged[-1][1]:
            start = merged.pop()[0]
        merged.append((start, min(stop + rest, turn)))
    return merged


def _kicks(
    volts: ComplexArray, cavity: Cavity, transitions: Transitions | None, step: float
) -> Kicks:
    """Kicks of one stretch, at samples after its start."""
    field = np.empty((3, volts.size), np.complex128)
    fill_up(np.asarray(volts, np.complex128), cavity, step, field)
    edges = np.arange(0, volts.size, _PIECE)
    beats = np.empty((3, volts.size), np.complex128)
    beat(field, cavity, beats)
    turns = np.exp(1j * step * np.add.reduceat(beats, edges, axis=1)).T
    kept = np.ones((edges.size, 2))
    if transitions is not None:
        rates = hazard(np.asarray(abs(field[:2]) ** 2, np.float64), transitions)
        kept = np.exp(-step * np.add.reduceat(rates, edges, axis=1)).T
    middles = (edges + np.append(edges[1:], volts.size)) // 2
    found = Kicks(middles, np.ascontiguousarray(turns), np.ascontiguousarray(kept))
    return found.chosen((abs(turns - 1).max(axis=1) > 1e-9) | (kept.min(axis=1) < 1 - 1e-9))


@kernel
def beat(field: ComplexArray, cavity: Cavity, out: ComplexArray) -> None:
    """Fill out (3, N) with (w_t - w_s) conj(a_s) a_t of the pairs 01, 02, 12."""
    for pair in range(3):
        s = 1 if pair == 2 else 0
        t = 1 if pair == 0 else 2
        shift = cavity.turns[t] - cavity.turns[s]
        for n in range(field.shape[1]):
            beaten = np.conj(field[s, n]) * field[t, n]
            if cavity.critical > 0:
                beaten /= np.sqrt(1 + abs(beaten) / cavity.critical)
            out[pair, n] = shift * beaten
