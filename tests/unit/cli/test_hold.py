"""`kammerton hold` and `release` where no daemon runs: what they say and what they refuse."""

from __future__ import annotations

import re
import shutil
import sqlite3
import sys
import threading
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from kammerton.cli import app
from kammerton.cli.hold import _span
from kammerton.client.hands_off import outputs_after
from kammerton.model import StoreError, StoreUnavailable
from kammerton.store import Inbox, Store, asking, attend, change
from kammerton.store.asking import somebody
from kammerton.store.leases import DAEMON
from tests.older import make_old
from tests.stored import estimate, run
from tests.unit.lab.example import FILE

BY_HAND = "hold what you touch by hand, too\n"
RELEASED = "{} released; the daemon measures again what rests on it\n"


@pytest.fixture
def lab(tmp_path: Path) -> Path:
    path = tmp_path / "lab.toml"
    shutil.copy(FILE, path)
    Store.open(tmp_path / "kammerton.sqlite", "two-qubits").close()
    return path


def said(*words: str) -> tuple[int, str, str]:
    done = CliRunner().invoke(app, list(words))
    return done.exit_code, done.stdout, done.stderr


def test_it_is_held_shown_and_released(lab):
    code, out, _ = said(
        "hold", "q1", "--why", "two-tone by hand", "--for", "90min", "--lab", str(lab)
    )
    assert code == 0
    assert out.startswith("q1 is held by ")
    with Store.read(lab.parent / "kammerton.sqlite") as store:
        (lease,) = store.leases()
    assert (lease.scope, lease.why) == ("q1", "two-tone by hand")
    assert lease.until is not None
    assert abs(lease.until - datetime.now(UTC) - timedelta(minutes=90)) < timedelta(minutes=1)
    assert "q1 is held by" in said("status", str(lab))[1].replace("\n", " ")
    assert said("release", "q1", "--lab", str(lab)) == (0, RELEASED.format("q1 is"), "")
    assert "q1 is held by" not in said("status", str(lab))[1]


@pytest.mark.parametrize(
    ("names", "words"),
    [(("q1",), f"awg1, drive_lo and readout_lo go on for q0: {BY_HAND}"),
     (("r1",), f"awg1, drive_lo and readout_lo go on for q0: {BY_HAND}"),
     (("q0", "q1"), f"drive_lo and readout_lo keep their carriers on between runs: {BY_HAND}"),
     (("q1", "drive_lo"), ""), (("computer",), ""), (("fridge",), "")],
)  # fmt: skip
def test_what_goes_on_for_qubits_that_nobody_holds_is_said(lab, names, words, monkeypatch):
    monkeypatch.setattr(asking, "runs", lambda _: True)
    code, out, _ = said("hold", *names, "--why", "two-tone by hand", "--lab", str(lab))
    assert code == 0
    assert [line for line in out.splitlines(keepends=True) if "by hand, too" in line] == (
        [words] if words else []
    )


@pytest.mark.parametrize("before", ["q0", "r0"])
def test_nothing_is_said_to_go_on_for_what_was_held_before(lab, before, monkeypatch):
    monkeypatch.setattr(asking, "runs", lambda _: True)
    said("hold", before, "--why", "by another hand", "--lab", str(lab))
    out = said("hold", "q1", "--why", "two-tone by hand", "--lab", str(lab))[1]
    assert " on for " not in out
    assert out.endswith(f"drive_lo and readout_lo keep their carriers on between runs: {BY_HAND}")


def test_a_hold_is_one_whichever_path_leads_to_lab_toml(lab, tmp_path):
    linked = tmp_path / "home" / "lab.toml"
    linked.parent.mkdir()
    linked.symlink_to(lab)
    assert said("hold", "q1", "--why", "cable", "--lab", str(lab))[0] == 0
    assert "q1 is held by" in said("status", str(linked))[1].replace("\n", " ")
    assert said("release", "q1", "--lab", str(linked)) == (0, RELEASED.format("q1 is"), "")
    assert not (linked.parent / "kammerton.sqlite").exists()


