"""`kammerton run`: what its options mean to the daemon."""

from __future__ import annotations

import asyncio
import re
import socket

import pytest
from typer.testing import CliRunner

from kammerton.cli import app
from kammerton.serve import logs, supervisor
from kammerton.serve.words import Code
from tests.unit.lab.example import TEXT, spoilt


@pytest.mark.parametrize(
    ("options", "kept"), [((), True), (("--no-spare",), False), (("--once",), False)]
)
def test_a_process_is_kept_ready_but_where_nobody_needs_it(monkeypatch, tmp_path, options, kept):
    asked = []

    async def supervise(labs, *, once, spare, supervised):
        assert not supervised
        asked.append((once, spare))
        return Code.DONE

    monkeypatch.setattr(supervisor, "supervise", supervise)
    monkeypatch.setattr(logs, "log_to_stderr", lambda: None)
    done = CliRunner().invoke(app, ["run", str(tmp_path / "lab.toml"), *options])
    assert done.exit_code == 0, done.output
    assert asked == [("--once" in options, kept)]


def test_a_supervised_run_is_of_one_computer(tmp_path):
    done = CliRunner().invoke(app, ["run", "--supervised", str(tmp_path), str(tmp_path / "b")])
    assert done.exit_code == 2
    assert "one lab.toml at a time" in done.output


WRONG = {
    "C1": ("max_age", "max_aeg", "did you mean"),
    "C2": ('q = "awg1.6"', 'q = "awg1.4"', "awg1.4"),
    "C3": ('"4.90 GHz"', '"4.90 V"', "4.90 V"),
}


def test_c1_c2_c3_a_wrong_lab_toml_is_refused_before_anything_is_connected(tmp_path, capfd):
    """All mistakes at once, by the processes that `kammerton run` begins."""
    text = TEXT
    for old, new, _ in WRONG.values():
        text = spoilt(old, new, text)
    with socket.create_server(("127.0.0.1", 0)) as instruments:
        port = instruments.getsockname()[1]
        path = tmp_path / "lab.toml"
        path.write_text(re.sub(r"(127\.0\.0\.1\S*?)\b\d{4,5}\b", rf"\g<1>{port}", text))
        assert asyncio.run(supervisor.supervise([path])) is Code.BAD_INPUT
        instruments.setblocking(False)
        with pytest.raises(BlockingIOError):
            instruments.accept()
    said = capfd.readouterr().err
    assert all(words in said for *_, words in WRONG.values()), said
    assert list(tmp_path.iterdir()) == [path]
