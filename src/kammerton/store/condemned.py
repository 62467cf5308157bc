"""What is written counts where the file is sound, and lies under its name."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection

from kammerton.model import StoreError, StoreLost
from kammerton.store import backup, sqlite
from kammerton.store.identity import Identity
from kammerton.store.read import ReadStore


class Condemnable(ReadStore):
    """A database that is not written any more once damage was met, by a read or a write."""

    _files = Identity(())

    def condemn(self, why: str) -> None:
        """Write nothing more from now on: each attempt raises a StoreLost that says why."""
        self._files = self._files.condemned(why)

    @property
    def lost(self) -> bool:
        """Whether it is damaged by all that is known."""
        return self._files.why_not != ""

    def demand_here(self) -> None:
        """Refuse where nobody would find what is stored, or it is damaged: `Identity.demand`."""
        self._demand_open()
        with self.place.errors("look for"):
            self._files.demand()

    @contextmanager
    def _read(self) -> Iterator[Connection]:
        with self._met("read"), super()._read() as connection:
            yield connection

    @contextmanager
    def _met(self, doing: str) -> Iterator[None]:
        try:
            with self.place.errors(doing):
                yield
        except StoreError as problem:
            if not (found := sqlite.met(problem)):
                raise
            self._files.demand()  # else it is another file's, which has the name for a while
            self.condemn(why := damaged(self.path, found))
            raise StoreLost(why) from problem


def damaged(path: Path, found: str) -> str:
    """Return what is said of a database that is open, and what a person does about it."""
    out = backup.way_out(path)
    remedy = f"end the daemon, then {out}" if out else "there is no backup of it"
    return f"{path} is damaged, and nothing more is written to it: {found}; {remedy}"
