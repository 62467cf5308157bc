"""What a revert set back, in words, and what the daemon will do with it: one line, as for a log."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from kammerton.store.revert import meant

if TYPE_CHECKING:
    from kammerton.store.read import ReadStore


def set_back(store: ReadStore, made: int, to: int, names: Sequence[str] = ()) -> str:
    """Return what the revision `made` set back to the revision `to`, and what of names it kept."""
    now, present, then = store.now(), store.parameters_at(made), store.parameters_at(to)
    changed = [each for each in present.values() if each.revision == made]
    expired = [each.name for each in changed if (each.estimate.valid_until or now) < now]
    new = [name for name in present if name not in then and meant(name, names)]
    said = [f"revision {made}: {', '.join(each.name for each in changed)} as at revision {to}"]
    said += [f"unknown then, so left as it is now: {', '.join(new)}"] if new else []
    return "; ".join([*said, _again(expired)] if expired else said)


def _again(expired: list[str]) -> str:
    """Say that values which no longer serve are measured again, and how to keep them."""
    elements = dict.fromkeys(name.partition(".")[0] for name in expired)
    hold = ", ".join(f"kammerton hold {element}" for element in elements)
    one = len(expired) == 1
    return (
        f"expired since, so measured again: {', '.join(expired)}; "
        f"to keep {'it' if one else 'them'}: {hold}"
    )
