"""For how long nobody has seen the refrigerator cold, over restarts: the audit log keeps that."""

from __future__ import annotations

import math
import re
from collections.abc import Callable

from kammerton.bench.warmth import Warmth
from kammerton.store import Store, clock
from kammerton.store.leases import DAEMON

LAST = "the refrigerator was cold"

WHY = "so that the next start knows for how long nobody has seen that"

AS = re.compile(r"(?P<seconds>[0-9.]+) s of boot (?P<boot>.*)")

EVERY = 600.0
"""s between two notes: a process that is killed makes it seem unseen for so much longer at most."""

SPARED = 60.0
"""s by which the last note may be older than the last cold reading at an orderly end."""


def seconds() -> float:
    """Return what the clock says that nobody sets, s: it counts in sleep and over restarts."""
    return clock.ticks() / 1e6


def unseen(store: Store) -> float:
    """Return for how many s nobody has seen the refrigerator cold; inf: that is not known.

    By the clock of this boot or by the wall, whichever says longer. Another boot is as good as
    never: with its power a computer may lose the time, and a refrigerator its cold. A database of
    before this was kept goes by its last run, which was believed in the cold only.

    Raises
    ------
    StoreError
        The database cannot be read.
    """
    now = clock.wall()
    if not (notes := store.log(1, LAST)):
        runs = store.runs(1)
        return max(0.0, (now - runs[0].committed).total_seconds()) if runs else 0.0
    read = AS.fullmatch(notes[0].new)
    if read is None or read["boot"] != clock.boot() or float(read["seconds"]) > seconds():
        return math.inf
    return max(seconds() - float(read["seconds"]), (now - notes[0].time).total_seconds())


class Noted:
    """Notes when it was last seen cold.

    note: writes a line of the audit log, beside the work. last: s since then, before this.
    """

    def __init__(self, warmth: Warmth, note: Callable[..., object], last: float) -> None:
        self._warmth, self._note, self._noted = warmth, note, seconds() - last

    def keep(self, older: float = EVERY) -> None:
        """Note it where the last note is older than it by so much."""
        seen = self._warmth.cold_at
        if seen - self._noted >= older:
            self._noted = seen
            self._note(DAEMON, LAST, "", f"{int(seen)} s of boot {clock.boot()}", WHY)
