"""The daemon as a process: refusals, interruptions, a broker that is away."""

from __future__ import annotations

import dataclasses
import os
import signal
import sqlite3
import subprocess
import sys
import time

import pytest

from kammerton.store import Store
from tests.system.laboratory import KAMMERTON, daemon, laboratory

pytestmark = [pytest.mark.system, pytest.mark.timeout(240)]


def outputs_on(lab):
    return [name for name, on in lab.ask(op="outputs").items() if on]


def wait_for(condition, seconds, what):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return
        time.sleep(0.05)
    pytest.fail(f"{what} did not happen within {seconds} s")


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    with laboratory(tmp_path_factory.mktemp("laboratory")) as lab:
        yield lab


@pytest.fixture
def lab(running, tmp_path):
    """The running laboratory, with a lab.toml of the test's own and so a cold start."""
    own = tmp_path / "mine" / "lab.toml"
    own.parent.mkdir()
    own.write_text(running.lab.read_text())
    return dataclasses.replace(running, lab=own)


def database(lab):
    return lab.lab.parent / "kammerton.sqlite"


@pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX here")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("moment", [0.3, 2.0, "playing"])
def test_an_interruption_leaves_outputs_off_and_the_database_whole(lab, number, moment):
    with daemon(lab.lab) as process:
        if moment == "playing":
            wait_for(lambda: outputs_on(lab), 60, "an output going on")
        else:
            time.sleep(moment)
        process.send_signal(number)
        _, errors = process.communicate(timeout=30)
    assert "Traceback" not in errors
    assert process.returncode in (0, -number, 130), errors
    assert outputs_on(lab) == []
    if database(lab).exists():
        with sqlite3.connect(database(lab)) as connection:
            assert connection.execute("pragma integrity_check").fetchone() == ("ok",)


def test_a_second_daemon_refuses_and_names_the_first(lab, tmp_path):
    with daemon(lab.lab) as first:
        wait_for(lambda: outputs_on(lab), 60, "an output going on")
        other = tmp_path / "other.toml"
        other.write_text(lab.lab.read_text())
        done = subprocess.run(
            [*KAMMERTON, "run", str(other)], capture_output=True, text=True, timeout=60
        )
        assert done.returncode == 1
        assert str(first.pid) in done.stderr
        assert "Traceback" not in done.stderr


def test_the_daemon_calibrates_without_a_broker_and_keeps_the_results(lab):
    with daemon(lab.lab) as process:
        wait_for(
            lambda: database(lab).exists() and Store.read(database(lab)).revision() >= 1,
            60,
            "a revision",
        )
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=30)
    with Store.read(database(lab)) as store:
        assert store.backlog() >= 1


def test_unreachable_instruments_are_named_in_one_message(lab, tmp_path):
    text = lab.lab.read_text()
    for number, name in enumerate(("drive_lo", "readout_lo"), start=1):
        start = text.index(f"[instruments.{name}]")
        port = text.index("hislip0,", start) + len("hislip0,")
        text = text[:port] + str(number) + text[text.index("::INSTR", port) :]
    broken = tmp_path / "lab.toml"
    broken.write_text(text)
    done = subprocess.run(
        [*KAMMERTON, "run", str(broken)], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 1
    assert "drive_lo" in done.stderr
    assert "readout_lo" in done.stderr
    assert "Traceback" not in done.stderr


def test_nothing_is_driven_while_the_refrigerator_is_warm(lab):
    lab.ask(op="set_temperature", kelvin=4.2)
    try:
        with daemon(lab.lab) as process:
            wait_for(lambda: process.poll() is None and _connected(lab), 60, "connecting")
            time.sleep(2)
            assert outputs_on(lab) == []
    finally:
        lab.ask(op="set_temperature", kelvin=0.012)


def _connected(lab):
    if not database(lab).exists():
        return False
    with Store.read(database(lab)) as store:
        said = store.current_activity()
    return said is not None and said.what is not None and said.what.startswith("waiting")


def test_killed_without_warning_the_next_start_goes_on(lab):
    with daemon(lab.lab) as process:
        wait_for(lambda: outputs_on(lab), 60, "an output going on")
        os.kill(process.pid, signal.SIGKILL)
        process.wait(10)
    with daemon(lab.lab) as process:
        time.sleep(3)
        assert process.poll() is None
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=30)
    assert outputs_on(lab) == []
