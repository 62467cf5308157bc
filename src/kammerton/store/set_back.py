"""What a revert set back, in words, and what the daemon will do with it: one line, as for a log."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kammerton.store.read import ReadStore


def set_back(store: ReadStore, made: int, to: int) -> str:
    """Return what the revision `made` set back to the revision `to`."""
    now = store.now()
    changed = [each for each in store.parameters_at(made).values() if each.revision == made]
    expired = [each.name for each in changed if (each.estimate.valid_until or now) < now]
    said = f"revision {made}: {', '.join(each.name for each in changed)} as at revision {to}"
    return f"{said}; {_again(expired)}" if expired else said


def _again(expired: list[str]) -> str:
    """Say that values which no longer serve are measured again, and how to keep them."""
    elements = dict.fromkeys(name.partition(".")[0] for name in expired)
    hold = ", ".join(f"kammerton hold {element}" for element in elements)
    one = len(expired) == 1
    return (
        f"expired since, so measured again: {', '.join(expired)}; "
        f"to keep {'it' if one else 'them'}: {hold}"
    )
