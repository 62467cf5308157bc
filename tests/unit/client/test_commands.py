"""`kammerton why` and `kammerton log`."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from kammerton.cli import app
from kammerton.cli.log import _alike
from kammerton.cli.wrapped import print_wrapped
from kammerton.model import Advice, Verdict
from kammerton.store import Store
from tests.stored import NOON, estimate, fit, run


@pytest.fixture(autouse=True)
def _wide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")


def call(*words: object) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words])


def test_why_in_words(folder: Path) -> None:
    result = call("why", "q0.t1", folder)
    assert result.exit_code == 0
    text = result.stdout
    assert "51.00 µs ± 600 ns" in text
    assert "1 h" in text
    assert "for 2 h 59 min" in text
    assert "t1, run r000002, revision 2" in text
    assert "accepted: a clean decay" in text
    assert "1.04" in text
    assert str(folder / "runs" / "r000002.nc") in text.replace("\n", "")
    assert "42.00 µs ± 600 ns, 2 h ago, r000001" in text


def test_why_shows_a_picture_only_when_there_is_one(folder: Path) -> None:
    assert ".png" not in call("why", "q0.t1", folder).stdout
    (folder / "runs" / "r000002.png").touch()
    assert "r000002.png" in call("why", "q0.t1", folder).stdout


def test_why_as_json(folder: Path) -> None:
    found = json.loads(call("why", "q0.t1", folder / "kammerton.sqlite", "--json").stdout)
    assert (found["parameter"], found["value"], found["stderr"]) == ("q0.t1", 5.1e-5, 6e-7)
    assert (found["unit"], found["run"], found["revision"]) == ("s", "r000002", 2)
    assert found["fit"]["verdict"] == "accepted"
    assert 3600 <= found["age_seconds"] < 3700
    assert [each["value"] for each in found["previous"]] == [4.2e-5]
    assert found["data"].endswith("r000002.nc")
    assert found["picture"] is None


def test_why_of_an_unknown_parameter_names_the_nearest(folder: Path) -> None:
    result = call("why", "q0.t2", folder)
    assert result.exit_code == 2
    assert 'there is no parameter q0.t2; did you mean "q0.t1"?' in result.stderr


def test_log_in_words(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    result = call("log", folder)
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert [line.split()[0] for line in lines if line.startswith("r0")] == [
        "r000001", "r000002", "r000003",
    ]  # fmt: skip
    place = next(k for k, line in enumerate(lines) if line.startswith("r000002"))
    assert lines[place].split()[-2:] == ["accepted", "q0"]
    assert lines[place + 1].split() == ["insufficient", "q1"]
    assert lines[place + 2] == "    range too narrow: widen [it]"
    assert max(map(len, lines)) <= 80
    assert "resonator_spectroscopy" in result.stdout


def test_log_says_what_lab_toml_says_beside_every_result(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    note = "simulated device, hidden truth, seed 3"
    monkeypatch.setattr("kammerton.client.locate.note_beside", lambda _: note)
    assert call("log", folder).stdout.splitlines()[-1] == note
    told = json.loads(call("log", folder, "--json").stdout)
    assert [each["note"] for each in told] == [note] * 3


def test_log_says_once_what_several_targets_have_in_common() -> None:
    noise = fit("q1", Verdict.REJECTED, status="no signal", reason="noise")
    assert _alike({"q0": fit("q0"), "q1": noise, "q2": fit("q2")}, frozenset()) == [
        ("accepted", "q0, q2", ""), ("rejected", "q1", "no signal: noise"),
    ]  # fmt: skip


def test_log_says_how_many_it_shows(folder: Path) -> None:
    assert call("log", folder, "-n", "2").stderr == "the last 2; more with -n\n"
    assert call("log", folder).stderr == ""


def test_a_long_reason_goes_on_below_and_is_never_cut(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    print_wrapped("    " + "no pulse makes a state purer; " * 9, 4)
    lines = capsys.readouterr().out.splitlines()
    assert all(len(line) <= 80 and line.startswith("    ") for line in lines)
    assert " ".join(" ".join(lines).split()).count("no pulse makes a state purer;") == 9


def test_status_keeps_a_value_on_its_line_at_80_columns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    with Store.open(tmp_path / "db.sqlite", "two-qubits") as store:
        store.commit(run(), {"q0.f01": estimate(4.66070887e9, 160.0, "Hz"),
                             "q0.assignment_fidelity": estimate(0.9872, 0.0017, "")})  # fmt: skip
    lines = call("status", tmp_path / "db.sqlite").stdout.splitlines()
    assert lines[-1].split()[:3] == ["q0.f01", "4.66070887(16)", "GHz"]
    assert lines[-2].split()[:2] == ["q0.assignment_fidelity", "0.9872(17)"]


def test_log_of_the_last(folder: Path) -> None:
    result = call("log", folder, "-n", "1", "--json")
    (only,) = json.loads(result.stdout)
    assert (only["run"], only["revision"], only["calibration"]) == (
        "r000003", 3, "resonator_spectroscopy",
    )  # fmt: skip
    assert only["fits"]["q1"]["values"]["frequency"] == {
        "value": 6.81e9, "stderr": 900.0, "unit": "Hz",
    }  # fmt: skip


@pytest.mark.parametrize("command", [("why", "q0.t1"), ("log",)])
def test_bad_input_ends_with_two_and_no_traceback(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]
) -> None:
    monkeypatch.chdir(tmp_path)
    broken = tmp_path / "broken.sqlite"
    broken.write_bytes(b"no database" * 100)
    for place, words in (
        ((), "neither lab.toml nor"),
        ((tmp_path / "absent.sqlite",), "there is no file"),
        ((broken,), "not a database"),
    ):
        result = call(*command, *place)
        assert result.exit_code == 2
        assert words in result.stderr
        assert result.stdout == ""


def test_r9_the_log_says_that_no_shot_of_what_was_interrupted_is_kept(tmp_path):
    with Store.open(tmp_path / "kammerton.sqlite", "two") as store:
        first = store.begin("t1", ["q0"])
        store.abort_open()
        told = " ".join(call("log", tmp_path / "kammerton.sqlite").stdout.split())
        assert re.search(rf" attempt {first} t1 \d+ s ago q0 aborted: its process ended; ", told)
        assert "its shots are not kept: what repeats it begins anew" in told
        store.begin("t1", ["q0"], again=first)
        told = " ".join(call("log", tmp_path / "kammerton.sqlite").stdout.split())
        assert re.search(rf" attempt {first + 1} t1 began \d+ s ago under way q0$", told)
        store.abort_open()
    told = " ".join(call("log", tmp_path / "kammerton.sqlite").stdout.split())
    assert "the second time; its qubits are left alone for a while" in told


def test_the_log_says_what_to_change_and_what_was_withheld(tmp_path):
    narrow = fit(
        "q0", Verdict.INSUFFICIENT, status="range too narrow", reason="only a slope is seen",
        advice=Advice(window_times=3.0, extend_window_to=1.2e-4),
    )  # fmt: skip
    with Store.open(tmp_path / "db.sqlite", "two") as store:
        store.commit(run(("q0",), {"q0": narrow}), {})
        store.commit(run(("q0",)), {})
        store.commit(run(("q0",)), {"q0.t1": estimate()})
    done = CliRunner().invoke(app, ["log", str(tmp_path / "db.sqlite")], env={"COLUMNS": "160"})
    assert done.exit_code == 0
    assert "range too narrow: only a slope is seen -> extend the window to 120 µs" in done.stdout
    lines = done.stdout.splitlines()
    assert [line.split()[0] for line in lines if " withheld " in line] == ["r000002"]
    assert [line.split()[0] for line in lines if " accepted " in line] == ["r000003"]


def test_the_log_of_a_run_says_where_the_reason_stands_why_it_is_withheld(tmp_path, monkeypatch):
    """It is not in the database; a picture has it, and the daemon's log."""
    path = str(tmp_path / "db.sqlite")
    with Store.open(tmp_path / "db.sqlite", "two", data=tmp_path) as store:
        store.commit(run(("q0",)), {})
        (made,) = store.runs()
    env = {"COLUMNS": "400"}
    said = CliRunner().invoke(app, ["log", "r000001", path], env=env).stdout
    where = f"the log of `kammerton run` of {made.committed.astimezone():%Y-%m-%d %H:%M:%S}"
    assert f"what r000001 found of q0 is withheld: why is written in {where}" in said
    picture = made.data.with_suffix(".png")
    picture.write_bytes(b"drawn")
    said = CliRunner().invoke(app, ["log", "r000001", path], env=env).stdout
    assert f"what r000001 found of q0 is withheld: why is written in {picture}" in said
    assert "why is written" not in CliRunner().invoke(app, ["log", path], env=env).stdout


