"""What keeps a qubit from being measured further: the calibration that fails on it, and why."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta

from kammerton.client.timeline import Entry, timeline
from kammerton.model import Fit, Verdict
from kammerton.model.alarm import CLOCK, PUBLISHING, STOPPED
from kammerton.model.span import duration
from kammerton.store import Attempt, ReadStore, StoredRun, clock

RECENT = timedelta(days=1)
LOOKED_AT = 200  # runs and attempts
REFUSED = "refused: "  # how the outcome of an attempt begins that the gate did not let pass
ABORTED = "aborted: "  # and of one during which an instrument failed
COMPLAINED = "has errors in its queue"  # what stays in the way until somebody looks


@dataclass(frozen=True)
class Hindrance:
    """A calibration that failed on a target, last time and `times` in a row.

    run: the last run; None where none came about. how: e.g. "rejected".
    """

    calibration: str
    target: str
    how: str
    reason: str
    run: str | None
    times: int = 1

    def __str__(self) -> str:
        often = f" {self.times} times in a row" if self.times > 1 else ""
        last = f", last in {self.run}" if self.times > 1 else f" in {self.run}"
        where = last if self.run else ""
        return f"{self.calibration} of {self.target} was {self.how}{often}{where}: {self.reason}"


def hindrances(store: ReadStore) -> dict[str, Hindrance]:
    """Return what failed last, by target; a calibration that has succeeded since is none."""
    newest: dict[tuple[str, str], Hindrance] = {}
    closed: set[tuple[str, str]] = set()
    for calibration, target, failure in _outcomes(timeline(store, LOOKED_AT)[::-1]):
        key = calibration, target
        if failure is None:
            closed.add(key)
        elif key in newest and key not in closed:
            newest[key] = replace(newest[key], times=newest[key].times + 1)
        elif key not in closed:
            newest[key] = failure
    return {each.target: each for each in reversed(newest.values())}


def publishing(store: ReadStore) -> str:
    """Say that an error that nobody foresaw ended publishing, until it goes on; else ""."""
    last = store.log(1, PUBLISHING)
    if not last or last[0].new != STOPPED:
        return ""
    since = f"{last[0].time:%Y-%m-%d %H:%M:%S} UTC"
    return f"publishing stopped at {since} and begins anew: {last[0].why}"


def clock_set(store: ReadStore) -> list[str]:
    """Say that this computer's clock is behind what is stored, or was set within the last day."""
    said = list[str]()
    if behind := store.clock_set_back():
        said.append(
            f"this computer's clock is {duration(behind)} behind what was stored last: it was, or "
            "is, wrong; how old the values are is not known before the daemon has followed it"
        )
    for last in store.log(1, CLOCK):
        if abs(clock.wall() - last.time) < RECENT:
            said.append(f"laboratory time went from {last.old} to {last.new}: {last.why}")
    return said


def _outcomes(entries: list[Entry]) -> Iterator[tuple[str, str, Hindrance | None]]:
    """Yield calibration, target and what failed; None where it succeeded."""
    for entry in entries:
        if isinstance(entry, StoredRun):
            for target, fit in entry.fits.items():
                yield entry.calibration, target, _failed(entry, fit)
        elif isinstance(entry, Attempt) and (failure := _not_run(entry.outcome or "")):
            for target in entry.targets:
                how, reason = failure
                yield (
                    entry.calibration,
                    target,
                    Hindrance(entry.calibration, target, how, reason, None),
                )


def _not_run(outcome: str) -> tuple[str, str] | None:
    """Return how an attempt ended that led to no run, and why, if that stands in the way."""
    if outcome.startswith(REFUSED):
        return "refused", outcome.removeprefix(REFUSED)
    if outcome.startswith(ABORTED) and COMPLAINED in outcome:
        return "aborted", outcome.removeprefix(ABORTED)
    return None


def _failed(run: StoredRun, fit: Fit) -> Hindrance | None:
    if fit.verdict is Verdict.ACCEPTED:
        return None
    why = ": ".join(words for words in (fit.status, fit.reason) if words)
    how = "rejected" if fit.verdict is Verdict.REJECTED else "not conclusive"
    return Hindrance(run.calibration, fit.target, how, why, run.id)
