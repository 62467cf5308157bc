"""What may enter the database: finite numbers, aware times, names of one grammar."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime

from kammerton.model import Estimate, Run, StoreError
from kammerton.model.parameter import ELEMENT
from kammerton.model.said import spelt


def parameter_name(name: str) -> str:
    """Return `name` when it is `element.parameter`, both of the one grammar of names."""
    element, dot, parameter = name.partition(".")
    if not (dot and ELEMENT.fullmatch(element) and ELEMENT.fullmatch(parameter)):
        raise StoreError(f"{name!r} is not a parameter name such as 'q0.f01'")
    return str(name)


def finite(value: float, of: str) -> float:
    """Return a plain finite float, whatever numeric type it came in."""
    number = float(value)
    if not math.isfinite(number):
        raise StoreError(f"{of} is {number}: only finite numbers are stored")
    return number


def aware(time: datetime, of: str) -> datetime:
    """Return `time` when it knows its offset from UTC."""
    if time.utcoffset() is None:
        raise StoreError(f"{of} has no time zone")
    return time


def plain(text: str) -> str:
    """Return text that any database can hold, and any terminal can show.

    Hostile text is data, not a reason to fail: what an instrument says stands in the log, too.
    """
    # PostgreSQL and HDF5 have no NUL.
    return spelt(str(text).encode("utf-8", "backslashreplace").decode().replace("\0", "\\0"))


def number_or_null(value: float | None) -> float | None:
    """Return a plain float, or None for what is not finite."""
    return None if value is None or not math.isfinite(value) else float(value)


def checked_changes(changes: Mapping[str, Estimate]) -> dict[str, Estimate]:
    """Return the changes with plain types; refuse what must not become a parameter.

    Raises
    ------
    StoreError
        A name outside the grammar, a number that is not finite, a negative standard error,
        a time without zone.
    """
    return {parameter_name(name): _checked(name, each) for name, each in changes.items()}


def _checked(name: str, estimate: Estimate) -> Estimate:
    stderr = finite(estimate.stderr, f"the standard error of {name}")
    if stderr < 0:
        raise StoreError(f"the standard error of {name} is negative: {stderr}")
    until = estimate.valid_until
    return Estimate(
        finite(estimate.value, name),
        stderr,
        plain(estimate.unit),
        aware(estimate.time, f"the time of {name}"),
        plain(estimate.run),
        None if until is None else aware(until, f"the end of validity of {name}"),
    )


def check_run(run: Run) -> None:
    """Refuse a run that is silent about a target, or whose times say nothing.

    Raises
    ------
    StoreError
        A target without a fit, a fit without a target, a time without zone, seconds not finite.
    """
    if set(run.fits) != set(run.targets):
        odd = ", ".join(sorted(set(run.fits) ^ set(run.targets)))
        raise StoreError(f"{run.calibration}: targets and fits differ in {odd}")
    aware(run.started, "the start of the run")
    aware(run.ended, "the end of the run")
    finite(run.instrument_seconds, "the run's instrument time")
