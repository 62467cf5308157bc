"""When the mixing chamber has been so warm that what was measured before is not believed."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable

from kammerton.bench.thermometer import Shown
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


UNSEEN = f"the mixing chamber may have been warm: no valid reading for {BLIND / 60:g} min"


class Warmth:
    """Tells of each time that the chamber was warm for no mere blip, once.

    off: K above which drive is off. Whether drive was on, or is mute under maintenance, is no
    matter: nor are pumps, as long as it stays cold, nor who reads: it outlives the benches.
    cold_at: when it was last seen cold, by `monotonic`; -inf: never. shown: what each sensor shows,
    by name.
    """

    def __init__(self, off: float, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._off, self._monotonic = off, monotonic
        self._began = self._heard = monotonic()
        self.cold_at = -math.inf
        self.shown = dict[str, Shown]()
        self._since: float | None = None
        self._told, self._why = False, ""
        self._news = asyncio.Event()

    def look(self, kelvin: float | None) -> None:
        """Take note of the warmest valid reading now, K; None: there is none."""
        now = self._monotonic()
        cold = kelvin is not None and kelvin <= self._off
        if cold:
            self._since = None
        elif kelvin is not None and self._since is None:
            self._since = now
        self._tell(self._words(kelvin, now))
        if kelvin is not None:
            self._heard = now  # afterwards: how long nobody had seen it counts, though it is cold
        if cold:
            self.cold_at, self._told = now, False

    def unseen_before(self, seconds: float) -> None:
        """Take note for how many s nobody had seen it cold when this was made; it may come late."""
        if self._heard == self._began:
            self._heard -= seconds
            self.look(None)
        elif seconds >= BLIND:
            self._tell(UNSEEN)

    @property
    def untold(self) -> bool:
        """Whether there is news that nobody has taken."""
        return self._news.is_set()

    async def news(self) -> str:
        """Wait until it was warm once more; return how warm, in words."""
        await self._news.wait()
        self._news.clear()
        return self._why

    def _tell(self, why: str) -> None:
        if why and not self._told:
            self._told, self._why = True, why
            self._news.set()

    def _words(self, kelvin: float | None, now: float) -> str:
        if kelvin is not None and kelvin > max(THAWED, self._off):
            return f"the mixing chamber was warm: it read {show(kelvin, 'K')}"
        if self._since is not None and now - self._since >= BLIP:
            above = show(self._off, "K")
            return f"the mixing chamber was warm: above {above} for more than {BLIP:g} s"
        if now - self._heard >= BLIND:
            return UNSEEN
        return ""
