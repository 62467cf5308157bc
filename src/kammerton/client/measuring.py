"""Having the running daemon measure something next, and what came of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from kammerton.model import Estimate, Fit, NotMeasured, OutcomeUnknown, StoreError, Verdict
from kammerton.model.quantity import show
from kammerton.store import ReadStore, Store, StoredRun, errand

DRAWING = 5.0
"""Seconds that a picture may take after its run is stored."""


@dataclass(frozen=True, eq=False)
class Measured:
    """A run that was asked for.

    parameters: what is believed because of it, by full name; empty where the fit was not accepted,
    is so far from what was believed that it must be found again first, waits for a pulse that
    proves the qubit, or is much coarser than what is believed. picture: None where lab.toml wants
    none. why_withheld: which of these it was, in the daemon's words.
    """

    run: StoredRun
    target: str
    parameters: Mapping[str, Estimate]
    picture: Path | None
    why_withheld: str = ""

    @property
    def fit(self) -> Fit:
        """The fit of the target, with its verdict."""
        return self.run.fits[self.target]

    @property
    def accepted(self) -> bool:
        """Whether the verdict on the fit is that it can be believed."""
        return self.fit.verdict is Verdict.ACCEPTED

    @property
    def withheld(self) -> bool:
        """Whether an accepted fit replaces nothing: it surprises, waits, or knows less."""
        return self.accepted and not self.parameters

    def words(self) -> dict[str, str]:
        """Return what was found, by name; by the names of the fit where nothing is replaced."""
        believed = {n: show(e.value, e.unit, e.stderr) for n, e in self.parameters.items()}
        fitted = {n: show(v.value, v.unit, v.stderr) for n, v in self.fit.values.items()}
        return fitted if self.withheld else believed

    def __repr__(self) -> str:
        values = [f"{name} = {words}" for name, words in self.words().items()]
        said = f"{self.run.id} {self.run.calibration} of {self.target}: {self.fit.verdict}"
        head = f"{said}; {self.fit.reason}" if self.fit.reason else said
        return "\n".join([head, *values, *filter(None, [self.why_withheld, self.run.note])])


def measure(
    database: Path | str,
    target: str,
    calibration: str,
    shots: int | None = None,
    meanwhile: Callable[[ReadStore], object] = lambda store: None,
    note: str = "",
) -> Measured:
    """Have the daemon run one calibration of one qubit next, and wait for it.

    meanwhile: called with the database again and again. note: what is said beside every result.

    Raises
    ------
    NotMeasured
        No daemon runs; it refused (the message says why); or it did not answer.
    OutcomeUnknown
        It has not answered, and may measure it yet.
    StoreError
        It is measured and stored, and cannot be read now: the message says which run it is.
    """
    with _asking(database) as store:
        words = _asked(database, store, target, calibration, shots, meanwhile)
        run_id, _, why = words.partition("; ")
        try:
            return _read(store, run_id, target, why, note)
        except StoreError as problem:
            said = f"{run_id} is measured and stored, but cannot be read now: {problem}"
            raise StoreError(said) from problem
        except KeyboardInterrupt:
            raise KeyboardInterrupt(f"{run_id} is measured and stored (kammerton log)") from None


def _asking(database: Path | str) -> ReadStore:
    try:
        return Store.read(database)
    except StoreError as problem:
        raise NotMeasured(str(problem)) from None


def _asked(
    database: Path | str,
    store: ReadStore,
    target: str,
    calibration: str,
    shots: int | None,
    meanwhile: Callable[[ReadStore], object],
) -> str:
    """Ask for a run, and return the daemon's words once it is stored."""
    asked = {"target": target, "calibration": calibration}
    more = {} if shots is None else {"shots": shots}
    try:
        return errand(database, "measure", asked | more, meanwhile=lambda: meanwhile(store))
    except OutcomeUnknown:
        raise
    except StoreError as problem:
        raise NotMeasured(str(problem)) from None


def _read(store: ReadStore, run_id: str, target: str, why: str, note: str) -> Measured:
    run = replace(store.run(run_id), note=note)
    known = store.parameters().items()
    believed = {n: replace(e, note=note) for n, e in known if e.run == run_id}
    return Measured(run, target, believed, _picture(run, store.runs()), why)


def _picture(run: StoredRun, runs: Sequence[StoredRun]) -> Path | None:
    """Wait for the picture of a run, unless the runs before it have none."""
    others = [each for each in runs if each.id != run.id]
    wanted = not others or any(each.picture for each in others)
    end = time.monotonic() + (DRAWING if wanted else 0.0)
    while run.picture is None and run.data is not None and time.monotonic() < end:
        time.sleep(0.1)
    return run.picture
