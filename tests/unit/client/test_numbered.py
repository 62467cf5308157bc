"""r000002 is a run, r2 a revision, and r1 a resonator where there is one of that name."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from kammerton.cli import app
from kammerton.store import ReadStore, Store
from tests.stored import estimate, fit, run
from tests.unit.lab.example import FILE


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Return a lab.toml whose q1 is read by r1, and whose r2 and r3 are revisions."""
    text = re.sub(r"\br0\b", "r_0", FILE.read_text(encoding="utf-8"))
    (tmp_path / "lab.toml").write_text(text, encoding="utf-8")
    with Store.open(tmp_path / "kammerton.sqlite", "two-qubits") as store:
        store.commit(run(("q0",), {"q0": fit("q0")}), {"q0.t1": estimate(4e-5)})
        store.commit(run(("q1",), {"q1": fit("q1")}, "ramsey"), {"q1.t2_star": estimate(5e-5)})
        store.commit(run(("q0",), {"q0": fit("q0")}), {"q0.t1": estimate(5e-5)})
        store.revert(1, who="anna")
    return tmp_path / "lab.toml"


def call(*words: object) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words], env={"COLUMNS": "200"})


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("r000002", "r000002 is a run, of ramsey on q1; what it found and changed: kammerton log "
         "r000002"),
        ("r000009", "there is no run r000009"),
        ("r2", "r2 is a revision; what made it, and what it changed: kammerton log r2"),
        ("r9", "r9 is neither an element nor a revision; the newest revision is r4"),
        ("r1", "r1 has many parameters: r1.frequency, r1.linewidth, r1.readout_amplitude, "
         "r1.readout_angle, r1.readout_contrast, r1.readout_frequency, r1.readout_threshold"),
        ("t1", "t1 of which? q0.t1, q1.t1"),
        ("q9.t1", "there is no q9; there are q0, q1, r1, r_0"),
    ],
)  # fmt: skip
def test_why_of_what_is_no_parameter_says_what_it_is(place: Path, name: str, said: str) -> None:
    result = call("why", name, place)
    assert (result.exit_code, result.stderr) == (2, f"{said}\n")


def listed(*words: object) -> list[object]:
    found = json.loads(call("log", *words, "--json").stdout)
    return [entry.get("run", entry.get("revision")) for entry in found]


def test_log_of_a_run_shows_that_run_and_what_it_changed(place: Path) -> None:
    assert listed("r000002", place) == ["r000002"]
    said = call("log", "r000002", place)
    assert said.exit_code == 0
    assert "r2 changed q1.t2_star; from what: kammerton diff r1 r2\n" in said.stdout
    assert said.stderr == ""


def test_log_of_a_revision_shows_what_made_it(place: Path) -> None:
    assert listed("r3", place) == ["r000003"]
    assert listed("r4", place) == [4]
    said = call("log", "r4", "-n", "1", place)
    assert "q0.t1 as at r1, by anna" in said.stdout
    assert "r4 changed q0.t1; from what: kammerton diff r3 r4\n" in said.stdout
    assert said.stderr == "", "there is no more of it"


def test_of_the_first_revision_there_is_nothing_to_compare_it_with(place: Path) -> None:
    said = call("log", "r1", "--lab", place.with_name("kammerton.sqlite")).stdout
    assert "r1 changed q0.t1\n" in said


def test_what_counts_since_a_later_run_is_part_of_its_revision(tmp_path: Path) -> None:
    with Store.open(tmp_path / "db.sqlite", "two-qubits") as store:
        store.commit(run(("q0",), {"q0": fit("q0")}), {})
        found = {"q0.f01": estimate(5e9, 1e4, "Hz", run="r000001"), "q0.t1": estimate()}
        store.commit(run(("q0",), {"q0": fit("q0")}), found)
    assert listed("r1", tmp_path / "db.sqlite") == ["r000001", "r000002"]
    said = call("log", "r000001", "--lab", tmp_path / "db.sqlite").stdout
    assert "r1 changed q0.f01, q0.t1\n" in said


def test_a_resonator_is_meant_before_a_revision_and_is_the_qubit_that_it_reads(
    place: Path,
) -> None:
    assert listed("r1", place) == ["r000002"]


