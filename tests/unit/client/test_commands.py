"""`kammerton why` and `kammerton log`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from kammerton.cli import app
from kammerton.cli.log import _alike


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
    assert 'q0.t2 was never measured; did you mean "q0.t1"?' in result.stderr


def test_log_in_words(folder: Path) -> None:
    result = call("log", folder)
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert [line.split()[0] for line in lines if line.startswith("r0")] == [
        "r000001", "r000002", "r000003",
    ]  # fmt: skip
    assert "insufficient (range too narrow): widen [it]" in result.stdout
    assert "resonator_spectroscopy" in result.stdout


def test_log_says_once_what_several_targets_have_in_common() -> None:
    assert _alike({"q0": "accepted", "q1": "rejected: noise", "q2": "accepted"}) == [
        ["q0, q2", "accepted"], ["q1", "rejected: noise"],
    ]  # fmt: skip


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
