"""What the readout tones become on their way to the digitizer, for every level of every qubit.

Field of a resonator in level s, in the frame of the source: da/dt = (j w_s - kappa/2) a + v(t);
transmitted: v - visibility exp(j asymmetry) kappa/2 times a, summed over the resonators. Its
steady state is the notch of `ResonatorTruth`, asymmetric as in Khalil et al. 2012,
arXiv:1108.3117 and Probst et al. 2015, arXiv:1410.3365.

Between samples v is what a reconstruction filter makes of them (the digitizer cannot see the
steps of a held output either), so the equation is integrated by the trapezoidal rule in the
resonator's own frame: the response at a distance df from resonance is right to
(2 pi df step)^2 / 12, 1e-4 at 5 MHz and 1 GS/s.
"""

from __future__ import annotations

import cmath
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from kammerton_sim.chip import ResonatorTruth, Transitions
from kammerton_sim.world.cavity import Cavity, fill_up
from kammerton_sim.world.jit import kernel
from kammerton_sim.world.photons import hazard
from kammerton_sim.world.propagate import ComplexArray, FloatArray

Complex64Array = NDArray[np.complex64]

LEVELS = 3


@dataclass(frozen=True, eq=False)
class Fields:
    """Records of W readout waveforms, without noise, in units of one code of 16 bits.

    ground (W, N): every qubit in |0>. change (W, Q, 2, N): what |1> and |2> of a qubit add.
    hazards (W, Q, 2, N): up to each sample, the integral of the rate at which the tone throws
    the qubit out of |0> and |1>; (0, Q, 2, N) where no tone does.
    """

    ground: Complex64Array
    change: Complex64Array
    hazards: NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Feedline:
    """Poles (Q, 3) in 1/s and couplings (Q,) in 1/s of the resonators, seen from a source.

    gain: codes at the digitizer per volt at the generator. step: s per sample. decoys: pole and
    coupling of resonances that belong to no qubit. strong: resonators, by place, whose field
    does not follow the volts linearly. violent: those whose photons throw the qubit out.
    """

    poles: ComplexArray
    couplings: ComplexArray
    gain: complex
    step: float
    decoys: tuple[tuple[complex, complex], ...] = ()
    strong: Mapping[int, Cavity] = field(default_factory=dict)
    violent: Mapping[int, tuple[Cavity, Transitions]] = field(default_factory=dict)

    def room(self, waveforms: int, samples: int) -> Fields:
        """Fields to be filled."""
        shape = (waveforms, self.couplings.size, LEVELS - 1, samples)
        hazards = np.zeros((waveforms if self.violent else 0, *shape[1:]), np.float32)
        ground = np.empty((waveforms, samples), np.complex64)
        return Fields(ground, np.empty(shape, np.complex64), hazards)

    def fill(self, fields: Fields, number: int, volts: ComplexArray, lead: int) -> None:
        """Fill one waveform: records begin `lead` samples after the first of `volts`."""
        ground, change = fields.ground[number], fields.change[number]
        padded = np.zeros(lead + ground.size, np.complex128)
        used = min(volts.size, padded.size)
        padded[:used] = volts[:used]
        weak = self.couplings.copy()
        weak[list(self.strong)] = 0
        ring(padded, lead, self.poles, weak, self.gain, self.step, ground, change)
        for place, cavity in self.strong.items():
            inside = np.empty((LEVELS, padded.size), np.complex128)
            fill_up(padded, cavity, self.step, inside)
            seen = self.gain * self.couplings[place] / cavity.scale * inside[:, lead:]
            ground += np.asarray(seen[0], np.complex64)
            change[place] = seen[1:] - seen[0]
        for place, (cavity, transitions) in self.violent.items():
            inside = np.empty((LEVELS, padded.size), np.complex128)
            fill_up(padded, cavity, self.step, inside)
            rates = hazard(np.asarray(abs(inside[:2, lead:]) ** 2, np.float64), transitions)
            fields.hazards[number, place] = np.cumsum(rates, axis=1) * self.step
        for pole, coupling in self.decoys:
            add_notch(padded, lead, pole, self.gain * coupling, self.step, ground)

    def hum(self, fields: Fields, number: int, volts: complex) -> None:
        """Add what a drive at the carrier that never ends adds to one waveform."""
        steady = self.gain * volts * self.couplings[:, None] / -self.poles
        fields.ground[number] += self.gain * volts + steady[:, 0].sum()
        fields.change[number] += (steady[:, 1:] - steady[:, :1])[..., None]

    def decays(self, samples: int) -> Complex64Array:
        """(Q, 3, N + 1) free decay of a field in every level over n samples."""
        exponents = self.poles[:, :, None] * self.step * np.arange(samples + 1)
        return np.asarray(np.exp(exponents), np.complex64)


