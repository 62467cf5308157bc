"""The fits of runs, as they were stored."""

from __future__ import annotations

import math
from typing import Any

from sqlalchemy import Connection, Row, select

from kammerton.model import Advice, Fit, Value, Verdict
from kammerton.store import schema


def fits_of(connection: Connection, runs: list[int]) -> dict[int, dict[str, Fit]]:
    """Return the fits of runs by number, and by target, in the order of the targets."""
    values: dict[tuple[int, str], dict[str, Value]] = {}
    table = schema.fitted
    query = select(table).where(table.c.run.in_(runs)).order_by(table.c.position)
    for row in connection.execute(query):
        value = Value(_or_nan(row.value), _or_nan(row.stderr), row.unit)
        values.setdefault((row.run, row.target), {})[row.name] = value
    fits: dict[int, dict[str, Fit]] = {number: {} for number in runs}
    table = schema.fit
    query = select(table).where(table.c.run.in_(runs)).order_by(table.c.position)
    for row in connection.execute(query):
        fits[row.run][row.target] = _fit(row, values.get((row.run, row.target), {}))
    return fits


def _fit(row: Row[Any], values: dict[str, Value]) -> Fit:
    return Fit(
        row.kind,
        row.target,
        values,
        Verdict(row.verdict),
        row.status,
        row.reason,
        _or_nan(row.chi2_reduced),
        _advice(row),
    )


def _advice(row: Row[Any]) -> Advice:
    change = row.window_times, row.shots_times, row.centre_on, row.extend_window_to
    return Advice(*change, axis=row.axis or 0)


def _or_nan(value: float | None) -> float:
    return math.nan if value is None else value
