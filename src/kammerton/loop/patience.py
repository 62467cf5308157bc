"""How often something is tried again, when a target is parked, and when it gets another chance."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from kammerton.model import Effort, Fit, Verdict
from kammerton.model.alarm import Alarm, Tell, unheard
from kammerton.model.span import duration

TRIES = 4
HOURLY = 6
"""Tries of one calibration on one qubit that may fail within an hour of laboratory time."""
HOUR = timedelta(hours=1)
WIDEST, MOST_SHOTS = 8.0, 16.0
MINUTE = timedelta(minutes=1)
PAUSE = timedelta(minutes=10)  # of laboratory time; doubled each time the same target is parked
LONGEST_PAUSE = timedelta(hours=12)


@dataclass(frozen=True)
class Parked:
    """Why a target is left alone, until when (laboratory time), and what failed there."""

    reason: str
    until: datetime
    calibration: str = ""

    def words(self, now: datetime) -> str:
        """Return the reason, and how soon it is tried again."""
        left = math.ceil((self.until - now) / MINUTE)
        again = f"in {duration(left * MINUTE)}" if left > 0 else "next"
        return f"{self.reason} (tried again {again})"


@dataclass
class Patience:
    """Counts failures by calibration and target; knows the effort of the next try.

    alarm: hears of each target that is parked, and that it gets another chance. tried: when tries
    failed within the last hour; neither a pause nor another line to try takes them back.
    """

    failures: dict[tuple[str, str], int] = field(default_factory=dict)
    efforts: dict[tuple[str, str], Effort] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)
    parked: dict[str, Parked] = field(default_factory=dict)
    times: dict[str, int] = field(default_factory=dict)
    aside: dict[tuple[str, str], Parked] = field(default_factory=dict)
    tried: dict[tuple[str, str], list[datetime]] = field(default_factory=dict)
    alarm: Tell = unheard

    def set_aside(
        self, calibration: str, targets: Iterable[str], reason: str, now: datetime
    ) -> None:
        """Leave one calibration of some targets alone for a while; their others go on."""
        for target in targets:
            self.aside[calibration, target] = Parked(reason, now + PAUSE)

    def allows(self, calibration: str, target: str) -> bool:
        """Say whether a calibration may be tried on a target now."""
        return target not in self.parked and (calibration, target) not in self.aside

    def left_alone(self) -> dict[str, str]:
        """Return why something is left alone, by target, or by "calibration of target"."""
        aside = {f"{c} of {t}": parked.reason for (c, t), parked in self.aside.items()}
        return {name: parked.reason for name, parked in self.parked.items()} | aside

    def words(self, now: datetime) -> list[str]:
        """Say of all that is left alone why, and when it is tried again."""
        aside = {f"{c} of {t}": parked for (c, t), parked in self.aside.items()}
        alone = (self.parked | aside).items()
        return [f"{name} is parked: {parked.words(now)}" for name, parked in alone]

    def effort(self, calibration: str, target: str) -> Effort:
        """Return what to spend on the next try."""
        return self.efforts.get((calibration, target), Effort())

    def note(self, calibration: str, fit: Fit, now: datetime) -> int:
        """Take note of a verdict; return how many tries in a row have failed now."""
        key = (calibration, fit.target)
        if fit.verdict is Verdict.ACCEPTED:
            self.failures.pop(key, None)
            self.efforts.pop(key, None)
            self.reasons.pop(fit.target, None)
            self.tried.pop(key, None)
            self.aside.pop(key, None)  # it works where a person asked for it
            if fit.target in self.parked and self.parked[fit.target].calibration == calibration:
                self._free(fit.target)
            return 0
        self.failures[key] = self.failures.get(key, 0) + 1
        self.efforts[key] = _more(self.effort(*key), fit)
        self.reasons[fit.target] = f"{calibration}: {fit.reason}"
        if self.failures[key] >= TRIES:
            self.park(fit.target, self.reasons[fit.target], now, calibration)
        self._count(key, fit.reason, now)
        return self.failures[key]

    def _count(self, key: tuple[str, str], reason: str, now: datetime) -> None:
        """Leave one calibration of a target alone that has failed too often within an hour."""
        tried = self.tried[key] = [t for t in self.tried.get(key, ()) if now - t < HOUR] + [now]
        if len(tried) >= HOURLY:
            words = f"tried {len(tried)} times within the hour, last: {reason}"
            self.aside[key] = Parked(words, tried[-HOURLY] + HOUR)

    def anew(self, calibration: str, target: str) -> None:
        """Count the next try of a calibration as the first."""
        self.failures.pop((calibration, target), None)
        self.efforts.pop((calibration, target), None)

    def park(self, target: str, reason: str, now: datetime, calibration: str = "") -> None:
        """Leave a target alone for a while, longer each time, or until `calibration` works there.

        That is only tried meanwhile where a person asks for it.
        """
        times = self.times[target] = self.times.get(target, 0) + 1
        pause = min(PAUSE * 2 ** min(times - 1, 10), LONGEST_PAUSE)
        self.parked[target] = Parked(reason, now + pause, calibration)
        self.alarm(Alarm("target", target, f"{target} is parked: {reason}"))

    def forget(self) -> None:
        """Give all that is parked another chance: whatever was wrong may be another thing now."""
        for name in self.parked:
            self._released(name)
        self.parked.clear()

    def release(self, now: datetime) -> list[str]:
        """Return the targets that get another chance now, with a clean slate."""
        self.aside = {pair: p for pair, p in self.aside.items() if p.until > now}
        due = [name for name, parked in self.parked.items() if parked.until <= now]
        for name in due:
            self._free(name)
        return due

    def moved(self, by: timedelta) -> None:
        """Go on as long as before, though laboratory time was set by that much."""
        for parked in (self.parked, self.aside):
            later = {key: replace(each, until=each.until + by) for key, each in parked.items()}
            parked.update(later)  # type: ignore[arg-type]
        self.tried = {key: [each + by for each in times] for key, times in self.tried.items()}

    def _free(self, name: str) -> None:
        del self.parked[name]
        self._released(name)
        for key in [k for k in self.failures if k[1] == name]:
            del self.failures[key]
        for key in [k for k in self.efforts if k[1] == name]:
            del self.efforts[key]

    def _released(self, target: str) -> None:
        self.alarm(Alarm("target", target, f"{target} gets another chance", on=False))


def _more(effort: Effort, fit: Fit) -> Effort:
    advice = fit.advice
    window = effort.window * (advice.window_times or 1.0)
    shots = effort.shots * (advice.shots_times or (1.0 if advice.window_times else 2.0))
    return replace(
        effort,
        window=min(max(window, 1 / WIDEST), WIDEST),
        shots=min(max(shots, 1.0), MOST_SHOTS),
        centre=advice.centre_on if advice.centre_on is not None else effort.centre,
    )