def test_the_log_tells_which_qubits_of_a_run_were_withheld(tmp_path):
    path = str(tmp_path / "db.sqlite")
    with Store.open(tmp_path / "db.sqlite", "two") as store:
        store.commit(run(("q0", "q1")), {"q1.t1": estimate()})
        store.commit(run(("q0", "q1")), {"r0.frequency": estimate(unit="Hz")})
    lines = CliRunner().invoke(app, ["log", path], env={"COLUMNS": "160"}).stdout.splitlines()
    said = [line.split()[-2:] for line in lines if line.rstrip()[-2:] in ("q0", "q1")]
    assert said == [["withheld", "q0"], ["accepted", "q1"], ["q0,", "q1"]]
    told = json.loads(CliRunner().invoke(app, ["log", path, "--json"]).stdout)
    assert [each["withheld"] for each in told] == [["q0"], []], "a resonator's may be anyone's"


def test_where_laboratory_time_is_ahead_who_tells_an_age_says_by_which_clock(tmp_path):
    """Else one value has two ages, and nobody knows why."""
    path, env = str(tmp_path / "db.sqlite"), {"COLUMNS": "160"}
    ended = datetime.now(UTC) + timedelta(minutes=12, seconds=30)
    with Store.open(tmp_path / "db.sqlite", "two") as store:
        made = replace(run(("q0",)), started=ended, ended=ended)
        store.commit(made, {"q0.t1": replace(estimate(), time=ended)})
    said = {
        words[0]: CliRunner().invoke(app, [*words, path], env=env).stdout
        for words in (["log"], ["why", "q0.t1"], ["status"])
    }
    assert "0 s ago" in said["log"]
    assert (
        "by this computer's clock; laboratory time, which status and why go by, is 12 min "
        in (said["log"])
    )
    for command in ("why", "status"):
        assert "of laboratory time, which is 12 min" in said[command]
        assert "ahead of this computer" in said[command]


