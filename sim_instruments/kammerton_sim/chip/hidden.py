"""What is drawn about a hidden truth, so that the seed alone, which is told, does not undo it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import numpy as np


def note(seed: int) -> str:
    """Return what is said beside every result from a chip of this seed."""
    return f"simulated device, hidden truth, seed {seed}"


def hidden_draws(seed: int, truth: Iterable[float]) -> np.random.Generator:
    """Return the draws of a seed and a truth: the same for both alike.

    Who knows the seed alone and what was made of the draws cannot draw them again. Nine digits
    of a number count, so that the last bits of a platform's arithmetic draw nothing else.
    """
    said = ",".join(f"{number:.9g}" for number in truth)
    digest = hashlib.sha256(said.encode()).digest()
    return np.random.default_rng([seed, int.from_bytes(digest, "big")])
