"""A qubit and its resonator as one circuit: what chi, f01 and anharmonicity say about both.

With Delta = f01 - f_r and all in Hz (Koch et al. 2007, arXiv:cond-mat/0703002, second order in g):
the resonator moves by 2 g^2 / Delta * anharmonicity / (Delta + anharmonicity) from |0> to |1>,
and lies g^2 / Delta below its bare frequency in |0>; critical number Delta^2 / 4 g^2.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from kammerton_sim.chip import QubitTruth, ResonatorTruth
from kammerton_sim.world.errors import WorldError
from kammerton_sim.world.propagate import FloatArray
from kammerton_sim.world.thermal import bose


class Dispersive(NamedTuple):
    """coupling: Hz (g / 2 pi). bare: Hz, the resonator without the qubit. critical: photons."""

    coupling: float
    bare: float
    critical: float


def dispersive(qubit: QubitTruth, resonator: ResonatorTruth) -> Dispersive:
    """The circuit whose dispersive shift is the resonator's chi."""
    delta = qubit.f01 - resonator.frequency
    square = resonator.chi * delta * (delta + qubit.anharmonicity) / (2 * qubit.anharmonicity)
    if square <= 0:
        raise WorldError(f"{resonator.name}: no coupling to {qubit.name} gives this sign of chi")
    bare = resonator.frequency + square / delta
    return Dispersive(math.sqrt(square), bare, delta**2 / (4 * square))


def pulls(qubit: QubitTruth, resonator: ResonatorTruth) -> FloatArray:
    """(3,) Hz by which the resonator lies off its place in |0> when the qubit is in each level.

    chi in |1>; in |2> less than twice that, about 1.75 chi: |j> pulls by
    j g^2 / (Delta + (j-1) a) - (j+1) g^2 / (Delta + j a) in second order (as above). Where no
    coupling explains chi, or |2> is nearly resonant, that order says nothing: 2 chi.
    """
    chi, a, delta = resonator.chi, qubit.anharmonicity, qubit.f01 - resonator.frequency
    second = 2 * chi
    if chi * a * delta * (delta + a) > 0:
        square = chi * delta * (delta + a) / (2 * a)
        if 12 * square < (delta + 2 * a) ** 2:
            second = square * (1 / delta + 2 / (delta + a) - 3 / (delta + 2 * a))
    return np.array([0.0, chi, second])


def purcell_rate(qubit: QubitTruth, resonator: ResonatorTruth, f01: float) -> float:
    """1/s by which a qubit at `f01` decays through its resonator.

    kappa (g / Delta)^2; a bandpass filter, itself a mode of width kappa_f, lets pass only
    1 / (1 + (2 Delta / kappa_f)^2) of it (Sete, Martinis, Korotkov 2015, arXiv:1504.06030; the
    form follows from three coupled amplitudes). 0 where the chip does not ask for it.
    """
    if resonator.purcell is None:
        return 0.0
    delta = f01 - resonator.frequency
    share = (dispersive(qubit, resonator).coupling / delta) ** 2
    width = resonator.purcell.filter_linewidth
    passed = 1 / (1 + (2 * delta / width) ** 2) if width > 0 else 1.0
    return 2 * math.pi * resonator.linewidth * share * passed


def residual_dephasing(resonator: ResonatorTruth, temperature: float) -> float:
    """1/s of Markovian dephasing by the photons that are always in a resonator.

    They are those that the chip tells of, and thermal ones at `temperature` K of the mixing
    chamber. kappa/2 Re[sqrt((1 + jx)^2 + 4j x n) - 1] with x = 2 chi / kappa in full shifts (Clerk,
    Utami 2007, arXiv:cond-mat/0611759): exact for any chi / kappa.
    """
    if resonator.photons is None:
        return 0.0
    kappa, x = 2 * math.pi * resonator.linewidth, resonator.chi / resonator.linewidth
    photons = resonator.photons.residual + bose(resonator.frequency, temperature)
    root = ((1 + 1j * x) ** 2 + 4j * x * photons) ** 0.5
    return kappa / 2 * (root.real - 1)
