"""What persons want measured next: asked for in one thread, granted by the loop in another."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from kammerton.loop.catalogue import no_calibration
from kammerton.loop.own_code import own_code
from kammerton.loop.planner import Plan, instrument_seconds, unmet
from kammerton.model import Calibration, Effort, Target
from kammerton.model.span import duration
from kammerton.store.errands import UNKNOWN, Answer
from kammerton.store.rows import Attempt, run_number

MOST = 20
"""Wishes that may wait."""

LONGEST = 600.0
"""s of instrument time that a wish may take."""

WAITED_FOR = 600.0
"""s from asking within which a wish begins, or is not granted any more: whoever asked waits for
15 min."""

ABORTED = "aborted: "
"""What the outcome of a run begins with that an instrument has ended."""

ANSWERED = "not begun: whoever asked has the answer that it was not"

ENDED = "the daemon ended; ask again when it runs"


class Later(str):
    """What a wish waits for, where the loop by itself measures that again."""

    __slots__ = ()


def given_up(why: str) -> str:
    """Return the answer to a wish that was not granted for a reason of its own."""
    return f"given up before it was measured: {why}"


def after_abort(first: str, second: str) -> str:
    """Return the answer to a wish of which an instrument aborted the first run."""
    if run_number(second) is not None:
        return second
    if second.startswith(ABORTED):
        once, twice = (words.removeprefix(ABORTED) for words in (first, second))
        return f"aborted twice, first: {once}; then: {twice}; ask again"
    again = "" if "ask again" in second else "; ask again"
    return f"{first}; not tried again: {second}{again}"


@dataclass(frozen=True)
class Wish:
    """One calibration of one qubit, asked for by a person. shots: None for the usual number.

    until: monotonic s after which it does not begin any more. aborted: how an instrument ended its
    first run; "": it had none. taken: by a process that has ended since. again: the attempt that
    ended with that one; None: there was none, or that is not known yet.
    """

    number: int
    calibration: str
    target: str
    who: str
    shots: int | None = None
    until: float = math.inf
    aborted: str = ""
    taken: bool = False
    again: int | None = None


class Wishes:
    """Wishes in the order of asking, and what came of them; in any thread.

    doing: what the loop does now. A wish waits until it begins or is answered; whose time is over
    by then is answered by itself.
    """

    def __init__(self) -> None:
        self.doing = ""
        self._turn = threading.RLock()
        self._waiting: dict[int, Wish] = {}
        self._begun: set[int] = set()
        self._later: dict[int, Later] = {}
        self._answers: list[Answer] = []
        self._open: set[int] = set()

    def __contains__(self, number: int) -> bool:
        return number in self._open

    def add(self, wish: Wish) -> bool:
        """Take a wish in; False when too many wait."""
        with self._turn:
            if len(self._waiting) >= MOST:
                return False
            self._open.add(wish.number)
            self._waiting[wish.number] = wish
            return True

    def waiting(self) -> list[Wish]:
        """Return what has not begun, oldest first."""
        with self._turn:
            self._drop_late()
            return [self._waiting[number] for number in sorted(self._waiting)]

    def resume(
        self, calibration: str, targets: Sequence[str], attempt: int, why_not: str | None
    ) -> Wish | None:
        """Let the wish behind an attempt that the last process left open wait as any other.

        Return that; None where nobody asked for it. why_not: why it shall not be tried again, which
        is the answer then.
        """
        wanted = calibration, (*targets,)
        with self._turn:
            taken = (each for each in self._waiting.values() if each.taken)
            wish = next((w for w in taken if (w.calibration, (w.target,)) == wanted), None)
            if wish is not None and why_not is not None:
                self.answer(wish, given_up(why_not), done=False)
            elif wish is not None:
                self._waiting[wish.number] = replace(wish, taken=False, again=attempt)
            return wish

    def later(self, wish: Wish, why: Later) -> None:
        """Note what a wish waits for."""
        with self._turn:
            if wish.number in self._waiting:
                self._later[wish.number] = why

    def begin(self, wish: Wish) -> bool:
        """Note that a wish begins; False where it has its answer."""
        with self._turn:
            self._drop_late()
            if self._waiting.pop(wish.number, None) is None:
                return False
            self._later.pop(wish.number, None)
            self._begun.add(wish.number)
            return True

    def put_back(self, wish: Wish, aborted: str) -> None:
        """Let a wish wait again whose first run an instrument has aborted."""
        with self._turn:
            if wish.number in self._begun and not wish.aborted:
                self._begun.discard(wish.number)
                self._waiting[wish.number] = replace(wish, aborted=aborted)

    def answer(self, wish: Wish, words: str, *, done: bool) -> None:
        """Say what came of a wish, a run or why none; its first answer stays."""
        with self._turn:
            known = self._waiting.pop(wish.number, None) or wish.number in self._begun
            self._begun.discard(wish.number)
            self._later.pop(wish.number, None)
            if known:
                said = after_abort(wish.aborted, words) if wish.aborted else words
                self._answers.append((wish.number, done, said))

    def answered(self) -> list[Answer]:
        """Return what was answered since the last call: number, whether it was done, words."""
        with self._turn:
            self._drop_late()
            found, self._answers = self._answers, []
            self._open -= {number for number, _, _ in found}
            return found

    def answer_later(self, answers: Iterable[Answer]) -> None:
        """Take back what nobody could be told yet; it is returned by the next call."""
        with self._turn:
            self._answers += answers
            self._open |= {number for number, _, _ in self._answers}

    def withdraw(self, why: str) -> None:
        """Answer all that still waits, with the reason why nobody will grant it."""
        for wish in self.waiting():
            self.answer(wish, why if wish.aborted else given_up(why), done=False)

    def _drop_late(self) -> None:
        now = time.monotonic()
        for wish in [each for each in self._waiting.values() if now > each.until]:
            late = f"not begun within {WAITED_FOR / 60:g} min of asking"
            doing = f"the daemon is at: {self.doing}" if self.doing else None
            words = [self._later.get(wish.number), late, doing, "ask again"]
            self.answer(wish, "; ".join(filter(None, words)), done=False)


def interrupted(left: Attempt, wish: Wish | None, why_not: str | None) -> str:
    """Say that the last process left an attempt open, and whose it was, where somebody asked."""
    words = f"{left.calibration} on {', '.join(left.targets)} was interrupted"
    said = f"{words} when the last process ended"
    if wish is None:
        return said
    then = why_not or "it is measured next as that was asked for"
    return f"{said}, and {wish.who} had asked for it: {then}"


def planned(
    wish: Wish,
    calibrations: Sequence[Calibration],
    see: Callable[[str, str], Target],
    soon: Callable[[str, str], bool],
) -> Plan | str:
    """Return the plan for a wish, or why it cannot be granted; `Later`: yet.

    see: the target of a calibration as it is believed now, by both names. soon: says of a target
    and its parameter whether the loop by itself comes to measure it.
    """
    by_name = {each.name: each for each in calibrations}
    if wish.taken:  # and no attempt at it was left open
        return UNKNOWN
    if wish.calibration not in by_name:
        return no_calibration(wish.calibration, by_name)
    calibration, target = by_name[wish.calibration], see(wish.calibration, wish.target)
    if missing := unmet(calibration, target):
        again = all(_measured(target, each) and soon(wish.target, each) for each in missing)
        return _waits(wish, target, missing) if again else _needs(wish, target, missing)
    with own_code(calibration, "program"):
        target = _with_shots(wish, calibration, target)
        seconds = instrument_seconds(calibration.program((target,)))
    if seconds > LONGEST:
        asked, most = duration(timedelta(seconds=seconds)), duration(timedelta(seconds=LONGEST))
        return f"it would take {asked} of instrument time, more than {most}: ask for fewer shots"
    return Plan(calibration, (target,), 0.0, seconds)


def _waits(wish: Wish, target: Target, missing: Sequence[str]) -> Later:
    names = ", ".join(_named(target, each) for each in missing)
    said = f"{wish.calibration} of {wish.target} waits for {names}"
    return Later(f"{said}, doubted or measured too long ago")


def _needs(wish: Wish, target: Target, missing: Sequence[str]) -> str:
    """Say what must be measured first, and what again since it is doubted or has grown old."""
    known = [_named(target, n) for n in missing if _measured(target, n)]
    first = [_named(target, n) for n in missing if not _measured(target, n)]
    parts = [f"{', '.join(first)}, not measured yet"] if first else []
    parts += [f"{', '.join(known)} again, doubted or measured too long ago"] if known else []
    what = f"{wish.calibration} of {wish.target} first needs {'; and '.join(parts)}"
    return f"{what}; ask again when that is measured"


def _named(target: Target, name: str) -> str:
    return f"{target.resonator}.{name[2:]}" if name.startswith("r.") else name


def _measured(target: Target, name: str) -> bool:
    belief = target.beliefs.get(name)
    return belief is not None and belief.run is not None


def _with_shots(wish: Wish, calibration: Calibration, target: Target) -> Target:
    if wish.shots is None:
        return target
    usual = calibration.program((replace(target, effort=Effort()),)).shots
    return replace(target, effort=replace(target.effort, shots=wish.shots / usual))
