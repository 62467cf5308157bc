"""`kammerton diff`, `kammerton revert`, and what `kammerton log` says of it."""

from __future__ import annotations

import json
import re
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from kammerton.cli import app
from kammerton.cli.revisions import time_of
from kammerton.store import Store
from tests.clocks import Clocks
from tests.stored import estimate, run


@pytest.fixture
def place(tmp_path: Path) -> Path:
    path = tmp_path / "db.sqlite"
    with Store.open(path, "two-qubits") as store:
        store.commit(run(), {"q0.t1": estimate(4e-5), "q1.t1": estimate(3e-5)})
        store.end(store.begin("ramsey", ["q0", "q1"]), "refused: too much power")
        store.commit(run(), {"q0.t1": estimate(5e-5)}, attempt=store.begin("t1", ["q0"]))
        store.commit(run(), {}, attempt=store.begin("t1", ["q0"]))
        store.audit("daemon", "awg1", None, "playlist", "allowed")
    return path


def call(*words: object) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words], env={"COLUMNS": "200"})


def test_diff_shows_what_changed_and_by_how_much(place: Path) -> None:
    result = call("diff", "r1", "r2", place)
    assert result.exit_code == 0
    words = " ".join(result.stdout.splitlines()[1].split())
    assert words == "q0.t1 40.00(60) µs 50.00(60) µs 10.00(85) µs +11.8"
    assert "q1.t1" not in result.stdout


def test_the_error_of_the_difference_is_that_of_its_sigmas(place: Path) -> None:
    with Store.open(place, "two-qubits") as store:
        for value, stderr in ((5e9, 3.5e5), (5e9 - 299.55e3, 250.0)):
            store.commit(run(), {"q0.f01": estimate(value, stderr, "Hz")})
    line = call("diff", "r3", "r4", place).stdout.splitlines()[1]
    assert " ".join(line.split()).endswith("-0.30(35) MHz -0.9")


@pytest.mark.parametrize(
    ("change", "said"),
    [(-24e3, "-24(14) kHz -1.7"), (4e3, "4(14) kHz +0.3"), (0.0, "0(14) kHz +0.0")],
)
def test_all_differences_are_written_in_one_way(place: Path, change: float, said: str) -> None:
    with Store.open(place, "two-qubits") as store:
        for value in (5e9, 5e9 + change):
            store.commit(run(), {"q0.f01": estimate(value, 1e4 if value == 5e9 else 9.8e3, "Hz")})
    assert " ".join(call("diff", "r3", "r4", place).stdout.splitlines()[1].split()).endswith(said)


def test_an_earlier_value_that_was_set_back_says_so(place: Path) -> None:
    """One run stood there twice, as if it had been made twice."""
    call("revert", "q0", "--to", "r1", "--why", "bad flux", "--lab", place)
    with Store.open(place, "two-qubits") as store:
        store.commit(run(), {"q0.t1": estimate(6e-5)})
    before = call("why", "q0.t1", "--lab", place).stdout.splitlines()
    before = before[[line.startswith("before") for line in before].index(True) :]
    assert [(line.count("revert"), "revision 3" in line) for line in before[:3]] == [
        (1, True), (0, False), (0, False),
    ]  # fmt: skip
    assert [line.rstrip().endswith("r000001") for line in before[:3]] == [False, False, True]


def test_a_pipe_of_80_columns_cuts_and_folds_nothing(place: Path) -> None:
    with Store.open(place, "two-qubits") as store:
        for value in (4.9e9, 5.0e9):
            store.commit(run(), {"q0.assignment_fidelity": estimate(value, 1.0, "Hz")})
    command = ["diff", "r3", "r4", str(place)]
    found = CliRunner().invoke(app, command, env={"COLUMNS": "60"}).stdout
    assert [len(line) > 80 for line in found.splitlines()] == [True, True]
    assert "q0.assignment_fidelity  4.9000000000(10) GHz  5.0000000000(10) GHz" in found


def test_diff_as_json(place: Path) -> None:
    found = json.loads(call("diff", "2", "1", place, "--json").stdout)
    assert list(found) == ["q0.t1"]
    assert found["q0.t1"]["sigmas"] == pytest.approx(-11.785, abs=0.001)
    assert (found["q0.t1"]["old"]["value"], found["q0.t1"]["new"]["value"]) == (5e-5, 4e-5)


@pytest.mark.parametrize(
    ("named", "said"),
    [
        ("r9", "no revision r9; the newest is r2"),
        ("q3", "'q3' is no revision"),
        ("r000003", "run r000003 changed nothing"),
        ("r000009", "there is no run r000009"),
        ("-1", ""),
    ],
)
def test_what_is_no_revision_is_bad_input(place: Path, named: str, said: str) -> None:
    result = call("diff", named, "r1", place)
    assert result.exit_code == 2
    assert said in result.stderr


