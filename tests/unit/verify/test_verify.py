"""Each thing that may be wrong is done to a sound database, and found, and said."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from typer.testing import CliRunner

from kammerton.cli import app
from kammerton.store import Store, backup
from kammerton.verify import library_warning, rules, verify
from tests.stored import estimate, run


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sound") / "db.sqlite"
    with Store.open(path, "two-qubits") as store:
        for value in (1.0, 2.0):
            begun = store.begin("t1", ["q0", "q1"])
            store.commit(run(), {"q0.t1": estimate(value), "q1.t1": estimate(value)}, begun)
        store.commit(run(points=2), {})
        store.revert(1, ["q0"], who="anna", why="flux")
        for number in range(3):
            store.audit("gate", "awg1.1", number, number + 1, "rabi")
        store.hold("q1", "anna", "wiring")
        store.mark_sent(1)
    return path


@pytest.fixture
def copy(sound: Path, tmp_path: Path) -> Path:
    shutil.copytree(sound.parent, tmp_path / "copy")
    return tmp_path / "copy" / sound.name


TRIGGERS = "SELECT name, tbl_name, sql FROM sqlite_master WHERE type = 'trigger'"


def tamper(path: Path, *statements: str) -> None:
    """Change what the triggers and references of the database forbid to change."""
    with closing(sqlite3.connect(path)) as database:
        triggers = database.execute(TRIGGERS).fetchall()
        for name, _, _ in triggers:
            database.execute(f"DROP TRIGGER {name}")
        for statement in statements:
            assert database.execute(statement).rowcount != 0, statement
        tables = {name for (name,) in database.execute("SELECT name FROM sqlite_master")}
        for _, table, made in triggers:
            if table in tables:
                database.execute(made)
        database.commit()


def test_a_sound_database_is_sound_also_while_it_is_written(copy: Path) -> None:
    report = verify(copy)
    assert report.findings == ()
    assert (report.computer, report.revision, report.runs, report.audited) == (
        "two-qubits",
        3,
        3,
        5,
    )
    with Store.open(copy, "two-qubits") as store:
        assert report.tip == store.log(1)[0].hash
        with store._write():
            assert verify(copy).findings == ()
        store.commit(run(), {"q0.t1": estimate()})
        assert verify(copy).revision == 4


WRONG = {
    "a gap": (
        ["DELETE FROM change WHERE revision = 2", "DELETE FROM revision WHERE number = 2"],
        "revision 2 is missing",
    ),
    "an empty revision": (["DELETE FROM change WHERE revision = 2"], "revision 2 changes nothing"),
    "a torn head": (
        ["UPDATE parameter SET value = 7 WHERE name = 'q1.t1'"],
        "q1.t1 is 7.0, but revision 2 left 2.0",
    ),
    "a lost head": (
        ["DELETE FROM parameter WHERE name = 'q1.t1'"],
        "q1.t1 is missing from the present values",
    ),
    "an invented head": (
        ["UPDATE parameter SET name = 'q7.t1' WHERE name = 'q1.t1'"],
        "q7.t1 is a present value that no revision made",
    ),
    "an old head": (
        ["UPDATE parameter SET revision = 1 WHERE name = 'q1.t1'"],
        "q1.t1 is 2.0, but revision 2 left 2.0",
    ),
    "history rewritten": (
        ["UPDATE change SET value = 9 WHERE revision = 3"],
        "revision 3 goes back to 1, but its q0.t1 is not as it was then",
    ),
    "another run's value": (
        ["UPDATE change SET run = 1 WHERE revision = 2"],
        "revision 2 was made by run 2, but its q0.t1 says run 1",
    ),
    "a later run's value": (
        ["UPDATE change SET run = 3 WHERE revision = 2"],
        "revision 2 was made by run 2, but its q0.t1 says run 3",
    ),
    "a silent run": (["DELETE FROM fit WHERE run = 2"], "run 2 has no fit of any target"),
    "an attempt without its run": (
        ["UPDATE attempt SET outcome = 'r000077' WHERE number = 2"],
        "attempt 2 ended with r000077, which is not there",
    ),
    "never published": (
        ["DELETE FROM outbox WHERE run = 3"],
        "run 3 is not in the outbox: it was never to be published",
    ),
    "a revision never published": (
        ["UPDATE outbox SET revision = NULL WHERE run = 2"],
        "revision 2 is not in the outbox: it was never to be published",
    ),
    "published twice": (
        ["INSERT INTO outbox (run, revision) VALUES (3, NULL)"],
        "run 3 is in the outbox twice",
    ),
    "sent out of turn": (
        ["UPDATE outbox SET sent = 1 WHERE number = 3"],
        "row 2 of the outbox waits, though later ones were sent",
    ),
    "out of order": (
        ["UPDATE outbox SET number = 9 WHERE run = 1"],
        "the outbox has its runs out of order",
    ),
    "audit changed": (
        ["UPDATE audit SET new = '0' WHERE number = 3"],
        "line 3 of the audit log was changed",
    ),
    "audit cut out": (
        ["DELETE FROM audit WHERE number = 3"],
        "line 3 of the audit log is missing",
    ),
    "audit forged": (
        ["UPDATE audit SET previous = 'x' WHERE number = 4"],
        "line 4 of the audit log does not follow the line before it",
    ),
    "another epoch": (
        ["UPDATE identity SET epoch = 'x'"],
        "but this is epoch x",
    ),
    "held twice": (
        [
            "DROP INDEX lease_held",
            "INSERT INTO lease (scope, owner, why, since) VALUES ('q1', 'bert', '', 0)",
        ],
        "q1 is held twice",
    ),
    "a reference to nothing": (
        ["UPDATE outbox SET run = 99 WHERE number = 3"],
        "row 3 of outbox refers to a run that is not there",
    ),
    "a missing table": (["DROP TABLE lease"], "leases are single: cannot be told"),
    "a missing table that no rule reads": (
        ["DROP TABLE activity"],
        "the table activity is missing",
    ),
    "an emptied audit log": (
        ["DELETE FROM audit"],
        "revision 3 is a revert without its line in the audit log",
    ),
    "an audit log that was cut off before a lease": (
        ["DELETE FROM audit WHERE number > 4"],
        "lease 1 of q1 has no line in the audit log",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("statements", "said"), WRONG.values(), ids=WRONG.keys())
def test_what_is_wrong_is_said(copy: Path, statements: list[str], said: str) -> None:
    tamper(copy, *statements)
    assert any(said in finding for finding in verify(copy).findings), verify(copy).findings


def test_a_line_of_each_hold_is_missed_also_where_another_was_held_before(tmp_path: Path) -> None:
    path = tmp_path / "db.sqlite"
    with Store.open(path, "two-qubits") as store:
        for why in ("wiring", "cool-down"):
            store.hold("q1", "anna", why)
            store.hold("q1", "anna", f"{why}, longer")
            store.release("q1", "anna")
        store.hold("q1", "anna", "wiring once more")
    assert verify(path).findings == ()
    tamper(path, "DELETE FROM audit WHERE number = 7")
    assert verify(path).findings == ("lease 5 of q1 has no line in the audit log",)


def test_a_value_that_waited_for_a_later_run_names_its_own_and_is_sound(tmp_path: Path) -> None:
    path = tmp_path / "db.sqlite"
    with Store.open(path, "two-qubits") as store:
        first = store.commit(run(), {}).run_id
        second = store.commit(run(), {"q0.f01": estimate(run=first), "q0.t1": estimate()}).run_id
        held = store.parameters()
    assert (held["q0.f01"].run, held["q0.t1"].run) == (first, second)
    assert verify(path).findings == ()


def test_a_missing_damaged_or_exchanged_data_file_is_said(copy: Path) -> None:
    runs = copy.parent / "runs"
    (runs / "r000001.nc").unlink()
    with (runs / "r000002.nc").open("r+b") as file:
        file.truncate(200)
    findings = verify(copy).findings
    assert len(findings) == 2
    assert "data of run 1," in findings[0]
    assert findings[0].endswith("are not there")
    assert "data of run 2," in findings[1]
    assert "cannot be read" in findings[1]
    shutil.copy(runs / "r000003.nc", runs / "r000002.nc")
    assert verify(copy).findings[1].endswith("are those of run r000003")
    assert verify(copy, data=False).findings == ()


def test_damaged_pages_are_said(copy: Path) -> None:
    whole = bytearray(copy.read_bytes())
    for place in range(4096 * 4, len(whole), 997):
        whole[place] ^= 0xFF
    copy.write_bytes(whole)
    assert verify(copy, data=False).findings


def test_a_backup_finds_the_data_of_its_database(copy: Path) -> None:
    saved = backup.keep(copy, backup.beside(copy))
    assert verify(saved).findings == ()


def call(*words: object):
    return CliRunner().invoke(app, ["verify", *map(str, words)])


def test_the_command_ends_with_0_1_or_2(copy: Path, tmp_path: Path) -> None:
    good = call(copy)
    assert good.exit_code == 0
    first, *others = good.stdout.splitlines()
    assert first == "sound: two-qubits, revision 3, 3 runs, 5 lines of audit"
    assert others[1].startswith("audit ends in ")
    assert max(map(len, others)) <= 80
    tamper(copy, "DELETE FROM fit WHERE run = 2")
    bad = call(copy)
    assert bad.exit_code == 1
    assert bad.stdout.startswith("not sound (")
    assert "run 2 has no fit of any target" in bad.stderr
    (tmp_path / "text").write_text("no database", encoding="utf-8")
    foreign = call(tmp_path / "text")
    assert foreign.exit_code == 2
    assert "file is not a database" in foreign.stderr
    assert "kammerton restore" in foreign.stderr
    assert call(tmp_path / "nothing").exit_code == 2


@pytest.mark.parametrize("page", [1, 2, 4, 5, 6])
@pytest.mark.parametrize("line", range(1, 6))
def test_a_long_audit_log_is_read_a_page_at_a_time_and_no_line_is_skipped(
    copy: Path, monkeypatch: pytest.MonkeyPatch, page: int, line: int
) -> None:
    monkeypatch.setattr(rules, "PAGE", page)
    assert verify(copy).findings == ()
    tamper(copy, f"UPDATE audit SET why = 'other' WHERE number = {line}")
    assert verify(copy).findings == (f"line {line} of the audit log was changed",)


@pytest.mark.parametrize(("line", "said"), [(1, 1), (3, 3), (4, 4)])
def test_a_missing_line_is_found_over_the_edge_of_a_page(
    copy: Path, monkeypatch: pytest.MonkeyPatch, line: int, said: int
) -> None:
    monkeypatch.setattr(rules, "PAGE", 3)
    tamper(copy, f"DELETE FROM audit WHERE number = {line}")
    assert f"line {said} of the audit log is missing" in verify(copy).findings


def test_no_more_than_a_page_of_the_audit_log_is_in_memory_and_it_says_how_far_it_is(
    copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rules, "PAGE", 2)
    monkeypatch.setattr(rules, "SAID_EVERY", 4)
    told: list[str] = []
    most = 0
    with closing(sqlite3.connect(copy)) as database:

        def query(statement: str) -> list[object]:
            nonlocal most
            rows = database.execute(statement).fetchall()
            most = max(most, len(rows))
            return rows

        assert list(rules.audit_is_unbroken(query, told.append)) == []
    assert most == 2
    assert told == ["4 lines of the audit log were looked at"]


@pytest.mark.parametrize(
    ("version", "warned"),
    [
        ((3, 6, 23), False), ((3, 7, 0), True), ((3, 40, 1), True), ((3, 44, 5), True),
        ((3, 44, 6), False), ((3, 50, 6), True), ((3, 50, 7), False), ((3, 51, 2), True),
        ((3, 51, 3), False), ((3, 53, 0), False),
    ],
)  # fmt: skip
def test_an_sqlite_with_the_race_of_the_log_is_warned_of(
    version: tuple[int, int, int], warned: bool
) -> None:
    said = library_warning(version)
    assert (said is not None) is warned
    if said is not None:
        assert "3.51.3" in said
        assert "let no other program write it" in said


def test_verify_says_nothing_of_the_library_the_log_has_said_it(copy: Path) -> None:
    done = CliRunner().invoke(app, ["verify", str(copy)])
    assert (done.exit_code, done.stderr) == (0, "")


@pytest.mark.parametrize("number", range(20))
def test_a_missing_trigger_is_said(copy: Path, number: int) -> None:
    with closing(sqlite3.connect(copy)) as database:
        names = [name for name, _, _ in database.execute(TRIGGERS)]
        assert len(names) == 20
        database.execute(f"DROP TRIGGER {names[number]}")
    said = f"the trigger {names[number]} is missing: history can be changed"
    assert verify(copy).findings == (said,)


def test_a_hollow_or_a_foreign_trigger_is_said(copy: Path) -> None:
    hollow = "BEFORE DELETE ON audit BEGIN SELECT 1; END"
    with closing(sqlite3.connect(copy)) as database:
        database.execute("DROP TRIGGER audit_no_delete")
        database.execute(f"CREATE TRIGGER audit_no_delete {hollow}")
        database.execute(f"CREATE TRIGGER mine {hollow}")
    assert verify(copy).findings == (
        "the trigger audit_no_delete was changed: history can be changed",
        "the trigger mine is none of Kammerton",
    )


def test_an_end_of_the_audit_log_that_somebody_kept_must_still_be_in_it(copy: Path) -> None:
    kept = verify(copy).tip
    with Store.open(copy, "two-qubits") as store:
        store.audit("gate", "awg1.1", 3, 4, "rabi")
    assert verify(copy, tip=kept).findings == ()
    latest = verify(copy).tip
    assert call(copy, "--tip", latest).exit_code == 0
    tamper(copy, "DELETE FROM audit WHERE number > 5")
    assert verify(copy).findings == ()
    assert verify(copy, tip=kept).findings == ()
    cut = call(copy, "--tip", latest)
    assert cut.exit_code == 1
    assert f"does not hold the line {latest} any more" in cut.stderr
    assert "is no end of an audit log" in call(copy, "--tip", "' OR 1=1 --").stderr


@pytest.mark.parametrize("name", ["axis", "blocks", "x", "y", "sigma", "curve"])
def test_a_bit_of_the_raw_data_that_fell_over_is_said(copy: Path, name: str) -> None:
    import h5py

    file = copy.parent / "runs" / "r000001.nc"
    with h5py.File(file) as opened:
        place = opened[name].id.get_chunk_info(0).byte_offset
    whole = bytearray(file.read_bytes())
    whole[place + 6] ^= 0x10
    file.write_bytes(whole)
    (said,) = verify(copy).findings
    assert "data of run 1," in said
    assert "cannot be read" in said


def test_what_is_no_database_and_no_tip_is_no_verdict_on_one(copy: Path) -> None:
    (raw,) = sorted((copy.parent / "runs").glob("*1.nc"))
    assert verify(raw).findings == (f"{raw} is a file of raw traces, and no database",)
    done = CliRunner().invoke(app, ["verify", str(copy), "--tip", "abc"])
    assert done.exit_code == 2
    assert "'abc' is no end of an audit log" in done.stderr
    assert "sound" not in done.stdout


T1 = ("q0.t1", 5e-5, 1e-6, "s", 1000, 2000, 1)
MOVED = ("q0.t1", 5e-5, 1e-6, "s", 900, 1900, 1)


@pytest.mark.parametrize(
    ("who", "then", "sound"),
    [
        ("anna", T1, True),
        ("anna", MOVED, False),
        ("the clock", MOVED, True),
        ("the clock", (*MOVED[:5], 2100, 1), False),
        ("the clock", (*MOVED[:4], 1100, 1900, 1), False),
        ("the clock", ("q0.t1", 6e-5, *MOVED[2:]), False),
        ("the clock", (*MOVED[:5], None, 1), False),
        ("the refrigerator", (*T1[:5], 1900, 1), True),
        ("the refrigerator", (*T1[:5], 2100, 1), False),
        ("the refrigerator", MOVED, False),
        ("anna", (*T1[:5], 1900, 1), False),
    ],
)
def test_only_the_clock_moves_times_and_only_back(who, then, sound):
    def query(text):
        return [(2, 1, who)] if "reverts" in text else [(1, *T1), (2, *then)]

    assert (list(rules.reverts_bring_back(query)) == []) is sound
