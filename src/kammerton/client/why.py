"""What stands behind a value: its run, the verdict on the fit, and what it was before."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from kammerton.model import Estimate, Fit
from kammerton.store import Change, ReadStore, StoredRun


@dataclass(frozen=True, eq=False)
class Why:
    """The evidence for one parameter.

    age: of laboratory time. fit: of the target that the value came from; None when the run has no
    single one. previous: earlier values, newest first.
    """

    name: str
    estimate: Estimate
    revision: int
    age: timedelta
    run: StoredRun
    fit: Fit | None
    previous: tuple[Change, ...]

    def expired(self, now: datetime) -> bool:
        """Return whether the forecast says that the value no longer serves."""
        until = self.estimate.valid_until
        return until is not None and until < now


def explain(store: ReadStore, name: str, previous: int = 5) -> Why:
    """Return the evidence for a parameter.

    Raises
    ------
    KeyError
        The parameter was never measured.
    """
    history = store.history(name, previous + 1)
    if not history:
        raise KeyError(name)
    newest, *older = history
    run = store.run(newest.estimate.run)
    fit = _fit_behind(run, name, newest.estimate)
    age = store.now() - newest.estimate.time
    return Why(name, newest.estimate, newest.revision, age, run, fit, tuple(older))


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
