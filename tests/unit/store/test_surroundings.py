"""Clocks that jump, shares, folders that cannot be written, and small disks that are full."""

from __future__ import annotations

import errno
import os
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path, PureWindowsPath

import pytest

from kammerton.client.timeline import timeline
from kammerton.model import LabClock, Overtaken, StoreError, StoreUnavailable
from kammerton.store import Store, clock, inbox, reserve, shares, sqlite
from kammerton.store.acting import attend
from kammerton.store.inbox import Inbox
from kammerton.store.rows import Doubt
from kammerton.verify import verify
from tests.stored import estimate, run

NOW = datetime.now(UTC)
JUMPS = {
    "a day ahead": NOW + timedelta(days=1),
    "a day back": NOW - timedelta(days=1),
    "the year 2000": datetime(2000, 1, 1, tzinfo=UTC),
}


@pytest.mark.parametrize("jump", JUMPS.values(), ids=JUMPS.keys())
def test_s6_order_is_that_of_numbers_whatever_the_clock_says(
    path: Path, jump: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Store.open(path, "two-qubits") as store:
        store.commit(run(), {"q0.t1": estimate(1.0)})
        store.hold("q1", "anna", "wiring", NOW + timedelta(days=400))
        monkeypatch.setattr(clock, "wall", lambda: jump)
        store.commit(run(), {"q0.t1": estimate(2.0)}, store.begin("t1", ["q0"]))
        store.revert(1, who="anna")
        store.audit("gate", "awg1", 0, 1, "t1")
    monkeypatch.undo()
    with Store.open(path, "two-qubits") as store:
        store.commit(run(), {"q0.t1": estimate(3.0)})
        assert [each.revision for each in store.history("q0.t1")] == [4, 3, 2, 1]
        assert [each.number for each in store.revisions()] == [4, 3, 2, 1]
        told = [getattr(each, "id", None) for each in timeline(store, 9)]
        assert told == ["r000001", "r000002", None, "r000003"]
        assert [each.number for each in store.waiting()] == [1, 2, 3, 4]
        assert [each.scope for each in store.leases()] == ["q1"]
    assert verify(path).findings == ()


@pytest.mark.parametrize("back", [timedelta(), timedelta(seconds=4)])
def test_s6_laboratory_time_does_not_run_back(
    store: Store, back: timedelta, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a clock that was set by moments."""
    ahead = run(started=datetime.now(UTC))
    store.commit(ahead, {})
    last = store.run("r000001")
    monkeypatch.setattr(clock, "wall", lambda: last.committed - back)
    assert store.now() >= last.ended
    assert store.clock_set_back() == timedelta()
    assert LabClock.not_before(store.now()).now() >= last.ended


@pytest.mark.parametrize("jump", JUMPS.values(), ids=JUMPS.keys())
def test_s6_laboratory_time_follows_a_clock_that_was_set(
    store: Store, jump: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was stored by a clock that was wrong holds nobody in its time."""
    store.commit(run(started=datetime.now(UTC) - timedelta(hours=1)), {"q0.t1": estimate()})
    committed = store.run("r000001").committed
    monkeypatch.setattr(clock, "wall", lambda: jump)
    assert store.now() == jump
    behind = max(committed - jump, timedelta())
    assert abs(store.clock_set_back() - behind) < timedelta(seconds=1)


def test_s6_laboratory_time_that_is_ahead_stays_so_over_a_clock_that_was_set(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    hour = timedelta(hours=1)
    store.commit(replace(run(), ended=datetime.now(UTC) + hour), {})
    committed = store.run("r000001").committed
    back = committed - timedelta(days=1)
    monkeypatch.setattr(clock, "wall", lambda: back)
    assert hour - timedelta(seconds=5) < store.now() - back <= hour


def test_s6_times_are_moved_back_by_a_revision(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    year, hour = timedelta(days=365), timedelta(hours=1)
    wrong = datetime.now(UTC) + year
    values = {
        "q0.t1": estimate(time=wrong, valid_until=wrong + hour),
        "q0.readout_angle": estimate(0.1, 0.0, "rad", time=wrong),
    }
    with Store.open(path, "two-qubits") as store:
        monkeypatch.setattr(clock, "wall", lambda: wrong)
        store.commit(run(), values)
        store.doubt({"q0.t1": Doubt("r000001", 1e-5, "it was warm")})
        monkeypatch.undo()
        assert store.clock_set_back() > year - hour
        with pytest.raises(Overtaken):
            store.move_times(-year, "set back", expected=0)
        assert store.move_times(-year, "set back", expected=1) == 2
        assert store.clock_set_back() == timedelta()
        moved = store.parameters()
        assert moved["q0.t1"] == estimate(
            run="r000001", time=wrong - year, valid_until=wrong - year + hour
        )
        assert moved["q0.readout_angle"].valid_until is None
        assert store.doubted()["q0.t1"].why == "it was warm"
        assert store.waiting()[-1].revision == 2, "whoever follows is told"
        now = datetime.now(UTC)
        assert store.move_times(timedelta(), "ends", expected=2, ends=now) == 3
        assert store.parameters()["q0.t1"].valid_until == now
    assert verify(path).findings == ()


def test_s6_nothing_is_moved_where_nothing_is_known(store: Store) -> None:
    assert store.move_times(timedelta(days=-1), "set back", expected=0) == 0
    assert store.waiting() == []


MOUNTED = r"""22 1 8:1 / / rw - ext4 /dev/sda1 rw
40 22 0:40 / /lab\040data rw,relatime shared:1 - nfs4 server:/export rw
41 40 0:41 / /lab\040data/scratch rw - tmpfs tmpfs rw
42 22 0:42 / /mnt/nas rw - cifs //nas/lab rw
43 22 0:43 / /mnt/ssh rw - fuse.sshfs anna@host: rw
"""


@pytest.fixture
def mounted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mountinfo").write_text(MOUNTED, encoding="utf-8")
    monkeypatch.setattr(shares, "MOUNTS", tmp_path / "mountinfo")
    monkeypatch.setattr(shares, "_existing", lambda path: path)


@pytest.mark.usefixtures("mounted")
@pytest.mark.parametrize(
    ("named", "kind"),
    [
        ("/lab data/db.sqlite", "nfs4"),
        ("/lab data/deep/er/db.sqlite", "nfs4"),
        ("/lab data/scratch/db.sqlite", None),
        ("/lab database/db.sqlite", None),
        ("/mnt/nas/db.sqlite", "cifs"),
        ("/mnt/ssh/db.sqlite", "fuse.sshfs"),
        ("/var/db.sqlite", None),
    ],
)
@pytest.mark.skipif(sys.platform == "win32", reason="these are paths of Linux")
def test_s7_a_share_is_known_by_its_mount(named: str, kind: str | None) -> None:
    assert shares.share_of(Path(named)) == kind


def test_s7_a_share_is_refused_with_its_reason(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shares, "share_of", lambda path: "nfs4")
    with pytest.raises(StoreError, match=r"on a network share \(nfs4\).*PostgreSQL"):
        Store.open(path, "two-qubits")
    assert not path.exists()


def test_s7_what_windows_says_of_shares() -> None:
    """A UNC path is one by its name; a drive letter is asked of Windows, which is not here."""
    share = shares._windows_share(PureWindowsPath(r"\\nas\lab\db.sqlite"))  # type: ignore[arg-type]
    assert share == r"share \\nas\lab"
    assert shares._windows_share(PureWindowsPath(r"C:\lab\db.sqlite")) is None  # type: ignore[arg-type]


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="no folder that nobody can write")
def test_s7_a_folder_that_cannot_be_written_is_named() -> None:
    with pytest.raises(StoreError, match=r"cannot open /proc/kammerton\.sqlite"):
        Store.open("/proc/kammerton.sqlite", "two-qubits")


@pytest.mark.parametrize("name", ["mit Leerzeichen", "Gerät № 1", "100%25#?&", "ночь", "'; --"])
def test_s7_a_path_may_hold_any_letters(tmp_path: Path, name: str) -> None:
    path = tmp_path / name / f"{name}.sqlite"
    with Store.open(path, "two-qubits") as store:
        store.commit(run(), {"q0.t1": estimate()})
        data = store.run("r000001").data
    assert data is not None
    assert data.is_file()
    assert verify(path).findings == ()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 8 MiB; who may not mount one is skipped, saying so."""
    place = tmp_path / "disk"
    place.mkdir()
    words = ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(place)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"cannot mount a small disk: {done.stderr.strip()}")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def _fill(file: Path) -> None:
    with file.open("wb", buffering=0) as filling:
        while True:
            filling.write(bytes(4096))


def test_s1_on_a_full_disk_small_rows_go_on_and_the_rest_recovers(
    small_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reserve, "ROOM", 2**19)
    monkeypatch.setattr(reserve, "SIZE", 2**20)
    with Store.open(small_disk / "db.sqlite", "two-qubits") as store:
        store.commit(run(), {"q0.t1": estimate()}, store.begin("t1", ["q0"]))
        filler = small_disk / "somebody else's"
        with pytest.raises(OSError, match="No space left"):
            _fill(filler)
        with pytest.raises(StoreUnavailable):
            store.commit(run(points=2000), {"q0.t1": estimate(7.0)})
        with pytest.raises(StoreUnavailable, match="nothing is measured"):
            store.begin("t1", ["q0"])
        for number in range(50):
            store.audit("gate", "awg1", number, 0, "drive off")
        store.hold("computer", "anna", "the disk is full")
        filler.unlink()
        store.commit(run(), {"q0.t1": estimate(2.0)}, store.begin("t1", ["q0"]))
        assert store.parameters()["q0.t1"].value == 2.0
    assert verify(small_disk / "db.sqlite").findings == ()


@pytest.mark.parametrize("set_aside", [True, False])
def test_s1_on_a_full_disk_a_person_is_heard(
    small_disk: Path, monkeypatch: pytest.MonkeyPatch, set_aside: bool
) -> None:
    monkeypatch.setattr(reserve, "ROOM", 2**19)
    monkeypatch.setattr(reserve, "SIZE", 2**20)
    if not set_aside:
        monkeypatch.setattr(inbox, "SET_ASIDE", 0)
    with Store.open(small_disk / "db.sqlite", "two-qubits") as store, Inbox(store.place) as box:
        store.commit(run(), {"q0.t1": estimate()}, store.begin("t1", ["q0"]))
        filler = small_disk / "somebody else's"
        with pytest.raises(OSError, match="No space left"):
            _fill(filler)
        with Inbox(store.path) as asking:
            if not set_aside:
                with pytest.raises(StoreUnavailable):
                    asking.ask("hold", {"scope": "computer", "why": "smoke"}, "anna@pc")
                return
            number = asking.ask("hold", {"scope": "computer", "why": "smoke"}, "anna@pc")
            attend(store, box)
            assert asking.request(number).done
        assert [each.why for each in store.leases()] == ["smoke"]
        filler.unlink()
        box.renew()
        assert (small_disk / "db.sqlite.requests.reserve").is_file(), "for the next time"


def test_a_lock_does_not_cost_the_room_that_is_set_aside(tmp_path: Path) -> None:
    with Store.open(tmp_path / "db.sqlite", "two-qubits") as store:
        place = store.place
    box = Inbox(place)
    box._engine.dispose()
    box._engine = sqlite.plain(place.request_file, 0.2)
    kept = tmp_path / "db.sqlite.requests.reserve"
    with closing(sqlite3.connect(place.request_file)) as other:
        other.execute("BEGIN IMMEDIATE")
        began = time.monotonic()
        with pytest.raises(StoreUnavailable, match="locked"):
            box.ask("hold", {"scope": "q0", "why": "cabling"}, "anna@pc")
        assert time.monotonic() - began < 2.0, "it waits once"
    assert kept.stat().st_size == inbox.SET_ASIDE
    box.close()


def test_a_reserve_that_a_crash_left_empty_is_set_aside_anew(tmp_path: Path) -> None:
    kept = tmp_path / "db.reserve"
    kept.touch()
    mine = reserve.Reserve(tmp_path / "db", 1000, 1)
    assert not mine.give_up(), "there is no room in it"
    mine.take()
    assert kept.stat().st_size == 1000
    assert mine.give_up()
    assert not mine.give_up()


COMMITTING = """
import os, sys
from pathlib import Path
from kammerton.model import StoreUnavailable
from kammerton.store import Store
from tests.stored import estimate, run
{before}
place, data = Path(sys.argv[1]), Path(sys.argv[2])
with Store.open(place / "db.sqlite", "two-qubits", data=data) as store:
    store.commit(run(), {{"q0.t1": estimate()}})
    {full}
    for _ in range(3):
        try:
            print(store.commit(run(points=600), {{"q0.t1": estimate(2.0)}}))
        except StoreUnavailable as refusal:
            print("waits:", refusal)
    {room}
    print(store.commit(run(points=600), {{"q0.t1": estimate(2.0)}}).run_id)
    print(sorted(os.listdir(data)))
"""


def _committing(place: Path, data: Path, **how: str) -> list[str]:
    """Commit in a process of its own, since a crash would end this one; return what it said."""
    script = COMMITTING.format(**{"before": "", **how})
    words = [sys.executable, "-c", script, str(place), str(data)]
    done = subprocess.run(
        words,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        cwd=Path(__file__).parents[3],
    )
    assert done.returncode == 0, f"ended with {done.returncode}: {done.stderr[-500:]}"
    return done.stdout.splitlines()


@pytest.mark.parametrize("left", [4, 16, 64], ids="{} KiB".format)
def test_s1_a_disk_that_becomes_full_in_the_middle_of_raw_data_ends_no_process(
    small_disk: Path, tmp_path: Path, left: int
) -> None:
    full = f"""filler = data / "filler"
    free = os.statvfs(data).f_bavail * os.statvfs(data).f_frsize
    filler.write_bytes(bytes(free - {left} * 1024))"""
    *waits, made, files = _committing(tmp_path, small_disk, full=full, room="filler.unlink()")
    assert [said[:7] for said in waits] == 3 * ["waits: "]
    assert all("No space left" in said for said in waits)
    assert (made, files) == ("r000002", "['r000001.nc', 'r000002.nc']")


LIMIT = """import resource
def limit(size):
    hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))"""


@pytest.mark.skipif(sys.platform == "win32", reason="no limit on the size of a file")
def test_s1_a_limit_on_the_size_of_files_is_waited_for(tmp_path: Path) -> None:
    """The same without a disk of one's own: the file is refused at 200 KiB, of 440."""
    *waits, made, files = _committing(
        tmp_path,
        tmp_path / "runs",
        before=LIMIT,
        full="limit(200 * 1024)",
        room="limit(resource.RLIM_INFINITY)",
    )
    assert [said[:7] for said in waits] == 3 * ["waits: "]
    assert all("File too large" in said for said in waits)
    assert (made, files) == ("r000002", "['r000001.nc', 'r000002.nc']")


@pytest.mark.skipif(sys.platform == "win32", reason="no limit on the size of a file")
def test_s1_a_limit_on_the_database_is_waited_for(tmp_path: Path) -> None:
    full = """run = lambda points: tests.stored.run(points=2)  # smaller than the database
    limit((place / "db.sqlite-wal").stat().st_size + 5000)"""
    *waits, made, _ = _committing(
        tmp_path,
        tmp_path / "runs",
        before=f"import tests.stored\n{LIMIT}",
        full=full,
        room="limit(resource.RLIM_INFINITY)",
    )
    assert [said[:7] for said in waits] == 3 * ["waits: "]
    assert made == "r000002"


@pytest.mark.parametrize(
    ("number", "kind"),
    [
        (None, StoreError),
        (errno.EIO, StoreError),
        (errno.ENOSPC, StoreUnavailable),
        (errno.EDQUOT, StoreUnavailable),
        (errno.EFBIG, StoreUnavailable),
    ],
)
def test_s1_a_write_that_fails_is_waited_for_only_where_there_is_no_room(
    path: Path, monkeypatch: pytest.MonkeyPatch, number: int | None, kind: type[StoreError]
) -> None:
    def refuses(**_: object) -> None:
        raise OSError(number, "refused")

    if number is not None:
        monkeypatch.setattr(tempfile, "TemporaryFile", refuses)
    failed = sqlite3.OperationalError("disk I/O error")
    failed.sqlite_errorcode = sqlite3.SQLITE_IOERR_WRITE
    with pytest.raises(StoreError) as said, sqlite.named_errors(path, "write"):
        raise failed
    assert type(said.value) is kind
    assert list(path.parent.iterdir()) == []


@pytest.mark.parametrize("there", [True, False])
def test_a_file_of_another_user_is_said_to_be_his(
    path: Path, monkeypatch: pytest.MonkeyPatch, there: bool
) -> None:
    """Whoever may read the database but not write beside it cannot hold anything, and asks whom."""
    lock = path.with_name(f"{path.name}.lock")
    if there:
        lock.touch()
    monkeypatch.setattr(Path, "owner", lambda _: "kammerton")
    with pytest.raises(StoreError) as refusal, sqlite.named_errors(path, "open"):
        raise PermissionError(13, "Permission denied", str(lock))
    what = str(lock) if there else f"in {path.parent}"
    whose = f"this user may not write {what}, which belongs to kammerton"
    assert str(refusal.value) == f"cannot open {path}: {whose}"


def test_a_database_that_may_only_be_read_is_said_to_be_anothers(
    path: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)
    refused = pytest.raises(StoreError, match=f"not write {path}, which belongs to")
    with refused, sqlite.named_errors(path, "write"), store.place.reader().begin() as connection:
        connection.exec_driver_sql("DELETE FROM run")
