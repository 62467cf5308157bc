"""Names that a person wrote: the nearest that there is, and what there is instead."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from difflib import SequenceMatcher, get_close_matches


def near(word: str, known: Iterable[str]) -> str:
    """Return ' (did you mean ...?)', or nothing when nothing is near; of equals the first.

    What names begin or end with is all of them: sensor, hop.
    """
    names = list(known)
    parts = [n for n in names if len(word) > 2 and (n.startswith(word) or n.endswith(word))]
    if parts:
        return f" (did you mean {' or '.join(map(repr, parts))}?)"
    found = get_close_matches(word, names, len(names) or 1)
    if not found:
        return ""
    alike = [name for name in names if _ratio(name, word) >= _ratio(found[0], word)]
    return f" (did you mean {alike[0]!r}?)"


def _ratio(name: str, word: str) -> float:
    return SequenceMatcher(None, name, word).ratio()


def own_name(name: str, boards: Iterable[str]) -> str:
    """Return what the laboratory calls an instrument: lab.toml's "digitizer2" is "board2"."""
    board = re.sub(r"^digitizer(?=\d*$)", "board", name)
    return board if board in boards else name


def stranger(what: str, name: str, known: Iterable[str]) -> str:
    """Return what is to be said of a name that is not known, with the nearest and all; or ""."""
    names = list(known)
    return "" if name in names else f"no {what} {name!r}{near(name, names)}; {there_are(names)}"


def there_are(names: Sequence[str]) -> str:
    """Return "there are a, b", as many as there are."""
    if len(names) < 2:
        return f"there is {'only ' + names[0] if names else 'none'}"
    return f"there are {', '.join(names)}"
