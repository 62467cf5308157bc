"""Measure f01 and T2*: two pi/2 pulses, the second one's phase turning with the delay.

The phase turns at `detuning`, well above the doubt about f01, so that the trace beats at
detuning + (f01 - drive frequency). Two things betray an f01 that is further off than believed:
the trace begins as a rising sine, so a beat that runs backwards falls; and the delays are not
evenly spaced, so a beat above their Nyquist frequency fits no slower one.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from kammerton.model import Calibration, Fit, Give, Need, Program, Pulse, Target, Value, Wait
from kammerton.model.quantity import show
from kammerton_calibrations.pulses import (
    FloatArray,
    delays,
    half_pi,
    longest,
    readouts,
    reset,
    shots,
)

POINTS, SHOTS = 101, 400
SIGMAS, PERIODS, WINDOW, NYQUIST = 6.0, 8.0, 2.5, 0.3
JITTER = 0.45  # of a step: enough that a frequency and its alias share no fit


def detuning(target: Target) -> float:
    """Return the artificial detuning in Hz: eight periods in 2.5 T2*, and six sigma of f01."""
    return max(PERIODS / (WINDOW * target["t2_star"]), SIGMAS * target.sigma("f01"))


def waits(targets: Sequence[Target]) -> FloatArray:
    """Return delays to 2.5 T2*, shorter where a detuning asks for denser points."""
    densest = NYQUIST * (POINTS - 1) / max(detuning(t) for t in targets)
    return uneven(delays(min(longest(targets, "t2_star", WINDOW), densest), POINTS))


def uneven(even: FloatArray, grid: float = 2e-9) -> FloatArray:
    """Return delays moved by up to JITTER of a step, always the same way; the ends stay.

    Between evenly spaced delays, a qubit that is off by a multiple of one over the spacing turns
    whole times, and looks as if it were not off at all. The fractions of squares have no beat of
    their own (Weyl 1916); those of multiples have one, and leave up to 99 % of some frequency.
    """
    fractions = (np.arange(even.size) ** 2 * (np.sqrt(5) - 1) / 2) % 1 - 0.5
    moved = np.round((even + 2 * JITTER * fractions * even[1]) / grid) * grid
    return np.concatenate([even[:1], moved[1:-1], even[-1:]])


def program(targets: Sequence[Target]) -> Program:
    """Pi/2, wait, pi/2 with a phase that grows with the wait."""
    taus = waits(targets)
    sequences = {t.name: (half_pi(t), Wait(taus), turned(t, taus)) for t in targets}
    return Program(
        "ramsey", sequences, readouts(targets), {t.name: taus for t in targets}, "delay", "s",
        shots(targets, SHOTS), reset(targets),
    )  # fmt: skip


def turned(target: Target, taus: FloatArray) -> Pulse:
    """Return the second pulse: a quarter turn on, and turning back at the artificial detuning."""
    angle = np.pi / 2 - 2 * np.pi * detuning(target) * (taus + target.pi_length)
    return half_pi(target, phase=angle)


def reject(fit: Fit, target: Target) -> str | None:
    """The beat must run forwards: the fitted curve rises first."""
    if fit.curve is None or fit.curve[1].real > fit.curve[0].real:
        return None
    most = show(round(detuning(target), -3), "Hz")
    return f"the beat runs backwards: f01 is further off than {most}"


def propose(fit: Fit, target: Target) -> dict[str, Value]:
    """f01 is the drive's frequency plus what the trace beats more than asked for."""
    beat = fit.values["frequency"]
    f01 = target["f01"] + beat.value - detuning(target)
    return {"f01": Value(f01, beat.stderr, "Hz"), "t2_star": fit.values["t2_star"]}


RAMSEY = Calibration(
    "ramsey", "ramsey", "population",
    needs=(Need("f01", 150e3, measured=True), Need("r.readout_contrast", 1e-3, measured=True),
           Need("pi_amplitude", 0.03, relative=True, measured=True)),
    gives=(Give("f01", 500.0), Give("t2_star", 0.06, relative=True)),
    program=program, propose=propose, reject=reject,
    known={"in_phase": True},  # one pulse prepares the qubit, whatever its frequency is
)  # fmt: skip
