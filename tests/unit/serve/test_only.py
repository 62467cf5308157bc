"""One daemon keeps a computer up, also while that computer's process is not there."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner

from kammerton import keeping
from kammerton.cli import app
from kammerton.keeping import Note
from kammerton.model import StoreError
from kammerton.serve.keeper import Keeper, Record
from kammerton.serve.notify import Notify
from kammerton.serve.only import Only
from kammerton.serve.rules import Rules
from kammerton.serve.supervisor import supervise
from kammerton.serve.words import Code, Mode
from kammerton.store import Store, errand
from kammerton.store.place import place_of
from tests.unit.serve.test_supervisor import FAST, PRETEND, begun, lab, lives, run, seen

HELD = """
import os, subprocess, sys, time
from pathlib import Path
from kammerton import keeping
lock = keeping.take(Path(sys.argv[1]))
keeping.write(Path(sys.argv[1]), keeping.Note(os.getpid()))
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
print(child.pid, flush=True)
time.sleep(60)
"""


def another(note: Path):
    """Begin a process that has the lock, and a child; return both pids once it has it."""
    process = subprocess.Popen(
        [sys.executable, "-c", HELD, str(note)], stdout=subprocess.PIPE, text=True
    )
    return process, int(process.stdout.readline())


@pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX here")
def test_r7_the_lock_ends_with_a_killed_supervisor_though_its_children_live(tmp_path):
    note = keeping.beside(tmp_path / "k.sqlite")
    process, child = another(note)
    try:
        assert keeping.there(note) == Note(process.pid)
        process.send_signal(signal.SIGKILL)
        process.wait(10)
        os.kill(child, 0)
        assert keeping.there(note) is None
    finally:
        os.kill(child, signal.SIGKILL)
        process.kill()
        process.wait(10)
        process.stdout.close()


def test_r7_a_second_daemon_refuses_while_the_process_of_the_first_is_not_up(tmp_path, capfd):
    """Neither does it switch off what that process left on: the first will."""
    path = lab(tmp_path, "keeps works")
    note = keeping.beside(tmp_path / "lab.toml.sqlite")
    lock = keeping.take(note)
    keeping.write(note, Note(4711, starts=time.time() + 100, failures=3))
    try:
        assert run(path) is Code.FAILED
    finally:
        lock.release()
    assert "by another daemon already, process 4711" in capfd.readouterr().err
    assert lives(path) == ["life tune"], "its process was neither let go nor told to end in order"


def test_r7_one_that_ends_is_waited_for(tmp_path):
    note, first, second = tmp_path / "k.daemon", Only(), Only()

    async def main() -> str:
        stop = asyncio.Event()
        assert await first.become(str(note), stop) == ""
        first.say(ends=True)
        asyncio.get_running_loop().call_later(1.5, first.release)
        return await second.become(str(note), stop)

    assert asyncio.run(main()) == ""
    second.release()
    assert keeping.there(note) is None


def test_r7_the_daemon_has_the_lock_over_all_lives_of_a_process_and_says_when_the_next_begins(
    tmp_path,
):
    path = lab(tmp_path, "failed killed killed works")
    path.with_name("lab.toml.keeps").touch()
    note = keeping.beside(tmp_path / "lab.toml.sqlite")
    rules = dataclasses.replace(FAST, first_pause=0.4, longest_pause=0.4)
    found: list[Note | None] = []

    def up() -> bool:
        if seen(path, "life")():
            found.append(keeping.there(note))
        return seen(path, "go", times=2)()

    assert run(path, until=up, rules=rules) is Code.DONE
    assert len(begun(path)) == 4
    known = [each for each in found if each is not None]
    assert {each.pid for each in known[1:]} == {os.getpid()}
    later = found[found.index(known[0]) :]
    assert None not in later, "it has it without a gap"
    assert any(each.starts and each.failures == 3 and "signal 9" in each.why for each in known)
    assert keeping.there(note) is None, "and lets go of it at the end"
    assert not note.exists()


def test_a_computer_without_a_lock_is_kept_up_all_the_same(tmp_path, caplog):
    (tmp_path / "file").write_text("")
    path = lab(tmp_path, "keeps")
    note = tmp_path / "file" / "k.daemon"

    async def main() -> str:
        return await Only().become(str(note), asyncio.Event())

    assert asyncio.run(main()) == ""
    assert "no other daemon is kept from this computer" in caplog.text
    assert path.exists()


@pytest.fixture
def database(tmp_path):
    """Return a database whose process has died, and whose daemon waits with the next."""
    path = tmp_path / "k.sqlite"
    with Store.open(path, "two-qubits") as store:
        store.activity("t1 on q0")
    note = keeping.beside(path)
    lock = keeping.take(note)
    keeping.write(note, Note(4711, time.time() + 40.2, 3, "it was killed by signal 9\nmore"))
    yield path
    lock.release()


def status(database: Path, *options: str) -> str:
    done = CliRunner(env={"COLUMNS": "400"}).invoke(app, ["status", str(database), *options])
    assert done.exit_code == 0, done.output
    return done.stdout


def test_r7_status_says_that_the_daemon_runs_and_its_process_is_waited_for(database):
    text = " ".join(status(database).split())
    assert "the daemon runs (process 4711), and this computer's own process is not up: " in text
    assert "attempt 4 begins in 40 s; it was killed by signal 9; more; CAUTION: outputs may" in text
    daemon = json.loads(status(database, "--json"))["daemon"]
    assert 30 < daemon.pop("starts_in_seconds") < 41
    assert (daemon["process"], daemon["attempt"], daemon["ends"]) == (4711, 4, False)
    assert daemon["state"] == "waits"
    with Store.open(database, "two-qubits") as store:
        store.activity("t1 on q0")
        assert "the daemon runs" not in status(database)
        daemon = json.loads(status(database, "--json"))["daemon"]
        assert (daemon["state"], daemon["process"], daemon["attempt"]) == ("up", 4711, None)
        store.activity(None)
    assert "this computer's own process is not up" in status(database)


def test_r7_a_headline_says_no_sentence_twice(database):
    """Why the last process ended, and which outputs it could not switch off, may be the same."""
    lo, note = "lo is not known to be off: it stays on", keeping.beside(database)
    with Store.open(database, "two-qubits") as store:
        store.audit("opening", "all outputs", None, "not verified off", lo)
    for why, heard in [(lo, ""), (f"awg1 says no\n{lo}", "; awg1 says no")]:
        keeping.write(note, Note(4711, time.time() + 40.2, 3, why))
        text = " ".join(status(database).split())
        assert f"begins in 40 s{heard}; CAUTION: outputs may be on: {lo} " in text
    assert json.loads(status(database, "--json"))["daemon"]["why"] == why, "whole"


@pytest.mark.parametrize("supervised", [True, False])
def test_status_says_that_a_run_is_supervised_also_where_nothing_waits(database, supervised):
    with Store.open(database, "two-qubits") as store:
        store.activity("t1 on q0")
        keeping.write(keeping.beside(database), Note(4711, supervised=supervised))
        assert ("a supervised run: a person is asked before" in status(database)) is supervised
        assert json.loads(status(database, "--json"))["daemon"]["supervised"] is supervised


def test_the_note_of_a_supervised_run_says_so_however_its_processes_end(tmp_path):
    keeper = Keeper(tmp_path / "lab.toml", None, Record(Mode.TUNE, Rules(), supervised=True))
    path = tmp_path / "k.sqlite.daemon"
    assert asyncio.run(keeper.only.become(str(path), asyncio.Event())) == ""
    keeper.only.say(time.time() + 9.0, 3, "it was killed")
    assert keeping.read(path).supervised
    keeper.only.release()


def state(database):
    return json.loads(status(database, "--json"))["daemon"]["state"]


@pytest.mark.parametrize(
    ("note", "word"),
    [(Note(4711), "starts"), (Note(4711, time.time() + 40), "waits"), (Note(ends=True), "ends")],
)
def test_r7_a_script_is_told_in_a_word_what_the_daemon_is_at(database, note, word):
    keeping.write(keeping.beside(database), note)
    assert state(database) == word


def test_r7_a_script_can_tell_that_no_daemon_runs_from_that_all_is_well(tmp_path, monkeypatch):
    path = tmp_path / "k.sqlite"
    with Store.open(path, "two-qubits") as store:
        store.activity("t1 on q0")
        assert state(path) == "up"
    assert state(path) == "none", "it was killed"
    with Store.open(path, "two-qubits") as store:
        store.activity(None)
    daemon = json.loads(status(path, "--json"))["daemon"]
    assert daemon.pop("state") == "none"
    assert (daemon.pop("ends"), daemon.pop("supervised")) == (False, False)
    assert set(daemon.values()) == {None}


def test_r7_who_may_only_read_is_not_told_that_no_daemon_runs(tmp_path, monkeypatch):
    path = tmp_path / "k.sqlite"
    Store.open(path, "two-qubits").close()

    def refused(*_):
        raise StoreError("nothing can be written there")

    monkeypatch.setattr("kammerton.store.file.FilePlace.writer_there", refused)
    assert state(path) == "unknown"


LET_GO = (
    "hands off: computer is held by ada: a cable; outputs were off at 2026-11-29 12:36 UTC, when "
    "the daemon let go of them"
)


@pytest.mark.skipif(sys.platform != "linux", reason="Linux says which files a process has open")
@pytest.mark.parametrize(("what", "cautions"), [(LET_GO, False), ("t1 on q0", True)])
def test_s3_of_a_process_whose_lock_was_deleted_what_it_said_last_is_said(tmp_path, what, cautions):
    """It stores nothing any more; it is neither starting nor dead."""
    path = tmp_path / "k.sqlite"
    with Store.open(path, "two-qubits") as store:
        store.activity(what)
        locks = path.with_name("k.sqlite.lock")
        locks.unlink()
        said, asked = " ".join(status(path).split()), json.loads(status(path, "--json"))
        assert not locks.exists(), "asking makes none: else the daemon sees it replaced"
        assert f"process {os.getpid()} is up without its lock" in said
        assert f"ago it said: {what}" in said
        assert ("outputs may be on" in said) == cautions
        assert (asked["caution"] is not None) == cautions
        assert asked["daemon"]["state"] == "unknown"


def test_r7_a_measurement_waits_a_little_for_the_next_process_and_then_says_what_is_so(
    database, monkeypatch
):
    monkeypatch.setattr("kammerton.store.asking.WAIT", 0.3)
    asked = {"target": "q0", "calibration": "t1"}
    words = r"the daemon runs \(process 4711\).*attempt 4 begins in \d+ s.*nothing was changed"
    with pytest.raises(StoreError, match=words):
        errand(database, "measure", asked)


def test_a_note_that_is_torn_hides_nobody(tmp_path):
    note = tmp_path / "k.daemon"
    lock = keeping.take(note)
    spoilt = (
        "", "{", "[1]", '{"what": 1}', '{"pid": 1, "starts": "soon"}', '{"pid": "1"}',
        '{"pid": -1}', '{"pid": 1, "starts": NaN}', '{"why": 3}', '{"failures": null}',
    )  # fmt: skip
    for text in spoilt:
        note.write_text(text)
        assert "another process" in str(keeping.there(note))
    lock.release()


def dead() -> int:
    """Return the number of a process that has ended."""
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    return process.pid


def test_r7_two_who_ask_at_once_after_a_killed_daemon_hear_of_none(tmp_path):
    """Its note is still there, and each has the lock for a moment."""
    path = keeping.beside(tmp_path / "k.sqlite")
    keeping.write(path, Note(dead(), starts=time.time() + 9))
    asks = keeping.take(path)
    timer = threading.Timer(0.1, asks.release)
    timer.start()
    assert keeping.there(path) is None
    timer.join()


def test_r7_the_note_of_a_daemon_whose_process_is_not_seen_counts_as_long_as_the_lock(tmp_path):
    """As in another container."""
    path = keeping.beside(tmp_path / "k.sqlite")
    lock = keeping.take(path)
    keeping.write(path, note := Note(dead(), failures=2))
    assert keeping.there(path) == note
    lock.release()


def test_a_reason_is_shown_with_the_cure_at_its_end():
    reason = f"awg1: {'x' * 300}; write under [instruments.awg1]\nlo: so too"
    assert str(Note(1, time.time(), 1, reason)).endswith("[instruments.awg1]; lo: so too")
    assert len(Note(1, why="x" * 10**5).short) < 3000


def test_r7_one_that_is_told_to_end_takes_nobody_who_only_asks_for_a_daemon(tmp_path):
    path, stop = tmp_path / "k.daemon", asyncio.Event()
    stop.set()
    asks = keeping.take(path)

    async def main() -> str:
        asyncio.get_running_loop().call_later(0.1, asks.release)
        return await (only := Only()).become(str(path), stop) or only.release() or "ours"

    assert asyncio.run(main()) == "ours"


def test_r7_the_lock_is_let_go_though_the_note_cannot_be_taken_away(tmp_path, monkeypatch, caplog):
    only, path = Only(), tmp_path / "k.daemon"
    assert asyncio.run(only.become(str(path), asyncio.Event())) == ""

    def refuse(*_, **__):
        raise OSError("read-only file system")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", refuse)
        only.release()
    assert "stays behind: read-only file system" in caplog.text
    keeping.take(path).release()


def test_r7_two_daemons_of_one_lab_the_second_goes_and_the_first_stays(tmp_path):
    path = lab(tmp_path, "keeps")

    async def main() -> tuple[Code, Code]:
        stop = asyncio.Event()
        more = {"rules": FAST, "command": PRETEND, "notify": Notify()}
        first = asyncio.create_task(supervise([path], stop=stop, **more))
        while not seen(path, "go")():  # noqa: ASYNC110 - another process says so
            await asyncio.sleep(0.02)
        second = await supervise([path], **more)
        stop.set()
        return await first, second

    assert asyncio.run(main()) == (Code.DONE, Code.FAILED)


@pytest.fixture
def note_of(monkeypatch, tmp_path):
    """Return which note stands for a URL."""
    pytest.importorskip("psycopg")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    for name in ("PGHOST", "PGPORT"):
        monkeypatch.delenv(name, raising=False)
    return lambda rest: place_of(f"postgresql+psycopg://{rest}").keeping


@pytest.mark.parametrize(
    "same",
    [
        ("db.lab/chips#two", "a:b@db.lab:5432/chips#two", "DB.Lab/chips#two",
         "/chips?host=db.lab#two", "other/chips?host=db.lab&port=5432#two"),
        ("localhost/chips#two", "127.0.0.1/chips#two", "[::1]:5432/chips#two"),
        ("/chips?host=/run/a#two", "a:b@/chips?host=/run/a&port=5432#two"),
    ],
)  # fmt: skip
def test_r7_the_lock_is_one_however_user_host_and_port_of_a_server_are_spelt(note_of, same):
    assert len({note_of(each) for each in same}) == 1


def test_r7_another_server_database_or_computer_has_another_lock(note_of):
    others = (
        "db.lab/chips#two", "db.lab:5433/chips#two", "db2.lab/chips#two", "db.lab/chips#three",
        "db.lab/Chips#two", "db.lab/chips#Two", "localhost/chips#two", "/chips?host=/run/a#two",
        "/chips?host=/run/A#two", "/chips?host=/run/b#two", "/chips?host=/run/b&port=5433#two",
    )  # fmt: skip
    assert len({note_of(each) for each in others}) == len(others)


def test_a_note_that_found_no_room_is_left_once_there_is(tmp_path, monkeypatch):
    """Nothing is left behind meanwhile: neither half a note nor one that is not true any more."""
    path, only = tmp_path / "k.sqlite.daemon", Only()
    asyncio.run(only.become(str(path), asyncio.Event()))
    assert keeping.read(path).failures == 0

    def full(file: Path, *_: object, **__: object) -> None:
        file.touch()
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(Path, "write_text", full)
        only.say(failures=3)
        only.again()
        assert [each.name for each in tmp_path.iterdir()] == ["k.sqlite.daemon.lock"]
        assert "not known here" in str(keeping.there(path))
        assert "starting" not in str(keeping.there(path))
    only.again()
    assert keeping.read(path) == Note(os.getpid(), failures=3)
    only.release()
    only.again()
    assert not path.exists()
