"""`kammerton status` says that nothing goes out to the broker, for how long, and who is missing."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from threading import Event

import pytest
from typer.testing import CliRunner

from kammerton.cli import app
from kammerton.client import unpublished
from kammerton.store import Store
from tests.stored import estimate, run
from tests.unit.lab.example import FILE


@pytest.fixture
def port() -> Iterator[int]:
    """Return a port of this computer on which nobody listens."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield bound.getsockname()[1]


@pytest.fixture
def late(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have each result that waits be late."""
    monkeypatch.setattr(unpublished, "LATE", timedelta())


@pytest.fixture
def store(tmp_path: Path, port: int) -> Iterator[Store]:
    """Return the database of a daemon that works, and beside it a lab.toml with that broker."""
    text, broker = FILE.read_text(encoding="utf-8"), f'url = "mqtt://127.0.0.1:{port}"'
    told, count = re.subn(r'(?m)^url = "mqtts?://.*$', broker, text)
    assert count == 1
    (tmp_path / "lab.toml").write_text(told, encoding="utf-8")
    with Store.open(tmp_path / "kammerton.sqlite", "two-qubits") as opened:
        opened.activity("t1 on q0")
        yield opened


def status(folder: Path) -> tuple[str, str | None]:
    """Return what it prints, and what the JSON says of it."""
    shown, told = (
        CliRunner().invoke(app, ["status", *more, str(folder / "lab.toml")])
        for more in ((), ("--json",))
    )
    assert (shown.exit_code, told.exit_code) == (0, 0)
    return " ".join(shown.stdout.split()), json.loads(told.stdout)["unpublished"]


@pytest.mark.usefixtures("late")
def test_that_no_broker_answers_is_said_with_its_address(store, tmp_path, port) -> None:
    store.commit(run(), {"q0.t1": estimate(4e-5)})
    text, told = status(tmp_path)
    said = rf"no broker answers at 127\.0\.0\.1:{port} \(connection refused\)"
    assert re.search(rf"nothing was published for \d+ s, since [-0-9]+ [0-9:]+ UTC: {said}", text)
    assert told is not None
    assert re.search(said, told)


@pytest.mark.usefixtures("late")
def test_a_broker_that_answers_and_takes_nothing_is_told_from_one_that_is_away(
    store, tmp_path
) -> None:
    store.commit(run(), {"q0.t1": estimate(4e-5)})
    with socket.create_server(("127.0.0.1", 0)) as broker:
        lab, port = tmp_path / "lab.toml", broker.getsockname()[1]
        text = lab.read_text(encoding="utf-8")
        lab.write_text(re.sub(r"127\.0\.0\.1:\d+\"", f'127.0.0.1:{port}"', text), encoding="utf-8")
        said = f"127.0.0.1:{port} answers, and takes nothing of it: the daemon's log says why"
        assert said in status(tmp_path)[0]


@pytest.mark.usefixtures("late")
def test_a_revert_that_waits_is_late_as_well(store, tmp_path) -> None:
    for value in (4e-5, 5e-5):
        store.commit(run(), {"q0.t1": estimate(value)})
    store.revert(1, who="anna")
    for each in store.waiting()[:2]:
        store.mark_sent(each.number)
    assert "nothing was published for" in status(tmp_path)[0]


@pytest.mark.usefixtures("late")
def test_a_name_that_nobody_looks_up_holds_no_command_up(store, tmp_path, monkeypatch) -> None:
    store.commit(run(), {"q0.t1": estimate(4e-5)})
    ended = Event()

    def looks_up(*args, **more) -> list[object]:
        ended.wait(5.0)
        return []

    monkeypatch.setattr(socket, "getaddrinfo", looks_up)
    monkeypatch.setattr(unpublished, "PATIENCE", 0.05)
    said = status(tmp_path)[0]
    ended.set()
    assert re.search(r"no broker answers at 127\.0\.0\.1:\d+ \(no answer\)", said)


@pytest.mark.usefixtures("late")
def test_a_broker_whose_name_is_none_is_said_to_have_none(store, tmp_path) -> None:
    store.commit(run(), {"q0.t1": estimate(4e-5)})
    lab = tmp_path / "lab.toml"
    lab.write_text(lab.read_text(encoding="utf-8").replace("127.0.0.1", "a..b"), encoding="utf-8")
    assert "no broker answers at a..b:" in (said := status(tmp_path)[0])
    assert "(no name of a computer)" in said


def test_what_waits_for_a_moment_is_not_late(store, tmp_path) -> None:
    store.commit(run(), {"q0.t1": estimate(4e-5)})
    assert status(tmp_path)[1] is None


@pytest.mark.usefixtures("late")
def test_what_went_out_is_not_late(store, tmp_path) -> None:
    store.commit(run(), {"q0.t1": estimate(4e-5)})
    for each in store.waiting():
        store.mark_sent(each.number)
    assert status(tmp_path)[1] is None


@pytest.mark.usefixtures("late")
def test_where_no_daemon_runs_nobody_is_missed(store, tmp_path) -> None:
    store.commit(run(), {"q0.t1": estimate(4e-5)})
    store.close()
    assert "nothing was published" not in status(tmp_path)[0]
