"""Writing the database: the one place where a parameter changes."""

from __future__ import annotations

import os
import secrets
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

from filelock import FileLock, Timeout
from sqlalchemy import Connection, Engine, func, insert, select, update
from sqlalchemy.dialects.sqlite import insert as upsert

from kammerton.model import Estimate, Run, StoreError
from kammerton.store import checks, records, schema, sqlite
from kammerton.store.read import ReadStore
from kammerton.store.rows import Commit, micros, run_name, run_number
from kammerton.store.traces import write_traces


class Store(ReadStore):
    """The database of one computer, open for writing by one process.

    Safe to use from several threads. Every method raises StoreError when the disk, another
    program's lock or the content stands in the way; then nothing of the call was stored.
    """

    def __init__(self, path: Path, computer: str, data: Path, busy: float) -> None:
        self._lock = _lock(path)
        self._turn = threading.Lock()
        self._listeners: list[Callable[[], object]] = []
        self._data = data
        # Files count too: neither a crash nor a new database over old data takes a number twice.
        self._last_file = _last_file(data)
        self._writer = sqlite.writer(path, busy)
        try:
            _create(self._writer, path, computer)
            super().__init__(path)
        except BaseException:
            self._writer.dispose()
            self._lock.release()
            raise

    @classmethod
    def open(
        cls,
        path: Path | str,
        computer: str,
        *,
        data: Path | str | None = None,
        busy: float = sqlite.BUSY_SECONDS,
    ) -> Self:
        """Open the database at `path` for writing; make it, with a new epoch, where there is none.

        data: directory of the raw traces; "runs" beside the database when not given.
        busy: seconds to wait for a lock that another program holds.

        Raises
        ------
        StoreError
            Another process has it open for writing; it belongs to another computer, another
            program or a newer version; or the disk refuses.
        """
        path = Path(path).absolute()
        return cls(path, computer, Path(data).absolute() if data else path.parent / "runs", busy)

    @staticmethod
    def read(path: Path | str) -> ReadStore:
        """Open the database at `path` for reading only; the daemon may go on writing.

        Raises
        ------
        StoreError
            There is no such database, or it cannot be read.
        """
        path = Path(path).absolute()
        if not path.is_file():
            raise StoreError(f"there is no database at {path}")
        return ReadStore(path)

    def close(self) -> None:
        """Finish a commit that is under way, close the file and let another process write."""
        with self._turn:
            super().close()
            self._writer.dispose()
            self._lock.release()

    def next_run_id(self) -> str:
        """Return the identifier that the next commit will give its run."""
        with self._read() as connection:
            return run_name(self._next(connection))

    def commit(self, run: Run, changes: Mapping[str, Estimate]) -> Commit:
        """Store a run, its evidence and what it changed, in one transaction.

        The raw traces are on the disk, as `<run id>.nc`, before the transaction begins; a crash
        in between leaves a file that no row names. `run` of each change is set to this run.

        Raises
        ------
        StoreError
            A target without a fit, a value that is not finite, or a disk that refuses.
        """
        checks.check_run(run)
        checked = checks.checked_changes(changes)
        with self._turn:
            number = run_number(self.next_run_id()) or 1
            with sqlite.named_errors(self._data, "write raw traces to"):
                file = write_traces(self._data / f"{run_name(number)}.nc", run)
            with self._write() as connection:
                records.insert_run(connection, number, run, self._relative(file))
                revision = records.insert_changes(connection, number, checked)
                connection.execute(insert(schema.outbox).values(run=number, revision=revision))
        self._announce()
        return Commit(run_name(number), revision)

    def audit(self, who: str, what: str, old: object, new: object, why: str) -> None:
        """Append to the audit log who changed what, from what, to what, and why."""
        row = {"who": who, "what": what, "old": str(old), "new": str(new), "why": why}
        texts = {key: checks.plain(text) for key, text in row.items()}
        with self._write() as connection:
            connection.execute(insert(schema.audit).values(time=_wall(), **texts))

    def activity(self, what: str | None) -> None:
        """Say what runs now (None: nothing), with this process and the wall time: a heartbeat."""
        row = {"what": checks.plain(what) if what else None, "pid": os.getpid(), "time": _wall()}
        statement = upsert(schema.activity).values(id=1, **row)
        with self._write() as connection:
            connection.execute(statement.on_conflict_do_update(index_elements=["id"], set_=row))

    def mark_sent(self, number: int) -> None:
        """Note that a row of the outbox was acknowledged by the broker."""
        table = schema.outbox
        with self._write() as connection:
            connection.execute(update(table).where(table.c.number == number).values(sent=_wall()))

    def on_commit(self, listener: Callable[[], object]) -> Callable[[], None]:
        """Call `listener` after each commit, in the committing thread; return how to stop that."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    @contextmanager
    def _write(self) -> Iterator[Connection]:
        self._demand_open()
        with sqlite.named_errors(self.path, "write"), self._writer.begin() as connection:
            yield connection

    def _announce(self) -> None:
        for listener in tuple(self._listeners):
            listener()

    def _next(self, connection: Connection) -> int:
        last = connection.execute(select(func.max(schema.run.c.number))).scalar_one() or 0
        return max(last, self._last_file) + 1

    def _relative(self, file: Path | None) -> str | None:
        if file is None:
            return None
        root = self.path.parent
        return (file.relative_to(root) if file.is_relative_to(root) else file).as_posix()


def _create(engine: Engine, path: Path, computer: str) -> None:
    with sqlite.named_errors(path, "open"), engine.begin() as connection:
        if sqlite.check_version(connection, path):
            return _check_computer(connection, path, computer)
        schema.create(connection)
        identity = {"computer": checks.plain(computer), "epoch": secrets.token_hex(8)}
        connection.execute(insert(schema.identity).values(id=1, created=_wall(), **identity))


def _check_computer(connection: Connection, path: Path, computer: str) -> None:
    stored = connection.execute(select(schema.identity.c.computer)).scalar_one()
    if stored != computer:
        raise StoreError(f"{path} belongs to computer {stored!r}, not {computer!r}")


def _last_file(data: Path) -> int:
    numbers = (run_number(file.stem) for file in data.glob("r*.nc"))
    return max((number for number in numbers if number), default=0)


def _lock(path: Path) -> FileLock:
    with sqlite.named_errors(path, "open"):
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(f"{path}.lock", thread_local=False)
        try:
            lock.acquire(timeout=0)
        except Timeout as problem:
            raise StoreError(f"another process has {path} open for writing") from problem
    return lock


def _wall() -> int:
    return micros(datetime.now(UTC))
