"""What SCPI instruments share: the error queue, and the event of being switched on."""

from __future__ import annotations

from qcodes.instrument import VisaInstrument

MOST = 64
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


def powered_on(instrument: VisaInstrument) -> bool:
    """Say whether it was switched on since this was last asked; asking clears the register."""
    return bool(int(instrument.ask("*ESR?")) & _POWER_ON)
