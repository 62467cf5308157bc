"""Three levels of a transmon as numbers for the kernels: detuning, decay, thermal excitation.

Master equation in the frame of the source: H = delta n + alpha n(n-1)/2 + (c a^dag + h.c.)/2
with the collapse operators sqrt(G_down) a, sqrt(G_up) a^dag and sqrt(2 G_phi) n. A state is nine
real numbers: p0, p1, p2, then real and imaginary parts of r01, r02, r12.

Ladder and matrix elements sqrt(n): Koch et al. 2007, arXiv:cond-mat/0703002. Lindblad 1976 for the
form; up and down in detailed balance (`thermal`).
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kammerton_sim.world.thermal import excitation_ratio

FloatArray = NDArray[np.float64]

_SQRT2 = math.sqrt(2)
_PARTS = np.array([1 / 6, 2 / 3, 1 / 3])


class Qubit(NamedTuple):
    """One transmon at one instant: Hz (f01, anharmonicity), s, Hz of slow noise, rad/s per V, K."""

    f01: float
    anharmonicity: float
    t1: float
    dephasing_rate: float
    slow_dephasing: float
    rabi_rate: float
    temperature: float


class Evolution(NamedTuple):
    """What the kernels need of one qubit on one line.

    delta, alpha: rad/s. step: s per sample. parts (3,): the weights 1/6, 2/3, 1/3 of a step with
    which the dissipator acts at an end, in the middle, and where two steps meet. For each of
    them: p (3, 3, 3) transfer of populations, c (3, 2, 2) of (r01, r12), which the jumps
    couple, and o (3,) of r02. rates (3,), vectors (3, 3), inverse (3, 3): eigensystem of the
    population generator. decay (3,): of r01, r02, r12 in 1/s. down, up: coupling r12 -> r01
    and r01 -> r12 in 1/s. rest (3,): populations at equilibrium.
    """

    delta: float
    alpha: float
    step: float
    parts: FloatArray
    p: FloatArray
    c: FloatArray
    o: FloatArray
    rates: FloatArray
    vectors: FloatArray
    inverse: FloatArray
    decay: FloatArray
    down: float
    up: float
    rest: FloatArray


def transition_rates(qubit: Qubit) -> tuple[float, float]:
    """G_down and G_up in 1/s between |1> and |0>; their sum is 1/T1, their ratio thermal."""
    ratio = excitation_ratio(qubit.f01, qubit.temperature)
    return 1 / (qubit.t1 * (1 + ratio)), ratio / (qubit.t1 * (1 + ratio))


def population_generator(down: float, up: float) -> FloatArray:
    """K (3, 3) in 1/s with dp/dt = K p: a ladder with matrix elements sqrt(n)."""
    return np.array([[-up, down, 0.0], [up, -down - 2 * up, 2 * down], [0.0, 2 * up, -2 * down]])


def coherence_decay(down: float, up: float, dephasing_rate: float) -> FloatArray:
    """(3,) decay of r01, r02, r12 in 1/s, by loss from both levels and by Markovian dephasing."""
    loss = -np.diag(population_generator(down, up))
    pairs = ((0, 1), (0, 2), (1, 2))
    return np.array([(loss[i] + loss[j]) / 2 + dephasing_rate * (i - j) ** 2 for i, j in pairs])


def evolution(qubit: Qubit, carrier: float, step: float) -> Evolution:
    """Numbers for the kernels: `carrier` in Hz, `step` in s per sample."""
    down, up = transition_rates(qubit)
    generator = population_generator(down, up)
    decay = coherence_decay(down, up, qubit.dephasing_rate)
    ratio = up / down
    rest = np.array([1.0, ratio, ratio**2])
    rest /= rest.sum()
    rates, vectors, inverse = _eigensystem(generator, rest)
    coupled = np.array([[-decay[0], _SQRT2 * down], [_SQRT2 * up, -decay[2]]])
    return Evolution(
        delta=2 * math.pi * (qubit.f01 - carrier),
        alpha=2 * math.pi * qubit.anharmonicity,
        step=step,
        parts=_PARTS,
        p=_exponentials(generator * step),
        c=_exponentials(coupled * step),
        o=np.exp(-decay[1] * step * _PARTS),
        rates=rates,
        vectors=vectors,
        inverse=inverse,
        decay=decay,
        down=_SQRT2 * down,
        up=_SQRT2 * up,
        rest=rest,
    )


def _exponentials(generator: FloatArray) -> FloatArray:
    """Exponentials (3, n, n) of every part of a step, in which next to nothing happens.

    Where much does, by scaling and squaring (Moler, Van Loan 2003).
    """
    x = generator * _PARTS[:, None, None]
    halvings = max(0, 1 + math.ceil(math.log2(max(abs(x).sum(axis=1).max(), 0.5))))
    x = x / 2**halvings
    term = np.broadcast_to(np.eye(generator.shape[0]), x.shape)
    total = term.copy()
    for n in range(1, 9):
        term = term @ x / n
        total += term
    for _ in range(halvings):
        total = total @ total
    return total


def _eigensystem(
    generator: FloatArray, rest: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Detailed balance makes sqrt(1/rest) K sqrt(rest) symmetric: its eigenvalues are real."""
    root = np.sqrt(rest)
    symmetric = generator * root[None, :] / root[:, None]
    rates, modes = np.linalg.eigh((symmetric + symmetric.T) / 2)
    vectors = np.ascontiguousarray(root[:, None] * modes)
    return rates, vectors, np.ascontiguousarray(modes.T / root[None, :])
