"""How fast a playlist moves its outputs: within waveforms, and from one to the next."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from kammerton.lab import Limit
from kammerton.model.roles import Playlist

_ROUNDING = 1e-6  # of the rate: samples are float32


def too_fast(playlist: Playlist, limit: Limit) -> float | None:
    """Return the largest rate in V/s where it is above the limit's, else None.

    What cannot be exceeded between the limit's own ends is not looked for.
    """
    allowed = limit.max_rate * (1 + _ROUNDING)
    if (limit.maximum - limit.minimum) * playlist.sample_rate <= allowed:
        return None
    rate = largest_step(playlist) * playlist.sample_rate
    return rate if not rate <= allowed else None  # NaN is too fast


def largest_step(playlist: Playlist) -> float:
    """Return the largest change in V from one sample to the next; outputs begin at 0 V."""
    within = max(float(np.max(np.abs(np.diff(w.volts, prepend=w.volts[:1]))))
                 for w in playlist.waves.values())  # fmt: skip
    return max(within, *(abs(b - a) for a, b in _joins(playlist)), 0.0)


def _joins(playlist: Playlist) -> Iterator[tuple[float, float]]:
    """Yield last and first sample of all that follow each other on a channel."""
    first = {name: float(w.volts[0]) for name, w in playlist.waves.items()}
    last = {name: float(w.volts[-1]) for name, w in playlist.waves.items()}
    steps = playlist.steps
    for name in steps[0].waves:
        yield 0.0, first[name]
    for number, step in enumerate(steps):
        following = steps[(step.goto - 1 if step.goto else number + 1) % len(steps)]
        for before, after in zip(step.waves, following.waves, strict=True):
            yield last[before], first[after]
        if step.repeats > 1:
            yield from ((last[name], first[name]) for name in step.waves)
