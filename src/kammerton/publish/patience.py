"""How long to wait for a broker before it counts as gone."""

from __future__ import annotations

from dataclasses import dataclass

SHORTEST, LONGEST = 2.5, 20.0
"""s to wait for an answer: of a broker that is near, and of one behind the slowest line."""

PAUSE = 1.0
"""s, the longest pause between attempts: with SHORTEST, what a return is noticed late by."""

MARGIN = 4.0
"""So many times what the largest message took is waited for the next answer."""


@dataclass
class Patience:
    """Short, so that a line that died without a word is left soon; longer where answers are slow.

    A line on which not even the greeting gets through is either dead or slow: the next is given
    twice the time, until one gets through and says how slow it is; from then on that counts, on
    the same connection too, which may die as well.
    """

    seconds: float = SHORTEST

    def answered(self, took: float) -> None:
        """Note how long the answer to the largest message took, in s."""
        self.seconds = min(max(MARGIN * took, SHORTEST), LONGEST)

    def missed(self, after: float) -> None:
        """Note that a connection was lost `after` s without the answer that was waited for."""
        if after >= self.seconds:  # sooner: it broke, which says nothing of how slow it was
            self.seconds = min(2 * self.seconds, LONGEST)
