"""Sources for qubits whose frequencies a table gives: each pumps those within its reach."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from kammerton_sim.chip.hidden import hidden_draws

REACH = 320e6
"""Hz from the carrier: what a generator at 1 GS/s plays well."""

_APART = 12e6
"""Hz that a qubit keeps from a carrier, if it can."""

_STEP = 1e6

_MOST = 12.75e9
"""Hz where an SGS100A ends."""


def carriers(frequencies: Sequence[float], seed: int) -> list[tuple[float, list[int]]]:
    """Return (carrier in Hz, places of its qubits) for as few sources as reach all of them.

    Carriers stand in lab.toml: how far one lies from the middle of its qubits is drawn, so that
    it does not tell where they are.
    """
    rng = hidden_draws(seed, frequencies)
    order = sorted(range(len(frequencies)), key=lambda n: frequencies[n])
    groups: list[list[int]] = []
    for n in order:
        if groups and frequencies[n] - frequencies[groups[-1][0]] <= 2 * REACH - 20e6:
            groups[-1].append(n)
        else:
            groups.append([n])
    return [(_carrier([frequencies[n] for n in group], rng), sorted(group)) for group in groups]


def _carrier(frequencies: Sequence[float], rng: np.random.Generator) -> float:
    """A place near the middle of a group that no qubit is at, or the one farthest from them."""
    middle = round((min(frequencies) + max(frequencies)) / 2 / _STEP) * _STEP
    room = REACH - (max(frequencies) - min(frequencies)) / 2
    steps = int(min(room, 60e6) / _STEP)
    places = [middle + n * _STEP for n in range(-steps, steps + 1)]
    places = [place for place in places if place <= _MOST]
    distances = [min(abs(f - place) for f in frequencies) for place in places]
    apart = min(_APART, max(distances))
    return float(rng.choice([p for p, d in zip(places, distances, strict=True) if d >= apart]))