def test_what_is_stored_meanwhile_is_not_shown_in_place_of_what_was_asked_for(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The daemon commits between two looks at the database."""
    newest = ReadStore.revision

    def and_then_one_more(store: ReadStore) -> int:
        found = newest(store)
        with Store.open(place.with_name("kammerton.sqlite"), "two-qubits") as daemon:
            daemon.commit(run(("q1",), {"q1": fit("q1")}), {"q1.t1": estimate(found * 1e-5)})
        return found

    monkeypatch.setattr(ReadStore, "revision", and_then_one_more)
    said = call("log", "r4", place).stdout
    assert "q0.t1 as at r1, by anna" in said
    assert "r4 changed q0.t1; from what" in said


def test_one_run_by_two_names_is_listed_once(place: Path) -> None:
    assert listed("r3", "r000003", place) == ["r000003"]


def test_both_at_once_are_refused(place: Path) -> None:
    said = call("log", "r000002", "q0", place)
    assert said.exit_code == 2
    assert "Runs and revisions alone" in said.stderr


@pytest.mark.parametrize("name", ["r000009", "r9"])
def test_log_of_a_number_that_there_is_not_is_refused(place: Path, name: str) -> None:
    said = call("log", name, place)
    assert (said.exit_code, said.stdout) == (2, "")
    assert name in said.stderr


@pytest.mark.parametrize("digits", ["9223372036854775808", "9" * 20, "9" * 5000])
@pytest.mark.parametrize(
    "words", ["log r{}", "why r{}", "diff r{}", "diff {}", "revert q0 --to r{}", "log -n {}",
              "log --audit q0 -n {}"],
)  # fmt: skip
def test_a_number_too_long_for_any_database_is_bad_input(
    place: Path, words: str, digits: str
) -> None:
    said = call(*words.format(digits).split(), "--lab", place)
    assert isinstance(said.exception, SystemExit)
    assert (said.exit_code, said.stdout) == (2, "")


NO_REVISION = "there is no revision {}; the newest is r1"


@pytest.mark.parametrize(
    ("words", "problem"),
    [(("diff", "r1"), NO_REVISION), (("revert", "q0", "--to"), NO_REVISION),
     (("log",), "{} is neither an element nor a revision; the newest revision is r1"),
     (("why",), "{} is neither an element nor a revision; the newest revision is r1")],
)  # fmt: skip
@pytest.mark.parametrize(
    ("meant", "also"), [("3", "; is the run r000003 meant?"), ("9", "")], ids=["a run", "nothing"]
)
def test_of_a_number_that_only_a_run_has_it_is_asked_whether_that_is_meant(
    tmp_path: Path, words: tuple[str, ...], problem: str, meant: str, also: str
) -> None:
    place = tmp_path / "kammerton.sqlite"
    with Store.open(place, "two-qubits") as store:
        store.commit(run(("q0",), {"q0": fit("q0")}), {"q0.t1": estimate(4e-5)})
        store.commit(run(("q0",), {"q0": fit("q0")}), {})
        store.commit(run(("q0",), {"q0": fit("q0")}), {})
    result = call(*words, f"r{meant}", "--lab", place)
    expected = f"{problem.format(f'r{meant}')}{also}\n"
    assert (result.exit_code, result.stderr) == (2, expected)


def test_log_of_a_parameter_names_the_command_that_tells_its_history(place: Path) -> None:
    result = call("log", "q0.t1", place)
    said = '"q0.t1" is a parameter; its history: kammerton why q0.t1\n'
    assert (result.exit_code, result.stderr) == (2, said)


def test_a_difference_of_settings_can_be_seen_in_both_values(tmp_path: Path) -> None:
    """6.72977 and 6.72978 GHz do not differ by 7.86 kHz."""
    file = tmp_path / "db.sqlite"
    with Store.open(file, "two") as store:
        for hz in (6.729770e9, 6.729770e9 + 7858.26):
            tone = replace(estimate(hz, unit="Hz"), stderr=0.0)
            store.commit(run(("q0",)), {"r0.readout_frequency": tone})
        for _ in range(2):
            store.commit(run(("q0",)), {"q0.t1": replace(estimate(5e-5), stderr=1e-6)})
    said = call("diff", "r1", "r4", file).stdout
    assert "6.7297700 GHz" in said
    assert "6.7297779 GHz" in said
    said = call("diff", "r3", "r4", file).stdout
    assert "-0.0" not in said
