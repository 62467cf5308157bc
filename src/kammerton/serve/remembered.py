"""Which alarms of holds are on, over restarts: whoever starts next tells that they are over."""

from __future__ import annotations

from collections.abc import Sequence

from kammerton.model.alarm import DATABASE
from kammerton.store import Store
from kammerton.store.restore import RESTORE
from kammerton.store.rows import AuditRow

LATELY = 100
"""Lines of the audit log among which a restore is looked for; it writes its own last of all."""

WHAT = "alarms of holds"
NONE = "none"


class Remembered:
    """What the audit log says is on; a process that ends says nothing, and may leave it on."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._kept: frozenset[str] | None = None

    def keep(self, on: frozenset[str]) -> frozenset[str]:
        """Write what is on where that has changed; return what an earlier process left on.

        Raises
        ------
        StoreError
            It cannot be read or written now; the same call later makes up for it.
        """
        before = self._left() if self._kept is None else self._kept
        over = before - on if self._kept is None else frozenset()
        if before != on:
            why = "as they were told, for whoever starts next"
            self._store.audit("daemon", WHAT, _said(before), _said(on), why)
        self._kept = on
        return over

    def _left(self) -> frozenset[str]:
        last = self._store.log(1, WHAT)
        left = frozenset(last[0].new.split("; ") if last else ()) - {NONE}
        return left | (self._of_damage() if self._restored(last) else frozenset())

    def _restored(self, last: Sequence[AuditRow]) -> bool:
        """Return whether a backup was put in place, and nobody told yet what is over with that."""
        after = last[0].number if last else 0
        epochs = [each for each in self._store.log(LATELY) if each.what == "epoch"]
        return any(each.why.startswith(RESTORE) and each.number > after for each in epochs)

    def _of_damage(self) -> frozenset[str]:
        """Return what may be on though it could not be noted: nothing was written any more."""
        computer = self._store.computer
        return frozenset({f"{DATABASE}: {computer}", f"requests: requests to {computer}"})


def _said(names: frozenset[str]) -> str:
    return "; ".join(sorted(names)) or NONE