@pytest.fixture
def days(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """One revision is three days old, the next one."""
    path, clocks = tmp_path / "days.sqlite", Clocks(monkeypatch)
    clocks.wall -= timedelta(days=3)
    for value in (4e-5, 5e-5):
        with Store.open(path, "two-qubits") as store:
            store.commit(run(), {"q0.t1": estimate(value)})
        clocks.passes(timedelta(days=2))
    clocks.passes(timedelta(days=-1))
    return path


def test_a_time_means_the_revision_that_held_then(days: Path) -> None:
    said = f"{datetime.now().astimezone() - timedelta(days=2):%Y-%m-%d %H:%M}"
    result = call("revert", "q0", "--to", said, "--lab", days)
    assert result.stdout == "revision 3: q0.t1 as at revision 1\n"
    assert result.stderr.startswith(f"at {said[11:]} on {said[:10]} r1 held, of ")
    assert call("diff", said, "r3", "--lab", days).stderr.endswith("1 and 3 are the same\n")
    assert call("diff", f"{said}:01", "r3", "--lab", days).stderr.startswith(
        f"at {said[11:]}:01 on "
    )


@pytest.mark.parametrize(
    ("ago", "said"),
    [(timedelta(days=9), "nothing was known on "), (timedelta(days=-1), "is yet to come")],
)
def test_a_time_of_which_nothing_is_known_is_bad_input(days: Path, ago, said: str) -> None:
    time = f"{datetime.now().astimezone() - ago:%Y-%m-%dT%H:%M:%S%z}"
    result = call("revert", "q0", "--to", time, "--lab", days)
    assert (result.exit_code, said in result.stderr) == (2, True), result.stderr


@pytest.mark.parametrize(
    ("said", "meant"),
    [("11:59", "2026-11-30T11:59:00+01:00"), ("12:01:30", "2026-11-29T12:01:30+01:00"),
     ("2026-11-29 18:00", "2026-11-29T18:00:00+01:00"),
     ("2026-07-29 18:00", "2026-07-29T18:00:00+02:00"),
     ("2026-11-29T18:00Z", "2026-11-29T18:00:00+00:00"),
     ("2026-11-29", "2026-11-29T00:00:00+01:00"),
     ("24:00", None), ("9:75", None), ("2026-13-29", None), ("41", None), ("r000041", None)],
)  # fmt: skip
@pytest.mark.skipif(not hasattr(time, "tzset"), reason="the zone cannot be set on Windows")
def test_what_a_time_says(said: str, meant: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3")
    time.tzset()
    try:
        found = time_of(said, datetime(2026, 11, 30, 12))
        aware = found and found.astimezone()
        assert aware == (None if meant is None else datetime.fromisoformat(meant))
    finally:
        monkeypatch.undo()
        time.tzset()


def test_a_run_means_what_it_changed(place: Path) -> None:
    result = call("diff", "r000001", "r000002", place)
    assert "revision 1 " in result.stdout
    assert "revision 2" in result.stdout


def test_revert_makes_a_revision(place: Path) -> None:
    result = call("revert", "q0", "--to", "r1", "--why", "bad flux", "--lab", place)
    assert (result.exit_code, result.stdout) == (0, "revision 3: q0.t1 as at revision 1\n")
    with Store.read(place) as store:
        assert store.parameters()["q0.t1"].value == 4e-5
    why = " ".join(call("why", "q0.t1", "--lab", place).stdout.split())
    assert "set back by a revert to what it was at revision 1, " in why
    assert "bad flux " in why
    told = json.loads(call("why", "q0.t1", "--json", "--lab", place).stdout)
    assert (told["set_back"]["to"], told["set_back"]["why"]) == (1, "bad flux")
    assert call("diff", "r1", "r3", place).stderr == "revisions 1 and 3 are the same\n"
    again = call("revert", "q0", "--to", "r1", "--lab", place)
    assert again.exit_code == 2
    assert "of q0, what was known at revision 1 has not changed since" in again.stderr


@pytest.mark.parametrize(("names", "kept"), [(("q0",), "q0.f01"), ((), "q0.f01, q1.f01")])
def test_revert_says_what_was_unknown_then_and_stays(place: Path, names, kept: str) -> None:
    with Store.open(place, "two-qubits") as store:
        store.commit(run(), {"q0.f01": estimate(5e9, 1.0, "Hz"), "q1.f01": estimate(5e9, 1.0)})
    result = call("revert", *names, "--to", "r1", "--lab", place)
    said = f"revision 4: q0.t1 as at revision 1; unknown then, so left as it is now: {kept}\n"
    assert result.stdout == said


def test_revert_says_what_has_expired_and_how_to_keep_it(tmp_path: Path) -> None:
    now, hour = datetime.now(UTC), timedelta(hours=1)
    with Store.open(tmp_path / "db.sqlite", "two-qubits") as store:
        old = estimate(4e-5, time=now - 3 * hour, valid_until=now - hour)
        lasting = estimate(3e-5, time=now - 3 * hour, valid_until=now + hour)
        store.commit(run(), {"q0.t1": old, "q1.t1": lasting, "q1.t2_echo": estimate(1e-5)})
        fresh = estimate(5e-5, time=now, valid_until=now + hour)
        store.commit(run(), {"q0.t1": fresh, "q1.t1": fresh})
    said = call("revert", "--to", "r1", "--lab", tmp_path / "db.sqlite").stdout
    assert said == (
        "revision 3: q0.t1, q1.t1 as at revision 1; expired since, so measured again: q0.t1; "
        "to keep it: kammerton hold q0\n"
    )


def test_log_tells_all_in_the_order_of_numbers(place: Path) -> None:
    call("revert", "--to", "1", "--why", "bad flux", "--lab", place)
    with Store.open(place, "two-qubits") as store:
        store.commit(run(), {"q0.t1": estimate(6e-5)}, attempt=store.begin("t1", ["q0"]))
        store.begin("t1", ["q1"])
    found = json.loads(call("log", place, "--json").stdout)
    told = [each.get("run") or each.get("outcome") or each.get("reverts") for each in found]
    refused = "refused: too much power"
    assert told == [refused, "r000001", "r000002", "r000003", 1, "r000004", None]
    text = call("log", place).stdout
    assert re.search(r"^ +r3 +revert .*\n    q0.t1 as at r1, by ", text, re.M), (
        "it alone was set back"
    )
    assert "bad flux" in text
    assert "refused: too much power" in text
    assert "\n    its process died\n" in text


def test_an_attempt_of_a_process_that_lives_is_under_way(place: Path) -> None:
    with Store.open(place, "two-qubits") as store:
        number = store.begin("t1", ["q7"])
        store.activity("t1 on q7")
        last = call("log", place).stdout.splitlines()[-1]
        assert re.fullmatch(rf"attempt {number} +t1 +began 0 s ago +under way +q7", last)
        assert call("log", "q7", place).stdout.splitlines()[-1].endswith("under way  q7"), (
            "its first attempt"
        )
        (told,) = json.loads(call("log", "q7", "--json", place).stdout)
        assert told["under_way"] is True
        store.end(number, "given up")
    (told,) = json.loads(call("log", "q7", "--json", place).stdout)
    assert told["under_way"] is False


def test_the_log_knows_a_qubit_whose_only_attempt_is_older_than_the_last(place: Path) -> None:
    with Store.open(place, "two-qubits") as store:
        number = store.begin("t1", ["q7"])
        store.begin("t1", ["q8"])
    (told,) = json.loads(call("log", "q7", place, "--json", "-n", "1").stdout)
    assert (told["attempt"], told["targets"]) == (number, ["q7"])


def test_the_log_says_of_each_time_whether_it_is_the_laboratorys(place: Path) -> None:
    ahead = datetime.now(UTC) + timedelta(hours=2)
    with Store.open(place, "two-qubits") as store:
        store.commit(replace(run(), started=ahead, ended=ahead), {"q0.t1": estimate(6e-5)})
        store.revert(1, who="anna")
        store.begin("t1", ["q1"])
    for told in json.loads(call("log", place, "--json", "-n", "3").stdout):
        times = {n for n in ("started", "ended", "committed") if told.get(n) is not None}
        of_laboratory = {n for n in times if told[n] > datetime.now(UTC).isoformat()}
        assert set(told["laboratory_times"]) == of_laboratory
        assert times - of_laboratory, "each entry has a time of the computer's clock"


def test_log_audit_shows_the_gates_lines(place: Path) -> None:
    text = call("log", place, "--audit").stdout
    assert f"{datetime.now(UTC):%Y-%m-%d}" in text
    assert "awg1: playlist; the daemon" in text
    assert "None" not in text
    with Store.open(place, "two-qubits") as store:
        store.audit("daemon", "awg1", "waiting", "playing", "allowed")
    last = call("log", place, "--audit", "-n", "1")
    assert "awg1: waiting -> playing; the daemon" in last.stdout
    assert last.stderr == "the last 1 of 2; more with -n\n"
    row, _ = json.loads(call("log", place, "--audit", "--json").stdout)
    assert (row["who"], row["what"], len(row["hash"])) == ("daemon", "awg1", 64)
