"""Ctrl-C in the demonstration: what was measured is compared, the rest did not fail."""

from __future__ import annotations

import asyncio
import contextlib
import io
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
from rich.console import Console
from typer.testing import CliRunner

from kammerton.cli import app, demo
from kammerton.cli.demonstration import show
from kammerton.cli.demonstration.compare import Compared
from kammerton.cli.demonstration.show import Demonstration, Outcome
from kammerton.cli.demonstration.table import comparison

GOOD, OFF, MISSING = (
    Compared("s", 50e-6, 1e-6, 51e-6),
    Compared("s", 50e-6, 1e-6, 60e-6),
    Compared(),
)


def outcome(*, stopped, **rows):
    return Outcome(["q0"], rows, 20.0, 8.0, 5.0, "simulated", stopped)


@pytest.mark.parametrize(
    ("found", "failed", "code"),
    [
        (outcome(stopped=False, a=GOOD, b=MISSING), ["b"], 1),
        (outcome(stopped=True, a=GOOD, b=MISSING), [], 130),
        (outcome(stopped=True, a=GOOD, b=GOOD), [], 0),
        (outcome(stopped=True, a=OFF, b=MISSING), ["a"], 1),
    ],
)
def test_what_a_person_did_not_wait_for_did_not_fail(monkeypatch, found, failed, code):
    async def run(_):
        return found

    monkeypatch.setattr(Demonstration, "run", run)
    assert found.failed == found.as_json()["failed"] == failed
    assert found.as_json()["stopped"] is found.stopped
    assert CliRunner().invoke(app, ["demo"]).exit_code == code


def test_nor_is_it_red_in_the_table():
    found = outcome(stopped=True, a=GOOD, b=MISSING, c=OFF)
    table = comparison(found.rows, found.failed)
    assert [row.style for row in table.rows] == ["", "dim", "bold red"]


@pytest.fixture
def demonstration(tmp_path, monkeypatch):
    @contextlib.asynccontextmanager
    async def child(*_, **__):
        yield SimpleNamespace(returncode=0)

    async def until_done(*_):
        asyncio.current_task().cancel()
        await asyncio.sleep(60)

    monkeypatch.setattr(show, "child", child)
    monkeypatch.setattr(Demonstration, "_until_done", until_done)
    return Demonstration(tmp_path, 2, 1, Console(file=io.StringIO()), once=True)


@pytest.mark.parametrize(("qubits", "told"), [(1, "1 qubit"), (2, "2 qubits")])
def test_in_a_file_what_follows_the_table_begins_on_a_line_of_its_own(tmp_path, qubits, told):
    file = io.StringIO()
    shown = Demonstration(tmp_path, qubits, 1, Console(file=file), once=False)
    received = SimpleNamespace(parameters={}, now=lambda: datetime.now(UTC))

    async def stopped() -> None:
        end = asyncio.Event()
        watching = asyncio.ensure_future(
            shown._until_done(SimpleNamespace(wait=end.wait), received)
        )
        await asyncio.sleep(0.1)
        watching.cancel()
        await asyncio.wait([watching])
        end.set()
        await asyncio.sleep(0)

    asyncio.run(stopped())
    assert file.getvalue().endswith("now: the daemon starts\n")
    assert show._counted(qubits) == told


def test_before_anything_was_published_nothing_is_compared(demonstration):
    """There may be no database yet, and a table of nothing says nothing."""
    with pytest.raises(asyncio.CancelledError):
        asyncio.run(demonstration._watch(SimpleNamespace(parameters={}, first=None)))


def test_after_that_it_is(demonstration):
    received = SimpleNamespace(parameters={"q0.t1": 1}, first=None)
    asyncio.run(demonstration._watch(received))
    assert demonstration._stopped


@pytest.mark.parametrize("terminal", [True, False])
def test_the_words_begin_on_a_line_of_their_own(monkeypatch, terminal):
    """A terminal has written ^C there, a file has not."""

    async def run(_):
        raise asyncio.CancelledError

    monkeypatch.setattr(Demonstration, "run", run)
    monkeypatch.setattr(
        demo, "sys", SimpleNamespace(stderr=SimpleNamespace(isatty=lambda: terminal))
    )
    done = CliRunner().invoke(app, ["demo"])
    assert done.exit_code == 130
    begins = "\n" if terminal else ""
    assert done.stderr == f"{begins}stopped before there was anything to compare\n"
