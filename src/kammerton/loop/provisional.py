"""First values of a qubit: believed by the loop, and stored once it has answered to a pulse.

A dip or a line may belong to anything. What turns with the amplitude of a pulse is a qubit, seen
through its own resonator; so what was found before that is stored together with it, or never.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta

from kammerton.loop.beliefs import BeliefBook
from kammerton.model import Belief, Calibration, Estimate, Fit, Verdict
from kammerton.model.quantity import show

LINE, PROOF = "f01", "pi_amplitude"
NO_ANSWER = "no signal"  # the status of a trace that is flat
TRIES = 2  # flat traces at a line, after which it is not the qubit's
MOST = 4  # lines that are tried of one qubit

Estimates = dict[str, Estimate]


def provable(calibrations: Iterable[Calibration]) -> bool:
    """Say whether any calibration can show that a qubit answers to a pulse."""
    return any(give.parameter == PROOF for each in calibrations for give in each.gives)


@dataclass
class Provisional:
    """Keeps what is found before it is stored.

    A qubit never driven waits with all that it has; so does one whose f01 has leapt by more than
    one run may move it: the pi pulse belongs to the frequency. on: False where nothing installed
    can drive a qubit; then nothing waits.
    """

    book: BeliefBook
    on: bool
    _waiting: Estimates = field(default_factory=dict)
    _before: dict[str, Belief] = field(default_factory=dict)
    _silent: dict[str, list[float]] = field(default_factory=dict)  # by f01: lines, Hz, of no answer

    def divided(self, changes: Mapping[str, Estimate]) -> tuple[Estimates, Estimates]:
        """Return what may be stored now, with what had waited for it, and what waits."""
        proved = {self.book.qubit_of(n) for n in changes if n.endswith(f".{PROOF}")}
        waits = self._unproved(changes) - proved
        freed = {n: e for n, e in self._waiting.items() if self.book.qubit_of(n) in proved}
        ready = freed | {n: e for n, e in changes.items() if self.book.qubit_of(n) not in waits}
        return ready, {n: e for n, e in changes.items() if n not in ready}

    def _unproved(self, changes: Mapping[str, Estimate]) -> set[str]:
        if not self.on:
            return set()
        waiting = {self.book.qubit_of(name) for name in self._waiting}
        return waiting | {self.book.qubit_of(n) for n, e in changes.items() if self._new(n, e)}

    def _new(self, name: str, found: Estimate) -> bool:
        qubit = self.book.qubit_of(name)
        pulse = self.book.get(f"{qubit}.{PROOF}")
        if pulse is None or pulse.run is None:
            return True
        old = self.book.get(name)
        if name != f"{qubit}.{LINE}" or old is None or old.run is None:
            return False
        return abs(found.value - old.mean) > self.book.kind(name).step_of(old.mean)

    def keep(self, waits: Mapping[str, Estimate]) -> list[str]:
        """Take in what waits; return the qubits that must be driven for it, anew where they were.

        The loop believes what is kept from now on: call this before the book is updated.
        """
        for name in waits:
            if name not in self._waiting and (belief := self.book.get(name)) is not None:
                self._before[name] = belief
        lines = [n for n, e in waits.items() if n.endswith(f".{LINE}") and self._another(n, e)]
        self._waiting |= waits
        return [self.book.qubit_of(name) for name in lines]

    def _another(self, name: str, found: Estimate) -> bool:
        old = self._waiting.get(name)
        return old is None or abs(found.value - old.value) > self.book.kind(name).step_of(old.value)

    def waiting(self) -> dict[str, list[str]]:
        """Return the names of what waits, by qubit."""
        found: dict[str, list[str]] = {}
        for name in self._waiting:
            qubit = self.book.qubit_of(name)
            found.setdefault(qubit, []).append(self.book.relative_name(name))
        return found

    def drop(self, names: Iterable[str]) -> None:
        """Forget what waits under these names: it is stored, or somebody set it otherwise."""
        for name in names:
            self._waiting.pop(name, None)
            self._before.pop(name, None)
            self._silent.pop(name, None)

    def moved(self, by: timedelta) -> None:
        """Move the times of what waits where the clock was set back, as of what is stored."""
        if by < timedelta():
            self._waiting = {name: _moved(each, by) for name, each in self._waiting.items()}
            before = self._before.items()
            self._before = {name: replace(each, time=each.time + by) for name, each in before}

    def forget(self, qubit: str) -> None:
        """Forget all that waits of a qubit."""
        self.drop([name for name in self._waiting if self.book.qubit_of(name) == qubit])

    def refuted(self, fit: Fit, gives: Iterable[str]) -> str | None:
        """Return why the line of a qubit is not its own, once pulses there went unanswered.

        Flat traces count, and only those at this line. The book then holds what it held before the
        line was found, and that the line is none.
        """
        name = f"{fit.target}.{LINE}"
        silent = fit.verdict is not Verdict.ACCEPTED and fit.status == NO_ANSWER
        if not (silent and PROOF in gives and name in self._waiting):
            return None
        line, before = self._waiting[name], self._before[name]
        heard = self._silent.setdefault(name, [])
        heard.append(line.value)
        step = self.book.kind(name).step_of(line.value)
        if sum(abs(at - line.value) <= step for at in heard) < TRIES:
            return None
        self.book.refute(fit.target, line.value, before)
        self.drop([name])
        at = show(line.value, line.unit, line.stderr)
        return f"the line at {at} ({line.run}) answers to no pulse: it is not the qubit's"

    def exhausted(self, qubit: str) -> bool:
        """Say whether so many lines of a qubit were none that it is left alone."""
        return len(self.book.refuted(qubit)) >= MOST


def _moved(estimate: Estimate, by: timedelta) -> Estimate:
    until = estimate.valid_until
    ends = None if until is None else until + by
    return replace(estimate, time=estimate.time + by, valid_until=ends)


def with_run(estimates: Mapping[str, Estimate], run: str) -> Estimates:
    """Return estimates that name their run; those that name an earlier one keep it."""
    return {name: e if e.run else replace(e, run=run) for name, e in estimates.items()}
