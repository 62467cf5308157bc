"""Names of the 21 pairs of pulses of AllXY as laboratories write them: XX, xY, X180-Y90."""

from __future__ import annotations

import re

from kammerton.estimation.curves.pulse_pairs import PAIRS

_HALF = r"pi/2|π/2|p/2|pi_2|pi2|/2|90|9"
_PULSE = rf"(?:(I)d?|([XY])[_ (]?(?:({_HALF})|(180|pi|π|p))?\)?)"
_PAIR = re.compile(rf"[\[(]?{_PULSE}[\s\-_,;|.*·]*{_PULSE}[\])]?", flags=re.IGNORECASE)


def pair_number(text: str) -> int | None:
    """Return the number of the pair that a text names, None for any other text.

    Without an angle, capitals turn by pi and small letters by pi/2.
    """
    match = _PAIR.fullmatch(text.strip().strip("'\""))
    if match is None:
        return None
    pair = " ".join(_pulse(*match.groups()[first : first + 4]) for first in (0, 4))
    return PAIRS.index(pair) if pair in PAIRS else None


def _pulse(idle: str | None, axis: str | None, half: str | None, whole: str | None) -> str:
    if idle or axis is None:
        return "I"
    if half:
        return axis.lower()
    return axis.upper() if whole else axis
