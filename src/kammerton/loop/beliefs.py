"""The book of beliefs: one for every parameter of the computer."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from kammerton.bench.guard import COMPUTER
from kammerton.lab import Design, Lab, QubitEntry, ResonatorEntry
from kammerton.model import Belief, Effort, Estimate, ParameterKind, Target, kind_of
from kammerton.program.schedule import reach_of

AGAIN = 2.0
"""Tolerances that a belief is widened to which is to be measured again."""


class BeliefBook:
    """What is held about every parameter, at first from lab.toml, then from measurements."""

    def __init__(self, lab: Lab, now: datetime) -> None:
        self._lab = lab
        self._start = now
        self._beliefs: dict[str, Belief] = {}
        for element, name, design in _designs(lab):
            self._beliefs[f"{element}.{name}"] = self._designed(f"{element}.{name}", design)
        self._designs = dict(self._beliefs)
        self._refuted: dict[str, tuple[float, ...]] = {}
        self._older: dict[str, datetime] = {}
        self._doubted: dict[str, Belief] = {}

    def _designed(self, full_name: str, design: Design) -> Belief:
        drift = self.kind(full_name).drift_of(design.value)
        return Belief(design.value, design.tolerance, self._start, drift)

    def kind(self, full_name: str) -> ParameterKind:
        """Return the kind of a parameter by its full name, e.g. "q3.f01"."""
        return kind_of(full_name, frozenset(self._lab.resonators))

    def __getitem__(self, full_name: str) -> Belief:
        return self._beliefs[full_name]

    def get(self, full_name: str) -> Belief | None:
        """Return a belief, or None where nothing at all is known."""
        return self._beliefs.get(full_name)

    def update(self, estimates: Mapping[str, Estimate]) -> None:
        """Take over measured estimates, by full name."""
        for name, e in estimates.items():
            drift = self.kind(name).drift_of(e.value)
            self._beliefs[name] = Belief(e.value, e.stderr, e.time, drift, e.run, e.stderr)

    def after(self, time: datetime) -> list[str]:
        """Return what was measured later than a time, if one believes its own."""
        return [n for n, b in self._beliefs.items() if b.run is not None and b.time > time]

    def moved(self, by: timedelta) -> None:
        """Move times by what the clock was set by; forward not those of what was measured."""
        back = by < timedelta()
        for beliefs in (self._beliefs, self._designs):
            for name, belief in beliefs.items():
                if back or belief.run is None:
                    beliefs[name] = replace(belief, time=belief.time + by)
        if back:
            self._older = {qubit: time + by for qubit, time in self._older.items()}

    def stale(self, elements: Collection[str], now: datetime) -> list[str]:
        """Return what was measured of elements and is not known to its tolerance any more."""
        return sorted(
            name
            for name, belief in self._beliefs.items()
            if name.split(".", 1)[0] in elements
            and belief.run is not None
            and belief.sigma_at(now) >= self.kind(name).tolerance_of(belief.mean)
        )

    def again(self, full_name: str, estimate: Estimate) -> float:
        """Return the sigma with which a value is worth measuring again; 0 of a setting."""
        if not estimate.stderr:
            return 0.0
        return AGAIN * max(self.kind(full_name).tolerance_of(estimate.value), 2 * estimate.stderr)

    def doubt(
        self, full_names: Iterable[str], times: float, now: datetime, least: float = 0.0
    ) -> None:
        """Widen beliefs: at least `times` their sigma of now, never past the design's.

        Where there is none, never past the value itself: what is doubted again and again, and
        never measured, is not known at all by then. least: tolerances that it is at least widened
        to, whatever the design says, so that it is worth measuring again; a setting, which has no
        sigma, follows what it was made from.
        """
        for name in full_names:
            belief = self._beliefs.get(name)
            if belief is not None:
                design = self._designs.get(name)
                tolerance, sigma = self.kind(name).tolerance_of(belief.mean), belief.sigma_at(now)
                limit = design.sigma if design else max(abs(belief.mean), 2 * tolerance)  # near 0
                again = least * max(tolerance, 2 * belief.stderr) if sigma > 0 else 0.0
                self.widen(name, max(again, min(times * sigma, max(limit, belief.sigma))))

    def doubt_what_uses(
        self,
        instruments: Collection[str | None],
        times: float,
        now: datetime,
        already: Collection[str | None] = (),
    ) -> None:
        """Widen what rests on instruments; all of it is worth measuring again then.

        However well it was known. already: instruments for which that was done.
        """
        self.doubt(self.resting_on(instruments, already), times, now, least=AGAIN)

    def resting_on(
        self, instruments: Collection[str | None], already: Collection[str | None] = ()
    ) -> list[str]:
        """Return what is believed of every qubit whose drive or readout one of these makes.

        What makes neither (a bias: its flux reaches them all) is taken for one that every qubit
        uses. already: what one of these makes is left out.
        """
        found = list[str]()
        used = {qubit.name: self._used(qubit) for qubit in self._lab.qubits.values()}
        on_lines = {name for names in used.values() for name in names}
        of_all = {*instruments} - {*already} - on_lines - {None}
        for qubit in self._lab.qubits.values():
            mine = used[qubit.name] | of_all
            if not mine.isdisjoint(instruments) and mine.isdisjoint(already):
                found += self._of_qubit(qubit)
        return found

    def resting_on_scope(self, scope: str) -> list[str]:
        """Return what is believed of all that a hold of `scope` took out of the daemon's hands."""
        if scope in self._lab.instruments:
            return self.resting_on({scope})
        if scope == COMPUTER:
            return list(self._beliefs)
        qubits = [q for q in self._lab.qubits.values() if scope in (q.name, q.resonator)]
        return [name for qubit in qubits for name in self._of_qubit(qubit)]

    def _of_qubit(self, qubit: QubitEntry) -> list[str]:
        elements = (qubit.name, qubit.resonator)
        return [name for name in self._beliefs if name.split(".", 1)[0] in elements]

    def _used(self, qubit: QubitEntry) -> set[str | None]:
        """Return the instruments that make a qubit's drive and readout."""
        feedline = self._lab.feedlines[self._lab.resonators[qubit.resonator].feedline]
        lines = (qubit.drive, feedline.line)
        used: set[str | None] = {c.instrument for line in lines for c in (line.i, line.q)}
        return used.union({line.source for line in lines}, {feedline.digitizer})

    def widen(self, full_name: str, sigma: float) -> None:
        """Doubt a belief by at least this much, whatever the design says."""
        self._remember(full_name, sigma)
        self._beliefs[full_name] = self._beliefs[full_name].doubted(sigma)

    def _remember(self, full_name: str, sigma: float) -> None:
        belief = self._beliefs[full_name]
        if belief.run is not None and belief.sigma < sigma:
            self._doubted[full_name] = belief.doubted(sigma)

    def doubted(self) -> dict[str, Belief]:
        """Return what was doubted of measured values since this was last asked, by full name."""
        found, self._doubted = self._doubted, {}
        return found

    def recall(self, doubts: Mapping[str, float]) -> None:
        """Take over doubts that are stored: sigmas by full name."""
        for name, sigma in doubts.items():
            self._beliefs[name] = self._beliefs[name].doubted(sigma)

    def expire(self, known: Mapping[str, Estimate], now: datetime) -> None:
        """Believe no better than its tolerance what holds no longer by the forecast it has.

        Nobody takes it for good any more, though drift is less than was thought when it was made.
        """
        for name, estimate in known.items():
            belief, until = self._beliefs.get(name), estimate.valid_until
            if belief is None or belief.run != estimate.run or until is None or until > now:
                continue
            tolerance = self.kind(name).tolerance_of(belief.mean)
            if 0 < belief.sigma_at(now) < tolerance:
                self._beliefs[name] = belief.doubted(tolerance)

    def back_to_design(self, qubit: str) -> None:
        """Forget what was measured of a qubit and its resonator, for a fresh start."""
        mine = (qubit, self._lab.qubits[qubit].resonator)
        self._refuted.pop(qubit, None)
        for name, belief in self._designs.items():
            if name.split(".", 1)[0] in mine:
                self._remember(name, belief.sigma)
                self._beliefs[name] = belief

    def refute(self, qubit: str, line: float, before: Belief) -> None:
        """Believe of f01 what was believed before, and that a line (Hz) is not the qubit's."""
        self._beliefs[f"{qubit}.f01"] = before
        self._older[qubit] = before.time
        self._refuted[qubit] = (*self.refuted(qubit), line)

    def proved(self, qubit: str) -> None:
        """Forget the lines that were none, once a line found since then answered to a pulse."""
        if self.refuted(qubit) and self[f"{qubit}.f01"].time > self._older[qubit]:
            del self._refuted[qubit]

    def refuted(self, qubit: str) -> tuple[float, ...]:
        """Return the lines, Hz, that are known not to be the qubit's."""
        return self._refuted.get(qubit, ())

    def qubit_of(self, full_name: str) -> str:
        """Return the qubit that a parameter belongs to, also that of its resonator."""
        element = full_name.split(".", 1)[0]
        return next(q.name for q in self._lab.qubits.values() if element in (q.name, q.resonator))

    def full_name(self, qubit: str, relative: str) -> str:
        """Return the full name of a name relative to a qubit: "r.frequency" -> "r0.frequency"."""
        if relative.startswith("r."):
            return f"{self._lab.qubits[qubit].resonator}.{relative[2:]}"
        return f"{qubit}.{relative}"

    def relative_name(self, full_name: str) -> str:
        """Return a full name relative to its qubit: "r0.frequency" -> "r.frequency"."""
        element, name = full_name.split(".", 1)
        return f"r.{name}" if element in self._lab.resonators else name

    def target(self, qubit: str, now: datetime, effort: Effort) -> Target:
        """Return a qubit as a calibration sees it now."""
        entry = self._lab.qubits[qubit]
        mine = {
            self.relative_name(name): belief
            for name, belief in self._beliefs.items()
            if name.split(".", 1)[0] in (qubit, entry.resonator)
        }
        return Target(
            qubit,
            entry.resonator,
            mine,
            {name: belief.sigma_at(now) for name, belief in mine.items()},
            self._lab.pi_pulse.length,
            self._lab.pi_pulse.sigma,
            self._lab.readout.length,
            self._lab.readout.reset,
            self._max_volts(qubit),
            effort,
            self.refuted(qubit),
            reach_of(entry.drive, self._lab.sample_rate),
        )

    def _max_volts(self, qubit: str) -> float:
        drive = self._lab.qubits[qubit].drive
        limits = [
            self._lab.instruments[c.instrument].limits.get("volts") for c in (drive.i, drive.q)
        ]
        return min((min(-x.minimum, x.maximum) for x in limits if x), default=0.0)


def _designs(lab: Lab) -> Iterable[tuple[str, str, Design]]:
    elements: list[QubitEntry | ResonatorEntry] = [*lab.qubits.values(), *lab.resonators.values()]
    for element in elements:
        for name, design in element.design.items():
            yield element.name, name, design
