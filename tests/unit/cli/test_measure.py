"""What `kammerton measure` prints of a run that was asked for."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner

from kammerton.cli import app, measure
from kammerton.client.measuring import Measured
from kammerton.model import NotMeasured
from kammerton.model.quantity import show
from kammerton.store import Store
from tests.stored import estimate, fit, run


@pytest.mark.parametrize("believed", [True, False])
def test_value_and_error_are_printed_also_of_what_replaces_nothing(tmp_path: Path, believed: bool):
    changes = {"q0.t1": estimate()} if believed else {}
    with Store.open(tmp_path / "db.sqlite", "two-qubits") as store:
        stored = store.run(store.commit(run(("q0",), {"q0": fit("q0")}), changes).run_id)
    why = "" if believed else "q0.t1: 12 µs is far from 51 µs, which was believed"
    found = Measured(stored, "q0", changes, None, why)
    lines = dict(measure._lines(found))
    of_fit = {n: show(v.value, v.unit, v.stderr) for n, v in fit("q0").values.items()}
    of_book = {n: show(e.value, e.unit, e.stderr) for n, e in changes.items()}
    assert of_fit
    assert (of_book if believed else of_fit).items() <= lines.items()
    assert lines.get("withheld", "") == why
    assert lines["verdict"].startswith("accepted")
    assert all(words in repr(found) for words in (of_book if believed else of_fit).values())


@pytest.mark.parametrize("shots", ["0", "-3", "2000000"])
def test_the_daemon_is_asked_for_any_number_of_shots_and_says_which_there_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shots: str
) -> None:
    said = "shots must be a whole number from 1 to 1000000"

    def refuse(database: Path, target: str, calibration: str, number: int, *more: object) -> None:
        assert number == int(shots)
        raise NotMeasured(said)

    monkeypatch.setattr("kammerton.client.measuring.measure", refuse)
    (tmp_path / "db.sqlite").touch()
    command = ["measure", "q0", "t1", str(tmp_path / "db.sqlite"), f"--shots={shots}"]
    done = CliRunner().invoke(app, command)
    assert (done.exit_code, done.stderr) == (2, f"{said}\n")


def test_what_is_no_terminal_gets_the_whole_line(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "60")
    what = "waiting: lo: nobody answers at TCPIP0::10.0.0.7::hislip0::INSTR; asked again and again"
    measure._progress()(saying(what))
    assert capsys.readouterr().err == f"... {what}\n"


def saying(what: str, *, past: bool = False) -> SimpleNamespace:
    activity = SimpleNamespace(what=what, past=past)
    return SimpleNamespace(current_activity=lambda: activity)


def test_only_what_concerns_the_request_is_told_meanwhile(capsys):
    tell = measure._progress()
    tell(saying("the last words of a dead process", past=True))
    for what in ("idle: q0 is parked: no line", "t1 on q1", "t1 on q1"):
        tell(saying(what))
    assert capsys.readouterr().err == "... t1 on q1\n"


def test_a_pause_that_is_another_is_no_news_and_a_line_is_no_longer_than_the_terminal(
    capsys, monkeypatch
):
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    tell = measure._progress()
    away = "waiting: lo: nobody answers at TCPIP0::10.0.0.7::hislip0::INSTR; trying again in"
    paused = "waiting: drive is refused for {} s more: lo: frequency is 4 GHz"
    for what in (f"{away} 0.2 s", f"{away} 42.4 s", paused.format(57), paused.format(55)):
        tell(saying(what))
    assert capsys.readouterr().err.splitlines() == [
        "... waiting: lo: nobody answers at ...",
        "... waiting: drive is refused for 57 s more: lo: ...",
    ]
