"""The handle: puts faults on, now or later, takes them off, and writes both into the ledger."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from kammerton_sim.faults.amounts import Value, shown
from kammerton_sim.faults.catalogue import CATALOGUE
from kammerton_sim.faults.course import Course, Undo
from kammerton_sim.faults.refusal import FaultError, require
from kammerton_sim.faults.turns import Turns
from kammerton_sim.faults.words import Fault
from kammerton_sim.names import near

if TYPE_CHECKING:
    from kammerton_sim.site import Site


_MOST = 1e9
"""Of seconds, 30 years, and of records; a timer cannot wait for ever."""


@dataclass
class Injection:
    """One fault of this laboratory: waiting, on (or done, but not yet cleared), or cleared."""

    number: int
    fault: Fault
    given: dict[str, Value]
    units: dict[str, str]
    """What the numbers among them are in, by name."""
    seed: int
    when: dict[str, float] = field(default_factory=dict)
    """after, after_records, lasting: those that were given."""
    state: str = "waiting"
    on: float | None = None
    off: float | None = None
    """When it came and went, on the laboratory's clock in unix s."""
    undo: Undo | None = field(default=None, repr=False)
    course: Course | None = field(default=None, repr=False)
    counted: dict[str, int] = field(default_factory=dict, repr=False)
    """How often it had struck when it was cleared."""
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
        return {
            "number": self.number,
            "name": self.fault.name,
            "given": self.given,
            "units": self.units,
            "seed": self.seed,
            "when": self.when,
            "state": "done" if self.done() else self.state,
            "on": self.on,
            "off": self.off,
            **(self.counted or self.count()),
        }

    def count(self) -> dict[str, int]:
        """Return how often it has struck, of how often, where it strikes a number of times."""
        if self.state != "on" or self.course is None:
            return {}
        return {"struck": self.course.struck(), "of": self.course.of}


