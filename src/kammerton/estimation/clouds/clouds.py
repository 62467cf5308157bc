"""Clouds of single shots in the plane, seen through imperfect preparation and decay.

A qubit that stays in state s through the readout gives a Gaussian cloud of one common width about
centre s. One that decays after a fraction f of it, with f exponential, lies at that fraction of
the way (Gambetta et al., PRA 76, 012325, 2007); a third state may decay twice, 2 -> 1 -> 0. The
smear of a decay is a sum of Gaussians at quadrature nodes along the way. A Gaussian is a product
over I and Q, so the probabilities of all cells of a grid are one matrix product.

theta = centres (real parts, imaginary parts), width, decays per readout (S - 1), and for each
preparation the fractions that began in another state than it should (see `Layout`).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from operator import itemgetter

import numpy as np
from numpy.typing import NDArray

from kammerton.estimation.clouds.cell_kernels import fill_cells, fill_nearest
from kammerton.estimation.clouds.cloud_kernels import Ways

Array = NDArray[np.float64]

TWICE = 4  # nodes for each of two decays in one readout


@dataclass(frozen=True, eq=False)
class Paths:
    """Every way through the readout (K).

    origin: (K,) the state at its start, in order. share: (K,) weight of the node. jumps, times:
    (K, S - 1) decays from each state above 0, and the time spent in it. at: (K, S) weight of each
    centre.
    """

    origin: NDArray[np.intp]
    share: Array
    jumps: Array
    times: Array
    at: Array

    @property
    def arrays(self) -> Ways:
        """Return all of it, as kernels take it."""
        return self.origin, self.share, self.jumps, self.times, self.at


@lru_cache(maxsize=64)
def paths(states: int, nodes: int) -> Paths:
    """Return all paths for 2 or 3 states, with so many nodes along each decay."""
    f, q = _nodes(nodes)
    found = [_staying(s, states) for s in range(states)]
    for s in range(1, states):
        found += [_once(s, states, at, share) for at, share in zip(f, q, strict=True)]
    if states == 3:
        g, r = _nodes(TWICE)
        found += [_both(late, late * early, r[i] * r[j] * late)
                  for i, late in enumerate(g) for j, early in enumerate(g)]  # fmt: skip
    origin, share, jumps, times, at = zip(*sorted(found, key=itemgetter(0)), strict=True)
    return Paths(np.array(origin), *(np.array(each, float) for each in (share, jumps, times, at)))


_Path = tuple[int, float, Array, Array, Array]


def _nodes(count: int) -> tuple[Array, Array]:
    x, w = np.polynomial.legendre.leggauss(count)
    return (x + 1) / 2, w / 2


def _staying(s: int, states: int) -> _Path:
    unit = np.eye(states)[s]
    return s, 1.0, np.zeros(states - 1), unit[1:], unit


def _once(s: int, states: int, f: float, share: float) -> _Path:
    """Decay from s at f and stay there."""
    at = f * np.eye(states)[s] + (1 - f) * np.eye(states)[s - 1]
    return s, share, np.eye(states)[s][1:], at[1:], at


def _both(late: float, early: float, share: float) -> _Path:
    """Decay from 2 at `early` and from 1 at `late`."""
    at = np.array([1 - late, late - early, early])
    return 2, share, np.ones(2), at[1:], at


@dataclass(frozen=True)
class Layout:
    """Where everything is in theta, for S states and P preparations.

    The last numbers are the fractions of preparation i that began in s, for all s but i.
    """

    states: int
    preparations: int

    @property
    def width(self) -> int:
        """Index of the width."""
        return 2 * self.states

    @property
    def decays(self) -> slice:
        """Where the decays per readout are."""
        return slice(2 * self.states + 1, 3 * self.states)

    @property
    def fractions(self) -> slice:
        """Where the fractions of wrong states are."""
        return slice(3 * self.states, self.size)

    @property
    def size(self) -> int:
        """How many numbers theta has."""
        return 3 * self.states + self.preparations * (self.states - 1)

    @property
    def wrong(self) -> list[tuple[int, int]]:
        """Preparation and state of each fraction, in order."""
        return [(i, s) for i in range(self.preparations) for s in range(self.states) if s != i]

    def centres(self, theta: Array) -> NDArray[np.complex128]:
        """Return the centres (..., S)."""
        s = self.states
        result: NDArray[np.complex128] = theta[..., :s] + 1j * theta[..., s : 2 * s]
        return result

    def began(self, theta: Array) -> Array:
        """Return the fraction of each preparation that began in each state (..., P, S)."""
        w = np.zeros((*theta.shape[:-1], self.preparations, self.states))
        for k, (i, s) in enumerate(self.wrong):
            w[..., i, s] = theta[..., self.fractions.start + k]
        for i in range(self.preparations):
            w[..., i, i] = 1.0 - w[..., i, :].sum(axis=-1)
        return w


@dataclass(frozen=True, eq=False)
class Grid:
    """Edges along I (X + 1,) and Q (Y + 1,); the outermost cells reach to infinity."""

    i: Array
    q: Array

    def cells(self, z: NDArray[np.complex128]) -> NDArray[np.intp]:
        """Return the number of the cell of each shot (M,)."""
        found = np.empty(z.size, np.intp)
        fill_cells(z, (self.i, self.q), found)
        return found

    @property
    def size(self) -> int:
        """How many cells there are."""
        return (self.i.size - 1) * (self.q.size - 1)


def nearest(z: NDArray[np.complex128], centres: NDArray[np.complex128]) -> NDArray[np.intp]:
    """Return which of the centres (S,) each shot (M,) is nearest to."""
    found = np.empty(z.size, np.intp)
    fill_nearest(z, centres, found)
    return found
