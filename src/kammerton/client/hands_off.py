"""What became of the outputs when a person took instruments: said before anybody reaches in."""

from __future__ import annotations

import time
from pathlib import Path

WITHIN = 15.0
"""s for a safe point (5 s at most), and for switching off where an instrument hangs (8 s)."""

SPACING = 0.2
LET_GO = ("hands off", "safe mode")
"""How a daemon begins to say what it does once it drives nothing any more."""

LOOK = "look at the front panels before you reach in"


def outputs_after(database: Path | str, within: float = WITHIN) -> str:
    """Wait until the daemon says what became of its outputs; return that. "": no daemon runs.

    A hold is there as soon as it is answered; what plays goes off after that.
    """
    from kammerton.model import StoreError

    until, what = time.monotonic() + within, ""
    while True:
        try:
            words, what = _now(database, there_was_one=bool(what))
        except StoreError as problem:
            words = f"CAUTION: what became of the outputs cannot be read: {problem}; {LOOK}"
        if words is not None:
            return words
        if time.monotonic() > until:
            late = f"outputs are not known to be off after {within:g} s"
            return f"CAUTION: {late}, and the daemon says: {what}; {LOOK}"
        time.sleep(SPACING)


def _now(database: Path | str, *, there_was_one: bool) -> tuple[str | None, str]:
    """Return what is to be said, None while that is not known, and what the daemon says."""
    from kammerton.store import Store
    from kammerton.store.caution import caution, speaks
    from kammerton.store.rows import SETTLED

    with Store.read(database) as store:
        said = store.current_activity()
        if said is None or said.what is None:
            return ("outputs are off" if there_was_one else ""), ""
        if store.place.writer_there() is None:
            words = f"{caution(store, said)}; {LOOK}" if said.doubtful else "outputs are off"
            return (words if there_was_one else ""), said.what
        if not speaks(store, said):
            return None, said.what  # which another process has to see to
    if not said.what.startswith(LET_GO):
        return None, said.what
    off = SETTLED.fullmatch(said.what)
    return (said.what if off else f"CAUTION: {said.what}; {LOOK}"), said.what