@pytest.mark.parametrize(
    ("before", "after"), [("", "\nx = \n"), ("unknown = 3\n", ""), ("", "\n[qubits.q9]\nresonator")]
)
def test_a_lab_toml_that_is_half_edited_keeps_nobody_from_holding(lab, before, after):
    """The arm is in the rack, and the daemon goes on with what it read when it began."""
    elsewhere, text = lab.parent / "elsewhere.sqlite", lab.read_text(encoding="utf-8")
    Store.open(elsewhere, "two-qubits").close()
    moved = text.replace('"kammerton.sqlite"', f'"{elsewhere.name}"')
    lab.write_text(before + moved + after, encoding="utf-8")
    assert said("hold", "computer", str(lab), "--why", "arm in the rack")[0] == 0
    assert "arm in the rack" in said("status", str(lab))[1].replace("\n", " ")
    with Store.read(elsewhere) as store:
        assert [lease.scope for lease in store.leases()] == ["computer"]
    assert said("release", "computer", str(lab))[0] == 0


def test_where_not_even_the_database_can_be_read_its_problem_is_told(lab):
    text = lab.read_text(encoding="utf-8")
    for broken in ("[store]\ndatabase = ", '[store]\ndatabase = "x.sqlite"\n[store]\n'):
        lab.write_text(text.replace("[store]", broken), encoding="utf-8")
        code, _, problem = said("hold", "computer", str(lab), "--why", "nobody knows where")
        assert code == 2
        assert "lab.toml:" in problem


@pytest.mark.parametrize(
    "said_so",
    ['["store"]\ndatabase = "x"', "[ 'store' ]\ndatabase = 'x'", 'store.database = "x"',
     'store = {database = "x"}'],
)  # fmt: skip
def test_of_a_half_edited_lab_toml_no_other_database_than_its_own_is_taken(lab, said_so):
    """It may say which that is in a way that only the whole file tells."""
    table = '[computer]\nname = "two-qubits"'
    parts = (table, said_so) if said_so.startswith("[") else (said_so, table)
    lab.write_text("\n".join([*parts, "[half]", "x = "]), encoding="utf-8")
    code, _, problem = said("hold", "computer", str(lab), "--why", "arm in the rack")
    assert (code, "lab.toml:" in problem) == (2, True)
    with Store.read(lab.with_name("kammerton.sqlite")) as store:
        assert store.leases() == ()


def test_whoever_is_about_to_reach_in_is_warned_where_the_last_end_was_unclean(lab):
    assert "CAUTION" not in said("hold", "computer", "--why", "x", "--lab", str(lab))[1]
    with Store.open(lab.parent / "kammerton.sqlite", "two-qubits") as store:
        store.activity("t1 on q0")
    out = " ".join(said("hold", "computer", "--why", "y", "--lab", str(lab))[1].split())
    assert "CAUTION: outputs may be on, process" in out


def test_what_the_daemon_set_aside_is_shown_and_any_person_releases_it(lab):
    with Store.open(lab.parent / "kammerton.sqlite", "two-qubits") as store:
        store.hold("awg1", DAEMON, "no reference; see to the cable")
    known = said("status", str(lab))[1].replace("\n", " ")
    assert "awg1 is held by the daemon: no reference; see to the cable" in known
    assert "awg1 is held by the daemon" in said("why", "q1.f01", str(lab))[2]
    assert said("release", "awg1", "--lab", str(lab)) == (0, RELEASED.format("awg1 is"), "")


def test_what_the_daemon_set_aside_a_person_takes_over_and_others_do_not(lab):
    with Store.open(lab.parent / "kammerton.sqlite", "two-qubits") as store:
        store.hold("awg1", DAEMON, "no reference")
    code, out, _ = said("hold", "awg1", "--why", "mine", "--lab", str(lab))
    assert code == 0
    assert '"no reference"' in " ".join(out.split())
    with Store.open(lab.parent / "kammerton.sqlite", "two-qubits") as store:
        (lease,) = store.leases()
        assert (lease.owner != DAEMON, lease.why) == (True, "mine")
        for owner in ("bob@pc", DAEMON):
            with pytest.raises(StoreError, match=r"awg1 is held by .*: mine"):
                store.hold("awg1", owner, "also mine")


def test_what_another_person_holds_is_released_with_force_only(lab):
    with Store.open(lab.parent / "kammerton.sqlite", "two-qubits") as store:
        store.hold("q1", "bob@pc", "wiring")
    code, _, err = said("release", "q1", "--lab", str(lab))
    assert code == 2
    assert "held by bob@pc" in " ".join(err.split())
    assert said("release", "q1", "--force", "--lab", str(lab))[0] == 0


