"""A run and its changes as rows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, Table, delete, func, insert, select

from kammerton.model import Estimate, Fit, Overtaken, Run
from kammerton.store import clock, schema, seals
from kammerton.store.chain import link
from kammerton.store.checks import number_or_null, plain
from kammerton.store.rows import micros, run_number

Row = dict[str, Any]


def insert_run(connection: Connection, number: int, run: Run, data: str | None, now: int) -> None:
    """Insert a run with the fit of each target and the numbers fitted."""
    row = {
        "number": number,
        "calibration": plain(run.calibration),
        "started": micros(run.started),
        "ended": micros(run.ended),
        "instrument_seconds": float(run.instrument_seconds),
        "program": plain(run.program.name),
        "shots": int(run.program.shots),
        "data": data,
        "committed": now,
    }
    connection.execute(insert(schema.run).values(row))
    fits = [_fit(number, place, run.fits[name]) for place, name in enumerate(run.targets)]
    connection.execute(insert(schema.fit), fits)
    if values := [row for fit in run.fits.values() for row in _fitted(number, fit)]:
        connection.execute(insert(schema.fitted), values)


def demand_newest(connection: Connection, revision: int) -> None:
    """Raise Overtaken when there is a newer revision."""
    newest = next_number(connection, schema.revision) - 1
    if newest != revision:
        raise Overtaken(f"revision {newest} was made after revision {revision}, the last looked at")


def insert_changes(
    connection: Connection, run: int, changes: Mapping[str, Estimate], now: int
) -> int | None:
    """Insert the revision that a run made and renew the head; return its number, if any.

    A change that names an earlier run was found by that one, and waited.
    """
    if not changes:
        return None
    rows = [_change(run, name, each) for name, each in changes.items()]
    return insert_revision(connection, {"run": run}, rows, now)


def insert_revision(
    connection: Connection, made_by: Row, changes: list[Row], now: int | None = None
) -> int:
    """Insert a revision with its changes and renew the head; return its number."""
    number = next_number(connection, schema.revision)
    committed = clock.stamp() if now is None else now
    connection.execute(
        insert(schema.revision).values(number=number, committed=committed, **made_by)
    )
    rows = [{**row, "revision": number} for row in changes]
    connection.execute(insert(schema.change), rows)
    head = schema.parameter
    connection.execute(delete(head).where(head.c.name.in_([row["name"] for row in rows])))
    connection.execute(insert(head), rows)
    return number


def conclude(connection: Connection, run: int | None, revision: int | None) -> None:
    """Insert what is to be told to the broker, behind all that waits already, and seal it."""
    number = next_number(connection, schema.outbox)
    connection.execute(insert(schema.outbox).values(number=number, run=run, revision=revision))
    seals.seal(connection, run=run, revision=revision)


def insert_audit(connection: Connection, texts: tuple[str, ...], now: int, epoch: str) -> None:
    """Append a line to the audit log, chained to the one before; the first follows the epoch."""
    table = schema.audit
    query = select(table.c.number, table.c.hash).order_by(table.c.number.desc()).limit(1)
    last = connection.execute(query).one_or_none()
    number, previous = (last.number + 1, last.hash) if last else (1, epoch)
    row = (number, now, *texts, previous, link(number, now, texts, previous))
    connection.execute(insert(table).values(row))


def next_number(connection: Connection, table: Table) -> int:
    """Return the next number of a table: without gaps, also where a transaction was undone."""
    return (connection.execute(select(func.max(table.c.number))).scalar_one() or 0) + 1


def _change(run: int, name: str, estimate: Estimate) -> Row:
    until = estimate.valid_until
    return {
        "name": name,
        "value": estimate.value,
        "stderr": estimate.stderr,
        "unit": estimate.unit,
        "time": micros(estimate.time),
        "valid_until": None if until is None else micros(until),
        "run": run_number(estimate.run) or run,
    }


def _fit(run: int, position: int, fit: Fit) -> Row:
    return {
        "run": run,
        "target": plain(fit.target),
        "position": position,
        "kind": plain(fit.kind),
        "verdict": str(fit.verdict),
        "status": plain(fit.status),
        "reason": plain(fit.reason),
        "chi2_reduced": number_or_null(fit.chi2_reduced),
        "window_times": number_or_null(fit.advice.window_times),
        "shots_times": number_or_null(fit.advice.shots_times),
        "centre_on": number_or_null(fit.advice.centre_on),
        "extend_window_to": number_or_null(fit.advice.extend_window_to),
        "axis": int(fit.advice.axis),
    }


def _fitted(run: int, fit: Fit) -> list[Row]:
    return [
        {
            "run": run,
            "target": plain(fit.target),
            "name": plain(name),
            "position": position,
            "value": number_or_null(each.value),
            "stderr": number_or_null(each.stderr),
            "unit": plain(each.unit),
        }
        for position, (name, each) in enumerate(fit.values.items())
    ]
