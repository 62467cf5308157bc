"""Real processes of computers with a plug-in that hangs, or cannot be imported."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import contextmanager

import pytest
from typer.testing import CliRunner

from kammerton.cli import app
from tests.prove.killing import ask, first_acts, on, unsafe_spans, wait_for
from tests.system.laboratory import laboratory
from tests.system.plugin import install, use

pytestmark = [
    pytest.mark.system,
    pytest.mark.timeout(400),
    pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX here"),
]

IMPATIENT = """
import asyncio, sys
from pathlib import Path
from kammerton.serve.logs import log_to_stderr
from kammerton.serve.rules import Rules
from kammerton.serve.supervisor import supervise

log_to_stderr()
rules = Rules(hang=5.0, ask=0.3, insist=0.3, first_pause=0.1, tries=2)
sys.exit(asyncio.run(supervise([Path(sys.argv[1])], rules=rules)))
"""


SWITCHED_ON = {"instrument": "readout_lo", "setting": "on", "value": "1"}


@contextmanager
def impatient(lab, environment):
    """The daemon, but with less patience; yields it with the path of its log."""
    log = lab.lab.with_name("daemon.log")
    with log.open("w") as sink:
        process = subprocess.Popen(
            [sys.executable, "-c", IMPATIENT, str(lab.lab)],
            stderr=sink, env={**os.environ, **environment},
        )  # fmt: skip
    try:
        yield process, log
    finally:
        process.terminate()
        process.wait(30)


def revision(lab):
    rows = ask(lab.lab.with_name("kammerton.sqlite"), "select max(number) from revision")
    return (rows and rows[0][0]) or 0


def test_r4_r5_drivers_that_hang_are_noticed_and_the_bring_up_goes_on(tmp_path):
    """First one that holds the interpreter, so that the whole loop stands; then one in its lane."""
    environment = install(tmp_path / "plugin", "hold the interpreter")
    orders = tmp_path / "plugin" / "orders"
    with laboratory(tmp_path) as lab:
        use(lab.lab, "drive_lo")
        with impatient(lab, environment) as (process, log):
            wait_for(lambda: orders.exists() and orders.read_text() == "hang", "the first hang")
            wait_for(lambda: "hangs: no heartbeat" in log.read_text(), "its detection", 30)
            wait_for(lambda: not orders.exists(), "the second hang")
            known = revision(lab)
            wait_for(lambda: revision(lab) > known + 1, "new results")
            assert process.poll() is None
        assert on(lab) == set()
        assert unsafe_spans(lab) == []
    text = log.read_text()
    assert "SIGKILL" in text, "what holds the interpreter hears no SIGTERM"
    assert "did not return within 1 s" in text
    assert "safe mode" not in text
    assert process.returncode == 0


def test_r8_a_plug_in_that_cannot_be_imported_leads_to_safe_mode_with_outputs_off(tmp_path):
    environment = install(tmp_path / "plugin", broken=True)
    with laboratory(tmp_path) as lab:
        lab.ask(op="fault", name="front-panel", given=SWITCHED_ON)
        before = lab.ask(op="ledger")[-1]["index"]
        were_on = on(lab)
        assert were_on
        with impatient(lab, environment) as (process, log):
            wait_for(lambda: "safe mode: all outputs are off" in activity(lab), "safe mode")
            said = status(lab)
            assert on(lab) == set()
            assert process.poll() is None, "it stays up"
        assert process.returncode == 0
        assert first_acts(lab.ask(op="ledger", since=before + 1), were_on) == []
    assert "ImportError: a plug-in that is broken" in said
    assert "plug-in hanging 1.0, entry point broken: hanging_broken cannot be imported" in said
    assert "a person must restart it" in said
    assert log.read_text().count("a plug-in failed while it was imported") == 2


def activity(lab):
    rows = ask(lab.lab.with_name("kammerton.sqlite"), "select what from activity")
    return (rows and rows[0][0]) or ""


def status(lab):
    return CliRunner(env={"COLUMNS": "400"}).invoke(app, ["status", str(lab.lab)]).stdout
