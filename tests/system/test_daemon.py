"""The daemon as a process: refusals, interruptions, a broker that is away."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from dataclasses import dataclass, field, replace

import pytest

from kammerton.model import StoreError
from kammerton.store import Store
from kammerton_sim.chip import random_chip
from kammerton_sim.chip.write import write_chip
from tests.system.laboratory import KAMMERTON, daemon, laboratory
from tests.yardstick import stretch

pytestmark = [pytest.mark.system, pytest.mark.timeout(240)]

LOOK = 0.1  # s: to ask a database that is opened anew takes 10 ms of CPU time


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
    """Wait until something is true; fail after so many s, and more where the machine is slow."""
    began, slow = time.monotonic(), 1.0
    while not condition():
        late = time.monotonic() - began
        if late > seconds * slow and late > seconds * (slow := max(slow, stretch())):
            pytest.fail(f"{what} did not happen within {late:.0f} s")
        time.sleep(LOOK)


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    with laboratory(tmp_path_factory.mktemp("laboratory")) as lab:
        yield lab


def own(running, folder):
    """Return the running laboratory with a lab.toml of its own and so a cold start."""
    path = folder / "mine" / "lab.toml"
    path.parent.mkdir()
    path.write_text(running.lab.read_text())
    return replace(running, lab=path)


@pytest.fixture
def lab(running, tmp_path):
    return own(running, tmp_path)


def doing(lab) -> str:
    said = stored(lab, lambda s: s.current_activity())
    return (said.what if said else None) or ""


def database(lab):
    return lab.lab.parent / "kammerton.sqlite"


@pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX here")
@pytest.mark.parametrize(("number", "moment"), [("SIGINT", 0.6), ("SIGTERM", 2.0), ("SIGHUP", 0.6)])
def test_an_interruption_at_any_moment_leaves_outputs_off_and_no_traceback(lab, number, moment):
    with daemon(lab.lab) as process:
        time.sleep(moment * stretch())
        process.send_signal(getattr(signal, number))
        _, errors = process.communicate(timeout=30)
    assert "Traceback" not in errors
    assert process.returncode in (0, -getattr(signal, number)), errors
    assert outputs_on(lab) == []


@dataclass(frozen=True)
class Life:
    """How a daemon was told to end, and what came of it."""

    number: signal.Signals
    code: int
    errors: str
    left_on: list[str]
    sound: bool  # its database


@dataclass
class Lives:
    """A bring-up by daemons one after the other, each told to end while it plays, but the last."""

    told: list[Life] = field(default_factory=list)
    backlog: int = 0
    code: int | None = None
    errors: str = ""
    parameters: set[str] = field(default_factory=set)


OFTEN, AT_ONCE = (0.05, 0.05, 0.1), (0.0,)  # s between being told and told again
ENDINGS = ((signal.SIGINT, OFTEN, 0), (signal.SIGHUP, OFTEN, 1), (signal.SIGTERM, AT_ONCE, 4))
"""With what, how often, and how many runs must be stored before."""


def told(process, lab, number, pauses):
    """Tell a daemon to end while instruments play, and again."""
    wait_for(lambda: outputs_on(lab) or doing(lab).startswith("idle"), 60, "an output going on")
    process.send_signal(number)
    for pause in pauses:
        time.sleep(pause)
        if process.poll() is None:
            process.send_signal(number)
    _, errors = process.communicate(timeout=30)
    with closing(sqlite3.connect(database(lab))) as connection:
        sound = connection.execute("pragma integrity_check").fetchone() == ("ok",)
    return Life(number, process.returncode, errors, outputs_on(lab), sound)


@pytest.fixture(scope="module")
def lives(running, tmp_path_factory):
    if sys.platform == "win32":
        pytest.skip("signals are POSIX here")
    lab, found = own(running, tmp_path_factory.mktemp("lives")), Lives()
    published = lab.lab.read_text()
    lab.lab.write_text(published + '\n[broker]\nurl = "mqtt://127.0.0.1:1"\n')
    for number, pauses, runs in ENDINGS:
        with daemon(lab.lab) as process:
            wait_for(lambda: len(stored(lab, lambda s: s.runs()) or ()) >= runs, 60, f"{runs} runs")  # noqa: B023
            found.told.append(told(process, lab, number, pauses))
    found.backlog = stored(lab, lambda s: s.backlog())
    lab.lab.write_text(published)  # with it, the end would wait for that broker
    with daemon(lab.lab, "--once") as process:
        _, found.errors = process.communicate(timeout=100)
        found.code = process.returncode
    found.parameters = set(stored(lab, lambda s: s.parameters()))
    return found


@pytest.mark.parametrize("n", range(len(ENDINGS)), ids=["SIGINT", "SIGHUP", "SIGTERM"])
def test_however_often_it_is_told_the_daemon_switches_off_while_playing(lives, n):
    life = lives.told[n]
    assert "Traceback" not in life.errors
    assert life.code in (0, -life.number), life.errors  # it may end in between
    assert "all outputs are off: read back" in life.errors
    assert life.left_on == []
    assert life.sound


def test_the_daemon_calibrates_without_a_broker_and_keeps_the_results(lives):
    assert lives.backlog >= 4


def test_restarts_in_the_middle_go_on_where_they_were(lives):
    assert lives.code == 0, lives.errors
    assert {"q0.t1", "q0.t2_echo"} <= lives.parameters


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
    assert "I simulated device, hidden truth, seed" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.fixture(scope="module")
def warm(running, tmp_path_factory):
    """A daemon that waits, connected, for a warm refrigerator; its process and laboratory."""
    lab = own(running, tmp_path_factory.mktemp("warm"))
    lab.ask(op="set_temperature", kelvin=4.2)
    since = lab.ask(op="ledger")[-1]["index"] + 1
    try:
        with daemon(lab.lab) as process:
            wait_for(lambda: doing(lab).startswith("waiting"), 60, "connecting")
            yield process, lab, since
    finally:
        lab.ask(op="set_temperature", kelvin=0.012)


def test_r7_a_second_daemon_refuses_and_names_the_first(warm):
    first, lab, _ = warm
    other = lab.lab.parent / "other" / "lab.toml"
    other.parent.mkdir()
    other.write_text(lab.lab.read_text())
    done = subprocess.run(
        [*KAMMERTON, "run", str(other)], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 1
    assert str(first.pid) in done.stderr
    assert "Traceback" not in done.stderr


def test_nothing_is_driven_while_the_refrigerator_is_warm(warm):
    process, lab, since = warm
    time.sleep(2)
    assert process.poll() is None
    driven = [c for c in lab.ask(op="ledger", since=since) if c["what"] in ("on", "run")]
    assert [c for c in driven if c["new"] not in (False, "stopped")] == []
    assert outputs_on(lab) == []


@pytest.fixture(scope="module")
def parked(tmp_path_factory):
    """A bring-up of three qubits; two cannot be tuned, each for a reason of its own."""
    folder = tmp_path_factory.mktemp("parked")
    chip = random_chip(3, 1)
    rates = (1000.0, 270e6, chip.qubits[2].rabi_rate)
    qubits = [replace(q, rabi_rate=r) for q, r in zip(chip.qubits, rates, strict=True)]
    write_chip(replace(chip, qubits=tuple(qubits)), folder / "chip.toml")
    with laboratory(folder, chip=folder / "chip.toml") as lab, daemon(lab.lab, "--once") as process:
        _, errors = process.communicate(timeout=150)
        return process.returncode, errors, set(stored(lab, lambda s: s.parameters()))


@pytest.mark.parametrize(("qubit", "why"), [("q0", "qubit_spectroscopy"), ("q1", "rabi_amplitude")])
def test_p3_a_qubit_that_cannot_be_tuned_is_parked_and_says_why(parked, qubit, why):
    code, errors, held = parked
    assert code == 3, errors
    assert f"{qubit} is parked: {why}" in errors
    assert "Traceback" not in errors
    assert f"{qubit}.t1" not in held


def test_where_others_are_parked_a_good_qubit_completes(parked):
    _, errors, held = parked
    names = {"q2.t1", "q2.t2_star", "q2.t2_echo", "q2.assignment_fidelity"}
    assert names <= held, errors


HASTY = """
import asyncio, sys
from pathlib import Path
from kammerton.serve.supervisor import supervise

CHILD = '''
from kammerton.loop import loop
from kammerton.serve import child

loop.ONCE = 3.0
child.leave(child.main())
'''
command = (sys.executable, "-c", CHILD)
sys.exit(asyncio.run(supervise([Path(sys.argv[1])], once=True, command=command)))
"""
"""`kammerton run --once`, but it waits 3 s for an instrument that is away, not 20."""


def test_a_laboratory_that_dies_is_told_with_what_failed_first(tmp_path):
    hasty = (sys.executable, "-c", HASTY)
    with laboratory(tmp_path) as mortal, daemon(mortal.lab, program=hasty) as process:
        wait_for(lambda: outputs_on(mortal), 60, "an output going on")
        mortal.process.kill()
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "Traceback" not in errors
    assert "not known to be off" in errors
    first = errors[errors.index("kammerton run:") :].splitlines()[0]
    assert "not known to be off" not in first, "what failed first comes first"
