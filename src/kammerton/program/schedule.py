"""When each pulse of a target plays at each point of the sweep, counted back from the readout."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from kammerton.lab import IqLine
from kammerton.model import Program, ProgramError, Pulse, Wait
from kammerton.model.program import Swept
from kammerton.program.grid import FloatArray, IntArray, samples_of

REACH = 0.4
"""How far from its carrier a tone may be, in sample rates; beyond, the image is too near."""


@dataclass(frozen=True, eq=False)
class Placed:
    """One pulse of one target over the sweep of M points.

    starts: (M,) samples relative to the readout's first, so never positive. since_first: (M,)
    samples after the start of the target's first pulse. amplitude: (M,) V. cycles: (M,) turns of
    the intermediate frequency in a sample. phase: (M,) rad.
    """

    pulse: Pulse
    length: int
    starts: list[int]
    since_first: IntArray
    amplitude: FloatArray
    cycles: FloatArray
    phase: FloatArray


def over_sweep(value: Swept, points: int, what: str) -> FloatArray:
    """Return a swept field as (M,) finite floats.

    Raises
    ------
    ProgramError
        It has another length than the sweep, or a value that is no number.
    """
    values = np.asarray(value, dtype=np.float64)
    if values.ndim > 1 or (values.ndim == 1 and values.size != points):
        raise ProgramError(f"{what} has {values.size} values, but the sweep has {points} points")
    if not np.isfinite(values).all():
        raise ProgramError(f"{what} is not finite everywhere")
    return np.broadcast_to(values, (points,))


def fixed(value: Swept, what: str) -> float:
    """Return a field that is a finite number and not swept, or raise ProgramError."""
    if np.ndim(value):
        raise ProgramError(f"{what} cannot be swept")
    if not np.isfinite(value):
        raise ProgramError(f"{what} of {value} is not finite")
    return float(value)


def reach_of(line: IqLine, sample_rate: float) -> tuple[float, float]:
    """Return the lowest and highest frequency, Hz, that a line plays: 1 kHz inside, to be sure."""
    half = REACH * sample_rate - 1e3
    return line.carrier - half, line.carrier + half


def cycles_of(frequency: FloatArray, line: IqLine, sample_rate: float, what: str) -> FloatArray:
    """Return turns of the intermediate frequency per sample, within reach of the carrier."""
    cycles: FloatArray = (frequency - line.carrier) / sample_rate
    worst = int(np.argmax(np.abs(cycles)))
    if abs(cycles[worst]) > REACH:
        raise ProgramError(
            f"{what} of {frequency[worst] / 1e9:.6g} GHz is more than"
            f" {REACH * sample_rate / 1e6:.4g} MHz from the carrier of {line.source} at"
            f" {line.carrier / 1e9:.6g} GHz"
        )
    return cycles


def place(program: Program, target: str, line: IqLine, sample_rate: float) -> tuple[Placed, ...]:
    """Return the pulses of a target, the last item of its sequence ending where readout begins.

    Raises
    ------
    ProgramError
        An item cannot be played; the message names target, item and value.
    """
    items = program.sequences.get(target, ())
    whats = [f"{target}: item {number} of its sequence," for number in range(1, len(items) + 1)]
    lengths = [
        _samples(item, program.points, sample_rate, what)
        for item, what in zip(items, whats, strict=True)
    ]
    ends = np.cumsum(np.stack(lengths), axis=0) if lengths else np.zeros((1, program.points), int)
    starts = [end - length - ends[-1] for end, length in zip(ends, lengths, strict=False)]
    pulses = [(n, item) for n, item in enumerate(items) if isinstance(item, Pulse)]
    return tuple(
        _placed(item, starts[n], starts[n] - starts[pulses[0][0]], line, sample_rate, whats[n])
        for n, item in pulses
    )


def intervals(pulses: Iterable[Placed], points: int) -> list[tuple[tuple[int, int], ...]]:
    """Return for each point the (start, end) of all pulses in samples, sorted by end."""
    spans: list[set[tuple[int, int]]] = [set() for _ in range(points)]
    for pulse in pulses:
        for at, start in zip(spans, pulse.starts, strict=True):
            at.add((start, start + pulse.length))
    return [tuple(sorted(at, key=lambda span: span[::-1])) for at in spans]


def _samples(item: Pulse | Wait, points: int, sample_rate: float, what: str) -> IntArray:
    name = "length" if isinstance(item, Pulse) else "duration"
    length = fixed(item.length, f"{what} length") if isinstance(item, Pulse) else item.duration
    values = over_sweep(length, points, f"{what} {name}")
    if values.min() < 0:
        raise ProgramError(f"{what} {name} of {values.min():.6g} s is negative")
    samples = samples_of(values, sample_rate)
    if isinstance(item, Pulse):
        _check_shape(item, int(samples[0]), what)
    return samples


def _check_shape(pulse: Pulse, samples: int, what: str) -> None:
    if samples < 1:
        raise ProgramError(f"{what} length of {pulse.length:.6g} s is less than one sample")
    if pulse.shape not in ("drag", "gaussian", "square"):
        raise ProgramError(f'{what} shape "{pulse.shape}" is not drag, gaussian or square')
    if pulse.shape != "square" and not pulse.sigma > 0:
        raise ProgramError(f"{what} sigma of {pulse.sigma:.6g} s is not positive")
    if pulse.shape == "drag" and (pulse.anharmonicity == 0 or not np.isfinite(pulse.anharmonicity)):
        raise ProgramError(f"{what} anharmonicity of {pulse.anharmonicity} Hz cannot shape a drag")


def _placed(
    item: Pulse, start: IntArray, since_first: IntArray, line: IqLine, rate: float, what: str
) -> Placed:
    points = start.size
    frequency = over_sweep(item.frequency, points, f"{what} frequency")
    return Placed(
        pulse=item,
        length=int(samples_of(item.length, rate)),
        starts=start.tolist(),
        since_first=since_first,
        amplitude=over_sweep(item.amplitude, points, f"{what} amplitude"),
        cycles=cycles_of(frequency, line, rate, f"{what} frequency"),
        phase=over_sweep(item.phase, points, f"{what} phase"),
    )