def test_after_an_upgrade_a_person_holds_before_anything_is_driven(lab):
    database = lab.parent / "kammerton.sqlite"
    with Store.open(database, "two-qubits") as store:
        store.activity("t1 on q0")
    make_old(database, 2)
    code, out, err = said("hold", "computer", "--why", "upgrade", "--lab", str(lab))
    assert code == 0, err
    assert "CAUTION: outputs may be on" in " ".join(out.split())
    with Store.read(database) as store:
        assert [each.why for each in store.leases()] == ["upgrade"]
    make_old(database, 2)
    assert said("release", "computer", "--lab", str(lab)) == (0, RELEASED.format("computer is"), "")


def test_a_daemon_from_before_an_upgrade_hears_a_hold_and_a_release(lab):
    """It has the older schema open: nobody but itself may bring that up to date."""
    database = lab.parent / "kammerton.sqlite"
    end = threading.Event()

    def work(store: Store) -> None:
        with Inbox(store.place) as box:
            while not end.wait(0.02):
                attend(store, box)

    with Store.open(database, "two-qubits") as store:
        with closing(sqlite3.connect(database)) as older:
            older.execute("PRAGMA user_version = 2")
        thread = threading.Thread(target=work, args=(store,))
        thread.start()
        try:
            code, _, err = said("hold", "q1", "--why", "upgrade", "--lab", str(lab))
            assert code == 0, err
            assert [each.why for each in store.leases()] == ["upgrade"]
            assert said("release", "q1", "--lab", str(lab)) == (0, RELEASED.format("q1 is"), "")
        finally:
            end.set()
            thread.join()


@pytest.mark.parametrize("words", [("hold", "q1", "--why", "x"), ("release", "q1")])
def test_a_database_of_another_program_is_named_and_left_alone(lab, words):
    database = lab.parent / "kammerton.sqlite"
    database.unlink()
    with closing(sqlite3.connect(database)) as other:
        other.execute("CREATE TABLE mine (x)")
    before = database.read_bytes()
    code, _, err = said(*words, "--lab", str(lab))
    assert code == 2
    assert "database of another program" in " ".join(err.split())
    assert database.read_bytes() == before


def test_where_no_daemon_runs_nothing_is_said_to_go_on(lab):
    out = said("hold", "q1", "--why", "two-tone by hand", "--lab", str(lab))[1]
    assert out.splitlines()[1:] == ["no daemon runs; the hold counts as soon as one does"]


def test_where_only_alarms_were_muted_nothing_is_measured_again(lab):
    said("hold", "maintenance", "--why", "cooldown", "--lab", str(lab))
    assert said("release", "maintenance", str(lab)) == (0, "maintenance is released\n", "")


def test_all_is_what_this_person_holds_and_with_force_what_anybody_does(lab):
    with Store.open(lab.parent / "kammerton.sqlite", "two-qubits") as store:
        store.hold("r0", "bob@pc", "wiring")
        store.hold("awg1", DAEMON, "no reference")
    said("hold", "q0", "q1", "--why", "x", "--lab", str(lab))
    assert said("release", "all", str(lab))[1].startswith("q0 and q1 are released; ")
    code, _, err = said("release", "all", str(lab))
    assert code == 2
    assert " ".join(err.split()).endswith(
        "; held: r0 by bob@pc, awg1 by the daemon; `kammerton release all --force` takes it"
    )
    done = said("release", "all", "--force", str(lab))[1]
    assert done.startswith("r0 and awg1 are released; ")


def test_what_lab_toml_has_no_longer_is_released(lab):
    with Store.open(lab.parent / "kammerton.sqlite", "two-qubits") as store:
        store.hold("q9", somebody(), "taken out")
    assert said("release", "q9", str(lab)) == (0, RELEASED.format("q9 is"), "")


def test_who_releases_what_nobody_holds_hears_what_is_held(lab):
    assert said("hold", "q0", "--why", "x", "--lab", str(lab))[0] == 0
    code, _, err = said("release", "q1", "--lab", str(lab))
    assert (code, "nobody holds q1; held: q0" in err) == (2, True)


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (("hold", "awg2", "--why", "x"), 'there is nothing called "awg2"; did you mean "awg1"?'),
        (("hold", "q1", "--why", "x", "--for", "2 weeks"), "'2 weeks' is no time such as 2h"),
        (("hold", "q1", "--why", "x", "--for", "0h"), "'0h' is no time such as 2h"),
        (("release", "q1"), "nobody holds q1"),
        (("release", "q9"), 'there is nothing called "q9"; known: '),
        (("release", "awg2", "q1"), 'there is nothing called "awg2"; did you mean "awg1"?'),
        (("release", "all"), f"no hold of {somebody()} is recorded"),
        (("hold", "q1"), "Missing option"),
    ],
)
def test_what_cannot_be_is_said_with_code_2(lab, words, problem):
    code, _, err = said(*words, "--lab", str(lab))
    assert code == 2
    assert problem in " ".join(err.replace("│", " ").split())


