"""Lines that the start before said word for word: they are not said again until one succeeds.

Compared are whole lines, and nothing is read out of them: one that differs in a letter is said.
A line of the log that names a process or a time may say itself what else it is known by (AS).
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from hashlib import blake2b

AS = "repeats_as"  # of a record of the log: the text that it is compared by
MOST = 1000  # marks of one start that are kept; lines beyond them are said again


def _unnoted(mark: str) -> None:
    pass


@dataclass(frozen=True)
class Repeats:
    """The marks of what the start before said. note: hears that of each line of this one."""

    before: Collection[str] = ()
    note: Callable[[str], object] = _unnoted

    def news(self, text: str) -> bool:
        """Say whether a line is to be said."""
        mark = blake2b(text.encode(), digest_size=8).hexdigest()
        self.note(mark)
        return mark not in self.before