class Faults:
    """Every fault of a laboratory, numbered from 1; the same seed gives the same fault again."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._all: list[Injection] = []
        self._counting: list[tuple[int, float, Injection]] = []
        """Records that are still to come, how long it lasts, and the fault that waits."""
        self._turns = Turns()
        self._lock = threading.RLock()
        self._closed = False
        site.coming.watch(self._records_come)

    def inject(
        self,
        name: str,
        *words: Any,
        seed: int | None = None,
        after: float = 0.0,
        after_records: int = 0,
        lasting: float = 0.0,
        **given: Any,
    ) -> int:
        """Put a fault on and return its number.

        words, given: its parameters, in order or by name.
        after: wall s to wait before. after_records: records that the boards make first, so that
        it strikes in the middle of a scan (at the buffer in which the last of them lies).
        lasting: wall s after which it is taken off again; 0: until `clear`.

        Raises
        ------
        FaultError
            There is no such fault, or it cannot be: everything wrong is named. Or the laboratory
            is closed.
        """
        require(not self._closed, "the laboratory is closed: nothing can be put on it")
        fault = self._find(name)
        given |= fault.in_order(words, given)
        when = {"after": after, "after_records": after_records, "lasting": lasting, "seed": seed}
        values = fault.values(given, self._site, unfit(when))
        with self._lock:
            number = len(self._all) + 1
            chosen = self._site.chip.seed * 1000 + number if seed is None else seed
            times = {"after": after, "after_records": after_records, "lasting": lasting}
            given_times = {key: time for key, time in times.items() if time}
            units = {k: u for k, u in fault.known_units(self._site, values).items() if k in values}
            injection = Injection(number, fault, values, units, chosen, given_times)
            if not after and not after_records:
                self._strike(injection, lasting)
            self._all.append(injection)
        if after:
            self._later(after, injection, lambda: self._strike_later(injection, lasting))
        if after_records:
            with self._lock:
                self._counting.append((after_records, lasting, injection))
        return number

    def wrong(self, name: str, given: Mapping[str, Any]) -> str:
        """Return why a fault could not be put on; "" where it could."""
        try:
            self._find(name).values(given, self._site)
        except FaultError as error:
            return str(error)
        return ""

    def remark(self, number: int) -> str:
        """Return what is to be known of a fault as the laboratory is set at present; or "".

        Raises
        ------
        FaultError
            It never was.
        """
        injection = self._numbered([number])[0]
        mine = injection.fault.held(injection.given)
        said = injection.fault.remark(self._site, **injection.fault.chosen(injection.given))
        others = [each for each in self._all[: number - 1] if each.state == "on"]
        rest = [str(each.number) for each in others if each.fault.held(each.given) & mine]
        if rest and injection.state == "on":
            acted, it_rests = ("faults", "they rest") if rest[1:] else ("fault", "it rests")
            said += f"{said and '; '}{acted} {' and '.join(rest)} acted on the same: {it_rests}"
            said += " until this one ends"
        return said

    def clear(self, number: int | Sequence[int] | None = None) -> list[int]:
        """Take some faults off, or all; returns the numbers of those that it cleared.

        Of what is done nothing is left to take off, but `active` tells of it until then.

        Raises
        ------
        FaultError
            Some never were, all of them named; then none is taken off.
        """
        with self._lock:
            several = number if isinstance(number, Sequence) else [number]
            chosen = list(self._all) if number is None else self._numbered(several)
            return [injection.number for injection in chosen if self._end(injection)]

    def active(self) -> list[dict[str, Any]]:
        """Return those that wait, are on or, until they are cleared, are done.

        struck, of: how often, of how often, of those that strike a number of times.
        """
        with self._lock:
            return [injection.told() for injection in self._all if injection.state != "cleared"]

    def told(self) -> list[dict[str, Any]]:
        """Return every fault there ever was, as `active` does."""
        with self._lock:
            return [injection.told() for injection in self._all]

    def close(self) -> None:
        """Take all faults off; nothing can be put on any more."""
        with self._lock:
            self._closed = True
            self.clear()

    def _numbered(self, meant: Sequence[object]) -> list[Injection]:
        """Return faults by their numbers; FaultError with every number that none has."""
        known = dict(enumerate(self._all, 1))
        numbers = [each for each in meant if isinstance(each, int) and each in known]
        if never := [str(each) for each in meant if each not in numbers]:
            raise FaultError(f"no fault has the number {', '.join(never)}; {_so_far(self._all)}")
        return [known[each] for each in dict.fromkeys(numbers)]

    def _find(self, name: str) -> Fault:
        require(isinstance(name, str), f"a fault is a name such as tls, not {name!r}")
        if name not in CATALOGUE:
            raise FaultError(
                f"no fault {name!r}{near(name, CATALOGUE)}; `kammerton sim ctl --list` names all"
            )
        return CATALOGUE[name]

    def _strike(self, injection: Injection, lasting: float) -> None:
        with self._lock:
            if injection.state != "waiting":
                return
            fault = injection.fault
            begin = partial(injection.begin, self._site)
            try:
                injection.undo = self._turns.take(fault.held(injection.given), begin)
            except ValueError as error:
                raise FaultError(f"{fault.name}: {error}") from None
            injection.state, injection.on = "on", self._site.ledger.now()
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
            before = injection.state
            if before == "cleared":
                return False
            injection.counted = injection.count()
            injection.state, injection.off = "cleared", self._site.ledger.now()
            for timer in injection.timers:
                timer.cancel()
            if before == "on" and injection.undo is not None:
                injection.undo()
                self._note(injection, _words(injection), None)
        return True

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
        chosen = injection.fault.chosen(injection.given)
        where = chosen.get("instrument") or chosen.get("board") or "laboratory"
        self._site.ledger.record(str(where), injection.fault.name, "fault", old, new)


def _so_far(every: Sequence[Injection]) -> str:
    """Return how many faults there have been."""
    if len(every) < 2:
        return f"there has been {'one fault' if every else 'none'}"
    return f"there have been {len(every)}"


def unfit(when: Mapping[str, Any]) -> Iterator[str]:
    """Yield what is wrong with the times and the seed of a fault."""
    for name, value in when.items():
        wanted = int if name in ("after_records", "seed") else float | int
        if value is None and name == "seed":
            continue
        if isinstance(value, bool) or not isinstance(value, wanted):
            kind = "a whole number" if wanted is int else "a number of seconds"
            yield f"{name} must be {kind}, not {value!r}"
        elif not 0 <= value <= (_MOST if name != "seed" else value):
            yield f"{name} must be from 0 {'to 1e9' if name != 'seed' else 'on'}, not {value!r}"


def _words(injection: Injection) -> str:
    units = injection.units
    given = [f"{name}={shown(name, value, units)}" for name, value in injection.given.items()]
    return f"fault {injection.number}: {' '.join([*given, f'seed={injection.seed}'])}"
