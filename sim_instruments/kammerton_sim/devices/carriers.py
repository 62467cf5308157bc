"""Sources for qubits whose frequencies a table gives: each pumps those within its reach."""

from __future__ import annotations

from collections.abc import Sequence

REACH = 320e6
"""Hz from the carrier: what a generator at 1 GS/s plays well."""

_APART = 12e6
"""Hz that a qubit keeps from a carrier, if it can."""

_STEP = 1e6


def carriers(frequencies: Sequence[float]) -> list[tuple[float, list[int]]]:
    """Return (carrier in Hz, places of its qubits) for as few sources as reach all of them."""
    order = sorted(range(len(frequencies)), key=lambda n: frequencies[n])
    groups: list[list[int]] = []
    for n in order:
        if groups and frequencies[n] - frequencies[groups[-1][0]] <= 2 * REACH - 20e6:
            groups[-1].append(n)
        else:
            groups.append([n])
    return [(_carrier([frequencies[n] for n in group]), sorted(group)) for group in groups]


def _carrier(frequencies: Sequence[float]) -> float:
    """The middle of a group, or the place near it that is farthest from its qubits."""
    middle = round((min(frequencies) + max(frequencies)) / 2 / _STEP) * _STEP
    room = REACH - (max(frequencies) - min(frequencies)) / 2
    steps = int(min(room, 60e6) / _STEP)
    places = sorted((middle + n * _STEP for n in range(-steps, steps + 1)),
                    key=lambda place: abs(place - middle))  # fmt: skip
    for place in places:
        if min(abs(f - place) for f in frequencies) >= _APART:
            return place
    return max(places, key=lambda place: min(abs(f - place) for f in frequencies))
