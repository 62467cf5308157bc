"""`measure`: a person's request becomes a wish of the loop, or is refused at once."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace

from kammerton.bench.guard import COMPUTER, said
from kammerton.lab import Lab
from kammerton.lab.nearest import hint
from kammerton.loop.catalogue import no_calibration
from kammerton.loop.wishes import ENDED, MOST, WAITED_FOR, Wish, Wishes
from kammerton.store import ReadStore
from kammerton.store.errands import Answer, Asked
from kammerton.store.leases import DAEMON
from kammerton.store.rows import Lease

MOST_SHOTS = 1_000_000


@dataclass(frozen=True)
class Measuring:
    """Takes requests to measure for the loop of one computer.

    calibrations: the names of what is installed.
    """

    lab: Lab
    calibrations: Collection[str]
    wishes: Wishes = field(default_factory=Wishes)

    def __contains__(self, number: int) -> bool:
        return number in self.wishes

    def objection(self, store: ReadStore, request: Asked) -> str | None:
        """Return why a request cannot be measured, or None."""
        wish = _wish(request)
        return wish if isinstance(wish, str) else self._unknown(wish) or self._held(store, wish)

    def take(self, store: ReadStore, request: Asked, *, taken: bool = False) -> str | None:
        """Hand a request to the loop; return why it is refused, or None."""
        wish, refusal = _wish(request), self.objection(store, request)
        if refusal is not None or isinstance(wish, str):
            return refusal
        added = self.wishes.add(replace(wish, taken=taken))
        return None if added else f"{MOST} others wait to be measured"

    def withdraw(self) -> None:
        """Answer all that waits: the daemon ends."""
        self.wishes.withdraw(ENDED)

    def answered(self) -> list[Answer]:
        """Return what is finished since the last call."""
        return self.wishes.answered()

    def answer_later(self, answers: Iterable[Answer]) -> None:
        """Take back, to be returned by the next call, what could not be written."""
        self.wishes.answer_later(answers)

    def _unknown(self, wish: Wish) -> str | None:
        if wish.target not in self.lab.qubits:
            return self._no_qubit(wish.target)
        if wish.calibration not in self.calibrations:
            return no_calibration(wish.calibration, self.calibrations)
        return None

    def _no_qubit(self, name: str) -> str:
        read = [n for n, qubit in self.lab.qubits.items() if qubit.resonator == name]
        if read:
            return f"{name} is a resonator: ask for the qubit that it reads, {read[0]}"
        return f"there is no qubit {name}{hint(name, self.lab.qubits)}"

    def _held(self, store: ReadStore, wish: Wish) -> str | None:
        mine = {wish.target, self.lab.qubits[wish.target].resonator}
        everything = {COMPUTER, *self.lab.instruments}
        held: Lease | None = next(
            (each for each in store.leases() if each.scope in mine | everything), None
        )
        if held is None:
            return None
        own = held.owner == DAEMON  # which says itself what to do
        return said(held) if own else f"{said(held)}; kammerton release {held.scope}"


def _wish(request: Asked) -> Wish | str:
    """Return the wish that a request means, or why it means none."""
    given = dict(request.arguments)
    target, calibration = given.pop("target", None), given.pop("calibration", None)
    shots = given.pop("shots", None)
    if given or not (isinstance(target, str) and isinstance(calibration, str)):
        return "measure takes a target, a calibration and, perhaps, shots"
    whole = isinstance(shots, int) and not isinstance(shots, bool)
    if shots is not None and not (whole and 1 <= shots <= MOST_SHOTS):
        return f"shots must be a whole number from 1 to {MOST_SHOTS}"
    until = time.monotonic() + WAITED_FOR - request.age
    return Wish(request.number, calibration, target, request.who, shots, until)
