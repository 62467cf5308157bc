"""A measurement that knows less than what is believed already."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from kammerton.loop.beliefs import BeliefBook
from kammerton.model import Estimate
from kammerton.model.quantity import show

log = logging.getLogger(__name__)

MUCH = 3.0
"""How many times the error of what is believed a result's error must be to change nothing.

Its weight in a mean of the two is a tenth at most: the mean would be known 5 % better, and would
be of two runs. What is published is of one run, with its data, its fit and its picture.
"""

UNASKED = 0.8
"""Tolerances below which a belief is no reason to measure: what is planned was for something else.

A Ramsey that is planned for f01 may end before its envelope does, as where f01 is in doubt and the
points must be dense; its T2* is known to its own size then. What is nearer to the tolerance gives
way also to less, for else the same would be planned again at once.
"""


def coarser(
    book: BeliefBook, results: Mapping[str, Estimate], *, asked: bool = True
) -> frozenset[str]:
    """Return the names of those results that agree with an unexpired, much finer belief.

    Whether they agree was judged before: what is far is a surprise. asked: by a person, and not
    planned.
    """
    limit = 1.0 if asked else UNASKED
    found = {name for name, new in results.items() if _coarser(book, name, new, limit)}
    for name in sorted(found):
        log.info("%s", stays(book, name, results[name]))
    # a setting follows what it was made from
    kept = {_element(n) for n, e in results.items() if e.stderr > 0 and n not in found}
    gone = {_element(n) for n in found} - kept
    known = {n for n in results if (held := book.get(n)) is not None and held.run is not None}
    found |= {n for n in known if results[n].stderr == 0 and _element(n) in gone}
    return frozenset(found)


def stays(book: BeliefBook, name: str, new: Estimate) -> str:
    """Say that what is believed stays, since a result knows less."""
    old = book[name]
    believed = show(old.mean, new.unit, old.stderr)
    found = show(new.value, new.unit, new.stderr)
    return f"{name}: {found} agrees with {believed}, which is finer and stays"


def _element(name: str) -> str:
    return name.partition(".")[0]


def _coarser(book: BeliefBook, name: str, new: Estimate, limit: float) -> bool:
    old = book.get(name)
    if old is None or old.run is None:
        return False
    sigma = old.sigma_at(new.time)
    fine = sigma < limit * book.kind(name).tolerance_of(old.mean)
    return fine and new.stderr > MUCH * sigma > 0
