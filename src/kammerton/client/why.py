"""What stands behind a value: its run, the verdict on the fit, and what it was before."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from kammerton.client.words import WITHIN, ahead, by, tolerable, validity
from kammerton.model import Estimate, Fit
from kammerton.model.parameter import LEFT_OUT
from kammerton.model.quantity import show, two_digits
from kammerton.model.span import aged, ago
from kammerton.store import Change, ReadStore, StoredRun
from kammerton.store.laboratory_time import CLOCK, FRIDGE, NOBODY
from kammerton.store.rows import Doubted, Revision

WIDER = 1.03
"""Times the error of its fit above which the one of a value is another number."""

ASSUMED = ", by an assumed drift"
"""Of a forecast: no history of this parameter is behind it."""


@dataclass(frozen=True, eq=False)
class Why:
    """The evidence for one parameter.

    age: of laboratory time. fit: of the target that the value came from; None when the run has no
    single one. previous: earlier values, newest first. doubted: why it is to be measured again, and
    with what sigma it is believed meanwhile; None where it is not doubted. set_back: the revision
    in which this value came back; None where its run made it. ahead: how far laboratory
    time is ahead of this computer's; "" where it is not. returned: the revisions of earlier values
    in which they came back.
    """

    name: str
    estimate: Estimate
    revision: int
    age: timedelta
    run: StoredRun
    fit: Fit | None
    previous: tuple[Change, ...]
    doubted: Doubted | None = None
    set_back: Revision | None = None
    ahead: str = ""
    returned: frozenset[int] = frozenset()

    def expired(self, now: datetime) -> bool:
        """Return whether the forecast says that the value no longer serves."""
        until = self.estimate.valid_until
        return until is not None and until < now

    def lines(self) -> list[tuple[str, str]]:
        """Return label and words of each line: value, age, run, verdict, where the data are."""
        estimate, run = self.estimate, self.run
        lines = [
            (self.name, show(estimate.value, estimate.unit, estimate.stderr)),
            *self._of_the_fit(),
            *self._left_out(),
            ("age", self._aged()),
            ("valid", self._valid()),
            *self._doubts(),
            ("from", f"{run.calibration}, run {run.id}, revision {self.revision}"),
            *self._person(),
            *self._verdicts(),
            ("measured in", f"{run.instrument_seconds:.3g} s of instrument time"),
        ]
        places = ("data", run.data), ("picture", run.picture), ("note", estimate.note)
        return lines + [(label, str(place)) for label, place in places if place]

    def history(self) -> list[tuple[str, str]]:
        """Return label and words of each earlier value, newest first."""
        return [
            ("before" if place == 0 else "", self._was(each))
            for place, each in enumerate(self.previous)
        ]

    def __repr__(self) -> str:
        lines = [*self.lines(), *self.history()]
        width = max(len(label) for label, _ in lines)
        return "\n".join(f"{label:{width}}  {words}" for label, words in lines)

    @property
    def now(self) -> datetime:
        """Laboratory time as this was asked."""
        return self.estimate.time + self.age

    def _was(self, change: Change) -> str:
        old = change.estimate
        value = show(old.value, old.unit, old.stderr)
        how = f", by a revert in revision {change.revision}"
        returned = how if change.revision in self.returned else ""
        return f"{value}, {ago(self.now - old.time)}, {old.run}{returned}"

    def _aged(self) -> str:
        if not self.ahead:
            return aged(self.age)
        clock = f"of laboratory time, which is {self.ahead} ahead of this computer"
        return f"{aged(self.age)} {clock}"

    def _valid(self) -> str:
        until, time = self.estimate.valid_until, self.estimate.time
        said = validity(until, self.now, time)
        return f"{said}{ASSUMED}" if until is not None and until > max(time, self.now) else said

    def _person(self) -> list[tuple[str, str]]:
        back = self.set_back
        if back is None:
            return []
        if back.who == CLOCK:
            return [("moved", f"its time, {by(back)}")]
        if back.who == FRIDGE:
            return [("ended", f"what held of it, {by(back)}")]
        when = f"{back.committed:%Y-%m-%d %H:%M} UTC"
        return [
            (
                "set back",
                f"by a revert to what it was at revision {back.reverts}, {when}, {by(back)}",
            )
        ]

    def _of_the_fit(self) -> list[tuple[str, str]]:
        """Say what the fit says alone, as its picture shows it, where drift makes it more."""
        own = self.fit.values.get(self.name.rpartition(".")[2]) if self.fit else None
        if own is None or not 0 < WIDER * own.stderr < self.estimate.stderr:
            return []
        drift = "the rest is what it may drift while it is measured"
        return [("by the fit", f"± {two_digits(own.stderr, self.estimate.unit)}; {drift}")]

    def _left_out(self) -> list[tuple[str, str]]:
        words = LEFT_OUT.get(self.name.rpartition(".")[2])
        return [("left out", words)] if words else []

    def _doubts(self) -> list[tuple[str, str]]:
        if self.doubted is None:
            return []
        believed = f"believed to ± {two_digits(self.doubted.sigma, self.estimate.unit)} only"
        if tolerable(self.name, self.estimate, self.doubted, self.now):
            believed += f" ({WITHIN})"
        since = f"{self.doubted.since:%Y-%m-%d %H:%M} UTC"
        return [("doubted", f"{believed}, since {since}: {self.doubted.why}")]

    def _verdicts(self) -> list[tuple[str, str]]:
        if self.fit is None:
            return [(f"verdict {target}", fit.said()) for target, fit in self.run.fits.items()]
        return [("verdict", self.fit.said()), ("reduced chi²", f"{self.fit.chi2_reduced:.3g}")]


def explain(store: ReadStore, name: str, previous: int = 5, note: str = "") -> Why:
    """Return the evidence for a parameter. note: what is said beside every result.

    Raises
    ------
    KeyError
        The parameter was never measured.
    """
    history = store.history(name, previous + 1)
    if not history:
        raise KeyError(name)
    newest, *older = history
    estimate = replace(newest.estimate, note=note)
    run = replace(store.run(estimate.run), note=note)
    fit = _fit_behind(run, name, estimate)
    now, doubted = store.now(), store.doubted().get(name)
    return Why(
        name, estimate, newest.revision, now - estimate.time, run, fit, tuple(older), doubted,
        store.set_back(newest.revision), ahead(now),
        frozenset(each.revision for each in older if _is_returned(store, each)),
    )  # fmt: skip


def _is_returned(store: ReadStore, change: Change) -> bool:
    back = store.set_back(change.revision)
    return back is not None and back.who not in NOBODY


def _fit_behind(run: StoredRun, name: str, estimate: Estimate) -> Fit | None:
    """Return the qubit's own fit, the fit that holds this very number, or the only one."""
    element = name.split(".")[0]
    if element in run.fits:
        return run.fits[element]
    holding = [fit for fit in run.fits.values() if _holds(fit, estimate.value)]
    candidates = holding or list(run.fits.values())
    return candidates[0] if len(candidates) == 1 else None


def _holds(fit: Fit, number: float) -> bool:
    return any(value.value == number for value in fit.values.values())
