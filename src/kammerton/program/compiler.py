"""A program and a laboratory -> playlists, carriers and integration windows.

One turn of the table plays every point once. Step 1 waits for trigger A and raises the marker that
triggers the followers; it lies outside the loop, which the last step closes by going to step 2.
All generators play the same steps, so they stay together for as long as they share a clock.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from kammerton.lab import Channel, IqLine, Lab
from kammerton.model import Program, ProgramError
from kammerton.model.quantity import show
from kammerton.model.roles import Playlist, PlayStep
from kammerton.program.blocks import (
    MAXIMUM_REPEATS,
    MINIMUM_SAMPLES,
    Span,
    blocks_of,
    gaps_of,
    idle_unit,
    idles,
)
from kammerton.program.compiled import Compiled, Window
from kammerton.program.grid import samples_of
from kammerton.program.readout import Chord, chord_of, window_of
from kammerton.program.rising import check_rising
from kammerton.program.schedule import Placed, fixed, intervals, place
from kammerton.program.waves import Sound, WaveLibrary, sound_of
from kammerton.program.wiring import (
    carriers_of,
    check_lines,
    check_start,
    check_targets,
    drive_lines,
    feedline_of,
)

MAXIMUM_STEPS = 16383


@dataclass(frozen=True, eq=False)
class Step:
    """One step of all generators: what the channels that are not silent play."""

    samples: int
    repeats: int
    playing: Mapping[Channel, str]


Part = tuple[Placed, Sound]


@dataclass(frozen=True, eq=False)
class Score:
    """Everything that the steps of a program are written from.

    drives: target -> its line and pulses. minimum, unit: samples of the shortest block, and of the
    idle block. reset: samples of silence after the readout.
    """

    points: int
    drives: Mapping[str, tuple[IqLine, tuple[Part, ...]]]
    chord: Chord
    spans: list[tuple[Span, ...]]
    minimum: int
    unit: int
    reset: int
    library: WaveLibrary


def compile(program: Program, lab: Lab, *, minimum_samples: int = MINIMUM_SAMPLES) -> Compiled:
    """Return what the instruments of a laboratory must play and record for a program.

    Times are rounded to whole samples, each pulse and wait by itself (see `on_grid`). The reset
    after a readout is never shorter than asked; the next sequence may begin up to one block later.

    Parameters
    ----------
    minimum_samples
        The shortest block that all generators can play.

    Raises
    ------
    ProgramError
        The program cannot be played here; the message names target and value. Voltages are not
        checked here but where they are put out.
    """
    check_targets(program, lab)
    check_rising(program)
    score = _score(program, lab, minimum_samples)
    steps = list(_steps(score, lab.sync.go))
    if len(steps) > MAXIMUM_STEPS:
        raise ProgramError(
            f"the program takes {len(steps)} steps; the generators have {MAXIMUM_STEPS}"
        )
    lines = [line for line, _ in score.drives.values()]
    turn = sum(step.samples * step.repeats for step in steps[1:])
    window = window_of(score.chord, lab.sample_rate)
    _check_records(score, window, lab.sample_rate)
    channels = _channels(steps)
    check_start(lab, channels, score.chord.feedline.trigger)
    return Compiled(
        playlists=_playlists(program, steps, channels, score.library, lab.sample_rate),
        window=window,
        carriers=carriers_of([*lines, score.chord.feedline.line]),
        peaks=_peaks(steps, score.library),
        points=program.points,
        turn_seconds=turn / lab.sample_rate,
    )


def _score(program: Program, lab: Lab, minimum: int) -> Score:
    rate = lab.sample_rate
    feedline = feedline_of(program, lab)
    lines = drive_lines(program, lab)
    check_lines({**lines, f"the readout on {feedline.name}": feedline.line})
    placed = {target: place(program, target, line, rate) for target, line in lines.items()}
    spans = intervals([pulse for pulses in placed.values() for pulse in pulses], program.points)
    gaps = {gap for at in set(spans) for gap in gaps_of(blocks_of(at, minimum)) if gap}
    reset = fixed(program.reset, "reset")
    if reset < 0:
        raise ProgramError(f"reset of {reset:.6g} s is negative")
    return Score(
        points=program.points,
        drives={
            target: (lines[target], tuple((pulse, sound_of(pulse, rate)) for pulse in pulses))
            for target, pulses in placed.items()
        },
        chord=chord_of(program, feedline, rate),
        spans=spans,
        minimum=minimum,
        unit=idle_unit(gaps, minimum),
        reset=int(samples_of(reset, rate)),
        library=WaveLibrary(),
    )


def _steps(score: Score, go: Channel) -> Iterator[Step]:
    library = score.library
    yield Step(score.minimum, 1, {go: library.marked(library.idle(score.minimum))})
    readouts = _readouts(score)
    for point, spans in enumerate(score.spans):
        blocks = blocks_of(spans, score.minimum)
        for block, gap in zip(blocks, gaps_of(blocks), strict=True):
            yield Step(block[1] - block[0], 1, _drive(score, point, block))
            yield from _silence(score, gap)
        readout = readouts[point % len(readouts)]
        yield readout
        yield from _silence(score, max(0, score.chord.samples + score.reset - readout.samples))


def _drive(score: Score, point: int, block: Span) -> dict[Channel, str]:
    """Return what the drive channels play in one block of one point."""
    playing: dict[Channel, str] = {}
    for line, pulses in score.drives.values():
        parts = tuple(
            (start - block[0], key, sound.samples[key])
            for placed, sound in pulses
            if block[0] <= (start := placed.starts[point]) < block[1]
            and (key := sound.keys[point]) is not None
        )
        if parts:
            playing[line.i], playing[line.q] = score.library.pair(block[1] - block[0], parts)
    return playing


def _readouts(score: Score) -> list[Step]:
    """Return the readout blocks, one for all points or one a point: tones, and the trigger."""
    feedline, tone, library = score.chord.feedline, score.chord.samples, score.library
    samples = max(score.minimum, tone)
    if 0 < tone + score.reset - samples < score.minimum:
        samples = tone + score.reset
    steps = []
    for number, wave in enumerate(score.chord.wave()):
        i, q = library.pair(samples, ((0, f"readout {number}", wave),))
        playing = {feedline.line.i: i, feedline.line.q: q}
        sounding = playing.get(feedline.trigger, library.idle(samples))
        playing[feedline.trigger] = library.marked(sounding)
        steps.append(Step(samples, 1, playing))
    return steps


def _silence(score: Score, gap: int) -> Iterator[Step]:
    for samples, repeats in idles(gap, score.unit, score.minimum):
        if repeats > MAXIMUM_REPEATS:
            raise ProgramError(f"a silence of {gap} samples is longer than the generators can keep")
        yield Step(samples, repeats, {})


def _check_records(score: Score, window: Window, rate: float) -> None:
    shortest = min(max((-start for start, _ in spans), default=0) for spans in score.spans)
    between = max(score.minimum, score.chord.samples + score.reset) + shortest
    if window.samples > between:
        lasts, apart, tone, reset = (
            show(n / rate, "s") for n in (window.samples, between, score.chord.samples, score.reset)
        )
        line = score.chord.feedline
        raise ProgramError(
            f"a record of {lasts} does not fit between readouts that begin {apart} apart: delay of "
            f"{line.name}, {show(line.delay, 's')}, or the readout, {tone}, is too long, or the "
            f"reset after it, {reset}, is too short"
        )


def _channels(steps: list[Step]) -> dict[str, tuple[Channel, ...]]:
    """Return generator -> its channels that are ever heard; silent ones need no track."""
    heard = sorted({channel for step in steps for channel in step.playing})
    names = dict.fromkeys(channel.instrument for channel in heard)
    return {name: tuple(c for c in heard if c.instrument == name) for name in names}


def _playlists(
    program: Program,
    steps: list[Step],
    channels: dict[str, tuple[Channel, ...]],
    library: WaveLibrary,
    rate: float,
) -> dict[str, Playlist]:
    return {
        generator: _playlist(program.name, steps, heard, library, rate)
        for generator, heard in channels.items()
    }


def _playlist(
    name: str, steps: list[Step], channels: tuple[Channel, ...], library: WaveLibrary, rate: float
) -> Playlist:
    last = len(steps) - 1
    table = tuple(
        PlayStep(
            _tracks(step, channels, library),
            step.repeats,
            wait_trigger=number == 0,
            goto=2 if number == last else 0,
        )
        for number, step in enumerate(steps)
    )
    used = dict.fromkeys(wave for step in table for wave in step.waves)
    waves = {wave: library.waves[wave] for wave in used}
    return Playlist(name, tuple(c.number for c in channels), waves, table, rate)


def _tracks(step: Step, channels: tuple[Channel, ...], library: WaveLibrary) -> tuple[str, ...]:
    silence = library.idle(step.samples)
    if not step.playing:
        return (silence,) * len(channels)
    return tuple(step.playing.get(channel, silence) for channel in channels)


def _peaks(steps: list[Step], library: WaveLibrary) -> dict[Channel, float]:
    peaks: dict[Channel, float] = {}
    for channel, wave in {pair for step in steps for pair in step.playing.items()}:
        peaks[channel] = max(peaks.get(channel, 0.0), library.peaks[wave])
    return peaks
