"""Reading the database: for the command line, the client and the relay. Never writes."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Row, Select, func, select

from kammerton.model import Estimate, StoreError
from kammerton.store import (
    attempts,
    audit_rows,
    clock,
    doubts,
    laboratory_time,
    leases,
    revert,
    schema,
    spoken,
)
from kammerton.store.closing import Closing
from kammerton.store.fitted import fits_of
from kammerton.store.given_back import given_back
from kammerton.store.identity import Identity
from kammerton.store.place import Place
from kammerton.store.revised import revised, revisions
from kammerton.store.rows import (
    Activity,
    Attempt,
    AuditRow,
    Change,
    Doubted,
    GivenBack,
    Handover,
    Lease,
    Revision,
    Snapshot,
    StoredRun,
    micros,
    moment,
    run_name,
    run_number,
)


class ReadStore(Closing):
    """A read-only view of one computer's database; safe to use from several threads.

    Every method reads one consistent state and raises StoreError when the file cannot be read.
    """

    def __init__(self, place: Place) -> None:
        self.place = place
        self._closed = False
        self._reader = place.reader()
        self._lies = Identity.of([place.file] if place.file else [])
        try:
            self.computer, self.epoch = self._identity()
        except BaseException:
            self._reader.dispose()
            raise

    @property
    def path(self) -> Path:
        """Return the database's file.

        Raises
        ------
        StoreError
            It lies on a server.
        """
        if self.place.file is None:
            raise StoreError(f"{self.place} has no file of its own")
        return self.place.file

    def close(self) -> None:
        """Close the database; what is asked afterwards is a StoreError."""
        self._closed = True
        self._reader.dispose()

    @property
    def closed(self) -> bool:
        """Whether it was closed."""
        return self._closed

    def revision(self) -> int:
        """Return the number of the newest revision; 0 when nothing was measured yet."""
        with self._read() as connection:
            return _revision(connection)

    def parameters(self) -> dict[str, Estimate]:
        """Return the newest estimate of every parameter, by full name."""
        return {name: each.estimate for name, each in self.snapshot().parameters.items()}

    def snapshot(self) -> Snapshot:
        """Return the whole parameter set with its revision, from one consistent state."""
        with self._read() as connection:
            rows = connection.execute(select(schema.parameter).order_by(schema.parameter.c.name))
            head = {row.name: _change(row) for row in rows}
            return Snapshot(self.computer, self.epoch, _revision(connection), head)

    def doubts(self) -> dict[str, float]:
        """Return the sigma that each doubted value is believed with, by full name."""
        return {name: each.sigma for name, each in self.doubted().items()}

    def doubted(self) -> dict[str, Doubted]:
        """Return what is doubted of present values, and why, by full name."""
        with self._read() as connection:
            return doubts.present(connection)

    def history(self, name: str, limit: int = 100) -> list[Change]:
        """Return the values a parameter had, newest first."""
        table = schema.change
        query = select(table).where(table.c.name == name).order_by(table.c.revision.desc())
        with self._read() as connection:
            return [_change(row) for row in connection.execute(query.limit(limit))]

    def runs(self, limit: int = 20) -> list[StoredRun]:
        """Return the last runs with their fits, newest first."""
        query = _runs().order_by(schema.run.c.number.desc()).limit(limit)
        with self._read() as connection:
            return self._stored(connection, connection.execute(query).all())

    def targets(self) -> frozenset[str]:
        """Return every target that was ever fitted, or that an attempt was of."""
        with self._read() as connection:
            fitted = connection.execute(select(schema.fit.c.target).distinct()).scalars()
            return frozenset(fitted) | attempts.targets(connection)

    def run(self, run_id: str) -> StoredRun:
        """Return one run with its fits.

        Raises
        ------
        KeyError
            There is no such run.
        """
        with self._read() as connection:
            query = _runs().where(schema.run.c.number == run_number(run_id))
            found = self._stored(connection, connection.execute(query).all())
        if not found:
            raise KeyError(f"there is no run {run_id}")
        return found[0]

    def log(self, limit: int = 100, what: str | None = None) -> list[AuditRow]:
        """Return the last entries of the audit log, newest first; of one thing, or of all."""
        table = schema.audit
        query = select(table).order_by(table.c.number.desc()).limit(limit)
        query = query if what is None else query.where(table.c.what == what)
        with self._read() as connection:
            return [audit_rows.audited(row) for row in connection.execute(query)]

    def log_about(self, names: Collection[str], limit: int = 100) -> list[AuditRow]:
        """Return the last entries of the audit log that name one of these, newest first."""
        table = schema.audit
        query = select(table).where(audit_rows.mentioning(names)).order_by(table.c.number.desc())
        with self._read() as connection:
            rows = audit_rows.about(connection.execute(query), names, limit)
            return [audit_rows.audited(row) for row in rows]

    def newest(self, whats: Collection[str]) -> dict[str, str]:
        """Return what each thing was set to last by the audit log, in one look through it."""
        table = schema.audit
        last = (
            select(func.max(table.c.number)).where(table.c.what.in_(whats)).group_by(table.c.what)
        )
        query = select(table.c.what, table.c.new).where(table.c.number.in_(last))
        with self._read() as connection:
            return {row.what: row.new for row in connection.execute(query)}

    def epochs(self) -> frozenset[str]:
        """Return this epoch, and those of which it knows that they went before."""
        before = select(schema.audit.c.old).where(schema.audit.c.what == "epoch")
        with self._read() as connection:
            return frozenset({self.epoch, *connection.execute(before).scalars()})

    def parameters_at(self, revision: int) -> dict[str, Change]:
        """Return the whole parameter set as a revision left it, by full name.

        Raises
        ------
        StoreError
            There is no such revision.
        """
        with self._read() as connection:
            return {row.name: _change(row) for row in revert.rows_at(connection, revision)}

    def revisions(self, limit: int = 20) -> list[Revision]:
        """Return the last revisions, newest first."""
        query = revisions().order_by(schema.revision.c.number.desc()).limit(limit)
        with self._read() as connection:
            return revised(connection, connection.execute(query).all())

    def revision_at(self, time: datetime) -> int:
        """Return the newest revision that was there at a time by the wall's clock, 0 before any."""
        number, committed = schema.revision.c.number, schema.revision.c.committed
        query = select(func.max(number)).where(committed <= micros(time))
        with self._read() as connection:
            return connection.execute(query).scalar_one() or 0

    def counted_later(self, runs: Collection[str]) -> list[Change]:
        """Return the changes that a later run made with what these runs had measured."""
        numbers = [number for run in runs if (number := run_number(run)) is not None]
        change, revision = schema.change, schema.revision
        query = select(change).join(revision, revision.c.number == change.c.revision)
        query = query.where(change.c.run.in_(numbers), revision.c.run != change.c.run)
        with self._read() as connection:
            rows = connection.execute(query.order_by(change.c.revision, change.c.name))
            return [_change(row) for row in rows]

    def made(self, first: int, last: int | None = None) -> list[Revision]:
        """Return the revisions from one number to another, or of that one alone, newest first."""
        number = schema.revision.c.number
        query = revisions().where(number.between(first, first if last is None else last))
        with self._read() as connection:
            return revised(connection, connection.execute(query.order_by(number.desc())).all())

    def set_back(self, revision: int) -> Revision | None:
        """Return a revision that was made by going back; None where a run made it."""
        return next((each for each in self.made(revision) if each.reverts is not None), None)

    def leases(self) -> tuple[Lease, ...]:
        """Return the leases that hold now, oldest first."""
        now = clock.instant()
        with self._read() as connection:
            return tuple(leases.lease(row, now) for row in leases.active(connection, now))

    def given_back(self) -> list[GivenBack]:
        """Return holds that persons have given back, and nobody noted, with what is older."""
        with self._read() as connection:
            return given_back(connection, clock.instant())

    def attempts(self, limit: int = 20) -> list[Attempt]:
        """Return the last calibrations that began, newest first, whatever became of them."""
        table = schema.attempt
        with self._read() as connection:
            rows = connection.execute(select(table).order_by(table.c.number.desc()).limit(limit))
            return [attempts.attempt(row) for row in rows]

    def current_activity(self) -> Activity | None:
        """Return what the daemon said last about its work; None when it never spoke."""
        with self._read() as connection:
            return spoken.last_words(connection)

    def now(self) -> datetime:
        """Return laboratory time as far as a reader knows it.

        A simulated laboratory may run ahead of the wall; the end of its last run, and when that
        was committed by the wall, tell how far. It steps back behind its last run only where the
        computer's clock was set back since, by more than moments.
        """
        with self._read() as connection:
            return laboratory_time.now(connection, clock.wall())

    def clock_set_back(self) -> timedelta:
        """Return by how much the computer's clock is behind what was stored last; 0: it is not."""
        with self._read() as connection:
            return laboratory_time.set_back(connection, clock.wall())

    def waiting(self, limit: int = 50) -> list[Handover]:
        """Return the oldest rows of the outbox that were not yet handed to the broker."""
        table = schema.outbox
        query = select(table).where(table.c.sent.is_(None)).order_by(table.c.number).limit(limit)
        with self._read() as connection:
            return [self._handover(connection, row) for row in connection.execute(query).all()]

    def backlog(self) -> int:
        """Return how many rows of the outbox wait for the broker."""
        query = select(func.count()).where(schema.outbox.c.sent.is_(None))
        with self._read() as connection:
            return connection.execute(query).scalar_one()

    def _identity(self) -> tuple[str, str]:
        with self._read() as connection:
            if not self.place.known(connection):
                raise StoreError(f"{self.place} is empty: nothing was ever stored here")
            row = connection.execute(select(schema.identity)).one()
            return row.computer, row.epoch

    @contextmanager
    def _read(self) -> Iterator[Connection]:
        self._demand_open()
        self._follow()
        try:
            with self.place.errors("read"), self._reader.begin() as connection:
                yield connection
        except (TypeError, ValueError, OverflowError) as problem:  # damage may be of any type
            raise StoreError(f"{self.place} holds what makes no sense: {problem}") from problem

    def _follow(self) -> None:
        """Read what lies under the name now, as after a restore, and not what lay there before."""
        with self.place.errors("look for"):
            lies = self._lies.now()
        if lies != self._lies:
            self._lies = lies
            self._reader.dispose()
            self.computer, self.epoch = self._identity()

    def _demand_open(self) -> None:
        if self._closed:
            raise StoreError(f"{self.place} was closed")

    def _handover(self, connection: Connection, row: Row[Any]) -> Handover:
        runs = connection.execute(_runs().where(schema.run.c.number == row.run)).all()
        query = select(schema.change).where(schema.change.c.revision == row.revision)
        rows = connection.execute(query.order_by(schema.change.c.name))
        run = self._stored(connection, runs)[0] if runs else None
        return Handover(row.number, run, row.revision, tuple(_change(each) for each in rows))

    def _stored(self, connection: Connection, rows: Sequence[Row[Any]]) -> list[StoredRun]:
        fits = fits_of(connection, [row.number for row in rows])
        return [
            StoredRun(
                run_name(row.number),
                row.calibration,
                moment(row.started),
                moment(row.ended),
                row.instrument_seconds,
                row.program,
                row.shots,
                # An absolute path stays what it is; a relative one moves with the database.
                None if row.data is None else (self.place.folder or Path()) / row.data,
                row.revision,
                fits[row.number],
                committed=moment(row.committed),
            )
            for row in rows
        ]


def _runs() -> Select[Any]:
    revision = schema.revision
    number = revision.c.number.label("revision")
    return select(schema.run, number).outerjoin(revision, revision.c.run == schema.run.c.number)


def _revision(connection: Connection) -> int:
    return connection.execute(select(func.max(schema.revision.c.number))).scalar_one() or 0


def _change(row: Row[Any]) -> Change:
    until = None if row.valid_until is None else moment(row.valid_until)
    estimate = Estimate(row.value, row.stderr, row.unit, moment(row.time), run_name(row.run), until)
    return Change(row.name, row.revision, estimate)
