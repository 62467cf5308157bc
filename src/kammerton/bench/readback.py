"""What instruments say of themselves after a run: who they are, how they are set, what failed.

Only a run whose instruments were as they should be until its end is believed.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Any

from kammerton.bench.guard import Guard
from kammerton.bench.second_look import Difference, SecondLook, came_on
from kammerton.bench.switching import FREQUENCY_STEP, POWER_STEP, OutputChange
from kammerton.bench.tasks import together, unbroken
from kammerton.bench.words import differences as said
from kammerton.bench.words import setting
from kammerton.model import InstrumentError, LastingFault, SettingsChanged
from kammerton.model.alarm import Alarm, Tell, unheard
from kammerton.model.roles import Ailing, Described, Instrument, Queued, State

log = logging.getLogger(__name__)

STEPS = {"frequency": FREQUENCY_STEP, "power": POWER_STEP}
"""How far a setting may read from what is expected; all others to six digits."""

CYCLED = "power_on"
"""The event that tells a power cycle from somebody's hand; it is read once, and no setting."""

SOMEBODY, POWER_CYCLE = "somebody else", "power cycle"

COMMANDED = ("on", "frequency", "power")
"""What only the gate knows: as it was first read it may have been of an earlier program."""

OnRestart = Callable[[frozenset[str]], Awaitable[None]]
"""Hears which instruments were switched off and on."""


async def untold(names: frozenset[str]) -> None:
    """Tell nobody."""


SwitchOff = Callable[[str, str], Coroutine[Any, Any, None]]
"""Switches an instrument off, and says why in the audit."""


