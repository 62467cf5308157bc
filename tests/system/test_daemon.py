"""The daemon as a process: refusals, interruptions, a broker that is away."""

from __future__ import annotations

import dataclasses
import signal
import sqlite3
import subprocess
import sys
import time

import pytest

from kammerton.model import StoreError
from kammerton.store import Store
from tests.system.laboratory import KAMMERTON, daemon, laboratory

pytestmark = [pytest.mark.system, pytest.mark.timeout(240)]


def outputs_on(lab):
    return [name for name, on in lab.ask(op="outputs").items() if on]


def stored(lab, question):
    """Ask the database, or None while there is none to ask."""
    if not database(lab).exists():
        return None
    try:
        with Store.read(database(lab)) as store:
            return question(store)
    except StoreError:  # it is just being made
        return None


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
@pytest.mark.parametrize(("number", "moment"), [("SIGINT", 0.6), ("SIGTERM", 2.0), ("SIGHUP", 0.6)])
def test_an_interruption_at_any_moment_leaves_outputs_off_and_no_traceback(lab, number, moment):
    with daemon(lab.lab) as process:
        time.sleep(moment)
        process.send_signal(getattr(signal, number))
        _, errors = process.communicate(timeout=30)
    assert "Traceback" not in errors
    assert process.returncode in (0, -getattr(signal, number)), errors
    assert outputs_on(lab) == []


@pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX here")
@pytest.mark.parametrize(
    ("number", "pauses"),
    [("SIGINT", (0.05, 0.05, 0.1)), ("SIGTERM", (0.0,)), ("SIGHUP", (0.05, 0.05, 0.1))],
)
def test_however_often_it_is_told_the_daemon_switches_off_while_playing(lab, number, pauses):
    with daemon(lab.lab) as process:
        wait_for(lambda: outputs_on(lab), 60, "an output going on")
        process.send_signal(getattr(signal, number))
        for pause in pauses:
            time.sleep(pause)
            if process.poll() is None:
                process.send_signal(getattr(signal, number))
        _, errors = process.communicate(timeout=30)
    assert "Traceback" not in errors
    assert process.returncode in (0, -getattr(signal, number)), errors  # it may end in between
    assert "all outputs are off: read back" in errors
    assert outputs_on(lab) == []
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
        wait_for(lambda: stored(lab, lambda s: s.revision()), 60, "a revision")
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
    said = stored(lab, lambda s: s.current_activity())
    return said is not None and said.what is not None and said.what.startswith("waiting")


@pytest.mark.parametrize("runs", [1, 4])
def test_a_restart_in_the_middle_goes_on_where_it_was(lab, runs):
    with daemon(lab.lab) as process:
        wait_for(lambda: len(stored(lab, lambda s: s.runs()) or ()) >= runs, 60, f"{runs} runs")
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=30)
    with daemon(lab.lab, "--once") as process:
        _, errors = process.communicate(timeout=100)
    assert process.returncode == 0, errors
    with Store.read(database(lab)) as store:
        assert {"q0.t1", "q0.t2_echo"} <= set(store.parameters())


@pytest.mark.parametrize(
    ("rabi", "why"), [("1000.0", "qubit_spectroscopy"), ("270e6", "rabi_amplitude")]
)
def test_a_qubit_that_cannot_be_tuned_is_parked_and_the_other_completes(tmp_path, rabi, why):
    chip = tmp_path / "chip.toml"
    make = [*KAMMERTON, "sim", "--qubits", "2", "--no-serve", "--write-chip", str(chip)]
    subprocess.run(make, check=True, capture_output=True, timeout=60)
    text = chip.read_text()
    line = next(x for x in text.splitlines() if x.startswith("rabi"))
    name = line.split("=")[0]
    chip.write_text(text.replace(line, f"{name}= {float(rabi)}", 1))
    with laboratory(tmp_path, chip=chip) as lab, daemon(lab.lab, "--once") as process:
        _, errors = process.communicate(timeout=150)
        assert process.returncode == 3, errors
        assert f"q0 is parked: {why}" in errors
        assert "Traceback" not in errors
        held = stored(lab, lambda s: s.parameters())
        assert {"q1.t1", "q1.t2_star", "q1.t2_echo", "q1.assignment_fidelity"} <= set(held)
        assert "q0.t1" not in held


def test_a_laboratory_that_dies_is_told_with_what_failed_first(tmp_path):
    with laboratory(tmp_path) as mortal, daemon(mortal.lab, "--once") as process:
        wait_for(lambda: outputs_on(mortal), 60, "an output going on")
        mortal.process.kill()
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "Traceback" not in errors
    assert "not known to be off" in errors
    first = errors[errors.index("kammerton run:") :].splitlines()[0]
    assert "not known to be off" not in first, "what failed first comes first"
