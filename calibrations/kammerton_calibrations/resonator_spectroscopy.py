"""Find each readout resonator: sweep the tone over its notch, all resonators at once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from kammerton.model import Calibration, Fit, Give, Need, Program, Readout, Target, Value
from kammerton_calibrations.pulses import FloatArray, shots

POINTS, SHOTS = 101, 60
LENGTH, SETTLE = 4e-6, 2e-6  # the field has settled to its steady state after 2 us: exp(-12)


def frequencies(target: Target) -> FloatArray:
    """Return the swept tones: three sigma of the belief and three linewidths to each side."""
    half = 3 * target.sigma("r.frequency") + 3 * target["r.linewidth"]
    half *= target.effort.window
    centre = target.effort.centre or target["r.frequency"]
    return np.linspace(centre - half, centre + half, POINTS)


def program(targets: Sequence[Target]) -> Program:
    """Sweep every resonator's tone at once; nothing is driven, so a short reset will do."""
    axis = {t.name: frequencies(t) for t in targets}
    tones = {
        t.name: Readout(axis[t.name], t["r.readout_amplitude"], LENGTH, SETTLE) for t in targets
    }
    return Program(
        "resonator_spectroscopy", {t.name: () for t in targets}, tones, axis,
        "readout frequency", "Hz", shots(targets, SHOTS), reset=5e-6,
    )  # fmt: skip


def propose(fit: Fit, target: Target) -> dict[str, Value]:
    """Frequency and linewidth, and the tone of the readout at the resonance."""
    frequency = fit.values["frequency"]
    return {
        "r.frequency": frequency,
        "r.linewidth": fit.values["linewidth"],
        "r.readout_frequency": Value(frequency.value, 0.0, "Hz"),
        "r.readout_amplitude": Value(target["r.readout_amplitude"], 0.0, "V"),
    }


RESONATOR_SPECTROSCOPY = Calibration(
    "resonator_spectroscopy", "resonator_spectroscopy", "complex",
    needs=(Need("r.frequency", 10e6),),
    gives=(Give("r.frequency", 10e3), Give("r.linewidth", 0.02, relative=True),
           Give("r.readout_frequency", 0.0)),
    program=program, propose=propose,
)  # fmt: skip
