"""Which outputs may be on after the last process ended, as far as that was told."""

from __future__ import annotations

from kammerton.store.read import ReadStore
from kammerton.store.rows import Activity

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
