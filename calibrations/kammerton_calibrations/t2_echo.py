"""Measure T2 with a Hahn echo: slow noise is refocused by a pi pulse in the middle."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from kammerton.model import Calibration, Fit, Give, Need, Program, Target, Value, Wait
from kammerton_calibrations.pulses import (
    FloatArray,
    delays,
    half_pi,
    longest,
    pi,
    readouts,
    reset,
    shots,
)

DELAYS, SHOTS = 26, 500
CYCLE = np.arange(4.0)  # of the pi pulse, in quarter turns


def program(targets: Sequence[Target]) -> Program:
    """Pi/2, half the delay, pi, half the delay, pi/2; delays to four times the longest T2.

    Pulses that are off refocus not all: what is left turns with the delay, decays sooner, and could
    look like a part of the echo. Each delay is measured with the pi pulse about four axes, and the
    last one turned about where the echo is: what was refocused comes out alike, and of all else
    nothing is left in the mean of the four (EXORCYCLE: Bodenhausen, Freeman, Turner,
    J. Magn. Reson. 27, 511, 1977).
    """
    waits = np.repeat(delays(longest(targets, "t2_echo", 4.0), DELAYS), CYCLE.size)
    quarters: FloatArray = np.tile(CYCLE, DELAYS)
    half = Wait(waits / 2)
    axis = {t.name: waits for t in targets}
    sequences = {
        t.name: (
            half_pi(t), half, pi(t, phase=np.pi / 2 * quarters), half,
            half_pi(t, phase=np.pi * quarters),
        )
        for t in targets
    }  # fmt: skip
    return Program(
        "t2_echo", sequences, readouts(targets), axis, "delay", "s", shots(targets, SHOTS),
        reset(targets),
    )  # fmt: skip


def propose(fit: Fit, target: Target) -> dict[str, Value]:
    """The decay time of the fitted law."""
    return {"t2_echo": fit.values["t2_echo"]}


T2_ECHO = Calibration(
    "t2_echo", "t2_echo", "population",
    needs=(Need("f01", 10e3, measured=True), Need("r.readout_contrast", 1e-3, measured=True),
           Need("pi_amplitude", 0.03, relative=True, measured=True)),
    gives=(Give("t2_echo", 0.06, relative=True),),
    program=program, propose=propose,
)  # fmt: skip
