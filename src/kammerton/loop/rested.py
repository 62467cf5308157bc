"""What rests on what: a need that moved, one that others rest on, one to be sure of at last."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime

from kammerton.loop.beliefs import AGAIN, BeliefBook
from kammerton.model import Calibration, Estimate, Need

OF_THE_TRACE = {"stray point", "stuck data", "saturated"}
"""Statuses that blame what recorded a trace, and nothing that it rests on."""


def rested_on_another(
    book: BeliefBook, calibrations: Iterable[Calibration], estimates: Mapping[str, Estimate]
) -> set[str]:
    """Return what was measured with a need that has moved since by more than is allowed.

    A pi pulse that was measured three megahertz beside its qubit is a few sigma too weak.
    estimates: by full name, not in the book yet.
    """
    rested, known = set[str](), tuple(calibrations)
    for name, new in estimates.items():
        old = book.get(name)
        if old is None or old.run is None or new.stderr == 0:
            continue
        qubit, far = book.qubit_of(name), abs(new.value - old.mean)
        for each in known:
            mine = [n for n in each.needs if n.parameter == book.relative_name(name)]
            if any(far > need.within_of(old.mean) for need in mine):
                rested |= {book.full_name(qubit, give.parameter) for give in each.gives}
    return rested


def doubt_before_last_try(
    book: BeliefBook, calibration: Calibration, qubit: str, now: datetime
) -> None:
    """Have all that a calibration rests on measured again.

    However well it was known, and however many tries asked for shots only. Never past the design's
    doubt, from which everything can be found: else a search could not be tried any more.
    """
    for need in calibration.needs:
        _doubt_beyond(book, need, qubit, now)


def doubt_the_ground(
    book: BeliefBook,
    calibrations: Collection[Calibration],
    names: Collection[str],
    qubit: str,
    now: datetime,
) -> None:
    """Have that measured first which doubtful parameters of a qubit are measured with.

    Else a pi amplitude that is doubted is measured at once, three megahertz beside its qubit, and
    published, before anything looks for the qubit. What refines its own need (a Ramsey fringe)
    finds nothing that has moved; what nothing else rests on may itself be what has changed.
    names: relative to the qubit.
    """
    used = {need.parameter for each in calibrations for need in each.needs}
    doubted = used.intersection(names)
    for each in calibrations:
        gives, needs = {g.parameter for g in each.gives}, {n.parameter for n in each.needs}
        if gives & doubted and not gives & needs:
            for need in each.needs:
                _doubt_beyond(book, need, qubit, now)


def _doubt_beyond(book: BeliefBook, need: Need, qubit: str, now: datetime) -> None:
    """Doubt what was measured by more than a need allows: it is measured before it is needed."""
    name = book.full_name(qubit, need.parameter)
    belief = book.get(name)
    if belief is not None and belief.run is not None and belief.sigma > 0:
        times = AGAIN * need.within_of(belief.mean) / belief.sigma_at(now)
        book.doubt([name], times, now)
