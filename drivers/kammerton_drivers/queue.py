"""The error queue that SCPI instruments share."""

from __future__ import annotations

from qcodes.instrument import VisaInstrument

MOST = 64


def scpi_errors(instrument: VisaInstrument) -> list[str]:
    """Empty the queue by SYSTem:ERRor? and return what was in it, oldest first."""
    found: list[str] = []
    while len(found) < MOST:
        answer = instrument.ask("SYSTem:ERRor?")
        if int(answer.split(",")[0]) == 0:
            break
        found.append(answer)
    return found
