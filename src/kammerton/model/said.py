"""What a person says for others to read: the one rule for the command line and MQTT."""

from __future__ import annotations


def flaw(words: str, *, blank: bool = False) -> str | None:
    """Return what is wrong with a reason; None: nothing. blank: it may be left out.

    A sign that a terminal does not show as itself could make a log say something else: a line
    break begins a line of its own, a change of direction turns what stands beside it.
    """
    if not blank and not words.strip():
        return "it says nothing: say in a few words why, for those who wonder"
    odd = next((sign for sign in words if not sign.isprintable()), None)
    return None if odd is None else f"it holds U+{ord(odd):04X}, which no terminal shows as itself"
