"""What a person says in brackets is text, and no style of the terminal."""

from __future__ import annotations

import io
from datetime import UTC, datetime

import pytest
from rich.console import Console
from typer.testing import CliRunner

from kammerton.cli import app
from kammerton.cli.demonstration.table import live
from kammerton.store import Store

WORDS = [
    "step [2/3] of the cool-down",
    "channel [/1] is open",
    "[red] cable",
    "[link=http://x]wiring",
    "end \\",
]


@pytest.mark.parametrize("words", WORDS)
def test_status_says_the_reason_of_a_hold_as_it_was_said(tmp_path, words):
    database = tmp_path / "db.sqlite"
    with Store.open(database, "two-qubits") as store:
        store.activity(f"hands off: computer is held by ann@vm: {words}; outputs are as they were")
        done = CliRunner(env={"COLUMNS": "400"}).invoke(app, ["status", str(database)])
    assert done.exit_code == 0
    assert f"ann@vm: {words}; outputs are as they were" in done.stdout


@pytest.mark.parametrize("words", WORDS)
def test_so_does_the_demonstration(words):
    console = Console(file=io.StringIO(), width=200)
    console.print(live(1, {}, datetime.now(UTC), words))
    assert f"now: {words}" in console.file.getvalue()
