"""Holds that hold again though they were noted as given back: a wrong clock had ended them."""

from __future__ import annotations

from collections.abc import Iterable

from kammerton.store.given_back import GIVEN_BACK, note
from kammerton.store.leases import DAEMON
from kammerton.store.rows import Lease
from kammerton.store.write import Store

AGAIN = "held again"
"""What the audit log says has become of such a hold."""


def held_again(store: Store, held: Iterable[Lease]) -> None:
    """Note which of these were noted as given back: a person may change something meanwhile."""
    for what, new in store.newest({note(each.number, each.scope) for each in held}).items():
        if new == GIVEN_BACK:
            store.audit(DAEMON, what, GIVEN_BACK, AGAIN, "it had ended by a clock that was wrong")
