"""Sequences of a waveform generator, and what they come to in time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, MutableMapping
from dataclasses import dataclass, field

import numpy as np

from kammerton_sim.signals import Segment, Wave
from kammerton_sim.wire.errors import ScpiError

FOR_EVER = 0
MOST_STEPS = 1 << 17
"""Of a sequence with its subsequences written out."""
NEXT, END = 0, -1
_DEEPEST = 8


@dataclass
class Step:
    """One step: a waveform for each track or one subsequence, and how it is played.

    repeats: FOR_EVER or a count. wait: "", "A", "B" or "I" (which trigger). goto: NEXT, END or
    the number of a step, from 1.
    """

    assets: list[str | None] = field(default_factory=list)
    subsequence: str | None = None
    repeats: int = 1
    wait: str = ""
    goto: int = NEXT


@dataclass
class Sequence:
    """A named table of steps over a number of tracks."""

    name: str
    steps: list[Step]
    tracks: int


@dataclass
class Library:
    """What a generator holds in its lists."""

    waves: dict[str, Wave] = field(default_factory=dict)
    sequences: dict[str, Sequence] = field(default_factory=dict)

    def check(self, name: str) -> None:
        """Refuse what a generator refuses to play: missing waves, tracks of unlike length."""
        known: dict[str, tuple[int, int]] = {}
        self._count(name, 0, known)
        for step in (step for one in known for step in self.sequences[one].steps):
            lengths = {self._wave(a).samples.size for a in step.assets if a is not None}
            if len(lengths) > 1:
                raise ScpiError(-221, f"{name}: the tracks of a step differ in length")

    def heard(self, name: str, track: int) -> set[str | None]:
        """Return the names of all waveforms that a track can play, in subsequences too."""
        found: set[str | None] = set()
        reached, todo = set[str](), [name]
        while todo:
            one = todo.pop()
            if one in reached or one not in self.sequences:
                continue
            reached.add(one)
            for step in self.sequences[one].steps:
                if step.subsequence is not None:
                    todo.append(step.subsequence)
                elif track <= len(step.assets):
                    found.add(step.assets[track - 1])
        return found

    def playing(self, name: str, track: int) -> tuple[tuple[Segment, ...], tuple[Segment, ...]]:
        """Return what a track plays before its loop, and in it (empty when it comes to an end)."""
        self._count(name, 0, {})  # it may have been changed since it was checked
        order, loop = self._order(name, 0)
        made: dict[int, Segment] = {}
        for step, repeats in order:
            if id(step) not in made:
                made[id(step)] = Segment(self._track_wave(step, track), repeats)
        segments = [made[id(step)] for step, _ in order]
        return tuple(segments[:loop]), tuple(segments[loop:])

    def first_step(self, name: str) -> Step:
        """Return the step that is played first, inside a subsequence if need be."""
        for _ in range(_DEEPEST):
            step = self._sequence(name).steps[0]
            if step.subsequence is None:
                return step
            name = step.subsequence
        raise ScpiError(-221, f"{name}: subsequences nested too deeply")

    def _order(self, name: str, depth: int) -> tuple[list[tuple[Step, int]], int]:
        """Walk from step 1: (step, repeats) in order, and where in that list the loop begins.

        A step that waits again inside the loop stops it: nobody gives a second trigger.
        """
        steps = self._sequence(name, depth).steps
        order: list[tuple[Step, int]] = []
        seen: dict[int, int] = {}
        at = 0
        while at < len(steps):
            step = steps[at]
            if step.wait and (order or at in seen):
                return order, len(order)
            if at in seen:
                return order, seen[at]
            seen[at] = len(order)
            order += self._played(step, depth)
            if step.repeats == FOR_EVER:
                return order, seen[at]
            at = len(steps) if step.goto == END else step.goto - 1 if step.goto else at + 1
        return order, len(order)

    def _played(self, step: Step, depth: int) -> list[tuple[Step, int]]:
        times = max(1, step.repeats)
        if step.subsequence is None:
            return [(step, times)]
        inner, _ = self._order(step.subsequence, depth + 1)
        return inner * times

    def _count(self, name: str, depth: int, known: dict[str, tuple[int, int]]) -> tuple[int, int]:
        """Return the steps of a sequence, written out, and how deep others lie in it.

        Each subsequence is looked at once.
        """
        if name not in known:
            steps, total, below = self._sequence(name, depth).steps, 0, 0
            if not steps:
                raise ScpiError(-221, f"{name} has no steps")
            for step in steps:
                inner, deep = 1, -1
                if step.subsequence is not None:
                    inner, deep = self._count(step.subsequence, depth + 1, known)
                    inner *= max(1, step.repeats)
                total, below = total + inner, max(below, deep + 1)
            if total > MOST_STEPS:
                raise ScpiError(-225, f"{name}: {total} steps, written out")
            known[name] = total, below
        if depth + known[name][1] > _DEEPEST:
            raise ScpiError(-221, f"{name}: subsequences nested too deeply")
        return known[name]

    def _sequence(self, name: str, depth: int = 0) -> Sequence:
        if depth > _DEEPEST or name not in self.sequences:
            raise ScpiError(-221, f"no sequence {name}")
        return self.sequences[name]

    def _wave(self, name: str) -> Wave:
        if name not in self.waves:
            raise ScpiError(-221, f"no waveform {name}")
        return self.waves[name]

    def _track_wave(self, step: Step, track: int) -> Wave:
        name = step.assets[track - 1] if track <= len(step.assets) else None
        if name is not None:
            return self._wave(name)
        others = [self._wave(a).samples.size for a in step.assets if a is not None]
        return silence(others[0] if others else 2400)


_SILENCE: dict[int, Wave] = {}


def silence(length: int) -> Wave:
    """Return a waveform of zeros, the same object for the same length."""
    if length not in _SILENCE:
        _SILENCE[length] = Wave(f"silence {length}", np.zeros(length, np.float32))
    return _SILENCE[length]


def extremes(
    waves: Mapping[str, Wave],
    names: Iterable[str | None],
    known: MutableMapping[Wave, tuple[float, float]],
) -> tuple[float, float]:
    """Return the least and the largest sample of the named waves; 0 of what there is none of.

    known: remembers waves already seen.
    """
    ends = []
    for name in set(names):
        wave = None if name is None else waves.get(name)
        if wave is None or not wave.samples.size:
            ends.append((0.0, 0.0))
            continue
        if wave not in known:
            known[wave] = float(wave.samples.min()), float(wave.samples.max())
        ends.append(known[wave])
    return min((low for low, _ in ends), default=0.0), max((high for _, high in ends), default=0.0)
