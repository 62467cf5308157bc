"""`kammerton run`: what its options mean to the daemon."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from kammerton.cli import app
from kammerton.serve import logs, supervisor
from kammerton.serve.words import Code


@pytest.mark.parametrize(
    ("options", "kept"), [((), True), (("--no-spare",), False), (("--once",), False)]
)
def test_a_process_is_kept_ready_but_where_nobody_needs_it(monkeypatch, tmp_path, options, kept):
    asked = []

    async def supervise(labs, *, once, spare):
        asked.append((once, spare))
        return Code.DONE

    monkeypatch.setattr(supervisor, "supervise", supervise)
    monkeypatch.setattr(logs, "log_to_stderr", lambda: None)
    done = CliRunner().invoke(app, ["run", str(tmp_path / "lab.toml"), *options])
    assert done.exit_code == 0, done.output
    assert asked == [("--once" in options, kept)]
