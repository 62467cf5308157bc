"""One grammar: the laboratory is an argument or --lab, of every command that needs one."""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from typer.testing import CliRunner

from kammerton.cli import ORDER, app, status
from kammerton.keeping import Note
from kammerton.store import Store, backup
from kammerton.store.asking import somebody
from tests.stored import estimate, run
from tests.unit.lab.example import FILE

ASKED = {
    "check": ("check",),
    "run": ("run", "--dry-run"),
    "status": ("status",),
    "why": ("why", "q0.t1"),
    "log": ("log",),
    "hold": ("hold", "q0", "--why", "by hand"),
    "release": ("release", "q0"),
    "approve": ("approve",),
    "diff": ("diff", "r1", "r2"),
    "revert": ("revert", "q0", "--to", "r1"),
    "verify": ("verify", "--no-data"),
    "backup": ("backup",),
    "restore": ("restore", "BACKUP"),
}
NEED_NONE = {"demo", "fit", "sim"}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made")
    shutil.copy(FILE, folder / "lab.toml")
    with Store.open(folder / "kammerton.sqlite", "two-qubits") as store:
        store.commit(run(), {"q0.t1": estimate(4.2e-5)})
        store.commit(run(), {"q0.t1": estimate(5.1e-5)})
        store.hold("q0", somebody(), "wiring")
    return folder


@pytest.fixture
def lab(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "there")) / "lab.toml"


def said(*words: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, list(words))
    return done.exit_code, done.output


def words_of(command: str, lab: Path) -> list[str]:
    words = list(ASKED[command])
    if command == "restore":
        words[1] = str(backup.keep(lab.parent / "kammerton.sqlite"))
    return words


def test_every_command_is_listed_and_either_needs_a_laboratory_or_none():
    known = {each.name or each.callback.__name__ for each in app.registered_commands}
    assert known == set(ORDER)
    assert known - NEED_NONE == {*ASKED, "measure", "refuse"}


