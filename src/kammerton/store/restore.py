"""A backup takes the database's place: as a new epoch, and nothing is overwritten."""

from __future__ import annotations

import logging
import secrets
import sqlite3
from contextlib import closing
from pathlib import Path

from kammerton.model import StoreError, StoreUnavailable
from kammerton.model.clock import APART
from kammerton.store import backup, clock, schema
from kammerton.store.aside import move, set_aside, settle
from kammerton.store.chain import link
from kammerton.store.disk import to_disk
from kammerton.store.file import FilePlace
from kammerton.store.inbox import Inbox
from kammerton.store.laboratory_time import AHEAD
from kammerton.store.lock import locked
from kammerton.store.migrate import seal_rest_of_a_file, upgrade, version_of
from kammerton.store.request import LASTING, Request, refusal
from kammerton.store.rows import micros
from kammerton.store.schema import VERSION
from kammerton.store.set_up import for_good
from kammerton.store.sqlite import named_errors
from kammerton.store.stay_held import stay_held
from kammerton.verify import verify

log = logging.getLogger(__name__)

RESTORE = "restored from"
"""How the audit log says that an epoch began so."""

OVER = "asked of an epoch that ended with a restore"

CHANGE = tuple(column.name for column in schema.change.columns)

FAR = 3.0  # sigmas between a value that comes back and a later one, that make it doubtful

MOVED = """
    INSERT INTO doubt (number, name, revision, sigma, time, why)
    SELECT (SELECT coalesce(max(number), 0) FROM doubt) + row_number() OVER (ORDER BY p.name),
        p.name, p.revision, abs(was.value - p.value), :now,
        'another value was found after the backup, in what was r' || was.revision
    FROM parameter AS p JOIN before.parameter AS was ON was.name = p.name
    WHERE p.stderr > 0 AND (was.value - p.value) * (was.value - p.value)
        > :far * (p.stderr * p.stderr + was.stderr * was.stderr)
    AND NOT EXISTS (SELECT 1 FROM change AS known WHERE known.name = was.name
        AND known.revision = was.revision AND known.value = was.value AND known.run = was.run)"""
"""What the backup has not in its history is later, whatever the clock was then."""


def restore(saved: Path, who: str, database: Path | None = None) -> tuple[Path, Path | None]:
    """Put a backup in a database's place; return the database, and where the old one went.

    The copy gets a new epoch, so that no subscriber takes old revisions for news, and a line in
    its audit log. Raw traces measured since the backup stay where they are, and no later run
    takes their numbers. What is doubted now of a value that comes back stays doubted. What is held
    now stays held, and what was since the backup counts as given back; where the old database does
    not tell, the computer is held until a person releases it. What was asked of the old epoch and
    not done yet is refused, except holds: "back to revision 4" would mean another revision 4.

    Raises
    ------
    StoreError
        The backup is not sound, or another computer's; a process has the database open; or the
        disk refuses.
    """
    target = backup.database_of(saved) if database is None else database.resolve()
    found = verify(saved, data=False, guards=False)
    if wrong := found.findings:
        raise StoreError(f"{saved} is not sound: {'; '.join(wrong[:3])}")
    with locked(target), named_errors(target, "restore"):
        settle(target)  # a restore may have been killed
        _demand_that_of(found.computer, saved, target)
        part = target.with_name(f"{target.name}.restoring")
        over = _still_asked(target)
        try:
            _prepare(part, saved, target, who, over)
            _refuse(target, over)
            aside = set_aside(target)
            part.replace(target)
            to_disk(target.parent)
        except BaseException:
            part.unlink(missing_ok=True)  # what is torn must not fill a full disk further
            raise
        finally:
            settle(target)
    return target, aside


def _demand_that_of(computer: str, saved: Path, target: Path) -> None:
    """Refuse what is of another computer than the database that it is to replace.

    One that is gone or damaged does not tell; whoever opens it next refuses it then.
    """
    try:
        with closing(sqlite3.connect(f"{target.as_uri()}?mode=ro", uri=True)) as connection:
            (mine,) = connection.execute("SELECT computer FROM identity").fetchone()
    except (sqlite3.Error, TypeError):
        return
    if mine != computer:
        raise StoreError(f"{saved} is of computer {computer!r}, and {target} of {mine!r}")


def _prepare(part: Path, saved: Path, target: Path, who: str, over: list[Request]) -> None:
    part.unlink(missing_ok=True)
    backup.copy(saved, part)
    upgrade(part, version_of(part) or VERSION)
    stay_held(part, target, who)
    _stay_doubted(part, target)
    _stay_known(part, target)
    _begin_epoch(part, who, saved, over)
    _stay_ahead(part, target, who)


def _still_asked(target: Path) -> list[Request]:
    """Return what waits for an answer and would be done in the new epoch, oldest first.

    Requests that cannot be read are set aside: they must not keep a good backup from coming back.
    """
    file = FilePlace(target).request_file
    if not file.is_file():
        return []
    try:
        with Inbox(target) as inbox:
            return [each for each in inbox.waiting() if each.verb not in LASTING]
    except StoreUnavailable:
        raise  # locked, or no room: the same works later
    except StoreError as problem:
        aside = move(file)
        log.warning("%s; it is kept as %s, and holds asked for in it are not done", problem, aside)
        return []


