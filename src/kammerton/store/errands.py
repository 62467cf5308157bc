"""What is asked for and takes its time, so that its answer comes later: a measurement."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from kammerton.store.read import ReadStore

ERRANDS = frozenset({"measure"})
"""The verbs that only a daemon that calibrates can do."""

UNKNOWN = "it had been taken up when the daemon ended: whether it was done is not known"

Answer = tuple[int, bool, str]
"""The number of a request, whether it was done, and words."""


class Asked(Protocol):
    """A request, as far as an errand knows it."""

    @property
    def number(self) -> int:
        """The request's number."""

    @property
    def arguments(self) -> Mapping[str, Any]:
        """What was said."""

    @property
    def who(self) -> str:
        """Who asked."""

    @property
    def age(self) -> float:
        """How long ago, in s, by one clock for all who ask."""


class Errands(Protocol):
    """Takes requests that last, and knows their answers when they are there."""

    def __contains__(self, number: int) -> bool:
        """Say whether a request was taken on here and has no answer yet."""

    def objection(self, store: ReadStore, request: Asked) -> str | None:
        """Return why a request cannot be taken on, or None."""

    def take(self, store: ReadStore, request: Asked, *, taken: bool = False) -> str | None:
        """Take a request on; return why not, or None.

        taken: it was taken up before, by a process that has ended since.
        """

    def withdraw(self) -> None:
        """Answer all that waits: the daemon ends."""

    def answered(self) -> list[Answer]:
        """Return what is finished since the last call."""

    def answer_later(self, answers: Iterable[Answer]) -> None:
        """Take back, to be returned by the next call, what could not be written."""


def nobody(store: ReadStore) -> str:
    """Return why nothing can be measured where nobody calibrates, as in safe mode."""
    said = store.current_activity()
    says = said.what if said and not said.past else None
    return f"nothing is calibrated now: {says or 'no daemon runs'}"