@pytest.mark.parametrize("text", ["10m", "10min", "10 min", "600s"])
def test_minutes_are_written_as_people_write_them(text):
    assert _span(text) == timedelta(minutes=10)


def test_a_hold_that_replaces_ones_own_says_so(lab):
    said("hold", "q1", str(lab), "--why", "two-tone", "--for", "1h")
    code, out, _ = said("hold", "q1", str(lab), "--why", "longer", "--for", "100s")
    assert code == 0
    pattern = (
        r"q1 is held by \S+ until [\d-]{10} \d\d:\d\d:\d\d UTC; "
        r'this replaces the hold until [\d-]{10} \d\d:\d\d:\d\d UTC, "two-tone"\n'
        r"no daemon runs; the hold counts as soon as one does\n"
    )
    assert re.fullmatch(pattern, out), out
    said("hold", "r1", str(lab), "--why", "briefly", "--for", "30s")
    shown = said("status", str(lab))[1].replace("\n", " ")
    assert re.search(r"briefly, until [\d-]{10} \d\d:\d\d:\d\d UTC", shown), shown
    with Store.read(lab.parent / "kammerton.sqlite") as store:
        newest = store.log(2)[1]
    assert newest.old.startswith("held until ")
    assert newest.new.startswith("held until ")


def test_a_hold_that_is_over_before_it_begins_says_that_nothing_is_held(lab):
    end = datetime.now(UTC) - timedelta(seconds=1)
    with pytest.raises(StoreError, match=r"nothing is held: .* at .* UTC, which is over"):
        change(
            lab.parent / "kammerton.sqlite",
            "hold",
            {"scope": "q1", "why": "x", "until": end.isoformat()},
        )


LET_GO = "outputs were off at 2026-11-28 01:10 UTC, when the daemon let go of them"


@pytest.mark.parametrize(
    ("says", "words"),
    [
        (f"hands off: computer is held by ann; {LET_GO}", f"^hands off: .* {LET_GO}$"),
        (
            f"hands off: lo is held by ann: until {LET_GO}; outputs are NOT known to be off",
            "^CAUTION: hands off: ",
        ),
        (
            "hands off: computer is held by ann; outputs are NOT known to be off",
            "^CAUTION: hands off: .* NOT known to be off; look at the front panels",
        ),
        (
            "hands off: lo is held by ann: until outputs are off; outputs are NOT known to be off",
            "^CAUTION: hands off: ",
        ),
        ("safe mode: all outputs are off; it crashed; a person must restart it", "^safe mode: all"),
        ("safe mode: not every output is known to be off; outputs are off", "^CAUTION: safe mode"),
        ("t1 on q0", "^CAUTION: outputs are not known to be off after 1 s, .* says: t1 on q0"),
        (None, "^outputs are off$"),
    ],
)
def test_whoever_holds_the_bench_hears_what_became_of_the_outputs(tmp_path, says, words):
    """Not what is so when the hold is answered: the daemon switches off after that."""
    database = tmp_path / "kammerton.sqlite"
    with Store.open(database, "two-qubits") as store:
        store.activity("t1 on q0")
        later = threading.Timer(0.4, store.activity, [says])
        later.start()
        assert re.search(words, outputs_after(database, 1.0))
        later.join()


def test_where_the_process_dies_of_it_outputs_may_be_on(tmp_path):
    database = tmp_path / "kammerton.sqlite"
    store = Store.open(database, "two-qubits")
    store.activity("t1 on q0")
    later = threading.Timer(0.4, store.close)
    later.start()
    assert re.search("^CAUTION: outputs may be on.*t1 on q0", outputs_after(database, 10.0))
    later.join()


