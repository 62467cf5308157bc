"""Find each qubit: a long, weak pulse swept over the believed frequency."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from kammerton.model import Calibration, Fit, Give, Need, Program, Pulse, Target, Value
from kammerton_calibrations.pulses import FloatArray, readouts, reset, shots

POINTS, SHOTS = 101, 200
CLEAR = 3e6  # Hz to each side of a line that is left out: three half widths
STRETCH = 20  # the declared pi pulse, 20 times as long and weak: 800 ns, a line of about 2 MHz


def frequencies(target: Target) -> FloatArray:
    """Return the swept drive frequencies: three sigma of the belief to each side.

    What the drive line cannot play is left out, and lines that are known not to be the qubit's.
    """
    low, high = window(target)
    reach = target.reach
    if low < reach[1] and high > reach[0]:  # else nothing can be played: the compiler says so
        low, high = max(low, reach[0]), min(high, reach[1])
    left, right = clear(low, high, target.refuted)
    lengths = right - left
    before = np.cumsum(lengths) - lengths
    along = np.linspace(0.0, lengths.sum(), POINTS)
    part = np.searchsorted(before, along, side="right") - 1
    return left[part] + along - before[part]


def window(target: Target) -> tuple[float, float]:
    """Return where the qubit is searched: three sigma of the belief to each side."""
    half = max(3 * target.sigma("f01"), 5e6) * target.effort.window
    centre = target.effort.centre or target["f01"]
    return centre - half, centre + half


def explain(fit: Fit, target: Target) -> str | None:
    """Say between which frequencies there is no line, and whether the search was cut off."""
    if fit.status != "no signal":
        return None
    swept, (low, high) = frequencies(target), window(target)
    ends = [edge for edge in target.reach if low < edge < high]
    words = f"no line between {_giga(swept[0])} and {_giga(swept[-1])}"
    at = " and ".join(_giga(edge) for edge in ends)
    return f"{words}; the search ends where the generator's reach ends ({at})" if ends else words


def _giga(hertz: float) -> str:
    return f"{hertz / 1e9:.4g} GHz"


def clear(low: float, high: float, lines: Sequence[float]) -> tuple[FloatArray, FloatArray]:
    """Return where the parts of a span begin and end that keep clear of some lines.

    Nothing outside the span is driven; where lines fill it, all of it is swept again.
    """
    edges = [low]
    for line in sorted(lines):
        if line - CLEAR < high and line + CLEAR > edges[-1]:
            edges += [max(line - CLEAR, edges[-1]), line + CLEAR]
    parts = np.array([*edges, high]).reshape(-1, 2)
    parts = parts[parts[:, 1] > parts[:, 0]]
    return (parts[:, 0], parts[:, 1]) if parts.size else (np.array([low]), np.array([high]))


def probe(target: Target, swept: FloatArray) -> Pulse:
    """Return a weak Gaussian pi pulse: same area as the declared one, so the same rotation."""
    return Pulse(
        "gaussian", target["pi_amplitude"] / STRETCH, STRETCH * target.pi_length, swept,
        sigma=STRETCH * target.pi_sigma,
    )  # fmt: skip


def program(targets: Sequence[Target]) -> Program:
    """Drive every qubit at its own swept frequency, then read out."""
    axis = {t.name: frequencies(t) for t in targets}
    return Program(
        "qubit_spectroscopy", {t.name: (probe(t, axis[t.name]),) for t in targets},
        readouts(targets), axis, "drive frequency", "Hz", shots(targets, SHOTS), reset(targets),
    )  # fmt: skip


def propose(fit: Fit, target: Target) -> dict[str, Value]:
    """The centre of the line is f01."""
    return {"f01": fit.values["frequency"]}


QUBIT_SPECTROSCOPY = Calibration(
    "qubit_spectroscopy", "qubit_spectroscopy", "axis",
    needs=(Need("r.readout_frequency", 1e6, measured=True), Need("f01", 50e6)),
    gives=(Give("f01", 50e3),),
    program=program, propose=propose, explain=explain,
)  # fmt: skip
