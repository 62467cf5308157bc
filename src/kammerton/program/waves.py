"""The waveforms of a program, each made once and shared by all steps and channels that play it."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field

import numpy as np

from kammerton.model.roles import Waveform
from kammerton.program.schedule import Placed
from kammerton.program.shapes import ComplexArray, envelope, tones

MARKER_SAMPLES = 100
TURN_DIGITS = 12
"""Phases that agree to this many digits of a turn are one and the same."""


@dataclass(frozen=True, eq=False)
class Sound:
    """The samples of one pulse over the sweep.

    keys: (M,), equal where the samples are equal, None where the amplitude is 0.
    samples: key -> I + jQ in volts.
    """

    keys: list[Hashable]
    samples: Mapping[Hashable, ComplexArray]


def sound_of(placed: Placed, sample_rate: float) -> Sound:
    """Return the samples of a pulse at every point, each distinct one computed once.

    The phase at its start is that of a carrier running since the sequence's first pulse began.
    """
    turns = placed.cycles * placed.since_first + placed.phase / (2 * np.pi)
    turns = np.round(turns % 1.0, TURN_DIGITS) % 1.0
    pulse = placed.pulse
    shape = (pulse.shape, placed.length, pulse.sigma, pulse.anharmonicity)
    table = np.stack([placed.cycles, placed.amplitude, turns], axis=1)
    keys: list[Hashable] = [None if row[1] == 0 else (*shape, *row) for row in table.tolist()]
    first = {key: point for point, key in enumerate(keys) if key is not None}
    distinct = list(first.values())
    volts = (placed.amplitude * np.exp(2j * np.pi * turns))[distinct, None]
    carrier = tones(placed.cycles[distinct], placed.length)
    samples = volts * envelope(pulse, sample_rate) * carrier
    return Sound(keys, dict(zip(first, samples, strict=True)))


@dataclass(eq=False)
class WaveLibrary:
    """Waveforms by name, and the largest |volts| in each."""

    waves: dict[str, Waveform] = field(default_factory=dict)
    peaks: dict[str, float] = field(default_factory=dict)
    _made: dict[Hashable, tuple[str, str]] = field(default_factory=dict)

    def idle(self, samples: int) -> str:
        """Return the name of a silence."""
        name = f"idle{samples}"
        if name not in self.waves:
            self._add(name, Waveform(np.zeros(samples, np.float32)), 0.0)
        return name

    def pair(
        self, samples: int, parts: tuple[tuple[int, Hashable, ComplexArray], ...]
    ) -> tuple[str, str]:
        """Return the names of I and Q of a block with `parts` (position, key, I + jQ) in it."""
        recipe = (samples, *((position, key) for position, key, _ in parts))
        if recipe not in self._made:
            names = (f"w{len(self._made)}i", f"w{len(self._made)}q")
            volts, peaks = np.zeros((2, samples), np.float32), np.zeros(2)
            for position, _, sound in parts:
                both = np.stack((sound.real, sound.imag))
                volts[:, position : position + sound.size] = both
                peaks = np.maximum(peaks, np.abs(both).max(axis=1))
            for name, row, peak in zip(names, volts, peaks.tolist(), strict=True):
                self._add(name, Waveform(row), peak)
            self._made[recipe] = names
        return self._made[recipe]

    def marked(self, name: str) -> str:
        """Return the name of the same waveform with marker 1 at its first samples."""
        marked = f"{name}m"
        if marked not in self.waves:
            volts = self.waves[name].volts
            marker = np.zeros(volts.size, np.uint8)
            marker[:MARKER_SAMPLES] = 1
            self._add(marked, Waveform(volts, marker), self.peaks[name])
        return marked

    def _add(self, name: str, wave: Waveform, peak: float) -> None:
        self.waves[name] = wave
        self.peaks[name] = peak
