"""What a person is to type stands on one line, however narrow the terminal."""

from __future__ import annotations

import io
from contextlib import redirect_stdout
from pathlib import Path

import pytest
from rich.console import Console
from typer.testing import CliRunner

from kammerton.cli import app
from kammerton.cli.wrapped import print_styled, wrapped
from kammerton.store import Store
from tests.stored import estimate, run


@pytest.mark.parametrize(
    ("line", "command"),
    [
        ("r3 changed q0.t1; from what: kammerton diff r2 r3", "kammerton diff r2 r3"),
        ("expired; to keep it: kammerton hold q0, kammerton hold q1", "kammerton hold q1"),
        ("hold of q0; kammerton release q0; it is anna's", "kammerton release q0;"),
        ("see also (kammerton log --audit q0) of it", "(kammerton log --audit q0)"),
        ("held by anna: `kammerton release --force` takes it", "`kammerton release --force`"),
    ],
)
def test_a_command_is_never_broken(line: str, command: str) -> None:
    for width in range(8, 60):
        text = wrapped(line, 4, width)
        assert command in text
        assert " ".join(text.split()) == line


def test_words_are_broken_at_the_width() -> None:
    assert wrapped("the fit of kammerton stands beside it", 4, 24) == (
        "the fit of kammerton\n    stands beside it"
    )


def test_the_log_of_a_revision_keeps_its_command_whole(tmp_path: Path) -> None:
    with Store.open(tmp_path / "db.sqlite", "two-qubits") as store:
        for value in (4e-5, 5e-5):
            names = ("q0.t1", "q0.t2_star", "q0.t2_echo", "q1.t1", "q1.t2")
            store.commit(run(), {name: estimate(value) for name in names})
    said = "r2 changed q0.t1, q0.t2_star, q0.t2_echo, q1.t1, q1.t2; from what: "
    for columns in range(len(said), len(said) + 20):
        env = {"COLUMNS": str(columns)}
        shown = CliRunner().invoke(app, ["log", "r2", str(tmp_path / "db.sqlite")], env=env)
        assert "kammerton diff r1 r2" in shown.stdout


def test_why_keeps_the_command_of_a_hold_whole(tmp_path: Path) -> None:
    with Store.open(tmp_path / "db.sqlite", "two-qubits") as store:
        store.commit(run(), {"q0.t1": estimate(4e-5)})
        store.hold("q0", "anna", "a cable is off; put it on, then: kammerton release q0")
    for columns in range(60, 90):
        env = {"COLUMNS": str(columns)}
        shown = CliRunner().invoke(app, ["why", "q0.t1", str(tmp_path / "db.sqlite")], env=env)
        assert "kammerton release q0\n" in shown.stdout


def test_a_terminal_gets_styles_and_whole_commands() -> None:
    line = "[bold red]held[/bold red] by anna; then: kammerton release q0"
    for width in range(22, 50):
        out = io.StringIO()
        console = Console(force_terminal=True, width=width, file=out, highlight=False)
        with redirect_stdout(out):
            print_styled(console, line)
        assert "kammerton release q0" in out.getvalue()
        assert (
            max(map(len, out.getvalue().replace("\x1b[1;31mheld\x1b[0m", "held").split("\n")))
            <= width
        )


def test_what_goes_on_below_is_indented_on_a_terminal() -> None:
    out = io.StringIO()
    console = Console(force_terminal=True, width=40, file=out, highlight=False)
    with redirect_stdout(out):
        print_styled(console, "two, revision 20; process 7: hands off: q0 was given back by anna")
    first, *others = out.getvalue().splitlines()
    assert not first.startswith(" ")
    assert others
    assert all(each.startswith("    ") and len(each) <= 40 for each in others)


@pytest.mark.parametrize(
    "quantity", ["10 GHz/s", "-1.5 V", "50.0 µs", "20 mK", "3 min", "5 %", "-30 dBm"]
)
def test_a_number_and_its_unit_stay_together(quantity: str) -> None:
    line = f"a pulse of that line may move by {quantity} where it is played"
    for width in range(24, 50):
        assert quantity in wrapped(line, 4, width)
