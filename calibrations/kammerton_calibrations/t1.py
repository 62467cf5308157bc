"""Measure T1: excite, wait, read out."""

from __future__ import annotations

from collections.abc import Sequence

from kammerton.model import Calibration, Fit, Give, Need, Program, Target, Value, Wait
from kammerton_calibrations.pulses import delays, longest, pi, readouts, reset, shots

POINTS, SHOTS = 51, 1000


def program(targets: Sequence[Target]) -> Program:
    """A pi pulse and a delay of up to four times the longest believed T1."""
    waits = delays(longest(targets, "t1", 4.0), POINTS)
    axis = {t.name: waits for t in targets}
    sequences = {t.name: (pi(t), Wait(waits)) for t in targets}
    return Program(
        "t1", sequences, readouts(targets), axis, "delay", "s", shots(targets, SHOTS),
        reset(targets),
    )  # fmt: skip


def propose(fit: Fit, target: Target) -> dict[str, Value]:
    """T1 as fitted."""
    return {"t1": fit.values["t1"]}


def reject(fit: Fit, target: Target) -> str | None:
    """A decay time is positive."""
    del target  # this objection looks at the fit alone
    t1 = fit.values["t1"]
    return None if t1.value > 0 else f"T1 of {t1.value:.3g} s is not a decay time"


T1 = Calibration(
    "t1", "t1", "population",
    needs=(Need("f01", 300e3, measured=True), Need("r.readout_contrast", 1e-3, measured=True),
           Need("pi_amplitude", 0.03, relative=True, measured=True)),
    gives=(Give("t1", 0.05, relative=True),),
    program=program, propose=propose, reject=reject,
)  # fmt: skip
