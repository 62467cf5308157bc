"""What SCPI instruments share: the error queue, and the event of being switched on."""

from __future__ import annotations

import re
from collections.abc import Iterable

from qcodes.instrument import VisaInstrument

from kammerton.model import LastingFault

MOST = 64
REFERENCE = "see to the cable of the common 10 MHz and to what feeds it"
_POWER_ON = 1 << 7  # of the standard event status register, IEEE 488.2


def scpi_errors(instrument: VisaInstrument) -> list[str]:
    """Empty the queue by SYSTem:ERRor? and return what was in it, oldest first."""
    found: list[str] = []
    while len(found) < MOST:
        answer = instrument.ask("SYSTem:ERRor?")
        if int(answer.split(",")[0]) == 0:
            break
        found.append(answer)
    return found


def reference_lost(error: str, *codes: int) -> str | None:
    """Return what to see to where an error is one of `codes`, or speaks of the reference."""
    number = re.match(r"[+-]?\d+", error)
    known = number is not None and int(number[0]) in codes
    return REFERENCE if known or re.search(r"\breference\b", error, re.IGNORECASE) else None


def demand_reference(name: str, errors: Iterable[str], *codes: int) -> None:
    """Raise LastingFault where one of these errors says that the reference does not come in."""
    for error in errors:
        if remedy := reference_lost(error, *codes):
            raise LastingFault(error, remedy, instrument=name)


def powered_on(instrument: VisaInstrument) -> bool:
    """Say whether it was switched on since this was last asked; asking clears the register."""
    return bool(int(instrument.ask("*ESR?")) & _POWER_ON)
