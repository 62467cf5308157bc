"""Measure T2 with a Hahn echo: slow noise is refocused by a pi pulse in the middle."""

from __future__ import annotations

from collections.abc import Sequence

from kammerton.model import Calibration, Fit, Give, Need, Program, Target, Value, Wait
from kammerton_calibrations.pulses import (
    delays,
    half_pi,
    longest,
    pi,
    readouts,
    reset,
    shots,
    uneven,
)

POINTS, SHOTS = 51, 1000


def program(targets: Sequence[Target]) -> Program:
    """Pi/2, half the delay, pi, half the delay, pi/2; delays to three times the longest T2.

    Pulses that are off refocus not all: what is left turns with the delay, decays sooner, and
    between even delays could look like a part of the echo.
    """
    waits = uneven(delays(longest(targets, "t2_echo", 3.0), POINTS))
    half = Wait(waits / 2)
    axis = {t.name: waits for t in targets}
    sequences = {t.name: (half_pi(t), half, pi(t), half, half_pi(t)) for t in targets}
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
