"""A second look: one answer that was disturbed on its way is nobody's hand at the front panel."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from kammerton.bench.words import differences as said
from kammerton.model import InstrumentError

log = logging.getLogger(__name__)

T = TypeVar("T")

LOOKS = 3
"""How often settings are read at most until two looks agree; then what was read last counts."""

Difference = tuple[str, object, object]
"""A setting, what it should be and what it is."""


class SecondLook:
    """Asks anew for settings that differ, before anybody says that they were changed.

    What differs twice in a row was changed: also when it reads another value each time, as a knob
    does that is being turned. What differs once was misheard; that is in the log, with its count.

    disturbed: how many looks were spoilt so far, by instrument.
    """

    def __init__(self) -> None:
        self.disturbed: Counter[str] = Counter()

    async def at(
        self,
        name: str,
        ask: Callable[[], Awaitable[T]],
        compare: Callable[[T], Sequence[Difference]],
    ) -> T:
        """Return how an instrument is set, as far as it can be heard.

        An output that is on and should be off is believed at once: it is to be switched off, and
        if it was misheard that costs a run and a pause.
        """
        found = await ask()
        for _ in range(LOOKS - 1):
            differences = compare(found)
            if not differences or any(came_on(each) for each in differences):
                break
            found = await ask()
            still = {key for key, *_ in compare(found)}
            misheard = [each for each in differences if each[0] not in still]
            self._note(name, misheard)
            if len(misheard) < len(differences):
                break
        return found

    async def agreed(
        self,
        name: str,
        ask: Callable[[], Awaitable[T]],
        compare: Callable[[T, T], Sequence[Difference]],
    ) -> T:
        """Return settings that read the same twice in a row: what is misheard here would stay.

        Raises
        ------
        InstrumentError
            No two looks agree.
        """
        found = await ask()
        for _ in range(LOOKS):
            before, found = found, await ask()
            differences = compare(found, before)  # what was read before is the suspect
            if not differences:
                return found
            self._note(name, differences)
        reason = f"{name} reads other settings at each look: {said(differences)}"
        raise InstrumentError(reason, instrument=name)

    def _note(self, name: str, misheard: Sequence[Difference]) -> None:
        if misheard:
            self.disturbed[name] += 1
            log.warning(
                "%s: an answer was disturbed (no. %d so far): %s; asked anew, it was not so",
                name, self.disturbed[name], said(misheard),
            )  # fmt: skip


def came_on(found: Difference) -> bool:
    """Say whether a difference is an output that is on and should be off."""
    key, should, is_ = found
    return key.partition(".")[0] == "on" and bool(is_) and not should