@pytest.mark.skipif(not Path("/proc/locks").exists(), reason="the system does not tell")
def test_that_outputs_are_off_is_not_believed_of_a_process_that_another_follows(tmp_path):
    database = tmp_path / "kammerton.sqlite"
    with Store.open(database, "two-qubits") as store:
        store.activity("safe mode: all outputs are off; it crashed; a person must restart it")
        with closing(sqlite3.connect(database)) as other, other:
            other.execute("UPDATE activity SET pid = 4194304")
        assert outputs_after(database, 0.3).startswith("CAUTION: outputs are not known to be off")


def test_what_another_person_holds_is_set_back_with_force_only(lab):
    database = lab.parent / "kammerton.sqlite"
    with Store.open(database, "two-qubits") as store:
        for t1 in (1e-5, 2e-5):
            store.commit(run(), {"q0.t1": estimate(t1)})
        store.hold("q0", "anna", "tuning by hand")
    back = ("revert", "q0", str(lab), "--to", "1")
    code, out, err = said(*back)
    assert (code, out) == (2, "")
    assert "q0 is held by anna: tuning by hand; nothing is set back" in " ".join(err.split())
    code, out, _ = said(*back, "--force")
    assert (code, out.split(":")[0]) == (0, "revision 3")


def test_what_belongs_to_the_readout_of_a_qubit_and_is_not_set_back_is_named(lab):
    database, tone, line = lab.parent / "kammerton.sqlite", "r0.readout_frequency", "r0.frequency"
    with Store.open(database, "two-qubits") as store:
        store.commit(run(), {n: estimate() for n in ("q0.t1", "q1.t1", tone, line)})
        store.commit(run(), {n: estimate(6e-5) for n in ("q0.t1", "q1.t1", tone)})
        store.commit(run(), {"r0.readout_threshold": estimate()})  # of which nothing was known then
    kept = (
        f"not set back, though q0 is read with r0: {tone}; for these: kammerton revert r0 --to r1"
    )
    code, out, _ = said("revert", "q0", str(lab), "--to", "1")
    assert (code, kept in " ".join(out.split())) == (0, True)
    code, _, err = said("revert", "q0", str(lab), "--to", "1")
    assert (code, kept in " ".join(err.replace("│", " ").split())) == (2, True), "q0 is as it was"
    for names in (["q1"], ["q0.t1"], ["q0", "r0"]):
        assert "not set back" not in "".join(said("revert", *names, str(lab), "--to", "1")[1:])


@pytest.mark.skipif(sys.platform == "win32", reason="there the environment says who it is")
def test_nobody_is_another_by_a_variable_of_the_environment(lab, monkeypatch):
    assert said("hold", "q1", "--why", "a cable", "--lab", str(lab))[0] == 0
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.setenv(name, "mallory")
    with Store.read(lab.parent / "kammerton.sqlite") as store:
        assert store.leases()[0].owner == somebody()
    monkeypatch.setattr("os.getuid", lambda: 987654)
    code, out, _ = said("release", "q1", "--lab", str(lab))
    assert (code, out) == (2, "")
    assert somebody().startswith("user 987654@")


@pytest.mark.parametrize("why", ["", "   ", "a\u202ecable", "a\u2028cable", "a\ncable", "\x1b[2J"])
def test_a_reason_that_nobody_can_read_is_refused_and_the_earlier_one_stays(lab, why):
    database = lab.parent / "kammerton.sqlite"
    assert said("hold", "q1", "--why", "µ-metal, 3 Ω", "--lab", str(lab))[0] == 0
    code, out, err = said("hold", "q1", "--why", why, "--lab", str(lab))
    assert (code, out) == (2, "")
    assert "it says nothing" in err or "it holds U+" in err
    with pytest.raises(StoreError, match="not taken: it"):
        change(database, "hold", {"scope": "q1", "why": why}, "anna")
    with Store.read(database) as store:
        assert [each.why for each in store.leases()] == ["µ-metal, 3 Ω"]


def test_a_revert_needs_no_reason_but_takes_none_that_cannot_be_read(lab):
    code, _, err = said("revert", str(lab), "--to", "1", "--why", "a\u202ecable")
    assert code == 2
    assert "U+202E" in err
    assert "U+" not in said("revert", str(lab), "--to", "1")[2]


