"""Which alarms of holds are on, over restarts: whoever starts next tells that they are over."""

from __future__ import annotations

from kammerton.store import Store

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
        return frozenset(last[0].new.split("; ") if last else ()) - {NONE}


def _said(names: frozenset[str]) -> str:
    return "; ".join(sorted(names)) or NONE
