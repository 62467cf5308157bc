"""Writing the database: the one place where a parameter changes."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Self, TypeVar

from sqlalchemy import Connection, func, select, update

from kammerton.model import Estimate, Run
from kammerton.store import attempts, checks, doubts, leases, records, revert, schema, sqlite
from kammerton.store.clock import instant, stamp
from kammerton.store.condemned import Condemnable
from kammerton.store.create import create
from kammerton.store.epoch import begin
from kammerton.store.identity import Identity
from kammerton.store.laboratory_time import moved
from kammerton.store.place import Place, demand_there, in_real_folder, named, place_of, within
from kammerton.store.questions import Questions
from kammerton.store.read import ReadStore
from kammerton.store.reserve import Reserve, demand_room
from kammerton.store.rows import Attempt, Commit, Doubt, Lease, micros, run_name, run_number
from kammerton.store.spoken import insert_words, left_by, mark_past
from kammerton.store.together import give_back, take
from kammerton.store.traces import demand_folder, last_file, write_traces

T = TypeVar("T")


class Store(Condemnable):
    """The database of one computer, open for writing by one process.

    Safe to use from several threads. Every method raises StoreError when the disk, another
    program's lock or the content stands in the way; then nothing of the call was stored.

    left: what the process before this one was doing when it ended without saying so; None after
    an orderly end, and once outputs were verified off. let_go: that they were when it let go.
    """

    def __init__(self, place: Place, computer: str, data: Path | None, note: str = "") -> None:
        self._unlock = place.lock()
        self._turn = threading.Lock()
        self._listeners: list[Callable[[], object]] = []
        self._data, self.note, self.questions = data, note, Questions()
        # Files count too: neither a crash nor a new database over old data takes a number twice.
        self._last_file = last_file(data)
        self._reserve = Reserve(place.file or (data and data / "kammerton"))
        self._writer = place.writer()
        try:
            place.prepare()
            create(self._writer, place, computer)
            super().__init__(place)
            self._lies = Identity(())  # it reads what it writes, whatever takes the name
            self._files = Identity.of(place.open_files)
            said = self.current_activity()
            self.left, self.let_go = left_by(said)
            mark_past(said, self._write)
            leases.go_on(self._read, self._write)
        except BaseException:
            self._writer.dispose()
            self._unlock()
            raise

    @classmethod
    def open(
        cls,
        database: Path | str,
        computer: str,
        *,
        data: Path | str | None = None,
        busy: float = sqlite.BUSY_SECONDS,
        note: str = "",
    ) -> Self:
        """Open a database for writing; make it, with a new epoch, where there is none.

        database: a file, or the URL of a server: "postgresql+psycopg://host/database".
        data: directory of the raw traces; "runs" beside a file when not given, none of a server.
        busy: seconds to wait for another program's lock. note: is in data files and goes out.

        Raises
        ------
        StoreError
            Another process has it; it is another's, or of a newer version; or the disk refuses.
        """
        place = place_of(named(database, computer), busy)
        beside = place.folder and place.folder.absolute() / "runs"
        return cls(place, computer, in_real_folder(Path(data)) if data else beside, note)

    @staticmethod
    def read(database: Path | str) -> ReadStore:
        """Open a database for reading only; the daemon may go on writing.

        database: a file, or the URL of a server; "#computer" at its end says which of several.

        Raises
        ------
        StoreError
            There is no such database, or it cannot be read.
        """
        place = place_of(database)
        demand_there(place)
        return ReadStore(place)

    def close(self) -> None:
        """Finish a commit that is under way, close the file and let another process write."""
        with self._turn:
            super().close()
            self._writer.dispose()
            self._unlock()

    def next_run_id(self) -> str:
        """Return the identifier that the next commit will give its run."""
        with self._read() as connection:
            return run_name(self._next(connection))

    def commit(
        self, run: Run, changes: Mapping[str, Estimate], attempt: int | None = None,
        expected: int | None = None, wall: datetime | None = None,
    ) -> Commit:  # fmt: skip
        """Store a run, its evidence and what it changed, in one transaction.

        The raw traces are on the disk, as `<run id>.nc`, before the transaction begins; a crash
        in between leaves a file that no row names. A change that names no run is of this one;
        what an earlier run found and what waited for this one names that.
        attempt: what `begin` returned; it ends in the same transaction. Where it has ended with a
        run already, because the word of a commit was lost on its way, that run is returned.
        expected: the newest revision that the caller looked at, where parameters change.
        wall: the clock as the run's times know it, had it not been set since; None: as it is.

        Raises
        ------
        Overtaken
            There is a newer revision than `expected`.
        StoreError
            A target without a fit, a value that is not finite, or a disk that refuses.
        """
        checks.check_run(run)
        checked = checks.checked_changes(changes)
        with self._turn:
            made = None if attempt is None else self._made_by(attempt)
            now = stamp() if wall is None else micros(wall)
            commit = made or self._insert(run, checked, attempt, expected, now)
        self._announce()
        return commit

    def _insert(
        self, run: Run, changes: Mapping[str, Estimate], attempt: int | None,
        expected: int | None, now: int,
    ) -> Commit:  # fmt: skip
        number = run_number(self.next_run_id()) or 1
        with sqlite.named_errors(data := demand_folder(self._data), "write raw traces to"):
            file = write_traces(data / f"{run_name(number)}.nc", run, self.note)
        with self._write() as connection:
            if changes and expected is not None:
                records.demand_newest(connection, expected)
            records.insert_run(connection, number, run, within(self.place, file), now)
            revision = records.insert_changes(connection, number, changes, now)
            records.conclude(connection, number, revision)
            if attempt is not None:
                attempts.end_attempt(connection, attempt, run_name(number), stamp())
        self._last_file = number  # it stays so where a server loses what it had committed
        return Commit(run_name(number), revision)

    def revert(
        self, to: int, names: Sequence[str] = (), *, who: str, why: str = "", force: bool = False,
        expected: int | None = None, doubted: Mapping[str, Doubt] | None = None,
    ) -> int:  # fmt: skip
        """Make a new revision with the values of an old one; return its number.

        names: only these ("q3", "q3.f01"); all that was known then when empty. Values keep their
        runs, times and ages. force: although another person holds it. expected: as of `commit`.
        doubted: what of them is, noted with it.

        Raises
        ------
        StoreError
            There is no such revision or name, everything is as it was then, or it is held.
        """
        who, why = checks.plain(who), checks.plain(why)
        with self._turn, self._write() as connection:
            now = None if force else instant()
            number = revert.insert_revert(connection, to, names, who, why, now, expected)
            doubts.insert_doubts(connection, doubted or {}, stamp())
            what = f"revision of {', '.join(names) or 'all'}"
            self._note(connection, who, what, str(number - 1), str(number), why)
        self._announce()
        return number

    def move_times(
        self, by: timedelta, why: str, expected: int, ends: datetime | None = None,
        doubted: Mapping[str, Doubt] | None = None,
    ) -> int:  # fmt: skip
        """Move the times of all present values, since the computer's clock was set by that much.

        Returns the newest revision: this one, or `expected` where nothing is known. ends: what has
        a forecast holds until then at most. doubted: with it, as the refrigerator was warm.

        Raises
        ------
        Overtaken
            There is a newer revision than `expected`.
        """
        with self._turn, self._write() as connection:
            newest = moved(connection, by, checks.plain(why), expected, ends, self.epoch, doubted)
        self._announce()
        return newest

    def audit(self, who: str, what: str, old: object, new: object, why: str) -> None:
        """Append to the audit log who changed what, from what, to what, and why."""
        self._small(lambda connection: self._note(connection, who, what, old, new, why))

    def doubt(self, found: Mapping[str, Doubt]) -> None:
        """Note what is doubted of present values, by full name; a restart does not forget it."""
        self._small(lambda connection: doubts.insert_doubts(connection, found, stamp()))

    def activity(self, what: str | None) -> None:
        """Say what runs now (None: nothing), with this process and the wall time: a heartbeat."""
        self._small(lambda connection: insert_words(connection, what, stamp()))

    def hold(self, scope: str, owner: str, why: str, until: datetime | None = None) -> Lease | None:
        """Hold one scope as `take` does; return the lease that this replaces."""
        return next(iter(self.take([scope], owner, why, until).values()), None)

    def take(
        self, scopes: Iterable[str], owner: str, why: str, until: datetime | None = None
    ) -> dict[str, Lease]:
        """Keep the loop's hands off scopes until each is released, or until a wall time.

        Returns the holds of the same owner, or of the daemon, that these replace, by scope.

        Raises
        ------
        StoreError
            Another person holds one: the message names who, and why, and nothing is held.
        """
        names, said = [checks.plain(n) for n in scopes], (checks.plain(owner), checks.plain(why))
        return self._small(lambda connection: take(self._note, connection, names, *said, until))

    def release(
        self, scope: str, who: str, *, number: int | None = None, force: bool = False
    ) -> None:
        """Let the loop have one scope again, as `give_back` does."""
        self.give_back({scope: number}, who, force=force)

    def give_back(self, seen: Mapping[str, int | None], who: str, *, force: bool = False) -> None:
        """Let the loop have all of these again, or none. force: although they are another's.

        seen: the lease of each that is meant; None: whichever holds. StoreError: nobody holds it,
        or another person, or not under this number.
        """
        meant, person = {checks.plain(n): number for n, number in seen.items()}, checks.plain(who)
        self._small(lambda each: give_back(self._note, each, meant, person, force=force))

    def begin(self, calibration: str, targets: Sequence[str], again: int | None = None) -> int:
        """Note that a calibration begins; return the attempt's number, for `commit` or `end`.

        again: the aborted attempt that this one repeats.

        Raises
        ------
        StoreError
            The disk is so full that the result might not find room, or there is no folder for it.
        """
        demand_room(demand_folder(self._data))
        self._reserve.take()
        new = calibration, targets, again, stamp()
        return self._small(lambda connection: attempts.insert_attempt(connection, *new))

    def end(self, attempt: int, outcome: str) -> None:
        """Note how an attempt ended that led to no run; after a commit that is under way."""
        with self._turn:
            self._small(lambda each: attempts.end_attempt(each, attempt, outcome, stamp()))

    def abort_open(self) -> tuple[Attempt, ...]:
        """Mark as aborted what a dead process left open; see `attempts.abort_all`.

        What has `again` was a second try already, and is not for a third.
        """
        return tuple(self._small(lambda connection: attempts.abort_all(connection, stamp())))

    def pass_over(self, left: Attempt) -> None:
        """Note that an aborted attempt will not be repeated."""
        self._small(lambda connection: attempts.insert_passed_over(connection, left, stamp()))

    def mark_sent(self, number: int) -> None:
        """Note that a row of the outbox was acknowledged by the broker."""
        sent = update(schema.outbox).where(schema.outbox.c.number == number).values(sent=stamp())
        self._small(lambda connection: connection.execute(sent))

    def begin_epoch(self, who: str, why: str) -> None:
        """Begin a new epoch: what was published of the present one counts no more."""
        with self._write() as connection:
            found = begin(connection, who, why)
        self.epoch = found

    def on_commit(self, listener: Callable[[], object]) -> Callable[[], None]:
        """Call `listener` after each commit, in the committing thread; return how to stop that."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    @contextmanager
    def _write(self) -> Iterator[Connection]:
        """Write in one transaction, which counts where the file lies under its name after it."""
        self.demand_here()
        with self._met("write"), self._writer.begin() as connection:
            self.demand_here()  # while this waited for its turn, another may have met damage
            with self._met("write"):  # before the next has its turn
                yield connection
        self.demand_here()

    def _small(self, write: Callable[[Connection], T]) -> T:
        """Write a few rows; on a full disk into the space that is set aside for them."""

        def once() -> T:
            with self._write() as connection:
                return write(connection)

        return self._reserve.for_want_of_room(once)

    def _made_by(self, attempt: int) -> Commit | None:
        """Look with the connection that writes: on a server no commit of ours is under way then."""
        with self._write() as connection:
            return attempts.commit_of(connection, attempt)

    def _note(
        self, connection: Connection, who: str, what: str, old: object, new: object, why: str
    ) -> None:
        texts = tuple(checks.plain(str(text)) for text in (who, what, old, new, why))
        records.insert_audit(connection, texts, stamp(), self.epoch)

    def _announce(self) -> None:
        for listener in tuple(self._listeners):
            listener()

    def _next(self, connection: Connection) -> int:
        last = connection.execute(select(func.max(schema.run.c.number))).scalar_one() or 0
        return max(last, self._last_file) + 1