def test_measure_too_looks_there_and_finds_that_no_daemon_runs(lab, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for words in (["measure", "q0", "t1", str(lab)], ["measure", "--lab", str(lab), "q0", "t1"]):
        code, text = said(*words)
        assert (code, "no daemon runs here" in text) == (2, True)


def test_refuse_too_looks_there_and_finds_that_nothing_waits(lab, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for words in (["refuse", "3", str(lab)], ["refuse", "--lab", str(lab), "3"]):
        code, text = said(*words, "--why", "too hot")
        assert (code, "nothing waits" in text) == (2, True), text


@pytest.mark.parametrize("command", ASKED)
@pytest.mark.parametrize("way", ["folder", "option first"])
def test_the_laboratory_is_said_in_any_way(command, way, lab, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    words = words_of(command, lab)
    given = {
        "folder": [*words, str(lab.parent)],
        "option first": [words[0], "--lab", str(lab), *words[1:]],
    }[way]
    code, text = said(*given)
    assert code == 0, text


@pytest.mark.parametrize("command", sorted(set(ASKED) - {"restore"}))
def test_without_a_word_it_is_the_one_here(command, lab, monkeypatch):
    words = words_of(command, lab)
    monkeypatch.chdir(lab.parent)
    code, text = said(*words)
    assert code == 0, text


def test_two_laboratories_are_one_too_many(lab):
    code, text = said("status", str(lab), "--lab", "other.toml")
    assert code == 2
    assert "Name one" in text


def test_revert_and_diff_tell_a_place_from_a_name(lab):
    code, text = said("diff", "r1", str(lab))
    assert (code, "q0.t1" in text) == (0, True)
    code, text = said("revert", "q0", "q9", str(lab), "--to", "r1")
    assert (code, "there is no q9; there are q0" in text) == (2, True)
    code, text = said("revert", "q0.t11", str(lab), "--to", "r1")
    assert (code, 'q0.t11 (did you mean "q0.t1"?)' in text) == (2, True)


@pytest.mark.parametrize("revision", ["r0", "r9999"])
@pytest.mark.parametrize("words", [("revert", "q0", "--to"), ("diff", "r1")])
def test_a_revision_that_there_is_not_is_told_in_one_line(lab, words, revision):
    """revert gave a traceback."""
    code, text = said(*words, revision, *(["--lab"] if words[0] == "revert" else []), str(lab))
    assert (code, "there is no revision" in text) == (2, True), text
    assert "Traceback" not in text


def test_a_restore_into_a_lab_toml_leaves_that_file_alone(lab):
    before = lab.read_bytes()
    saved = backup.keep(lab.parent / "kammerton.sqlite")
    code, text = said("restore", str(saved), str(lab))
    assert (code, lab.read_bytes()) == (0, before)
    assert f"now holds what {saved.name} held, in a new epoch" in text
    assert "is kept as" in text


def test_a_restore_beside_a_daemon_says_what_to_do(lab):
    saved = backup.keep(lab.parent / "kammerton.sqlite")
    with Store.open(lab.parent / "kammerton.sqlite", "two-qubits"):
        code, text = said("restore", str(saved))
    assert (code, "end the daemon first" in text) == (2, True)


def test_a_backup_is_found_by_the_name_that_the_list_shows(lab, tmp_path, monkeypatch):
    saved = backup.keep(lab.parent / "kammerton.sqlite")
    monkeypatch.chdir(tmp_path)
    code, text = said("restore", saved.name, str(lab))
    assert (code, f"now holds what {saved.name} held" in text) == (0, True), text
    monkeypatch.chdir(lab.parent)
    code, text = said("restore", saved.name)
    assert (code, f"now holds what {saved.name} held" in text) == (0, True), text
    code, text = said("restore", f"{saved.name}x")
    assert (code, "there is no backup" in text) == (2, True)


def test_before_the_first_run_nothing_is_there_to_back_up(tmp_path):
    shutil.copy(FILE, tmp_path / "lab.toml")
    code, text = said("backup", str(tmp_path))
    assert (code, "the first `kammerton run` makes it" in text) == (2, True), text


@pytest.mark.parametrize("words", [["measure", "q0", "t1"], ["hold", "q0", "--why", "a cable"]])
def test_who_names_no_laboratory_hears_that_it_is_the_demonstrations(
    words, lab, tmp_path, monkeypatch
):
    shutil.copytree(lab.parent, tmp_path / "away" / "kammerton-demo")
    monkeypatch.chdir(tmp_path / "away")
    assert f"{Path('kammerton-demo', 'lab.toml')} is taken" in said(*words)[1]
    assert "is taken" not in said(*words, "--lab", str(lab))[1]


def test_a_backup_that_is_not_there_is_named(tmp_path):
    code, text = said("restore", str(tmp_path / "no"))
    assert (code, "there is no backup" in text) == (2, True)


@pytest.mark.parametrize(
    "words", [("status",), ("run",), ("run", "--dry-run"), ("measure", "q", "t1")]
)
def test_where_there_is_nothing_a_newcomer_is_told_what_to_try(words, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, text = said(*words)
    assert (code, "or try `kammerton demo`" in text) == (2, True)


def test_a_status_without_values_says_that_nothing_was_measured(tmp_path):
    Store.open(tmp_path / "new.sqlite", "two-qubits").close()
    assert said("status", str(tmp_path / "new.sqlite"))[1].splitlines() == [
        "two-qubits, revision 0; no daemon runs", "nothing was measured yet",
    ]  # fmt: skip


def test_no_result_waits_for_a_broker_that_lab_toml_does_not_name(lab):
    waits, text = "; 2 results wait for the broker", lab.read_text(encoding="utf-8")
    assert waits in " ".join(said("status", str(lab))[1].split())
    lab.write_text(re.sub(r"(?m)^\[broker\][^\[]*", "", text), encoding="utf-8")
    assert waits not in " ".join(said("status", str(lab))[1].split())
    database = lab.with_name("kammerton.sqlite")  # which does not tell whether there is one
    assert waits in " ".join(said("status", str(database))[1].split())


def test_what_was_said_long_ago_is_told_with_its_age(tmp_path, monkeypatch):
    path = tmp_path / "new.sqlite"
    with Store.open(path, "two-qubits") as store:
        store.activity("waiting: lo: no answer; trying again in 42.4 s")
        monkeypatch.setattr(status, "SILENT", -1.0)
        text = " ".join(said("status", str(path))[1].split())
    assert re.search(r"trying again in 42.4 s \(said \d s ago\)", text)


def test_a_status_tells_a_process_that_died_from_one_that_works(tmp_path):
    """Whoever reads `t1 on q0` would think that somebody watches over what is on."""
    path = tmp_path / "new.sqlite"
    with Store.open(path, "two-qubits") as store:
        store.activity("t1 on q0")
        pid = store.current_activity().pid
        assert f"process {pid}: t1 on q0" in said("status", str(path))[1]
        assert json.loads(said("status", str(path), "--json")[1])["doing"] == "t1 on q0"
    left = f"outputs may be on, process {pid} did not switch them off (t1 on q0)"
    code, text = said("status", str(path))
    assert code == 0
    assert f"no process runs; CAUTION: {left}" in " ".join(text.split())
    document = json.loads(said("status", str(path), "--json")[1])
    assert (document["doing"], document["caution"]) == (None, f"CAUTION: {left}")


@pytest.fixture
def dead(tmp_path):
    """Return a database whose last words are of a process that another one follows."""
    path = tmp_path / "new.sqlite"
    with Store.open(path, "two-qubits") as store:
        store.activity("t1 on q0")
        with closing(sqlite3.connect(path)) as other, other:
            other.execute("UPDATE activity SET pid = 4194304")
        yield path


def test_a_status_says_which_process_a_person_signals_to_end_the_daemon(tmp_path, monkeypatch):
    """The computer's own process would be replaced."""
    monkeypatch.setattr("kammerton.keeping.there", lambda _: Note(pid=77))
    with Store.open(tmp_path / "two.sqlite", "two") as store:
        store.activity("connecting")
        text = said("status", str(tmp_path / "two.sqlite"))[1]
    assert "SIGTERM to process 77, ends the daemon" in " ".join(text.split())


@pytest.mark.skipif(not Path("/proc/locks").exists(), reason="the system does not tell")
def test_the_words_of_a_dead_process_are_not_those_of_the_one_that_has_its_database(dead):
    left = "CAUTION: outputs may be on, process 4194304 did not switch them off (t1 on q0)"
    document = json.loads(said("status", str(dead), "--json")[1])
    assert (document["doing"], document["caution"]) == (None, left)
    assert document["daemon"]["state"] == "none"
    assert left in " ".join(said("status", str(dead))[1].split())


def test_where_nobody_can_know_who_has_it_the_last_words_count(dead, tmp_path, monkeypatch):
    """In another container, say, or on another system."""
    monkeypatch.setattr("kammerton.store.holder.LOCKS", tmp_path / "none")
    document = json.loads(said("status", str(dead), "--json")[1])
    assert (document["doing"], document["daemon"]["state"]) == ("t1 on q0", "up")


@pytest.mark.parametrize(
    ("doing", "doubts"),
    [
        ("for safe mode: switching all outputs off; CAUTION: outputs are not known to be off yet",
         True),
        ("safe mode: not every output is known to be off; it crashed", True),
        ("hands off: lo is held by ann; outputs are NOT known to be off", True),
        ("waiting: lo: no answer; lo is not known to be off: last switched on at 12:00", True),
        ("safe mode: all outputs are off; it crashed; a person must restart it", False),
        ("t1 on q0", False),
    ],
)  # fmt: skip
def test_a_process_at_work_that_says_that_outputs_may_be_on_is_a_caution(tmp_path, doing, doubts):
    path, which = tmp_path / "new.sqlite", "lo is not known to be off: no answer"
    with Store.open(path, "two-qubits") as store:
        store.activity(doing)
        seen = json.loads(said("status", str(path), "--json")[1])["caution"]
        does = doing.removesuffix("; CAUTION: outputs are not known to be off yet")
        assert seen == (f"CAUTION: outputs may be on: {does}" if doubts else None)
        store.audit("closing", "all outputs", None, "not verified off", which)
        seen = json.loads(said("status", str(path), "--json")[1])["caution"]
        assert seen == (f"CAUTION: outputs may be on: {which}" if doubts else None)
        told = " ".join(said("status", str(path))[1].split())
        assert (f"CAUTION: outputs may be on: {which}" in told) is doubts


def test_the_defaults_are_readable_in_the_help():
    assert "[default: lab.toml here" in " ".join(said("status", "--help")[1].split())


@pytest.mark.parametrize("command", [each for each in ORDER if each != "sim"])
def test_no_option_is_described_by_a_type_of_the_program(command):
    options = said(command, "--help")[1].partition("Options:")[2]
    assert "--help" in options
    assert "<" not in re.sub(r"x>=|<=x<=", "", options), options


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("log", "every attempt that led to no run: aborted, refused, given up"),
        ("log", "what was asked for or refused"),
        ("measure", "what an instrument aborts is measured once more as soon as all are back"),
        ("run", "3, with --once: a qubit cannot be tuned"),
        ("fit", "3: not accepted; 2: the data or the options cannot be used"),
    ],
)
def test_the_help_says_what_comes_of_it(command, words):
    assert words in " ".join(said(command, "--help")[1].split())


def test_a_backup_of_a_database_behind_a_link_lies_beside_the_file(lab: Path) -> None:
    database, disk = lab.parent / "kammerton.sqlite", lab.parent / "large disk"
    disk.mkdir()
    database.rename(disk / database.name)
    database.symlink_to(disk / database.name)
    for named in (lab, database):
        code, saved = said("backup", str(named))
        assert code == 0
        assert Path(saved.replace("\n", "")).parent == (disk / "backups").resolve()
