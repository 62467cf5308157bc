"""When the mixing chamber has been so warm that what was measured before is not believed."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from kammerton.model.quantity import show

THAWED = 1.0
"""K. Above it what was frozen in is not: aluminium (1.2 K) becomes normal, and as it cools again
flux is trapped anew; defects and the charges near them lie otherwise. Frequencies move by MHz."""

BLIP = 60.0
"""s above `drive_off_above` after which the chip, not only its thermometer, is as warm. A pulse of
heat, a valve, a reading while the bridge changes its channel last for seconds; what was measured
cold is true again after them."""

BLIND = 1800.0
"""s without a valid reading in which it may have been above `THAWED` and come back unseen: to
condense and to cool down takes longer."""


class Warmth:
    """Tells of each time that the chamber was warm for no mere blip, once.

    off: K above which drive is off. Whether drive was on, or is mute under maintenance, is no
    matter: nor are pumps, as long as it stays cold.
    """

    def __init__(self, off: float, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._off, self._monotonic = off, monotonic
        self._heard = monotonic()
        self._since: float | None = None
        self._told, self._why = False, ""
        self._news = asyncio.Event()

    def look(self, kelvin: float | None) -> None:
        """Take note of the warmest valid reading now, K; None: there is none."""
        now = self._monotonic()
        if kelvin is not None:
            self._heard = now
        if kelvin is not None and kelvin <= self._off:
            self._since, self._told = None, False
        elif kelvin is not None and self._since is None:
            self._since = now
        why = self._words(kelvin, now)
        if why and not self._told:
            self._told, self._why = True, why
            self._news.set()

    async def news(self) -> str:
        """Wait until it was warm once more; return how warm, in words."""
        await self._news.wait()
        self._news.clear()
        return self._why

    def _words(self, kelvin: float | None, now: float) -> str:
        if kelvin is not None and kelvin > max(THAWED, self._off):
            return f"the mixing chamber was warm: it read {show(kelvin, 'K')}"
        if self._since is not None and now - self._since >= BLIP:
            above = show(self._off, "K")
            return f"the mixing chamber was warm: above {above} for more than {BLIP:g} s"
        if now - self._heard >= BLIND:
            return f"the mixing chamber may have been warm: no valid reading for {BLIND / 60:g} min"
        return ""
