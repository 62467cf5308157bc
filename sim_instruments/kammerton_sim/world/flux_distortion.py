"""A flux line that settles slowly: what arrives at the chip of what the generator holds.

Step response s(t) = 1 + sum of a_i exp(-t / tau_i): every step of the volts is followed by
exponentials, each one pole (Rol et al. 2020, arXiv:1907.04818, who correct such a response by
inverse filters; the form from memory).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from kammerton_sim.chip.imperfections import Settling
from kammerton_sim.world.jit import kernel
from kammerton_sim.world.propagate import FloatArray


def settled(
    volts: FloatArray, step: float, terms: Sequence[Settling], state: FloatArray | None = None
) -> tuple[FloatArray, FloatArray]:
    """What arrives in every sample of `step` s (as it begins), and the state that it leaves.

    state (1 + terms,): the last volts, and what every exponential still holds; None if the line
    has been at 0 V for long.
    """
    held = np.zeros(1 + len(terms)) if state is None else state.copy()
    amplitudes = np.array([term.amplitude for term in terms])
    losses = np.exp([-step / term.time for term in terms])
    out = np.empty(volts.size)
    _settle(np.asarray(volts, np.float64), amplitudes, losses, held, out)
    return out, held


def relaxed(state: FloatArray, seconds: float, terms: Sequence[Settling]) -> FloatArray:
    """The state after so many seconds in which the generator held its last volts."""
    losses = np.exp([-seconds / term.time for term in terms])
    return np.concatenate([state[:1], state[1:] * losses])


@kernel
def _settle(
    volts: FloatArray, amplitudes: FloatArray, losses: FloatArray, held: FloatArray, out: FloatArray
) -> None:
    for n in range(volts.size):
        jump = volts[n] - held[0]
        total = volts[n]
        for i in range(amplitudes.size):
            held[1 + i] = held[1 + i] * losses[i] + amplitudes[i] * jump
            total += held[1 + i]
        held[0] = volts[n]
        out[n] = total
