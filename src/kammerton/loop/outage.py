"""An instrument fails while the loop runs: wait, bring it back, go on."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from kammerton.loop.runner import Acquires
from kammerton.model import InstrumentError, LastingFault, SettingsChanged
from kammerton.model.alarm import Alarm, Tell, left_on, unheard
from kammerton.model.backoff import Backoff

log = logging.getLogger(__name__)

LOUD = 4.0
"""s of a pause from which on it is no hiccup but an outage, which somebody is told of."""

ALL_OFF = 2
"""Attempts in vain after which all outputs that answer are switched off: see `Recovery.restore`."""

TURN = 2.0
"""s of a long pause after which what goes on meanwhile gets its turn."""

WHOLE = "several instruments"


def _back(failure: InstrumentError, known: str) -> str:
    name = failure.instrument
    if isinstance(failure, SettingsChanged):  # it never ceased to answer
        return "; ".join(filter(None, (f"{name} is used again after that change", known)))
    who = "all instruments answer again and are" if name is None else f"{name} answers again and is"
    return f"{who} verified"


def breaker() -> Backoff:
    """Return the pauses between attempts: from 0.3 s to 5 min; anew after 10 min without failure.

    Whoever keeps failing is asked less and less often, however short each failure is.
    """
    return Backoff(first=0.3, longest=300.0, steady=600.0)


async def pausing(meanwhile: Callable[[], Awaitable[None]], pause: float) -> None:
    """Wait so many s. In a pause that is long all who answer are off: something else may go on."""
    left = pause
    while pause >= LOUD and left > TURN:
        await asyncio.sleep(TURN)
        await meanwhile()
        left -= TURN
    await asyncio.sleep(left)


@dataclass
class Outage:
    """Knows how to wait for instruments. One alarm an outage; it is over after `steady` s.

    The loop runs inside `ended`: where it is left while one is away, the alarm stays on.
    """

    bench: Acquires
    say: Callable[[str], Awaitable[None]]
    computer: str = ""
    alarm: Tell = unheard
    backoff: Backoff = field(default_factory=breaker)
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    _alarmed: str | None = None
    _away: str = ""  # what is wrong with who has not come back, and what of its outputs is known
    _left_on: frozenset[str] = frozenset()  # whose outputs were told not to be known to be off

    async def after(self, failure: InstrumentError, patience: float | None) -> frozenset[str]:
        """Return when every instrument is back: those whose settings were lost.

        Raises
        ------
        LastingFault
            An instrument says what a person has to see to; waiting does not help.
        InstrumentError
            It took longer than `patience` s; None waits for ever.
        """
        until = None if patience is None else time.monotonic() + patience
        latest, tries = failure, 0
        while True:
            self._away = self._words(latest)
            pause = self.backoff.next()
            if until is not None and time.monotonic() + pause > until:
                raise latest
            self._tell(latest, pause)
            if pause >= LOUD and tries >= ALL_OFF:
                self._tell_outputs()
            await self.say(f"waiting: {self._away}; trying again in {pause:.1f} s")
            await self.sleep(pause)
            self.backoff.begin()
            tries += 1
            try:
                lost = await self.bench.recover(latest)
            except LastingFault:
                raise
            except InstrumentError as still:
                latest = still
            else:
                self._away = ""
                self._outputs_over()
                log.info("%s", _back(latest, self.bench.seen.words(latest.instrument or "")))
                return lost

    def calm(self, why: str = "it works again") -> None:
        """Note that a run succeeded, or that between two all are well: why.

        An outage that has not come back for long is over.
        """
        steady = self.backoff.monotonic() - self.backoff.began >= self.backoff.steady
        if steady:
            self._over(why)

    @contextmanager
    def ended(self, leave: Callable[[], str]) -> Iterator[None]:
        """Say on the way out that nobody waits any more for who is away; over is it who is back.

        leave: why the loop was told to end; "": it was not.
        """
        try:
            yield
        except BaseException as end:
            if isinstance(end, LastingFault) and end.instrument == self._alarmed:
                self._away = ""
            self._left(leave() or str(end) or "the daemon ends")
            raise
        self._left(leave())

    def _left(self, why: str) -> None:
        if self._alarmed is None or not self._away:
            self._over("it answers again, and was verified")
            return
        words = self._away if why in self._away else f"{self._away}; {why}"
        text = f"it is still away, and nobody tries to reach it now: {words}"
        self.alarm(Alarm("instrument", self._alarmed, text, causes=("left",)))
        self._alarmed = None

    def _over(self, why: str) -> None:
        if self._alarmed is not None:
            self.alarm(Alarm("instrument", self._alarmed, why, on=False))
            self._alarmed = None

    def _tell(self, failure: InstrumentError, pause: float) -> None:
        if pause >= LOUD and self._alarmed is None:
            self._alarmed = failure.instrument or WHOLE
            self.alarm(Alarm("instrument", self._alarmed, self._away))

    def _words(self, failure: InstrumentError) -> str:
        """Return what is wrong, and what is known of the outputs of who does not answer."""
        known = self.bench.seen.words(failure.instrument or "")
        return f"{failure}; {known}" if known else str(failure)

    def _tell_outputs(self) -> None:
        """Raise an alarm where outputs may be on: all who answer were switched off before."""
        seen = self.bench.seen
        if seen.may_be_on and not self._left_on:
            self._left_on = seen.may_be_on
            why = "; ".join(map(seen.words, sorted(self._left_on)))
            self.alarm(Alarm("outputs", self.computer, left_on(self.computer, why)))

    def _outputs_over(self) -> None:
        if self._left_on and not self._left_on & self.bench.seen.may_be_on:
            text = f"switched off, and read back as off: {', '.join(sorted(self._left_on))}"
            self.alarm(Alarm("outputs", self.computer, text, on=False))
            self._left_on = frozenset()
