"""What the daemon asks a person before it writes, and the answers, which the audit log keeps."""

from __future__ import annotations

import threading
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

from kammerton.model import StoreError

APPROVED, REFUSED = "approved", "refused"

ALL = "all"

ASKED = "question"
"""What the audit log calls that persons are asked; the last number is what it is set to."""

NOBODY = "nothing waits for a person's answer"

WAITS = "what waits:"
"""Before the list of all that waits; the audit log has that already, by the line that asked."""


@dataclass(frozen=True)
class Question:
    """One question. key: its name in the audit log. about: names that answer it, too."""

    number: int
    key: str
    words: str
    about: Collection[str]


class Records(Protocol):
    """A store, as far as an answer needs it."""

    def audit(self, who: str, what: str, old: object, new: object, why: str) -> None:
        """Append to the audit log."""


class Questions:
    """The questions of one process, for all its threads. None is left over by its end.

    No number means two questions, over restarts: a person may answer what an earlier process asked.
    """

    def __init__(self) -> None:
        self._turn = threading.RLock()
        self._open: dict[int, Question] = {}
        self._refused: dict[int, str] = {}
        self._last = 0

    def go_on(self, last: int) -> None:
        """Count on from the last number that any process has asked by."""
        with self._turn:
            self._last = max(self._last, last)

    def ask(self, key: str, words: str, about: Collection[str]) -> Question:
        """Let a question wait for its answer."""
        with self._turn:
            self._last += 1
            made = self._open[self._last] = Question(self._last, key, words, about)
            return made

    def waiting(self) -> list[Question]:
        """Return what nobody has answered, in the order of asking."""
        with self._turn:
            return list(self._open.values())

    def refusal(self, questions: Collection[Question]) -> str | None:
        """Return why one of these was refused, and by whom; None where none was."""
        with self._turn:
            mine = (self._refused.get(each.number) for each in questions)
            return next((why for why in mine if why is not None), None)

    def withdraw(self, questions: Collection[Question]) -> None:
        """Ask no longer."""
        with self._turn:
            for each in questions:
                self._open.pop(each.number, None)

    def answer(
        self, store: Records, who: str, which: Sequence[str], *, yes: bool, why: str = ""
    ) -> str:
        """Answer questions, by numbers or names; return what was answered, in words.

        Raises
        ------
        StoreError
            None of these waits; or it cannot be recorded, and is not answered then.
        """
        with self._turn:
            meant = self._meant(which)
        new, said = APPROVED if yes else REFUSED, f": {why}" if why else ""
        for each in meant:  # who asks looks meanwhile, and must not wait for a locked database
            store.audit(who, each.key, "", new, f"{each.words}; {why}" if why else each.words)
            self._answered(each, "" if yes else f"{who} refused {each.words}{said}")
        left = f"; {len(waits)} left to answer" if (waits := self.waiting()) else ""
        return "\n".join(f"{new} {each.number}: {each.words}" for each in meant) + left

    def _answered(self, question: Question, refused: str) -> None:
        with self._turn:
            if self._open.pop(question.number, None) is not None and refused:
                self._refused[question.number] = refused

    def _meant(self, which: Sequence[str]) -> list[Question]:
        if not self._open:
            raise StoreError(NOBODY)
        found = dict[int, Question]()
        for word in which:
            mine = [q for q in self._open.values() if word in (ALL, str(q.number), *q.about)]
            if not mine:
                raise StoreError(f"no question {word} waits\n{listed(self.waiting())}")
            found |= {each.number: each for each in mine}
        if not found:
            raise StoreError("say which: a number, a name, or all")
        return list(found.values())


def listed(questions: Sequence[Question]) -> str:
    """Return all that waits, in words."""
    if not questions:
        return NOBODY
    return "\n".join([WAITS, *(f"{each.number}: {each.words}" for each in questions)])