@pytest.mark.parametrize("where", ["__init__", "ask"])
def test_a_hold_that_cannot_be_left_says_that_nothing_is_held(lab, monkeypatch, where):
    def fails(*what: object, **how: object) -> None:
        raise StoreUnavailable("cannot bring up to date the requests: canceling statement")

    with Store.open(lab.parent / "kammerton.sqlite", "two-qubits"):
        monkeypatch.setattr(Inbox, where, fails)
        code, out, err = said("hold", "computer", "--now", "--why", "cable", "--lab", str(lab))
        released = said("release", "computer", "--lab", str(lab))[2]
    assert code == 2
    assert out == ""
    assert "nothing is held: switch off at the instruments' own front panels" in err
    assert "nothing is held" not in released


def test_several_are_held_shown_in_one_line_and_released(lab):
    code, out, _ = said("hold", "q0", "q1", "drive_lo", str(lab), "--why", "cable", "--for", "2h")
    assert code == 0
    assert out.startswith("q0, q1 and drive_lo are held by ")
    assert said("hold", "r1", str(lab), "--why", "cable")[0] == 0
    shown = [line for line in said("status", str(lab))[1].replace("\n", " ").split("  ") if line]
    assert " ".join(shown).count("held by") == 2
    assert "q0, q1 and drive_lo are held by" in " ".join(shown)
    done = said("release", "q0", "q1", "drive_lo", "--lab", str(lab))
    assert done == (
        0,
        "q0, q1 and drive_lo are released; the daemon measures again what rests on them\n",
        "",
    )
    with Store.read(lab.parent / "kammerton.sqlite") as store:
        assert [each.scope for each in store.leases()] == ["r1"]


def grouped(lab: Path, groups: str = 'left = ["q0", "drive_lo"]') -> Path:
    lab.write_text(f"{lab.read_text(encoding='utf-8')}\n[groups]\n{groups}\n", encoding="utf-8")
    return lab


LEFT_RELEASED = "q0 and drive_lo are released; the daemon measures again what rests on them\n"


def test_a_group_is_held_as_its_members_and_released_so(lab):
    code, out, _ = said("hold", "left", "q1", str(grouped(lab)), "--why", "cable")
    assert (code, out.startswith("q0, drive_lo and q1 are held by ")) == (0, True)
    code, _, err = said("release", "left", "r0", str(lab))
    assert (code, "nobody holds r0; held: q0, drive_lo, q1; nothing is released" in err) == (
        2,
        True,
    )
    assert said("release", "left", str(lab)) == (
        0,
        LEFT_RELEASED,
        "",
    )


def test_a_member_of_a_held_group_is_not_set_back_by_another(lab):
    with Store.open(lab.parent / "kammerton.sqlite", "two-qubits") as store:
        for t1 in (1e-5, 2e-5):
            store.commit(run(), {"q0.t1": estimate(t1)})
        store.take(["q0", "drive_lo"], "anna", "the left half")
    code, _, err = said("revert", "q0", str(grouped(lab)), "--to", "1")
    assert (code, "q0 is held by anna: the left half" in " ".join(err.split())) == (2, True)


def test_where_another_person_holds_a_member_nothing_is_held(lab):
    database = lab.parent / "kammerton.sqlite"
    with Store.open(database, "two-qubits") as store:
        store.hold("drive_lo", "bob@pc", "wiring")
    code, out, err = said("hold", "left", str(grouped(lab)), "--why", "cable")
    assert (code, out) == (2, "")
    assert "drive_lo is held by bob@pc: wiring; nothing is held" in " ".join(err.split())
    with Store.read(database) as store:
        assert [each.scope for each in store.leases()] == ["drive_lo"]


def test_every_name_that_is_not_there_is_said_and_nothing_is_held(lab):
    code, _, err = said("hold", "q0", "q11", "lefd", str(grouped(lab)), "--why", "cable")
    assert code == 2
    assert 'nothing called "lefd"; did you mean "left"?' in " ".join(err.split())
    assert 'nothing called "q11"' in err
    with Store.read(lab.parent / "kammerton.sqlite") as store:
        assert store.leases() == ()


def test_a_group_is_known_while_lab_toml_is_half_edited(lab):
    text = grouped(lab).read_text(encoding="utf-8")
    lab.write_text(f"unknown = 3\n{text}", encoding="utf-8")
    assert said("hold", "left", str(lab), "--why", "cable")[1].startswith(
        "q0 and drive_lo are held by "
    )


def test_a_name_that_is_a_folder_here_too_is_a_name_where_it_is_the_first(lab, monkeypatch):
    monkeypatch.chdir(lab.parent)
    Path("q0").mkdir()
    assert said("hold", "q0", "q1", "--why", "cable")[1].startswith("q0 and q1 are held by ")
