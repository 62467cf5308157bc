"""Which outputs may be on, as far as that was told, and whether who told it is still there."""

from __future__ import annotations

import re

from kammerton.store.holder import deleted_under, whole_by
from kammerton.store.lock import lock_file
from kammerton.store.read import ReadStore
from kammerton.store.rows import SETTLED, Activity

ALL = "all outputs"
"""What the audit log calls them together."""

NOT_OFF = "not verified off"
"""What it says they came to where not every one was read back as off; the reason names which."""


def doubtful(store: ReadStore) -> str:
    """Return which outputs the last attempt to switch all off left in doubt, and why; or ""."""
    last = store.log(1, ALL)
    return "; ".join(last[0].why.splitlines()) if last and last[0].new == NOT_OFF else ""


def caution(store: ReadStore, left: Activity) -> str:
    """Return what is to be said where a process has ended and not every output is off."""
    which = doubtful(store)
    return f"CAUTION: outputs may be on: {which}" if which else left.caution


def speaks(store: ReadStore, said: Activity | None) -> bool:
    """Say whether the process that said this, or nothing yet, has the database still.

    Another one that has it since vouches for nothing that was said before it came.

    Raises
    ------
    StoreError
        One cannot know.
    """
    if store.place.writer_there() is None:
        return False
    if said is None:
        return True
    file = store.place.file
    return not said.past and (file is None or whole_by(lock_file(file)) in (None, said.pid))


def unlocked(store: ReadStore) -> Activity | None:
    """Return the last words of a process that lives, and whose lock was deleted under it.

    It stores nothing any more, and counts the computer as held. None: there is none, or one cannot
    know.
    """
    said, file = store.current_activity(), store.place.file
    if said is None or said.what is None or said.past or file is None:
        return None
    return said if deleted_under(lock_file(file), said.pid) else None


def since_unlocked(store: ReadStore, said: Activity) -> str | None:
    """Return the caution beside those words; None where outputs were off when it let go of them.

    Whoever has let go of them drives none before it can read who holds what.
    """
    if SETTLED.fullmatch(str(said.what)):
        return None
    which = doubtful(store) or f"what process {said.pid} did since it lost its lock it cannot store"
    return f"CAUTION: outputs may be on: {which}"


def admitted(store: ReadStore, said: Activity) -> str | None:
    """Return the caution of a process at work that says itself that outputs may be on, or None."""
    if said.what is None or SETTLED.fullmatch(said.what) or not _ADMITS.search(said.what):
        return None
    which = doubtful(store) or said.what.partition("; CAUTION:")[0]
    return f"CAUTION: outputs may be on: {which}"


_ADMITS = re.compile(
    r"\bnot (every output is )?known to be (off|as lab.toml wants it)", re.IGNORECASE
)
"""So the words of safe mode, of hands off, and of who connects or waits."""
