"""What a program becomes on a given bench: playlists, carriers and integration windows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kammerton.lab import Channel
from kammerton.model.roles import Playlist


@dataclass(frozen=True, eq=False)
class Window:
    """How the records of one feedline are integrated.

    samples: length of a record. weights: (1 or M, samples, N) complex64, one matrix for all
    points or one a point; z = sum over samples of (A + jB) weight, for the N `targets`.
    """

    feedline: str
    digitizer: str
    samples: int
    targets: tuple[str, ...]
    weights: NDArray[np.complex64]


@dataclass(frozen=True, eq=False)
class Compiled:
    """A program ready to be played. `turn_seconds` is the time of one pass over all points.

    peaks: largest |volts| each channel will put out. carriers: source -> (Hz, dBm).
    """

    playlists: Mapping[str, Playlist]
    window: Window
    carriers: Mapping[str, tuple[float, float]]
    peaks: Mapping[Channel, float]
    points: int
    turn_seconds: float
