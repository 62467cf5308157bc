"""A loss of power: the write-ahead log ends anywhere, with or without a torn sector behind it.

What the daemon said was committed by then must be there, and what is there must be a prefix of
what was written: whole revisions, runs and lines of audit, as an independent reader sees them.
"""

from __future__ import annotations

import random
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from kammerton.store import Store
from kammerton.verify import verify
from tests.prove.frame import Row, proof
from tests.stored import estimate, fit, run

COMMITS = 24
SECTOR = 512
TABLES = (
    "run", "fit", "fitted", "revision", "change", "seal", "outbox", "audit", "attempt", "lease",
)  # fmt: skip


@dataclass(frozen=True)
class Written:
    """A database in the middle of its life, and how long its log was when N was acknowledged."""

    main: bytes
    log: bytes
    acknowledged: tuple[int, ...]
    rows: dict[str, list[tuple[object, ...]]]


def write(folder: Path) -> Written:
    """Commit a while, checkpoint in between, commit on; return the files as a power cut finds them.

    acknowledged: the length of the log when revision 1, 2 ... was acknowledged.
    """
    path = folder / "db.sqlite"
    with Store.open(path, "c") as store:
        _commit(store, path, COMMITS // 4)
        with store._writer.connect() as connection:
            connection.exec_driver_sql("ROLLBACK")
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
            connection.exec_driver_sql("BEGIN")
        before = (0,) * store.revision()
        after = _commit(store, path, COMMITS)
        main, log = path.read_bytes(), path.with_name("db.sqlite-wal").read_bytes()
    return Written(main, log, before + after, _rows(path))


def _commit(store: Store, path: Path, count: int) -> tuple[int, ...]:
    lengths = []
    for number in range(count):
        store.audit("gate", "awg1.1", number, number + 1, "t1")
        attempt = store.begin("t1", ["q0", "q1"])
        found = {"q0": fit("q0", reason="x" * (number * 37 % 900)), "q1": fit("q1")}
        store.commit(run(fits=found, points=2), {"q0.t1": estimate(float(number))}, attempt)
        lengths.append(path.with_name(f"{path.name}-wal").stat().st_size)
        if number % 7 == 3:
            back = store.revert(max(1, store.revision() - 2), who="anna")
            assert back == store.revision()
            lengths.append(path.with_name(f"{path.name}-wal").stat().st_size)
    return tuple(lengths)


def _rows(path: Path) -> dict[str, list[tuple[object, ...]]]:
    with closing(sqlite3.connect(path)) as database:
        return {
            table: database.execute(f"SELECT * FROM {table} ORDER BY 1, 2, 3").fetchall()
            for table in TABLES
        }


@dataclass
class Harm:
    """How many acknowledged revisions were gone, and how many states were no prefix."""

    lost: int = 0
    torn: int = 0


def cut(written: Written, count: int, seed: int) -> Harm:
    """Cut the log at random bytes, every other time with rubbish behind the cut."""
    chance, harm = random.Random(seed), Harm()
    for number in range(count):
        length = chance.randrange(len(written.log) + 1)
        rubbish = chance.randbytes(SECTOR) if number % 2 else b""
        with _found(written.main, written.log[:length] + rubbish) as path:
            report = verify(path, data=False)
            sure = sum(size <= length for size in written.acknowledged)
            harm.lost += max(0, sure - report.revision)
            harm.torn += bool(report.findings) or not _prefix(_rows(path), written.rows)
    return harm


@contextmanager
def _found(main: bytes, log: bytes) -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "db.sqlite"
        path.write_bytes(main)
        path.with_name("db.sqlite-wal").write_bytes(log)
        yield path


def _prefix(
    found: dict[str, list[tuple[object, ...]]], whole: dict[str, list[tuple[object, ...]]]
) -> bool:
    """Say whether each table begins as the whole one does; an open attempt has no end yet."""
    for table in TABLES:
        rows, then = found[table], whole[table][: len(found[table])]
        if table == "attempt" and rows and rows[-1][-1] is None:
            rows, then = rows[:-1], then[:-1]
        if rows != then:
            return False
    return True


@proof("power-loss")
def power_loss(quick: bool) -> list[Row]:
    """Cut the log a thousand times; a state that is no prefix counts as Wrong."""
    count = 50 if quick else 1000
    with tempfile.TemporaryDirectory() as folder:
        harm = cut(write(Path(folder)), count, seed=1)
    return [Row("S5 the log ends at a random byte", count, lost=harm.lost, wrong=harm.torn)]
