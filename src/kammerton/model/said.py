"""What a person says for others to read: the one rule for the command line and MQTT."""

from __future__ import annotations

from unicodedata import bidirectional, category

TURNS = frozenset({"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"})
MARKS = "\u061c\u200e\u200f"
"""Classes of signs that change the direction of a text, and marks that do."""


def flaw(words: str, *, blank: bool = False) -> str | None:
    """Return what is wrong with a reason; None: nothing. blank: it may be left out.

    A sign that a terminal does not show as itself could make a log say something else: a line
    break begins a line of its own, a change of direction turns what stands beside it.
    """
    if not blank and not words.strip():
        return "it says nothing: say in a few words why, for those who wonder"
    odd = next((sign for sign in words if not sign.isprintable()), None)
    return None if odd is None else f"it holds U+{ord(odd):04X}, which no terminal shows as itself"


def misleads(sign: str) -> bool:
    """Return whether a sign controls a terminal, breaks a line or turns what stands beside it."""
    return category(sign) in ("Cc", "Zl", "Zp") or bidirectional(sign) in TURNS or sign in MARKS


def spelt(words: str) -> str:
    r"""Return words whose signs that a terminal would obey are spelt out; lines stay lines.

    >>> spelt("SN \x1b[2J")
    'SN \\x1b[2J'
    """
    if words.isprintable():
        return words
    kept = (s if s in "\n\t" or not misleads(s) else ascii(s)[1:-1] for s in words)
    return "".join(kept)
