"""Two frequencies that begin in phase: those of one qubit that one pulse has prepared.

A charge parity that switches between shots, or a neighbour that is in either of its states, gives
the qubit another frequency, but no phase of its own when the pulse ends (Riste et al., Nat. Commun.
4, 1913 (2013)). Of a beat that hardly returns within the window, free phases would leave amplitudes
and splitting all but unknown. While pulses last, the frequencies part already: by as much as in
4/pi times the length of a square pi/2 pulse, so that they are in phase a little before x = 0. How
much is not told; it is taken as usual, and its uncertainty is in all errors.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from kammerton.estimation.curves.beats import (
    Beats,
    best_of,
    both_there,
    decaying,
    numbers_of_two,
    of_two,
)
from kammerton.estimation.curves.fringes import SHAPED, near
from kammerton.estimation.numeric import kernels
from kammerton.estimation.numeric.derived import Derived, Formulas
from kammerton.estimation.numeric.prepare import Batch
from kammerton.estimation.numeric.solver import Solution
from kammerton.estimation.verdict.evidence import Evidence, delta_cost, propagate

Array = NDArray[np.float64]

APART = 11.0  # chi-square that one phase for both may cost: by chance in 1 of 1000
ORIGIN, SPREAD = 30e-9, 20e-9  # s before x = 0 at which they are in phase: pulses of up to 50 ns
PHASE, AT = 4, 5  # of the parameters


def in_phase(batch: Batch, beats: Beats) -> Beats:
    """Find the beats that may begin in phase, where that tells more of their splitting.

    And where phases of their own gain little.
    """
    if len(beats.which) == 0 or not batch.begins_at_zero:
        return beats
    part, double = batch.take(beats.which), beats.fit
    span = part.column(part.span)
    joint = decaying(part, _joint(part, double, ORIGIN / span))
    alike = np.flatnonzero(both_there(joint) & (delta_cost(part, joint, double) < APART))
    if len(alike) == 0:
        return beats
    part, joint, double = part.take(alike), joint.take(alike), double.take(alike)
    joint = replace(joint, cov=joint.cov + _of_origin(part, joint, SPREAD / span[alike]))
    told = _of_splitting(joint) < _of_splitting(double)
    return replace(beats, joint=beats.which[alike[told]], joint_fit=joint.take(told))


def _joint(batch: Batch, double: Solution, origin: Array) -> Solution:
    cos, sin = double.c[:, 0] + double.c[:, 2], double.c[:, 1] + double.c[:, 3]
    turns = double.p[:, 2:]
    phase = np.arctan2(-sin, cos) - turns.mean(axis=1) * origin
    return best_of(kernels.IN_PHASE, batch, turns, phase, origin)


def _of_origin(batch: Batch, joint: Solution, spread: Array) -> Array:
    """Return the covariance (N, P + L, P + L), for noise of 1, that an unknown origin adds."""
    ends = np.concatenate([joint.p, joint.p])
    ends[:, AT] += np.concatenate([spread, -spread])
    late, early = np.split(of_two(kernels.IN_PHASE, batch, ends).theta, 2)
    moved = 0.5 * (late - early)
    if not batch.known_noise:
        noise = joint.cost / np.maximum(batch.rows - joint.free, 1)
        moved /= np.sqrt(np.maximum(noise, 1e-300))[:, None]
    return np.asarray(moved[:, :, None] * moved[:, None, :])


def _of_splitting(fit: Solution) -> Array:
    """Return the variance of the distance of both frequencies, for noise of 1."""
    cov = fit.cov[:, 2:4, 2:4]
    return np.asarray(cov[:, 0, 0] + cov[:, 1, 1] - 2.0 * cov[:, 0, 1])


def with_any_phases(batch: Batch, found: Derived, beats: Beats, evidence: Evidence) -> Derived:
    """Return the numbers of one phase with errors that hold those of a phase each.

    Where nobody says that one pulse prepared both: they are as far off, and known as badly.
    """
    which = beats.joint
    if len(which) == 0:
        return found
    part, own = batch.take(which), beats.fit.take(np.searchsorted(beats.which, which))
    free = propagate(numbers_of_two(part, own.theta), own, evidence.take(which), SHAPED)
    stderr = dict(found.stderr)
    for name, value in free.values.items():
        off = value - found.values[name][which]
        off = np.angle(np.exp(1j * off)) if name == "phase" else off
        stderr[name] = stderr[name].copy()
        stderr[name][which] = np.fmax(stderr[name][which], np.hypot(off, free.stderr[name]))
    return replace(found, stderr=stderr)


def numbers_in_phase(batch: Batch, at: Array) -> Formulas:
    """Return the numbers of theta = rate, shape, two w, phase, origin, two amplitudes, constant."""
    span, level = batch.column(batch.span), batch.level

    n, main = np.arange(len(at)), 2 + np.argmax(np.abs(at[:, 6:8]), axis=1)

    def phase(theta: Array) -> Array:
        """Where x is 0, of the stronger one."""
        return np.asarray(theta[..., PHASE] + theta[..., n, main] * theta[..., AT])

    start = np.angle(np.exp(1j * phase(at)))

    def numbers(theta: Array) -> dict[str, Array]:
        first, second = theta[..., 6], theta[..., 7]
        mean = (first * theta[..., 2] + second * theta[..., 3]) / (first + second)
        return {
            "frequency": mean / (2 * np.pi * span), "t2_star": span / theta[..., 0],
            "amplitude": first + second, "phase": near(phase(theta), start),
            "offset": theta[..., 8] + level,
            "frequency_splitting": np.abs(theta[..., 2] - theta[..., 3]) / (2 * np.pi * span),
        }  # fmt: skip

    return numbers