def _refuse(target: Path, over: list[Request]) -> None:
    if over:
        with Inbox(target) as inbox:
            for each in over:
                inbox.answer(each.number, OVER, done=False)


def _stay_known(path: Path, before: Path) -> None:
    """Take over what was said last of the outputs: a backup holds what was when it was made.

    Where the database that is replaced does not tell, the backup's word stays, and so the caution.
    """
    try:
        with closing(sqlite3.connect(f"{before.as_uri()}?mode=ro", uri=True)) as there:
            last = there.execute("SELECT id, what, pid, time FROM activity").fetchall()
        with closing(for_good(sqlite3.connect(path))) as connection, connection:
            connection.execute("DELETE FROM activity")
            connection.executemany("INSERT INTO activity VALUES (?, ?, ?, ?)", last)
    except sqlite3.Error as problem:  # it is gone or damaged
        log.warning("what %s says of the outputs is not carried over: %s", before.name, problem)


def _stay_doubted(path: Path, before: Path) -> None:
    """Doubt what the database doubts that is replaced, of values that are present again.

    They are the same where revision, value and run are: then what was found out since counts. So
    does a later value that was far from the one that comes back, whichever of the two is right.
    """
    same = " AND ".join(f"was.{name} IS there.{name}" for name in CHANGE)
    statement = f"""
        INSERT INTO doubt (number, name, revision, sigma, time, why)
        SELECT (SELECT coalesce(max(number), 0) FROM doubt)
            + row_number() OVER (ORDER BY d.number), d.name, d.revision, d.sigma, d.time, d.why
        FROM before.doubt AS d
        JOIN parameter AS p ON p.name = d.name AND p.revision = d.revision
        JOIN change AS there ON there.name = d.name AND there.revision = d.revision
        JOIN before.change AS was ON {same}
        WHERE NOT EXISTS (SELECT 1 FROM doubt AS known WHERE known.name = d.name
            AND known.revision = d.revision AND known.sigma = d.sigma AND known.time = d.time)"""
    try:
        with closing(for_good(sqlite3.connect(path, uri=True))) as connection, connection:
            connection.execute("ATTACH ? AS before", (f"{before.as_uri()}?mode=ro",))
            connection.execute(statement)
            connection.execute(MOVED, {"far": FAR**2, "now": micros(clock.wall())})
            seal_rest_of_a_file(connection)
    except sqlite3.Error as problem:  # it is gone, damaged, or of before there were doubts
        log.warning("what %s doubts is not carried over: %s", before.name, problem)


def _stay_ahead(path: Path, before: Path, who: str) -> None:
    """Note by how far laboratory time was ahead, where the backup knows of less.

    A simulated laboratory's own clock does not go back, whatever comes back.
    """
    ahead, then = _ahead(before), _ahead(path)
    if ahead - then < APART:
        return
    with closing(for_good(sqlite3.connect(path))) as connection, connection:
        (epoch,) = connection.execute("SELECT epoch FROM identity").fetchone()
        why = "it goes on as it was before the restore"
        _note(connection, (who, AHEAD, f"{then:.1f} s ahead", f"{ahead:.1f} s ahead", why), epoch)


def _ahead(path: Path) -> float:
    """Return by how much laboratory time was ahead of the wall, s; 0: unknown.

    At the last run, or at a restore since.
    """
    last = "SELECT (ended - committed) / 1e6 FROM run ORDER BY number DESC LIMIT 1"
    kept = "SELECT CAST(new AS REAL) FROM audit WHERE what = ? ORDER BY number DESC LIMIT 1"
    try:
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as connection:
            found = [*connection.execute(last), *connection.execute(kept, (AHEAD,))]
    except sqlite3.Error:
        return 0.0
    return float(max([0.0, *(ahead for (ahead,) in found)]))


def _begin_epoch(path: Path, who: str, saved: Path, over: list[Request]) -> None:
    new = secrets.token_hex(8)
    with closing(for_good(sqlite3.connect(path, isolation_level=None))) as connection:
        connection.execute("BEGIN IMMEDIATE")
        (old,) = connection.execute("SELECT epoch FROM identity").fetchone()
        _note(connection, (who, "epoch", old, new, f"{RESTORE} {saved.name}"), old)
        for each in over:
            _note(connection, refusal(each.who, each.verb, each.arguments, OVER), old)
        connection.execute("UPDATE identity SET epoch = ?", (new,))
        connection.execute("COMMIT")
    to_disk(path)


def _note(connection: sqlite3.Connection, texts: tuple[str, ...], epoch: str) -> None:
    """Append a line to the audit log; `epoch` is what the first one follows."""
    query = "SELECT number, hash FROM audit ORDER BY number DESC LIMIT 1"
    number, previous = connection.execute(query).fetchone() or (0, epoch)
    time = micros(clock.wall())
    row = (number + 1, time, *texts, previous, link(number + 1, time, texts, previous))
    connection.execute("INSERT INTO audit VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", row)
