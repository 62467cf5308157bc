"""`kammerton run --supervised` on a simulated laboratory: what it waits for is in the ledger."""

from __future__ import annotations

import fcntl
import os
import re
import signal
import subprocess
import termios
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from typer.testing import CliRunner

from kammerton.cli import app
from kammerton.store import Store
from kammerton.verify import verify
from tests.system.laboratory import KAMMERTON, Laboratory, daemon, laboratory
from tests.system.test_daemon import outputs_on, stored, wait_for
from tests.system.test_hold import last, runs

pytestmark = [pytest.mark.system, pytest.mark.timeout(240)]


def said(lab: Path, *words: str) -> str:
    done = CliRunner().invoke(app, [*words, "--lab", str(lab)])
    assert done.exit_code == 0, done.output
    return done.stdout


def waits(lab: Laboratory) -> bool:
    said = stored(lab, lambda store: store.current_activity())
    return said is not None and str(said.what).startswith("waits for a person")


def approved(lab: Laboratory) -> set[str]:
    with Store.read(lab.lab.parent / "kammerton.sqlite") as store:
        return {e.what for e in store.log(2000) if e.new == "approved"}


@contextmanager
def at_a_terminal(lab: Path, *options: str) -> Iterator[tuple[int, subprocess.Popen[bytes]]]:
    """Run the daemon in the foreground of a terminal of its own."""
    mine, its = os.openpty()

    def foreground() -> None:
        os.setsid()
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)

    command = [*KAMMERTON, "run", "--no-spare", str(lab), *options]
    with subprocess.Popen(
        command, stdin=its, stderr=subprocess.DEVNULL, preexec_fn=foreground
    ) as process:
        os.close(its)
        try:
            yield mine, process
        finally:
            if process.poll() is None:
                process.terminate()
            process.wait(20)
            os.close(mine)


def test_nothing_is_put_out_before_a_person_has_approved_it_and_nothing_is_asked_twice(tmp_path):
    with laboratory(tmp_path) as lab:
        with daemon(lab.lab, "--supervised") as process:
            wait_for(lambda: waits(lab), 60, "a question")
            since = last(lab)
            time.sleep(3.0)
            assert not outputs_on(lab)
            assert not [c for c in lab.ask(op="ledger", since=since) if c["what"] != "connection"]
            assert "waits for a person" in said(lab.lab, "status").replace("\n", " ")
            began = time.monotonic()
            process.send_signal(signal.SIGTERM)
            assert process.wait(20) == 0
            assert time.monotonic() - began < 10
            assert not outputs_on(lab)
            assert runs(lab) == 0
        with daemon(lab.lab, "--supervised"):
            wait_for(lambda: waits(lab), 60, "a question")
            listed = " ".join(said(lab.lab, "approve").split())
            assert "at the device" in listed
            said(lab.lab, "approve", "all of q0") if "q0" in listed else None
            while runs(lab) == 0:
                if waits(lab):
                    CliRunner().invoke(app, ["approve", "all", "--lab", str(lab.lab)])
                time.sleep(0.5)
        known = approved(lab)
        assert known
        before = runs(lab)
        with daemon(lab.lab, "--supervised"):
            wait_for(lambda: runs(lab) > before or waits(lab), 60, "a run, or a question")
            assert runs(lab) > before
        text = lab.lab.read_text()
        number = re.search(r"attenuation = \"?(\d+)", text)
        assert number is not None
        more = text[: number.start(1)] + str(int(number[1]) + 1) + text[number.end(1) :]
        lab.lab.write_text(more)
        with at_a_terminal(lab.lab, "--supervised") as (terminal, process):
            wait_for(lambda: waits(lab), 60, "a question after lab.toml was changed")
            os.write(terminal, b"refuse all --why cable\n")
            assert process.wait(40) == 3
        assert not outputs_on(lab)
    assert verify(tmp_path / "kammerton.sqlite").findings == ()
