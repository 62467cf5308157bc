"""`kammerton status` says that publishing has stopped: no message could."""

from __future__ import annotations

import asyncio

from typer.testing import CliRunner

from kammerton.cli import app
from kammerton.model.backoff import Backoff
from kammerton.publish.unforeseen import Unforeseen
from kammerton.store import Store


def test_status_says_that_publishing_has_stopped_until_it_goes_on(tmp_path):
    database = tmp_path / "db.sqlite"

    def said():
        done = CliRunner(env={"COLUMNS": "400"}).invoke(app, ["status", str(database)])
        assert done.exit_code == 0
        return done.stdout

    with Store.open(database, "two-qubits") as store:
        store.activity("ramsey on q0")
        unforeseen = Unforeseen(store, lambda _: None, Backoff(), well=0.0)
        assert "publishing" not in said()
        asyncio.run(unforeseen.met(ValueError("[a] value")))
        lines = said().splitlines()
        assert "ramsey on q0" in lines[0]
        assert lines[1].startswith("publishing stopped at ")
        assert lines[1].endswith(" UTC and begins anew: ValueError: [a] value")
        asyncio.run(unforeseen.gone_on())
        assert "publishing" not in said()
