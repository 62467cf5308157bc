"""Multiplexed readout: the sum of tones on a feedline, and the weights that take them apart."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kammerton.lab import Feedline
from kammerton.model import Program, ProgramError
from kammerton.program.compiled import Window
from kammerton.program.grid import FloatArray, samples_of
from kammerton.program.schedule import cycles_of, fixed, over_sweep
from kammerton.program.shapes import ComplexArray, tones

RECORD_GRANULARITY = 128
RECORD_MINIMUM = 256
PHASE_TRIES, PHASE_SAMPLES = 31, 1000
OVERLAP = 0.9
"""Two tones whose overlap in the window is larger than this cannot be told apart."""


@dataclass(frozen=True, eq=False)
class Chord:
    """The tones of one feedline: cycles (1 or M, N) turns per sample, the rest of all (N,).

    samples, settle: of every tone. phases: rad at the start.
    """

    feedline: Feedline
    targets: tuple[str, ...]
    cycles: FloatArray
    volts: FloatArray
    phases: FloatArray
    samples: int
    settle: int

    def tone(self, number: int, count: int, first: float = 0.5) -> ComplexArray:
        """Return one tone of unit amplitude, (1 or M, count); `first` as in `tones`."""
        turning = tones(self.cycles[:, number], count, first)
        tone: ComplexArray = np.exp(1j * self.phases[number]) * turning
        return tone

    def wave(self) -> ComplexArray:
        """Return the sum of all tones in volts, (1 or M, samples)."""
        wave = np.zeros((self.cycles.shape[0], self.samples), np.complex128)
        for number, volts in enumerate(self.volts):
            wave += volts * self.tone(number, self.samples)
        return wave


def chord_of(program: Program, feedline: Feedline, sample_rate: float) -> Chord:
    """Return the tones of a program, all of the same length.

    Raises
    ------
    ProgramError
        A tone is out of reach of its carrier, or tones are not read together.
    """
    targets = tuple(program.readouts)
    swept = any(np.ndim(readout.frequency) for readout in program.readouts.values())
    cycles = np.stack(
        [_cycles(program, target, feedline, sample_rate) for target in targets], axis=1
    )
    samples, settle = _common_length(program, sample_rate)
    volts = np.array(
        [fixed(r.amplitude, f"{t}: readout amplitude") for t, r in program.readouts.items()]
    )
    phases = spread_phases(cycles[program.points // 2], volts, samples)
    return Chord(feedline, targets, cycles if swept else cycles[:1], volts, phases, samples, settle)


def spread_phases(cycles: FloatArray, volts: FloatArray, samples: int) -> FloatArray:
    """Return phases in rad (N,) that keep the peak of a sum of N tones low.

    The best of a fixed set of tries, the first of which is best for evenly spaced tones (Schroeder,
    IEEE Trans. Inf. Theory 16, 85). They cost nothing: the weights take them out again.
    """
    number = np.arange(volts.size)
    if number.size == 1:
        return np.zeros(1)
    even = -np.pi * number * (number - 1) / number.size
    others = np.random.default_rng(0).uniform(0, 2 * np.pi, (PHASE_TRIES, number.size))
    tries = np.vstack([even, others])
    sums = np.zeros((len(tries), min(samples, PHASE_SAMPLES)), np.complex128)
    for phases, tone, peak in zip(tries.T, tones(cycles, sums.shape[1]), volts, strict=True):
        sums += peak * np.exp(1j * phases)[:, None] * tone
    peaks = np.maximum(np.abs(sums.real), np.abs(sums.imag)).max(axis=1)
    best: FloatArray = tries[peaks.argmin()]
    return best


def window_of(chord: Chord, sample_rate: float) -> Window:
    """Return how records of the feedline are integrated.

    Least squares for all tones at once, so that none leaks into another even where the window
    holds no whole number of their beats. Sample 0 of a record is the trigger, when the tones leave
    the generator; the phase is counted from there on, less the line's delay. z is then
    the amplitude of each tone at the digitizer in volts, relative to the phase it set out with.
    """
    delay = chord.feedline.delay * sample_rate
    count = math.ceil((chord.samples + delay) / RECORD_GRANULARITY) * RECORD_GRANULARITY
    record = max(count, RECORD_MINIMUM)
    begin = math.ceil(delay + chord.settle - 1e-6)
    end = math.floor(delay + chord.samples + 1e-6)
    if end - begin < len(chord.targets):
        raise ProgramError(
            f"{chord.targets[0]}: settling takes {chord.settle} of the {chord.samples} samples of"
            " its readout and leaves nothing to integrate"
        )
    weights = np.zeros((chord.cycles.shape[0], record, len(chord.targets)), np.complex64)
    weights[:, begin:end] = _weights(chord, end - begin, begin - delay)
    return Window(chord.feedline.name, chord.feedline.digitizer, record, chord.targets, weights)


def _weights(chord: Chord, count: int, first: float) -> NDArray[np.complex64]:
    # Tone by tone: products this narrow are no work for a threaded BLAS, least of all on a
    # busy machine.
    inverse = np.linalg.inv(_overlaps(chord, count, first)).astype(np.complex64)
    number = len(chord.targets)
    weights = np.zeros((chord.cycles.shape[0], count, number), np.complex64)
    for one in range(number):
        conjugate = chord.tone(one, count, first + 0.5).astype(np.complex64).conj()
        for other in range(number):
            weights[:, :, other] += inverse[:, other, one, None] * conjugate
    return weights


def _overlaps(chord: Chord, count: int, first: float) -> ComplexArray:
    """Return model^H model (1 or M, N, N): geometric sums, in closed form."""
    apart = chord.cycles[:, None, :] - chord.cycles[:, :, None]
    phases = chord.phases[None, :] - chord.phases[:, None]
    middle = first + count / 2
    # np.sinc has the zeros of sin(pi x) / (pi x); the ratio of two is the Dirichlet kernel
    size = count * np.sinc(count * apart) / np.sinc(apart)
    _check_apart(chord, np.abs(size).max(axis=0) / count)
    overlaps: ComplexArray = size * np.exp(1j * (2 * np.pi * apart * middle + phases))
    return overlaps


def _check_apart(chord: Chord, overlap: FloatArray) -> None:
    for one, other in itertools.combinations(range(len(chord.targets)), 2):
        if overlap[one, other] > OVERLAP:
            raise ProgramError(
                f"{chord.targets[one]} and {chord.targets[other]}: their readout tones are too"
                f" close to be told apart in {chord.samples} samples"
            )


def _cycles(program: Program, target: str, feedline: Feedline, sample_rate: float) -> FloatArray:
    what = f"{target}: readout frequency"
    swept = over_sweep(program.readouts[target].frequency, program.points, what)
    return cycles_of(swept, feedline.line, sample_rate, what)


def _common_length(program: Program, sample_rate: float) -> tuple[int, int]:
    first, *others = program.readouts.items()
    for target, readout in others:
        if (readout.length, readout.settle) != (first[1].length, first[1].settle):
            raise ProgramError(
                f"{target}: a readout of {readout.length:.6g} s settling for {readout.settle:.6g} s"
                f" cannot share the feedline with {first[0]}'s of {first[1].length:.6g} s and"
                f" {first[1].settle:.6g} s"
            )
    length, settle = (
        int(samples_of(fixed(seconds, f"{first[0]}: readout {name}"), sample_rate))
        for name, seconds in (("length", first[1].length), ("settle", first[1].settle))
    )
    if length < 1 or settle < 0:
        raise ProgramError(
            f"{first[0]}: a readout of {first[1].length:.6g} s after settling for"
            f" {first[1].settle:.6g} s cannot be played"
        )
    return length, settle
