"""Two frequencies that begin in phase: those of one qubit that one pulse has prepared.

A charge parity that switches between shots, or a neighbour that is in either of its states, gives
the qubit another frequency, but no other phase at t = 0 (Riste et al., Nat. Commun. 4, 1913
(2013)). Of a beat that hardly returns within the window, free phases would leave amplitudes and
splitting all but unknown.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from kammerton.estimation.curves.beats import Beats, best_of, both_there, decaying
from kammerton.estimation.curves.fringes import near
from kammerton.estimation.numeric import kernels
from kammerton.estimation.numeric.derived import Formulas
from kammerton.estimation.numeric.prepare import Batch
from kammerton.estimation.verdict.evidence import delta_cost

Array = NDArray[np.float64]

APART = 11.0  # chi-square that one phase for both may cost: by chance in 1 of 1000


def in_phase(batch: Batch, beats: Beats) -> Beats:
    """Take the beats for ones that begin in phase where phases of their own gain little."""
    if len(beats.which) == 0:
        return beats
    part, double = batch.take(beats.which), beats.fit
    cos, sin = double.c[:, 0] + double.c[:, 2], double.c[:, 1] + double.c[:, 3]
    joint = best_of(kernels.IN_PHASE, part, double.p[:, 2:], np.arctan2(-sin, cos))
    joint = decaying(part, joint)
    alike = both_there(joint) & (delta_cost(part, joint, double) < APART)
    return replace(beats, joint=beats.which[alike], joint_fit=joint.take(alike))


def numbers_in_phase(batch: Batch, at: Array) -> Formulas:
    """Return the numbers of theta = rate, shape, two w, phase, two amplitudes, constant."""
    span, level, start = batch.column(batch.span), batch.level, np.angle(np.exp(1j * at[:, 4]))

    def numbers(theta: Array) -> dict[str, Array]:
        first, second = theta[..., 5], theta[..., 6]
        mean = (first * theta[..., 2] + second * theta[..., 3]) / (first + second)
        return {
            "frequency": mean / (2 * np.pi * span), "t2_star": span / theta[..., 0],
            "amplitude": first + second, "phase": near(theta[..., 4], start),
            "offset": theta[..., 7] + level,
            "frequency_splitting": np.abs(theta[..., 2] - theta[..., 3]) / (2 * np.pi * span),
        }  # fmt: skip

    return numbers
