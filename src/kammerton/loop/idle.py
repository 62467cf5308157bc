"""What the loop says of itself while nothing is worth measuring."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from datetime import datetime

from kammerton.lab import Lab, QubitEntry
from kammerton.loop.beliefs import BeliefBook


def idle(in_the_way: Iterable[str | None], held: list[str], free: list[str]) -> str:
    """Say why nothing is measured. held, free: what is stale, and why it is not measured."""
    words = list(filter(None, in_the_way))
    if words:
        return f"idle: {'; '.join([*words, *held])}"
    stale = [*held, *free]
    stale.append(f"everything {'else ' if stale else ''}is known well enough")
    return f"idle: {'; '.join(stale)}"


@dataclass(frozen=True)
class Stale:
    """What is not known to its tolerance any more.

    held: elements that persons hold. whose: says who holds one, and why. now: laboratory time.
    """

    lab: Lab
    book: BeliefBook
    held: frozenset[str]
    whose: Callable[[str], str]
    now: datetime

    def held_words(self) -> list[str]:
        """Say of each qubit that is held what is stale, and who has it."""
        words = list[str]()
        for qubit in self.lab.qubits.values():
            scopes, stale = sorted(self.held & _elements(qubit)), self._of([qubit])
            if scopes and stale:
                who = "; ".join(map(self.whose, scopes))
                words.append(f"{_are(stale)} stale and not measured: {who}")
        return words

    def words(self, parked: Collection[str]) -> list[str]:
        """Say what is stale and in nobody's hands. parked: qubits of which that is said."""
        but = self.held.union(parked)
        stale = self._of(q for q in self.lab.qubits.values() if not but & _elements(q))
        return [f"{_are(stale)} stale, and measured again once that is worth its time"] * bool(
            stale
        )

    def _of(self, qubits: Iterable[QubitEntry]) -> list[str]:
        elements = frozenset[str]().union(*map(_elements, qubits))
        return self.book.stale(elements, self.now)


def _elements(qubit: QubitEntry) -> frozenset[str]:
    return frozenset((qubit.name, qubit.resonator))


def _are(names: list[str]) -> str:
    return f"{', '.join(names)} {'is' if len(names) == 1 else 'are'}"
