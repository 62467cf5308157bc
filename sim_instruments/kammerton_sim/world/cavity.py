"""Photons in a readout resonator: its field in units in which its square is their number.

In level s it turns at w_s; where the chip asks for punch-out, at

    w_bare + (w_s - w_bare) / sqrt(1 + n / n_crit),

the Jaynes-Cummings ladder in which the dispersive shift falls with the photons and the
resonator is bare in the end (Boissonneault, Gambetta, Blais 2009, arXiv:0810.1336; Reed et al.
2010, arXiv:1004.4323; of a qubit of two levels that is the ladder). The field is taken as
classical: no tunnelling between the two branches where both are stable.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from kammerton_sim.chip import QubitTruth, ResonatorTruth
from kammerton_sim.world.dispersive import dispersive, pulls
from kammerton_sim.world.jit import kernel
from kammerton_sim.world.propagate import ComplexArray, FloatArray

_STEPS = 2000  # of a twentieth of the way, at most
_SETTLED = 1e-14


class Cavity(NamedTuple):
    """A resonator seen from a source.

    turns (3,): w_s in rad/s. loss: kappa / 2 in 1/s. bare: rad/s. critical: photons; 0: it is
    never punched out. scale: root of photons per V s.
    """

    turns: FloatArray
    loss: float
    bare: float
    critical: float
    scale: float


def cavity(qubit: QubitTruth, resonator: ResonatorTruth, carrier: float) -> Cavity | None:
    """The resonator of a qubit from a source at `carrier` Hz; None without `photons`."""
    if resonator.photons is None:
        return None
    loss, hertz = math.pi * resonator.linewidth, resonator.frequency - carrier
    bare = critical = 0.0
    if resonator.punch_out is not None:
        circuit = dispersive(qubit, resonator)
        bare = circuit.bare - carrier
        critical = resonator.punch_out.critical or circuit.critical
    turns = 2 * math.pi * (hertz + pulls(qubit, resonator))
    scale = loss * math.sqrt(resonator.photons.per_square_volt)
    return Cavity(turns, loss, 2 * math.pi * bare, critical, scale)


def steady_turn(cavity: Cavity, level: int, away: FloatArray, volts: float) -> FloatArray:
    """w_s (N,) in the steady state under a tone at `away` (N,) rad/s, come to from silence."""
    turn = np.full(away.shape, cavity.turns[level])
    if cavity.critical > 0:
        dressed, drive = cavity.turns[level] - cavity.bare, (cavity.scale * volts) ** 2
        settle(cavity, dressed, drive, away, turn)
    return turn


@kernel
def settle(
    cavity: Cavity, dressed: float, drive: float, away: FloatArray, turn: FloatArray
) -> None:
    """Fill turn (N,) with where the resonator is when its photons no longer change.

    dressed: rad/s by which it is off bare without photons. drive: photons / s^2. They are filled
    in by small parts, so that the least of three solutions is met. Where the tone stays so far
    from the resonator that its photons hardly depend on their own number, there is one solution,
    and whole steps meet it at once.
    """
    for n in range(away.size):
        apart = away[n] - cavity.bare
        near = max(abs(apart - dressed / 2) - abs(dressed) / 2, 0.0)
        most = drive / (cavity.loss**2 + near**2)
        part = 1.0 if most * abs(dressed) < 0.05 * cavity.critical * near else 0.05
        photons, change, steps = 0.0, np.inf, 0
        while abs(change) > _SETTLED * photons and steps < _STEPS:
            off = apart - dressed / np.sqrt(1 + photons / cavity.critical)
            change = part * (drive / (cavity.loss**2 + off**2) - photons)
            photons += change
            steps += 1
        turn[n] = cavity.bare + dressed / np.sqrt(1 + photons / cavity.critical)


@kernel
def fill_up(volts: ComplexArray, cavity: Cavity, step: float, out: ComplexArray) -> None:
    """Fill out (3, N) with the field in every level, from volts (N,) at the generator."""
    weight = cavity.scale * step / 2
    for s in range(3):
        turn = np.exp((1j * cavity.turns[s] - cavity.loss) * step)
        field = before = 0j
        for n in range(volts.size):
            if cavity.critical > 0:
                photons = field.real * field.real + field.imag * field.imag
                pulled = (cavity.turns[s] - cavity.bare) / np.sqrt(1 + photons / cavity.critical)
                turn = np.exp((1j * (cavity.bare + pulled) - cavity.loss) * step)
            now = weight * volts[n]
            field = (field + before) * turn + now
            before = now
            out[s, n] = field
