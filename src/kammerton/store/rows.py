"""What the store hands out: frozen values, times aware and in UTC."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from kammerton.model import Estimate, Fit, Verdict
from kammerton.model.quantity import show

_START = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)

DIGITS = 18
"""Of a number that every database can be asked for."""


def micros(time: datetime) -> int:
    """Return an aware time as integer microseconds since 1970, UTC."""
    return (time - _START) // _MICROSECOND


def moment(micros: int) -> datetime:
    """Return the aware UTC time of integer microseconds since 1970."""
    return _START + micros * _MICROSECOND


def run_name(number: int) -> str:
    """Return a run's identifier, e.g. 17 -> "r000017"."""
    return f"r{number:06d}"


def run_number(name: str) -> int | None:
    """Return the number of a run's identifier, or None when it is no such identifier."""
    digits = name.removeprefix("r")
    known = name != digits and digits.isascii() and digits.isdigit() and len(digits) <= DIGITS
    return int(digits) if known else None


@dataclass(frozen=True)
class Commit:
    """What a commit made: the run's identifier, and the revision when parameters changed."""

    run_id: str
    revision: int | None


@dataclass(frozen=True)
class Change:
    """One parameter as one revision left it."""

    name: str
    revision: int
    estimate: Estimate


@dataclass(frozen=True)
class Doubt:
    """What a run measured is believed with this sigma only, in the parameter's unit, and why."""

    run: str
    sigma: float
    why: str


@dataclass(frozen=True)
class Doubted:
    """The widest sigma that a present value is believed with, why it was doubted last, and when."""

    sigma: float
    why: str
    since: datetime


@dataclass(frozen=True)
class Snapshot:
    """The whole parameter set of a computer at a revision (0: nothing measured yet)."""

    computer: str
    epoch: str
    revision: int
    parameters: Mapping[str, Change]


@dataclass(frozen=True, eq=False)
class StoredRun:
    """A run as the database holds it.

    fits: target -> fit without its curve; a number that was not finite reads as NaN.
    data: the netCDF file with traces and block means; None when nothing was measured.
    revision: what this run changed; None when it changed nothing. note: what lab.toml says beside
    every result; known to who reads beside a lab.toml.
    """

    id: str
    calibration: str
    started: datetime
    ended: datetime
    instrument_seconds: float
    program: str
    shots: int
    data: Path | None
    revision: int | None
    fits: Mapping[str, Fit]
    committed: datetime
    note: str = field(default="", compare=False)

    @property
    def targets(self) -> tuple[str, ...]:
        """Return the qubits of the run, in their order."""
        return tuple(self.fits)

    @property
    def picture(self) -> Path | None:
        """Return the picture beside the data file, when there is one."""
        picture = self.data.with_suffix(".png") if self.data else None
        return picture if picture and picture.exists() else None

    def __repr__(self) -> str:
        changed = f", revision {self.revision}" if self.revision is not None else ""
        lines = [f"{self.id} {self.calibration}, {self.ended:%Y-%m-%d %H:%M:%S} UTC{changed}"]
        for target, fit in self.fits.items():
            lines.append(f"{target}: {fit.said()}")
            if fit.verdict is Verdict.ACCEPTED:
                lines += [f"  {n} = {show(v.value, v.unit, v.stderr)}"
                          for n, v in fit.values.items()]  # fmt: skip
        if self.data:
            lines.append(f"data {self.data}")
        return "\n".join([*lines, *filter(None, [self.note])])


@dataclass(frozen=True)
class Handover:
    """One row of the outbox: a run or a revert, and what it changed, still to be published.

    run: None for a revert. revision: None for a run that changed nothing.
    """

    number: int
    run: StoredRun | None
    revision: int | None
    changes: tuple[Change, ...]


@dataclass(frozen=True)
class Revision:
    """An atomic change of the parameter set: made by a run, or by going back.

    reverts: the revision whose values came back. after: the last run committed before, or its own.
    committed: wall time; only numbers order. names: the parameters that it changed.
    """

    number: int
    run: str | None
    reverts: int | None
    after: str | None
    committed: datetime
    who: str | None
    why: str | None
    names: tuple[str, ...] = ()


@dataclass(frozen=True)
class Lease:
    """Hands off: the loop leaves `scope` alone until it is released, or `until` has passed."""

    number: int
    scope: str
    owner: str
    why: str
    since: datetime
    until: datetime | None


@dataclass(frozen=True)
class GivenBack:
    """A hold that is over. older: present values, by full name: all were measured before its end.

    owner: who had it in hand. note: what the audit log calls it once all of them are doubted.
    """

    scope: str
    owner: str
    why: str
    older: frozenset[str]
    note: str


@dataclass(frozen=True)
class Attempt:
    """A calibration that has begun. outcome: None while it runs; "aborted" when its process died.

    again: the aborted attempt that this one repeats.
    """

    number: int
    calibration: str
    targets: tuple[str, ...]
    again: int | None
    started: datetime
    ended: datetime | None
    outcome: str | None


@dataclass(frozen=True)
class AuditRow:
    """Who changed what, from what, to what, and why; chained by `hash` to the row before."""

    number: int
    time: datetime
    who: str
    what: str
    old: str
    new: str
    why: str
    hash: str


SAFE = "safe mode: "
ALL_OFF = "all outputs are off"
NONE_LEFT_ON = "no instrument was touched, and no daemon left one on"
"""What safe mode says that has read nothing: what a hand has switched on since nobody knows."""

HANDS_OFF = "hands off: "

SETTLED = re.compile(
    r"hands off: .*; outputs were off at [-\d: ]+ UTC, when the daemon let go of them|"
    r"hands off: .*; outputs are as they were: no daemon has switched any on|"
    r"safe mode: all outputs are off; .*",
    re.DOTALL,
)
"""What a daemon that drives nothing any more says where outputs were off when it let go of them. A
person's words stand in it, too: these count for nothing."""


@dataclass(frozen=True)
class Activity:
    """What the daemon said last: its present work (None: idle), its process, and when.

    past: another process has opened the database for writing since. held: a person's hold of the
    whole computer, that stood then, has stood ever since.
    """

    what: str | None
    pid: int
    time: datetime
    past: bool = False
    held: bool = False

    @property
    def doubtful(self) -> bool:
        """Whether outputs may be on where its process has ended without a word after that."""
        if self.what is None or self.let_go:
            return False
        return not self.what.startswith((SAFE + ALL_OFF, SAFE + NONE_LEFT_ON))

    @property
    def let_go(self) -> str:
        """Say that outputs were off, and when, where no process can have driven any since; or "".

        As long as the computer is held no process leaves what it waits in.
        """
        what = self.what or ""
        settled = self.held and what.startswith(HANDS_OFF) and SETTLED.fullmatch(what)
        return what.rpartition("; ")[2] if settled else ""

    @property
    def caution(self) -> str:
        """Return what is to be said where its process has ended without a word."""
        left = f"process {self.pid} did not switch them off ({self.what})"
        return f"CAUTION: outputs may be on, {left}"