def feedline(
    resonators: Sequence[ResonatorTruth],
    pulls: Sequence[FloatArray],
    carrier: float,
    gain: complex,
    step: float,
    decoys: Sequence[ResonatorTruth] = (),
    cavities: Sequence[Cavity | None] = (),
) -> Feedline:
    """The resonators seen from a source at `carrier` Hz; pulls: (3,) Hz by the levels of each."""
    poles = [
        2j * math.pi * (r.frequency - carrier + pulled) - math.pi * r.linewidth
        for r, pulled in zip(resonators, pulls, strict=True)
    ]
    couplings = [_coupling(r) for r in resonators]
    others = [
        (2j * math.pi * (d.frequency - carrier) - math.pi * d.linewidth, _coupling(d))
        for d in decoys
    ]
    strong = {n: c for n, c in enumerate(cavities) if c is not None and c.critical > 0}
    violent = {
        n: (c, r.transitions)
        for n, (c, r) in enumerate(zip(cavities, resonators, strict=False))
        if c is not None and r.transitions is not None
    }
    return Feedline(
        np.array(poles), np.array(couplings), gain, step, tuple(others), strong, violent
    )


def _coupling(r: ResonatorTruth) -> complex:
    return -math.pi * r.linewidth * r.visibility * cmath.exp(1j * r.asymmetry)


@kernel
def add_notch(
    volts: ComplexArray,
    lead: int,
    pole: complex,
    coupling: complex,
    step: float,
    ground: Complex64Array,
) -> None:
    """Add to ground (N,) what a resonance that no qubit shifts makes of volts (lead + N,)."""
    weight, turn = coupling * step / 2, np.exp(pole * step)
    field = before = 0j
    for m in range(volts.size):
        now = weight * volts[m]
        field = (field + before) * turn + now
        before = now
        if m >= lead:
            ground[m - lead] += field


@kernel
def ring(
    volts: ComplexArray,
    lead: int,
    poles: ComplexArray,
    couplings: ComplexArray,
    gain: complex,
    step: float,
    ground: Complex64Array,
    change: Complex64Array,
) -> None:
    """Fill ground (N,) and change (Q, 2, N) from volts (lead + N,)."""
    total = np.empty(ground.size, np.complex128)
    for n in range(ground.size):
        total[n] = gain * volts[lead + n]
    for q in range(couplings.size):
        weight = gain * couplings[q] * step / 2
        e0 = np.exp(poles[q, 0] * step)
        e1 = np.exp(poles[q, 1] * step)
        e2 = np.exp(poles[q, 2] * step)
        a0 = a1 = a2 = before = 0j
        for m in range(volts.size):
            now = weight * volts[m]
            a0 = (a0 + before) * e0 + now
            a1 = (a1 + before) * e1 + now
            a2 = (a2 + before) * e2 + now
            before = now
            if m >= lead:
                total[m - lead] += a0
                change[q, 0, m - lead] = a1 - a0
                change[q, 1, m - lead] = a2 - a0
    for n in range(ground.size):
        ground[n] = total[n]
