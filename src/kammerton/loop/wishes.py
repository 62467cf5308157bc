"""What persons want measured next: asked for in one thread, granted by the loop in another."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from kammerton.loop.catalogue import no_calibration
from kammerton.loop.own_code import own_code
from kammerton.loop.planner import Plan, instrument_seconds, unmet
from kammerton.model import Calibration, Effort, Target
from kammerton.model.span import duration
from kammerton.store.errands import Answer
from kammerton.store.rows import run_number

MOST = 20
"""Wishes that may wait."""

LONGEST = 600.0
"""s of instrument time that a wish may take."""

WAITED_FOR = 600.0
"""s within which a wish is granted that waits for what it rests on, or once more where an
instrument aborted it: whoever asked waits for 15 min."""

ABORTED = "aborted: "
"""What the outcome of a run begins with that an instrument has ended."""

TOO_LATE = f"the instruments were back after more than {WAITED_FOR / 60:g} min; ask again"

ENDED = "the daemon ended; ask again when it runs"


class Later(str):
    """Why a wish cannot be granted yet, where the loop by itself measures again what it needs."""

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
    """One calibration of one qubit, asked for by a person. shots: None for the usual number."""

    number: int
    calibration: str
    target: str
    who: str
    shots: int | None = None


class Wishes:
    """Wishes in order, and what came of them. A deque makes each step whole, in any thread."""

    def __init__(self) -> None:
        self._waiting: deque[Wish] = deque()
        self._answers: deque[Answer] = deque()
        self._open: set[int] = set()

    def __contains__(self, number: int) -> bool:
        return number in self._open

    def add(self, wish: Wish) -> bool:
        """Take a wish in; False when too many wait."""
        if len(self._waiting) >= MOST:
            return False
        self._open.add(wish.number)
        self._waiting.append(wish)
        return True

    def next(self) -> Wish | None:
        """Return the oldest wish; it must be answered."""
        return self._waiting.popleft() if self._waiting else None

    def answer(self, wish: Wish, words: str, *, done: bool) -> None:
        """Say what came of a wish: a run, or why none."""
        self._answers.append((wish.number, done, words))

    def answered(self) -> list[Answer]:
        """Return what was answered since the last call: number, whether it was done, words."""
        found = [self._answers.popleft() for _ in range(len(self._answers))]
        self._open -= {number for number, _, _ in found}
        return found

    def answer_later(self, answers: Iterable[Answer]) -> None:
        """Take back what nobody could be told yet; it is returned by the next call."""
        for answer in answers:
            self._open.add(answer[0])
            self._answers.append(answer)

    def withdraw(self, why: str) -> None:
        """Answer all that still waits, with the reason why nobody will grant it."""
        while (wish := self.next()) is not None:
            self.answer(wish, given_up(why), done=False)


def planned(
    wish: Wish,
    calibrations: Sequence[Calibration],
    see: Callable[[str, str], Target],
    alone: Collection[str] = (),
) -> Plan | str:
    """Return the plan for a wish, or why it cannot be granted; `Later`: yet.

    see: the target of a calibration as it is believed now, by both names. alone: the targets that
    the loop leaves alone.
    """
    by_name = {each.name: each for each in calibrations}
    if wish.calibration not in by_name:
        return no_calibration(wish.calibration, by_name)
    calibration, target = by_name[wish.calibration], see(wish.calibration, wish.target)
    if missing := unmet(calibration, target):
        why = _needs(wish, target, missing)
        soon = wish.target not in alone and all(_measured(target, each) for each in missing)
        return Later(why) if soon else why
    with own_code(calibration.name, "program"):
        target = _with_shots(wish, calibration, target)
        seconds = instrument_seconds(calibration.program((target,)))
    if seconds > LONGEST:
        asked, most = duration(timedelta(seconds=seconds)), duration(timedelta(seconds=LONGEST))
        return f"it would take {asked} of instrument time, more than {most}: ask for fewer shots"
    return Plan(calibration, (target,), 0.0, seconds)


def _needs(wish: Wish, target: Target, missing: Sequence[str]) -> str:
    """Say what must be measured first, and what again since it is doubted or has grown old."""
    known = [n for n in missing if _measured(target, n)]
    first = [n for n in missing if n not in known]
    parts = [f"{', '.join(first)}, not measured yet"] if first else []
    parts += [f"{', '.join(known)} again, doubted or measured too long ago"] if known else []
    what = f"{wish.calibration} of {wish.target} first needs {'; and '.join(parts)}"
    return f"{what}; ask again when that is measured"


def _measured(target: Target, name: str) -> bool:
    belief = target.beliefs.get(name)
    return belief is not None and belief.run is not None


def _with_shots(wish: Wish, calibration: Calibration, target: Target) -> Target:
    if wish.shots is None:
        return target
    usual = calibration.program((replace(target, effort=Effort()),)).shots
    return replace(target, effort=replace(target.effort, shots=wish.shots / usual))
