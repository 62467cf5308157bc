"""Find the pi pulse: sweep the amplitude of the declared pulse to about 2 pi.

The third level bends the cosine: on the simulated laboratory the fitted half period is about
0.1 % above the best pi pulse, a third of the error bar at these shots.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from kammerton.model import Calibration, Fit, Give, Need, Program, Target, Value
from kammerton_calibrations.pulses import FloatArray, drive, readouts, reset, shots

POINTS, SHOTS = 51, 400
HEADROOM = 0.97  # the quadrature of a DRAG pulse adds a little to its peak


def amplitudes(target: Target) -> FloatArray:
    """Return amplitudes from 0 to about 2 pi, never above the limit of the line."""
    top = 2.0 * target["pi_amplitude"] * target.effort.window
    return np.linspace(0.0, min(top, HEADROOM * target.max_volts), POINTS)


def program(targets: Sequence[Target]) -> Program:
    """One pulse of swept amplitude."""
    axis = {t.name: amplitudes(t) for t in targets}
    return Program(
        "rabi_amplitude", {t.name: (drive(t, axis[t.name]),) for t in targets},
        readouts(targets), axis, "pulse amplitude", "V", shots(targets, SHOTS), reset(targets),
    )  # fmt: skip


def propose(fit: Fit, target: Target) -> dict[str, Value]:
    """Half a period turns 0 into 1."""
    return {"pi_amplitude": fit.values["pi_amplitude"]}


def reject(fit: Fit, target: Target) -> str | None:
    """A pi pulse must fit below the limit of its line."""
    amplitude = fit.values["pi_amplitude"].value
    if amplitude <= HEADROOM * target.max_volts:
        return None
    return f"a pi pulse needs {amplitude:.3g} V; the line allows {target.max_volts:.3g} V"


RABI_AMPLITUDE = Calibration(
    "rabi_amplitude", "rabi_amplitude", "axis",
    needs=(Need("r.readout_frequency", 1e6, measured=True), Need("f01", 300e3, measured=True)),
    gives=(Give("pi_amplitude", 0.005, relative=True),),
    program=program, propose=propose, reject=reject,
)  # fmt: skip
