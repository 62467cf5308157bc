"""Everything that a real laboratory suffers from, drawn from a seed: noise, photons, wiring.

Sizes are typical values of the literature, most of them from memory (docs/laboratory.md says
which). A chip keeps what it says of itself already.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from kammerton_sim.chip.imperfections import (
    Amplifier,
    Crosstalk,
    Digitizer,
    Mixer,
    Receiver,
    Ripple,
)
from kammerton_sim.chip.noise import Bursts, Charge, Defect
from kammerton_sim.chip.photons import Photons, PunchOut, Purcell, Transitions
from kammerton_sim.chip.words import Chip, QubitTruth, ResonatorTruth, Wiring

FLAWS = (
    "defects, charge parity, quasiparticle bursts, Purcell filters, photons, punch-out, transitions"
    " by readout, amplifiers, receivers, converters, mixers, standing waves, drive crosstalk"
)
"""What `flawed` draws, in words."""

_DEFECT_SPACING = 75e6  # Hz
_AROUND = 300e6  # Hz about f01 within which defects are drawn
_AMPLIFIER = Amplifier(4.0, 87.0, saturation=0.3)
_DIGITIZER = Digitizer(9.0)


def flawed(chip: Chip, seed: int) -> Chip:
    """The same chip with flaws; the same seed gives the same ones."""
    rng = np.random.default_rng((seed, 7))
    return replace(
        chip,
        qubits=tuple(_qubit(q, rng) for q in chip.qubits),
        resonators=tuple(_resonator(r, rng) for r in chip.resonators),
        wiring=_wiring(chip, rng),
        bursts=chip.bursts or Bursts(0.1),
    )


def _qubit(qubit: QubitTruth, rng: np.random.Generator) -> QubitTruth:
    defects = qubit.defects or tuple(
        _defect(qubit.f01, rng) for _ in range(rng.poisson(2 * _AROUND / _DEFECT_SPACING))
    )
    charge = qubit.charge or Charge(_between(rng, 100.0, 1e4), 600.0)
    return replace(qubit, defects=defects, charge=charge)


def _defect(f01: float, rng: np.random.Generator) -> Defect:
    linewidth = _between(rng, 0.3e6, 5e6)
    return Defect(
        frequency=f01 + float(rng.uniform(-_AROUND, _AROUND)),
        coupling=min(_between(rng, 0.02e6, 0.2e6), linewidth / 5),
        linewidth=linewidth,
        jump=float(rng.uniform(0, 10e6)),
        hop_rate=_between(rng, 1e-4, 1e-2),
        wander=1e6,
    )


def _resonator(resonator: ResonatorTruth, rng: np.random.Generator) -> ResonatorTruth:
    photons = Photons(4e3, residual=_between(rng, 1e-3, 5e-3))
    threshold = float(rng.uniform(30, 80))
    return replace(
        resonator,
        purcell=resonator.purcell or Purcell(200e6),
        photons=resonator.photons or photons,
        punch_out=resonator.punch_out or PunchOut(),
        transitions=resonator.transitions or Transitions(1e6, threshold),
    )


def _wiring(chip: Chip, rng: np.random.Generator) -> Wiring:
    wiring, feedlines = chip.wiring, [f.name for f in chip.feedlines]
    lines = [*wiring.drive, *feedlines]
    names = list(wiring.drive)
    neighbours = zip(names[1:], names[:-1], strict=True)
    pairs = [pair for a, b in neighbours for pair in ((a, b), (b, a))]
    return replace(
        wiring,
        noise=0.1 * wiring.noise,
        more=tuple(replace(f, noise=0.1 * f.noise) for f in wiring.more),
        amplifiers=wiring.amplifiers or dict.fromkeys(feedlines, _AMPLIFIER),
        receivers=wiring.receivers or {name: _receiver(rng) for name in feedlines},
        digitizers=wiring.digitizers or dict.fromkeys(feedlines, _DIGITIZER),
        mixers=wiring.mixers or {name: _mixer(rng) for name in lines},
        ripples=wiring.ripples or {name: _ripple(rng) for name in lines},
        drive_crosstalk=wiring.drive_crosstalk or tuple(_crosstalk(*p, rng) for p in pairs),
    )


def _receiver(rng: np.random.Generator) -> Receiver:
    a, b, gain, phase = rng.normal(0, (2e-3, 2e-3, 0.01, 0.01)).tolist()
    return Receiver(a, b, gain, phase)


def _mixer(rng: np.random.Generator) -> Mixer:
    """Once calibrated: images at about -40 dB, leakage of about 0.3 mV."""
    gain, phase = rng.normal(0, (0.01, 0.01)).tolist()
    return Mixer(gain, phase, _between(rng, 1e-4, 1e-3), float(rng.uniform(0, 2 * math.pi)))


def _ripple(rng: np.random.Generator) -> Ripple:
    return Ripple(float(rng.uniform(0.02, 0.08)), float(rng.uniform(10e-9, 30e-9)))


def _crosstalk(source: str, target: str, rng: np.random.Generator) -> Crosstalk:
    return Crosstalk(source, target, float(rng.uniform(-40, -20)), float(rng.uniform(0, 6.28)))


def _between(rng: np.random.Generator, low: float, high: float) -> float:
    """Log-uniform."""
    return float(low * (high / low) ** rng.uniform())