def test_the_log_tells_in_which_revision_a_run_counts_though_a_later_one_made_it(tmp_path):
    """The line of a first start counts once the qubit has answered to a pulse."""
    path = str(tmp_path / "db.sqlite")
    with Store.open(tmp_path / "db.sqlite", "two") as store:
        line = store.commit(run(("q0", "q1")), {}).run_id
        names = {"q0.f01": estimate(run=line, unit="Hz"), "q1.f01": estimate(run=line, unit="Hz")}
        store.commit(run(("q0", "q1")), names | {"q0.pi_amplitude": estimate(unit="V")})
        store.commit(run(("q0",)), {})
    lines = CliRunner().invoke(app, ["log", path], env={"COLUMNS": "160"}).stdout.splitlines()
    found = [(line.split()[0], line.split()[1]) for line in lines[1:] if line.startswith("r0")]
    assert found == [("r000001", "r1"), ("r000002", "r1"), ("r000003", "t1")]
    assert [" withheld " in line for line in lines if line.startswith("r0")] == [False, False, True]
    told = json.loads(CliRunner().invoke(app, ["log", path, "--json"]).stdout)
    assert [each["counted_later"] for each in told] == [{"q0.f01": 1, "q1.f01": 1}, {}, {}]
    assert [each["withheld"] for each in told] == [[], [], ["q0"]]


def test_the_log_of_one_qubit_goes_back_as_far_as_it_takes(tmp_path, monkeypatch):
    monkeypatch.setattr("kammerton.store.write.write_traces", lambda *_: None)  # the slow part
    path = str(tmp_path / "db.sqlite")
    with Store.open(tmp_path / "db.sqlite", "two") as store:
        for n in range(3):
            store.commit(run(("q0",)), {"q0.t1": estimate(5e-5 + n * 1e-6)})
        store.commit(run(("q0", "q1")), {"q1.t1": estimate()})
        for _ in range(120):
            store.commit(run(("q1",)), {})
    told = json.loads(CliRunner().invoke(app, ["log", "q0", path, "--json", "-n", "3"]).stdout)
    assert [each.get("run") for each in told] == ["r000002", "r000003", "r000004"]
    assert [each.get("withheld") for each in told] == [[], [], ["q0"]]
    told = json.loads(CliRunner().invoke(app, ["log", "q0", path, "--json"]).stdout)
    assert len(told) == 4
    refused = CliRunner().invoke(app, ["log", "q3", path])
    assert refused.exit_code == 2
    assert refused.stderr == '"q3" is no qubit that was measured; known: q0, q1\n'


@pytest.mark.parametrize("ahead", [0, 90])
def test_status_says_that_laboratory_time_runs_ahead(tmp_path, ahead):
    late = datetime.now(UTC) + timedelta(seconds=ahead)
    with Store.open(tmp_path / "db.sqlite", "two") as store:
        done = replace(run(("q0",)), started=late - timedelta(seconds=20), ended=late)
        store.commit(done, {"q0.t1": estimate(time=late)})
    said = CliRunner().invoke(app, ["status", str(tmp_path / "db.sqlite")]).stdout
    words = r"ages are those of laboratory time, which is 1 min [23]\d s ahead of this computer"
    assert bool(re.search(words, " ".join(said.split()))) == (ahead > 0)


def test_all_ages_of_the_log_are_of_one_clock(tmp_path: Path) -> None:
    """Laboratory time may run ahead, and attempts know only the clock on the wall."""
    path = tmp_path / "kammerton.sqlite"
    with Store.open(path, "two") as store:
        earlier = NOON - timedelta(hours=5)
        store.commit(replace(run(started=earlier), ended=earlier + timedelta(minutes=1)), {})
        store.commit(run(), {})
        store.begin("t1", ["q0"])
        store.abort_open()
    told = call("log", path).stdout
    assert len(re.findall(r"\b\d+ s ago", told)) == 3, told
    _, first, second = json.loads(call("log", path, "--json").stdout)
    ended, committed = (
        datetime.fromisoformat(second[key]) - datetime.fromisoformat(first[key])
        for key in ("ended", "committed")
    )
    assert ended > timedelta(hours=4) > timedelta(minutes=1) > committed
