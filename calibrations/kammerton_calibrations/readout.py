"""Learn to tell 0 from 1: single shots of both, a discriminator, its assignment fidelity."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from kammerton.model import Calibration, Fit, Give, Need, Program, Target, Value
from kammerton_calibrations.pulses import drive, readouts, reset, shots

SHOTS = 4000


def program(targets: Sequence[Target]) -> Program:
    """Prepare 0, then 1, and keep every shot."""
    both = {t.name: np.array([0.0, t["pi_amplitude"]]) for t in targets}
    return Program(
        "readout", {t.name: (drive(t, both[t.name]),) for t in targets}, readouts(targets),
        {t.name: np.array([0.0, 1.0]) for t in targets}, "prepared state", "",
        shots(targets, SHOTS), reset(targets), keep_shots=True,
    )  # fmt: skip


def propose(fit: Fit, target: Target) -> dict[str, Value]:
    """The discriminator belongs to the resonator, its fidelity to the qubit.

    A fidelity that its error takes above 1 is proposed as 1, with that error: no reading is better.
    """
    discriminator = ("readout_angle", "readout_threshold", "readout_contrast")
    proposals = {f"r.{name}": fit.values[name] for name in discriminator}
    fidelity = fit.values["assignment_fidelity"]
    return proposals | {"assignment_fidelity": replace(fidelity, value=min(fidelity.value, 1.0))}


READOUT = Calibration(
    "readout", "single_shot_readout", "shots",
    needs=(Need("r.readout_frequency", 1e6, measured=True), Need("f01", 300e3, measured=True),
           Need("pi_amplitude", 0.03, relative=True, measured=True)),
    gives=(Give("assignment_fidelity", 0.003), Give("r.readout_angle", 0.02),
           Give("r.readout_contrast", 1e-4), Give("r.readout_threshold", 1e-4)),
    program=program, propose=propose,
)  # fmt: skip
