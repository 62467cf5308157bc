"""Measure T1 with delays that grow by a factor: a T1 far from what is believed is seen, too."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from kammerton.model import Calibration, Fit, Give, Need, Program, Target, Value, Wait
from kammerton_calibrations.pulses import FloatArray, longest, pi, readouts, reset, shots

POINTS, SHOTS = 41, 1000
SPAN = 300.0  # the longest delay over the shortest, beside none at all
GRID = 2e-9  # s; a delay is a multiple of it


def delays(longest_delay: float) -> FloatArray:
    """Return no delay, and then delays in equal ratios up to the longest, s."""
    apart = np.geomspace(longest_delay / SPAN, longest_delay, POINTS - 1)
    return np.concatenate([[0.0], np.round(apart / GRID) * GRID])


def program(targets: Sequence[Target]) -> Program:
    """A pi pulse and a delay of up to eight times the longest believed T1."""
    waits = delays(longest(targets, "t1", 8.0))
    axis = {t.name: waits for t in targets}
    sequences = {t.name: (pi(t), Wait(waits)) for t in targets}
    return Program(
        "t1_log", sequences, readouts(targets), axis, "delay", "s", shots(targets, SHOTS),
        reset(targets),
    )  # fmt: skip


def reject(fit: Fit, target: Target) -> str | None:
    """A T1 beyond the longest delay is a guess: here belongs what the fit cannot know."""
    most = longest([target], "t1", 8.0)
    return None if fit.values["t1"].value < most else "T1 is longer than the longest delay"


def propose(fit: Fit, target: Target) -> dict[str, Value]:
    """T1 as fitted; what a fit of kind "t1" has stands in Kammerton's docs/estimation/decays.md."""
    del target  # it would be needed for a value that is relative to what is believed
    return {"t1": fit.values["t1"]}


T1_LOG = Calibration(
    "t1_log", "t1", "population",
    needs=(Need("f01", 300e3, measured=True), Need("r.readout_contrast", 1e-3, measured=True),
           Need("pi_amplitude", 0.03, relative=True, measured=True)),
    gives=(Give("t1", 0.05, relative=True),),
    program=program, propose=propose, reject=reject,
    on_request=True,  # without this the daemon chooses between it and its own t1, and does so soon
)  # fmt: skip
