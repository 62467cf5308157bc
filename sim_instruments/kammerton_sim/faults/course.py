"""How far a fault has come that strikes a number of times and is then done."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

Undo = Callable[[], None]
"""What takes a fault off again."""


@dataclass(frozen=True)
class Course:
    """What takes a fault off again, and that also tells how often it has struck.

    of: how often it is to strike. stays: whether something is left then that only its end mends.
    """

    undo: Undo
    of: int
    struck: Callable[[], int]
    stays: Callable[[], bool] = lambda: False

    def __call__(self) -> None:
        """Take it off."""
        self.undo()

    def done(self) -> bool:
        """Whether nothing comes any more, and nothing is left to take off."""
        return self.struck() >= self.of and not self.stays()


def _nothing() -> None:
    """What is over needs no end."""


def at_once(count: int = 1) -> Course:
    """Return the course of what has struck as soon as it is put on."""
    return Course(_nothing, count, lambda: count)
