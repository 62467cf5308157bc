"""What rests on what: a need that moved, or one that is to be sure before a last try."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from kammerton.loop.beliefs import AGAIN, BeliefBook
from kammerton.model import Calibration, Estimate


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
        name = book.full_name(qubit, need.parameter)
        belief = book.get(name)
        if belief is not None and belief.run is not None and belief.sigma > 0:
            times = AGAIN * need.within_of(belief.mean) / belief.sigma_at(now)
            book.doubt([name], times, now)
