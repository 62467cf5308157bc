"""Entries of the audit log as they are read, and which of them are about a thing."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from itertools import islice
from typing import Any

from sqlalchemy import ColumnElement, Row, or_

from kammerton.store import schema
from kammerton.store.rows import AuditRow, moment


def audited(row: Row[Any]) -> AuditRow:
    """Return an entry as its row holds it."""
    return AuditRow(
        row.number, moment(row.time), row.who, row.what, row.old, row.new, row.why, row.hash
    )


def mentioning(names: Collection[str]) -> ColumnElement[bool]:
    """Return the condition of entries that hold one of these names, perhaps within a longer one."""
    columns = (schema.audit.c.what, schema.audit.c.why)
    return or_(*(column.contains(name, autoescape=True) for name in names for column in columns))


def about(rows: Iterable[Row[Any]], names: Collection[str], limit: int) -> Iterator[Row[Any]]:
    """Yield the first `limit` of those that are about one of these: q1, but not q10.

    An entry is about what it names as a word (`lease of q1`), was asked for (`target=q1`), or
    leads to (`qubits.q1.drive`); what else its reason tells of is not what was done.
    """
    alternatives = "|".join(re.escape(name) for name in names)
    word = re.compile(rf"(?<![A-Za-z0-9_])(?:{alternatives})(?![A-Za-z0-9_])")
    asked = re.compile(rf"(?<=[=,.])(?:{alternatives})(?![A-Za-z0-9_])")
    mine = (row for row in rows if word.search(row.what) or asked.search(row.why))
    return islice(mine, limit)