class ReadBack:
    """Compares identity, settings and error queue of instruments with what is expected.

    What was not commanded by the gate is expected to stay as it was when it was first read after
    the instrument was set up; `forget` is called when one is set up anew. alarm: hears of errors in
    a queue, and of the first empty one after that; not of those that last, which end the work.
    switch_off: what is done at once with an output that is on and should be off. doubtful: settings
    of an instrument of which nothing is expected. lost: instruments whose settings were lost or
    changed, until whoever doubts what they made takes them out.
    """

    def __init__(
        self,
        instruments: Mapping[str, Instrument],
        guard: Guard,
        switch_off: SwitchOff,
        alarm: Tell = unheard,
        doubtful: Callable[[str], frozenset[str]] = lambda _: frozenset(),
    ) -> None:
        self._doubtful = doubtful
        self._instruments, self._guard, self._alarm = instruments, guard, alarm
        self._switch_off, self._second = switch_off, SecondLook()
        self._content_once: set[str] = set()
        self._first: dict[str, State] = {}
        self._last: dict[str, State] = {}
        self._told: dict[str, list[Difference]] = {}
        self._cycled = set[str]()
        """Who said that it was switched off and on, until it is set up anew: it says so once."""
        self.lost = set[str]()

    def forget(self, name: str) -> None:
        """Read this instrument's settings anew before they are compared again."""
        self._first.pop(name, None)
        self._cycled.discard(name)

    async def restarted(self, told: OnRestart) -> None:
        """Tell who was switched off and on since it was last asked, by whichever process.

        An instrument says so only once: it is told before another one's failure is raised.
        """
        names = [n for n, d in self._instruments.items() if isinstance(d, Described)]
        found = await asyncio.gather(*map(self._restarted, names), return_exceptions=True)
        if cycled := frozenset(n for n, each in zip(names, found, strict=True) if each is True):
            await told(cycled)
        for each in found:
            if isinstance(each, BaseException):
                raise each

    async def now(self, name: str) -> State:
        """Return how an instrument is set, as far as it says; a power cycle is not forgotten."""
        device = self._instruments[name]
        return await self._state(name, device) if isinstance(device, Described) else {}

    async def remember(self, names: Iterable[str]) -> None:
        """Read the settings of those instruments of which none are known."""
        new = {n: d for n in names if isinstance(d := self._instruments[n], Described)
               and n not in self._first}  # fmt: skip
        await together(self._first_of(name, device) for name, device in new.items())

    async def note_lost(self, name: str) -> None:
        """Say in the audit what an instrument that comes back has forgotten, before it is set up.

        Outputs are not compared: they were switched off meanwhile; what was told already is not
        told again.
        """
        device, known = self._instruments[name], self._last.get(name) or self._own(name)
        told = self._told.pop(name, [])
        if known is None or not isinstance(device, Described):
            return
        found = await self._state(name, device)
        differences = [d for d in _differences(known, found) if d not in told]
        lost = [d for d in differences if d[0].partition(".")[0] != "on"]
        for key, old, new in lost:
            self._note(name, (key, old, new), POWER_CYCLE)
        if lost or found.get(CYCLED):
            self.lost.add(name)
            log.warning("%s; all its settings are set anew", _lost(name, lost, found))

    async def as_left(self, name: str, commanded: State, moot: Callable[[], bool]) -> bool:
        """Say whether an instrument that nobody complains of is set as it was left.

        False too where nothing is known of it yet: it may have lost what it was set up to. moot: as
        for `check`.

        Raises
        ------
        LastingFault
            Somebody is at work there.
        """
        device = self._instruments[name]
        if not isinstance(device, Described):
            return True
        if name not in self._first:
            return False
        expected = {**(self._own(name) or {}), **commanded}
        try:
            found = await self._found(name, device, expected)
            if not moot():
                self._as_set(name, expected, found)
        except SettingsChanged as change:
            log.warning("looked at after the other failed: %s", change)
            return False
        return True

    async def same_boxes(self, names: Iterable[str]) -> None:
        """Raise unless those answer who answered first; nothing has been written to them yet."""
        await together(self._guard.boxes.same(n, self._instruments[n]) for n in names)

    async def check(
        self, commanded: Mapping[str, State], moot: Callable[[], bool] = lambda: False
    ) -> None:
        """Raise unless all instruments named are who they were, as commanded, and content.

        commanded: what the gate has set, by instrument; the rest is as it was first read. moot:
        says that this is so no more, since everything was switched off meanwhile.

        Raises
        ------
        LastingFault
            What is in an error queue lasts until a person has seen to it, or somebody is at work.
        InstrumentError
            Another box answers, settings differ, or the error queue was not empty; every
            difference is in the audit. Names the instrument.
        """
        for name, state in commanded.items():
            device = self._instruments[name]
            await self._guard.boxes.same(name, device)
            if isinstance(device, Queued):
                self._content(name, device, await device.errors())
            if isinstance(device, Described):
                expected = {**self._first.get(name, {}), **state}
                expected = {k: v for k, v in expected.items() if k not in self._doubtful(name)}
                found = await self._found(name, device, expected)
                if moot():
                    return
                await self._off_if_on(name, expected, found)
                self._as_set(name, expected, found)
                self._last[name] = expected

    def _own(self, name: str) -> State | None:
        """Return what only its setup sets, as it was first read; None where that is not known."""
        first = self._first.get(name)
        return first and {k: v for k, v in first.items() if k.partition(".")[0] not in COMMANDED}

    async def _restarted(self, name: str) -> bool:
        device = self._instruments[name]
        cycled = isinstance(device, Described) and bool((await device.state()).get(CYCLED))
        if cycled:
            self._note_cycled(name)
        return cycled

    def _note_cycled(self, name: str) -> None:
        anew = OutputChange(name, "as it was left", "switched off and on", POWER_CYCLE, found=True)
        self._guard.note(anew)

    async def _first_of(self, name: str, device: Described) -> None:
        self._first[name] = await self._second.agreed(name, device.state, _listed)

    async def _found(self, name: str, device: Described, expected: State) -> State:
        """Return how an instrument is set, at a second look where it is not as expected."""
        ask = partial(self._state, name, device)
        return await self._second.at(name, ask, lambda found: _listed(expected, found))

    async def _state(self, name: str, device: Described) -> State:
        """Return how an instrument is set now, and whether it was switched off and on before.

        Whoever asked first may have raised, or given way to another's failure.
        """
        state = await device.state()
        if state.get(CYCLED):
            self._cycled.add(name)
        return {**state, CYCLED: name in self._cycled}

    async def _off_if_on(self, name: str, expected: State, found: State) -> None:
        """Switch off at once what came on; that it is off is verified once more in recovery."""
        if any(came_on(each) for each in _differences(expected, found)):
            self._guard.seen.on(name, "found on")
            with suppress(InstrumentError):
                await unbroken(self._switch_off(name, "found on"))

    def _content(self, name: str, device: Queued, errors: Sequence[str]) -> None:
        if errors:
            text = "; ".join(errors)
            self._content_once.discard(name)
            self._guard.note(OutputChange(name, "no error", text, name, "the run is not believed"))
            if remedy := _remedy(device, errors):
                raise LastingFault(text, remedy, instrument=name)
            self._alarm(Alarm("instrument error", name, f"{name} has errors in its queue: {text}"))
            raise InstrumentError(f"{name} has errors in its queue: {text}", instrument=name)
        if name not in self._content_once:  # an alarm may be on since before this bench was opened
            self._content_once.add(name)
            over = f"{name} has no error in its queue"
            self._alarm(Alarm("instrument error", name, over, on=False))

    def _as_set(self, name: str, expected: State, found: State) -> None:
        differences, cycled = list(_differences(expected, found)), bool(found.get(CYCLED))
        if not differences and not cycled:
            return
        if not differences:  # it keeps its settings; what was uploaded, and its phase, are lost
            self._note_cycled(name)
        self._told[name] = differences
        self.lost.add(name)
        for key, old, new in differences:
            self._note(name, (key, old, new), POWER_CYCLE if cycled else SOMEBODY)
        words = said(differences)
        if cycled:
            lost = f", and lost its settings: {words}" if words else ""
            raise SettingsChanged(f"{name} was switched off and on{lost}", instrument=name)
        raise self._guard.changed_by_somebody(name, f"is not set as it was: {words}")

    def _note(self, name: str, found: Difference, who: str) -> None:
        key, old, new = found
        was, now = setting(key, old), setting(key, new)
        self._guard.note(OutputChange(f"{name} {key}", was, now, who, found=True))


def _lost(name: str, lost: Iterable[Difference], found: State) -> str:
    """Say what an instrument that comes back has forgotten; only it itself tells a power cycle."""
    words = said(lost)
    what = "was switched off and on" if found.get(CYCLED) else "is not set as it was left"
    return f"{name} {what}: {words}" if words else f"{name} {what}"


def _remedy(device: Queued, errors: Iterable[str]) -> str | None:
    if not isinstance(device, Ailing):
        return None
    return next((remedy for each in errors if (remedy := device.remedy(each))), None)


def _listed(expected: State, found: State) -> list[Difference]:
    return list(_differences(expected, found))


def _differences(expected: State, found: State) -> Iterator[Difference]:
    for key in sorted((expected.keys() & found.keys()) - {CYCLED}):
        old, new = expected[key], found[key]
        if not _equal(key, old, new):
            yield key, old, new


def _equal(key: str, old: object, new: object) -> bool:
    numbers = isinstance(old, float | int) and isinstance(new, float | int)
    if not numbers or isinstance(old, bool) or isinstance(new, bool):
        return old == new
    assert isinstance(old, float | int)
    assert isinstance(new, float | int)
    return math.isclose(old, new, rel_tol=1e-6, abs_tol=STEPS.get(key, 1e-9))
