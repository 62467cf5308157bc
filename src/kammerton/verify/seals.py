"""What was stored is what is there: each commit, and each lot of doubts, carries a hash.

Of the same canonical text as the code that writes it, made by code of its own: SHA-256 of a JSON
list without spaces in ASCII, numbers with a point in hexadecimal, rows in the order of their text.
"""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from kammerton.verify.report import Query, Tell, silent

PAGE = 1_000
"""Seals whose content is in memory at once."""

SAID_EVERY = 100_000

PARTS = {
    "run": (
        "run.number, calibration, started, ended, instrument_seconds, program, shots, data, "
        "committed FROM run JOIN seal ON seal.run = run.number",
        "target, position, kind, verdict, status, reason, chi2_reduced, window_times, "
        "shots_times, centre_on, extend_window_to, axis FROM fit JOIN seal ON seal.run = fit.run",
        "target, name, position, value, stderr, unit "
        "FROM fitted JOIN seal ON seal.run = fitted.run",
    ),
    "revision": (
        "revision.number, revision.run, reverts, committed, who, why "
        "FROM revision JOIN seal ON seal.revision = revision.number",
        "name, value, stderr, unit, time, valid_until, change.run "
        "FROM change JOIN seal ON seal.revision = change.revision",
    ),
    "doubt": (
        "doubt.number, name, doubt.revision, sigma, time, why FROM doubt JOIN seal ON seal.doubt = "
        "(SELECT min(next.doubt) FROM seal AS next WHERE next.doubt >= doubt.number)",
    ),
}
"""What belongs to a seal of each kind, in this order, as a SELECT goes on after its number."""

Content = Mapping[int, Sequence[Sequence[Any]]]
"""Rows by the number of their seal."""


def content_is_as_stored(query: Query, tell: Tell = silent) -> Iterator[str]:
    """Every run, revision and doubt is sealed, and is what it was when it was."""
    yield from _unsealed(query)
    before, place, doubts = None, 0, 0
    while page := query(
        "SELECT number, run, revision, doubt, previous, hash FROM seal "
        f"WHERE number > {place} ORDER BY number LIMIT {PAGE}"
    ):
        last = max((row[3] for row in page if isinstance(row[3], int)), default=doubts)
        content = _content(query, (page[0][0], page[-1][0]), (doubts, last))
        doubts = last
        for number, run, revision, doubt, previous, made in page:
            place += 1
            if number != place:
                yield f"seal {place} is missing: what was stored then, and later, is not looked at"
                return
            if before not in (None, previous):
                yield f"seal {number} does not follow the seal before it"
            if made != _hash([number, run, revision, doubt, previous], content):
                yield f"{_named(run, revision, doubt)} is not what was stored: damaged or changed"
            before = made
        if place % SAID_EVERY == 0:
            tell(f"the content of {place:,} commits was looked at")


def _unsealed(query: Query) -> Iterator[str]:
    for kind in ("run", "revision"):
        bare = query(
            f"SELECT number FROM {kind} WHERE NOT EXISTS "
            f"(SELECT 1 FROM seal WHERE seal.{kind} = {kind}.number) ORDER BY number LIMIT 10"
        )
        for (number,) in bare:
            yield f"{kind} {number} has no seal"
    ((last, sealed),) = query(
        "SELECT (SELECT max(number) FROM doubt), (SELECT max(doubt) FROM seal)"
    )
    if last != sealed:
        yield f"doubts up to {last} were stored, but those up to {sealed} are sealed"


def _content(
    query: Query, seals: tuple[int, int], doubts: tuple[int, int]
) -> Mapping[str, Sequence[Content]]:
    """Return the rows of each table by the number of their seal, for each kind of seal.

    seals: the first and the last. doubts: the last before them, and their last.
    """
    where = {kind: "seal.number BETWEEN {} AND {}".format(*seals) for kind in PARTS}
    where["doubt"] = "doubt.number > {} AND doubt.number <= {}".format(*doubts)
    return {
        kind: [_by_seal(query, f"{part} WHERE {where[kind]}") for part in parts]
        for kind, parts in PARTS.items()
    }


def _by_seal(query: Query, rest: str) -> Content:
    rows: dict[int, list[list[Any]]] = defaultdict(list)
    for number, *row in query(f"SELECT seal.number, {rest}"):
        rows[number].append([x.hex() if isinstance(x, float) else x for x in row])
    for each in rows.values():
        each.sort(key=lambda row: [str(x) for x in row])
    return rows


def _hash(seal: list[Any], content: Mapping[str, Sequence[Content]]) -> str:
    number, run, revision, doubt, _ = seal
    there = {"run": run, "revision": revision, "doubt": doubt}
    parts = [
        part.get(number, [])
        for kind, parts in content.items()
        if there[kind] is not None
        for part in parts
    ]
    said = json.dumps([*seal, parts], separators=(",", ":"), default=repr)
    return hashlib.sha256(said.encode("ascii")).hexdigest()


def _named(run: int | None, revision: int | None, doubt: int | None) -> str:
    """Return what a seal is of, e.g. "run 17 with revision 12"."""
    said = {"run": run, "revision": revision, "what was doubted, up to doubt": doubt}
    return " with ".join(f"{kind} {n}" for kind, n in said.items() if n is not None)
