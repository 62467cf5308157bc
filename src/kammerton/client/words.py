"""Numbers and times as a person reads them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from kammerton.lab.nearest import nearest
from kammerton.model import Belief, Estimate
from kammerton.model.parameter import BY_NAME
from kammerton.model.quantity import show
from kammerton.model.span import aged, duration

if TYPE_CHECKING:
    from kammerton.store.rows import Doubted, Revision

FEW = 3
"""Parameters that are named one by one."""

AHEAD = 5.0
"""s by which laboratory time runs ahead before that is said."""


COARSE = "coarse"
"""Of a value whose error was never within its tolerance: a line of spectroscopy, a first look."""


def is_coarse(estimate: Estimate) -> bool:
    """Say whether a value was known to less than its tolerance as it was measured."""
    return estimate.valid_until == estimate.time


def validity(until: datetime | None, now: datetime, time: datetime | None = None) -> str:
    """Return how long a value of `time` still serves, or since when it does not."""
    if until is None:
        return "no forecast"
    if until == time:
        return f"{COARSE}: not within its tolerance"
    if until < now:
        return f"expired {duration(now - until)} ago"
    return f"for {duration(until - now)}"


def forecasts(known: Mapping[str, Estimate]) -> list[str]:
    """Return what is to be known of how long values hold: what it rests on, and which is coarse."""
    said = []
    if any(each.valid_until for each in known.values()):
        said.append("how long a value holds is by an assumed drift, not learned from its history")
    if coarse := [name for name, each in sorted(known.items()) if is_coarse(each)]:
        verb, its = ("is", "its") if len(coarse) == 1 else ("are", "their")
        ramsey = all(name.endswith(".f01") for name in coarse)
        until = "until a Ramsey" if ramsey else "until measured again"
        said.append(f"{values(coarse)} {verb} {COARSE} {until}: not within {its} tolerance")
    return said


def ahead(now: datetime) -> str:
    """Return how far laboratory time `now` is ahead of the wall, as of a simulated laboratory.

    "" where it is not, but for moments.
    """
    from kammerton.store import clock

    span = now - clock.wall()
    return duration(span) if span.total_seconds() >= AHEAD else ""


WITHIN = "within tolerance"
"""What is said beside a doubt for which nothing is measured again."""


def _served(name: str, estimate: Estimate, now: datetime, doubted: Doubted | None) -> str:
    if doubted is None:
        return validity(estimate.valid_until, now, estimate.time)
    small = tolerable(name, estimate, doubted, now)
    return f"doubted, {WITHIN}" if small else "doubted"


def table(
    parameters: Mapping[str, Estimate], now: datetime, doubted: Mapping[str, Doubted]
) -> str:  # fmt: skip
    """Return parameters as aligned text: name, value, age, validity or doubt, run."""
    rows = [("parameter", "value", "age", "valid", "run")]
    rows += [
        (
            name,
            show(each.value, each.unit, each.stderr),
            aged(now - each.time),
            _served(name, each, now, doubted.get(name)),
            each.run,
        )
        for name, each in parameters.items()
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(5)]
    return "\n".join(
        "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )


def doubts(doubted: Mapping[str, Doubted], within: Collection[str] = ()) -> list[str]:
    """Say which values are doubted, each reason once, the latest last.

    within: which of them are believed to their tolerance still.
    """
    reasons: dict[tuple[str, bool], list[str]] = {}
    for name, each in sorted(doubted.items(), key=lambda item: (item[1].since, item[0])):
        reasons.setdefault((each.why, name in within), []).append(name)
    return [
        f"{values(names)} {'is' if len(names) == 1 else 'are'} doubted"
        f"{f', but {WITHIN},' if small else ''} since {_when(doubted, names)}: {why}"
        for (why, small), names in reasons.items()
    ]


def tolerable(name: str, estimate: Estimate, doubted: Doubted, now: datetime) -> bool:
    """Say whether a doubted value is believed to its tolerance still: it waits for its age."""
    kind = BY_NAME.get(name.partition(".")[2])
    if kind is None:
        return False
    sigma, drift = max(estimate.stderr, doubted.sigma), kind.drift_of(estimate.value)
    belief = Belief(estimate.value, sigma, estimate.time, drift)
    return belief.sigma_at(now) < kind.tolerance_of(estimate.value)


def values(names: Sequence[str]) -> str:
    """Return parameters by their full names; many as "12 values of q0, r0"."""
    if len(names) <= FEW:
        return ", ".join(names)
    elements = sorted({name.partition(".")[0] for name in names})
    return f"{len(names)} values of {', '.join(elements)}"


def by(revert: Revision) -> str:
    """Return who set something back, and why."""
    return f"by {revert.who}" + (f": {revert.why}" if revert.why else "")


def _when(doubted: Mapping[str, Doubted], names: list[str]) -> str:
    return f"{doubted[names[-1]].since:%Y-%m-%d %H:%M} UTC"


def meant(name: str, known: Iterable[str]) -> str:
    """Return the end of a message that names the nearest known name, or nothing."""
    found = nearest(name, known)
    return f'; did you mean "{found}"?' if found else ""
