"""What the loop says of itself while nothing is worth measuring."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime

from kammerton.lab import Lab
from kammerton.loop.beliefs import BeliefBook


def idle(in_the_way: Iterable[str | None], held: list[str]) -> str:
    """Say why nothing is measured. held: what is stale, and left alone since somebody holds it."""
    words = [*filter(None, in_the_way), *held]
    if len(words) == len(held):
        words.append(f"everything {'else ' if held else ''}is known well enough")
    return f"idle: {'; '.join(words)}"


def held_though_stale(
    lab: Lab, book: BeliefBook, held: frozenset[str], whose: Callable[[str], str], now: datetime
) -> list[str]:
    """Say of each qubit that is held what is not known to its tolerance any more, and who has it.

    whose: says who holds an element, and why.
    """
    words = list[str]()
    for qubit in lab.qubits.values():
        mine = (qubit.name, qubit.resonator)
        scopes, stale = sorted(held.intersection(mine)), book.stale(mine, now)
        if scopes and stale:
            verb, who = "is" if len(stale) == 1 else "are", "; ".join(map(whose, scopes))
            words.append(f"{', '.join(stale)} {verb} stale and not measured: {who}")
    return words
