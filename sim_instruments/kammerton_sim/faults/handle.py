"""The handle: puts faults on, now or later, takes them off, and writes both into the ledger."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from kammerton_sim.faults.catalogue import CATALOGUE
from kammerton_sim.faults.course import Course
from kammerton_sim.faults.turns import Turns
from kammerton_sim.faults.words import Fault, FaultError, Undo, Value, near

if TYPE_CHECKING:
    from kammerton_sim.site import Site


_MOST = 1e9
"""Of seconds, 30 years, and of records; a timer cannot wait for ever."""


@dataclass
class Injection:
    """One fault of this laboratory: waiting, on (or done, but not yet cleared), or over."""

    number: int
    fault: Fault
    given: dict[str, Value]
    seed: int
    state: str = "waiting"
    undo: Undo | None = field(default=None, repr=False)
    course: Course | None = field(default=None, repr=False)
    timers: list[threading.Timer] = field(default_factory=list, repr=False)

    def begin(self, site: Site) -> Undo:
        """Put it on; returns what takes it off again."""
        undo = self.fault.inject(site, self.seed, **self.given)
        self.course = undo if isinstance(undo, Course) else None
        return undo

    def done(self) -> bool:
        """Whether it has struck as often as it was to, so that there is nothing to take off."""
        return self.state == "on" and self.course is not None and self.course.done()

    def told(self) -> dict[str, Any]:
        """Return what is told about it."""
        counted = {}
        if self.state == "on" and self.course is not None:
            counted = {"struck": self.course.struck(), "of": self.course.of}
        return {
            "number": self.number,
            "name": self.fault.name,
            "given": self.given,
            "seed": self.seed,
            "state": "done" if self.done() else self.state,
            **counted,
        }


class Faults:
    """Every fault of a laboratory, numbered from 1; the same seed gives the same fault again."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._all: list[Injection] = []
        self._counting: list[tuple[int, float, Injection]] = []
        """Records that are still to come, how long it lasts, and the fault that waits."""
        self._turns = Turns()
        self._lock = threading.RLock()
        site.coming.watch(self._records_come)

    def inject(
        self,
        name: str,
        *,
        seed: int | None = None,
        after: float = 0.0,
        after_records: int = 0,
        lasting: float = 0.0,
        **given: Any,
    ) -> int:
        """Put a fault on and return its number.

        after: wall s to wait before. after_records: records that the boards make first, so that
        it strikes in the middle of a scan (at the buffer in which the last of them lies).
        lasting: wall s after which it is taken off again; 0: until `clear`.

        Raises
        ------
        FaultError
            There is no such fault, or it cannot be: everything wrong is named.
        """
        fault = self._find(name)
        when = {"after": after, "after_records": after_records, "lasting": lasting, "seed": seed}
        values = fault.values(given, self._site, unfit(when))
        with self._lock:
            number = len(self._all) + 1
            chosen = self._site.chip.seed * 1000 + number if seed is None else seed
            injection = Injection(number, fault, values, chosen)
            if not after and not after_records:
                self._strike(injection, lasting)
            self._all.append(injection)
        if after:
            self._later(after, injection, lambda: self._strike_later(injection, lasting))
        if after_records:
            with self._lock:
                self._counting.append((after_records, lasting, injection))
        return number

    def clear(self, number: int | None = None) -> list[int]:
        """Take one fault off, or all; returns the numbers of those that were on or waiting.

        What is done is forgotten, and not among them.
        """
        with self._lock:
            if number is not None and not 1 <= number <= len(self._all):
                raise FaultError(f"no fault {number}; there have been {len(self._all)}")
            chosen = self._all if number is None else [self._all[number - 1]]
            return [injection.number for injection in chosen if self._end(injection)]

    def active(self) -> list[dict[str, Any]]:
        """Return those that wait, are on or, until they are cleared, are done.

        struck, of: how often, of how often, of those that strike a number of times.
        """
        with self._lock:
            return [injection.told() for injection in self._all if injection.state != "over"]

    def close(self) -> None:
        """Take all faults off."""
        self.clear()

    def _find(self, name: str) -> Fault:
        if name not in CATALOGUE:
            raise FaultError(f"no fault {name!r}{near(name, CATALOGUE)}; --list names all")
        return CATALOGUE[name]

    def _strike(self, injection: Injection, lasting: float) -> None:
        with self._lock:
            if injection.state != "waiting":
                return
            fault = injection.fault
            begin = partial(injection.begin, self._site)
            try:
                injection.undo = self._turns.take(fault.held(self._site, injection.given), begin)
            except ValueError as error:
                raise FaultError(f"{fault.name}: {error}") from None
            injection.state = "on"
            self._note(injection, None, _words(injection))
        if lasting:
            self._later(lasting, injection, lambda: self._end(injection))

    def _strike_later(self, injection: Injection, lasting: float) -> None:
        """Nobody waits for the answer: what cannot be is told by `active` and the ledger."""
        try:
            self._strike(injection, lasting)
        except FaultError as error:
            injection.state = f"failed: {error}"
            self._note(injection, None, injection.state)

    def _end(self, injection: Injection) -> bool:
        with self._lock:
            nothing = injection.done() or injection.state not in ("waiting", "on")
            before, injection.state = injection.state, "over"
            for timer in injection.timers:
                timer.cancel()
            if before == "on" and injection.undo is not None:
                injection.undo()
                self._note(injection, _words(injection), None)
        return not nothing

    def _later(self, seconds: float, injection: Injection, what: Callable[[], object]) -> None:
        timer = threading.Timer(seconds, what)
        timer.daemon = True
        injection.timers.append(timer)
        timer.start()

    def _records_come(self, records: int) -> Callable[[], None] | None:
        if not self._counting:
            return None
        with self._lock:
            due = [waiting for waiting in self._counting if waiting[0] < records]
            self._counting = [
                (left - records, lasting, injection)
                for left, lasting, injection in self._counting
                if left >= records
            ]
        return partial(self._strike_all, due) if due else None

    def _strike_all(self, due: list[tuple[int, float, Injection]]) -> None:
        for _, lasting, injection in due:
            self._strike_later(injection, lasting)

    def _note(self, injection: Injection, old: str | None, new: str | None) -> None:
        where = injection.given.get("instrument") or injection.given.get("board") or "laboratory"
        self._site.ledger.record(str(where), injection.fault.name, "fault", old, new)


def unfit(when: Mapping[str, Any]) -> Iterator[str]:
    """Yield what is wrong with the times and the seed of a fault."""
    for name, value in when.items():
        wanted = int if name in ("after_records", "seed") else float | int
        if value is None and name == "seed":
            continue
        if isinstance(value, bool) or not isinstance(value, wanted):
            yield f"{name}: {value!r} is no {'whole ' if wanted is int else ''}number"
        elif not 0 <= value <= (_MOST if name != "seed" else value):
            yield f"{name}: {value!r} is not from 0 {'to 1e9' if name != 'seed' else 'on'}"


def _words(injection: Injection) -> str:
    given = " ".join(f"{name}={value}" for name, value in injection.given.items())
    return f"fault {injection.number}: {given} seed={injection.seed}"
