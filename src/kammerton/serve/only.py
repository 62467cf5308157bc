"""That nobody else keeps the same computer up, for as long as this daemon lives."""

from __future__ import annotations

import asyncio
import logging
import os
import time
from dataclasses import replace
from pathlib import Path

from filelock import FileLock

from kammerton.keeping import Note, take, write

log = logging.getLogger(__name__)

LOOK = 1.0
"""s to try for: `kammerton status` has the lock for a moment when it asks whether somebody has."""

TOLD = 0.3
"""s of that where we are told to end ourselves: long enough for who only asks."""

ENDING = 10.0
"""s that one gets to end that was told to."""

PERIOD = 0.1


class Only:
    """The lock of one computer's supervisor, and its note. supervised: by a person."""

    def __init__(self, *, supervised: bool = False) -> None:
        self._note = Note(os.getpid(), supervised=supervised)
        self._path: Path | None = None
        self._lock: FileLock | None = None
        self._left = True  # the note, as it is

    async def become(self, path: str, stop: asyncio.Event) -> str:
        """Take the lock, if it is not ours already; return who has it, "" where nobody else has.

        Where there can be no lock it goes on: who opens the database will say what is wrong there.
        """
        if self._lock is not None or not path:
            return ""
        began = time.monotonic()
        while True:
            try:
                found = take(Path(path))
            except OSError as problem:
                log.warning("no other daemon is kept from this computer: %s", problem)
                return ""
            if not isinstance(found, Note):
                self._path, self._lock = Path(path), found
                self._left = write(self._path, self._note)
                return ""
            longest = TOLD if stop.is_set() else ENDING if found.ends else LOOK
            if time.monotonic() - began > longest:
                return found.who
            await asyncio.sleep(PERIOD)

    def say(
        self, starts: float | None = None, failures: int = 0, why: str = "", *, ends: bool = False
    ) -> None:
        """Say what follows; see `Note`. That it ends stays said."""
        ends = ends or self._note.ends
        note = replace(self._note, starts=starts, failures=failures, why=why, ends=ends)
        if note != self._note and self._path is not None:
            self._left = write(self._path, note)
        self._note = note

    def again(self) -> None:
        """Leave the note, where the disk refused that before."""
        if self._path is not None and self._lock is not None and not self._left:
            self._left = write(self._path, self._note)

    def release(self) -> None:
        """Let another become it."""
        if self._path is None or self._lock is None:
            return
        try:
            self._path.unlink(missing_ok=True)
        except OSError as problem:  # nobody believes it: the lock counts
            log.warning("the note of who keeps this computer up stays behind: %s", problem)
        finally:
            self._lock.release()
            self._lock = None
