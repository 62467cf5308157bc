"""R6: a daemon that is left alone, but for what it is asked to measure.

Memory, threads and file descriptors stay flat, and a subscriber holds what the database holds. The
chip drifts, and defects swallow energy of its qubits. Values hold for a quarter of an hour and
longer, so a measurement is asked for every few seconds: an hour has as many runs as some days.
Lost: values that a subscriber did not hold 15 s later, that went back, or that nobody committed.
Wrong: committed values that the truth of their times contradicts. Stuck: measurements that were
asked for and never answered, and attempts without an outcome at the end.
"""

from __future__ import annotations

import ctypes
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import psutil

from kammerton import Client
from kammerton.lab import load
from kammerton.model import NotMeasured, OutcomeUnknown
from kammerton_sim.chip import random_chip, write_chip
from kammerton_sim.chip.flaws import flawed
from tests.brokers import BrokerProcess
from tests.prove.flat import Look, Watch, grown, new_files, verdict
from tests.prove.frame import Row, proof
from tests.prove.kill_loop import OPEN
from tests.prove.killing import Daemon, ask, running, unsafe_spans, wait_for
from tests.prove.witness import Truth, Witness, witness
from tests.system.laboratory import Laboratory, laboratory

QUICK = 60.0 / 3600
PERIOD = 5  # s between two measurements
TOLD = "in-use"
EXACT = "glibc.malloc.tcache_count=0"
"""Threads keep up to 250 kB of freed pieces each, which glibc counts as in use: here none."""
IN_USE = Path(__file__).with_name("in_use")
RESTS, OFTEN = 16, 300.0
"""Times that it is at rest, and s from one to the next at least."""
GIVEN_BACK, STILL = 70.0, 10.0
"""s after which free memory was given back (see `memory.PERIOD`), and in which it is counted."""
TRUTH = 12  # looks between two comparisons with truth and subscriber
BEHIND = 15.0  # s that a subscriber may be behind
LAST_WORDS = 60  # lines
SEED = 3
SPARE = "kammerton.sqlite +1"
"""SQLite keeps one file open whose closing would drop a lock, and takes it for the next opening."""
ASKED = ("t1", "ramsey", "rabi_amplitude", "qubit_spectroscopy")


def hours() -> float:
    """Return KAMMERTON_SOAK_HOURS, 1 unless it is set."""
    return float(os.environ.get("KAMMERTON_SOAK_HOURS", "1"))


def qubits() -> int:
    """Return KAMMERTON_SOAK_QUBITS, 5 unless it is set."""
    return int(os.environ.get("KAMMERTON_SOAK_QUBITS", "5"))


@dataclass
class Seen:
    """What was seen so far."""

    truth: Truth
    looks: list[Look] = field(default_factory=list)
    rests: list[Look] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    refused: int = 0
    unanswered: int = 0


def drifting(folder: Path, count: int) -> Path:
    """Write a chip whose f01 and T1 wander, with defects about its qubits, and no other flaw."""
    chip = random_chip(count, SEED)
    pairs = zip(chip.qubits, flawed(chip, SEED).qubits, strict=True)
    path = folder / "chip.toml"
    write_chip(
        replace(chip, qubits=tuple(replace(q, defects=its.defects) for q, its in pairs)), path
    )
    return path


@proof("soak")
def soak(quick: bool) -> Iterator[Row]:
    """Leave a daemon alone for KAMMERTON_SOAK_HOURS (1), or for a minute when quick.

    Raises
    ------
    AssertionError
        It does not stay flat.
    """
    lasts = QUICK if quick else hours()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        broker = BrokerProcess(folder)
        broker.start()
        stack.callback(broker.kill)
        chip = drifting(folder, qubits())
        lab = stack.enter_context(laboratory(folder, broker=broker.port, chip=chip))
        lab.lab.write_text(lab.lab.read_text().replace("pictures = false", "pictures = true"))
        ear = stack.enter_context(witness(broker.port, load(lab.lab).computer))
        (folder / TOLD).mkdir()
        stack.enter_context(telling(folder / TOLD))
        with running(lab.lab) as daemon, _last_words(daemon.log):
            seen, new = _left_alone(daemon, lab, ear, lasts)
            runs = ask(daemon.database, "select count(*) from run")[0][0]
            assert daemon.stop() == 0
        _compare(seen, ear, daemon.database)
        assert ear.updates, "the subscriber heard nothing"
        seen.lost += ear.made_up(daemon.database) + ear.gone_back()
        stuck = seen.unanswered + len(ask(daemon.database, OPEN))
        spans = unsafe_spans(lab)
    for what in seen.lost + spans:
        print(what, file=sys.stderr)
    flat = verdict(seen.rests, told=can_tell())
    files, threads = grown(seen.looks, "files"), grown(seen.looks, "threads")
    words = f"R6 {lasts * 60:.0f} min, {qubits()} qubits, {runs} runs: {flat}"
    named = f" ({', '.join(new)})" if new else ""
    yield Row(
        f"{words}, files {files:+d}{named}, threads {threads:+d}; {seen.truth.checked} values", 1,
        lost=len(seen.lost), wrong=len(seen.truth.wrong), unsafe=len(spans), stuck=stuck,
        undecided=not flat.flat,
    )  # fmt: skip
    print(f"{seen.refused} measurements were refused", file=sys.stderr)
    assert files <= 0 or new == [SPARE], f"file descriptors grow: {new}"
    assert threads <= 0, "threads grow"
    assert not flat.grows, f"memory grows: {flat}"


@contextmanager
def _last_words(log: Path) -> Iterator[None]:
    """Print the end of the daemon's log where something fails: its folder goes with the proof."""
    try:
        yield
    except BaseException:
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
        print(*lines[-LAST_WORDS:], sep="\n", file=sys.stderr)
        raise


def can_tell() -> bool:
    """Whether a process here can tell what it has in use: with glibc from 2.33."""
    return sys.platform == "linux" and hasattr(ctypes.CDLL(None), "mallinfo2")


@contextmanager
def telling(folder: Path) -> Iterator[None]:
    """Let what is started meanwhile write into a folder what it has in use."""
    path = os.pathsep.join(filter(None, [str(IN_USE), os.environ.get("PYTHONPATH")]))
    tuned = ":".join(filter(None, [os.environ.get("GLIBC_TUNABLES"), EXACT]))
    new = {"PYTHONPATH": path, "KAMMERTON_IN_USE": str(folder), "GLIBC_TUNABLES": tuned}
    old = {name: os.environ.get(name) for name in new}
    os.environ.update(new)
    try:
        yield
    finally:
        for name, value in old.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})


def _left_alone(
    daemon: Daemon, lab: Laboratory, ear: Witness, lasts: float
) -> tuple[Seen, list[str]]:
    """Ask for a measurement now and then; return what was seen, and files that came to stay."""
    names = list(load(lab.lab).qubits)
    wait_for(lambda: _brought_up(daemon, names), "the end of the bring-up", 1800)
    child, began = daemon.child(), time.monotonic()
    process, seen, told = psutil.Process(child), Seen(Truth(lab)), lab.lab.with_name(TOLD)
    every, rested = max(OFTEN, lasts * 3600 / RESTS), began
    with closing(Client(lab.lab)) as client, closing(Watch(process, told)) as watch:
        while time.monotonic() - began < lasts * 3600:
            number = len(seen.looks)
            if time.monotonic() - rested > every:
                seen.rests.append(_rested(daemon, client, watch))
                rested = time.monotonic()
            _measure(client, names[number % len(names)], ASKED[number % len(ASKED)], seen)
            assert daemon.child() == child, "its process was replaced"
            time.sleep(PERIOD)
            seen.looks.append(watch.look())
            print(seen.looks[-1].words(), file=sys.stderr)  # whoever ends it knows so far
            if number % TRUTH == TRUTH - 1:
                _compare(seen, ear, daemon.database)
    assert daemon.child() == child, "its process was replaced"
    return seen, new_files(seen.looks)


def _rested(daemon: Daemon, client: Client, watch: Watch) -> Look:
    """Hold the computer until free memory was given back; return what is held then.

    While it measures, what it holds swings by 30 MB within seconds.
    """
    client.hold("computer", why="what it keeps is looked at")
    time.sleep(GIVEN_BACK)
    watch.look()
    time.sleep(STILL)
    found = watch.look()
    client.release("computer")
    print(f"at rest: {found.words()}", file=sys.stderr)
    wait_for(lambda: _at_work(daemon), "going on after a hold", 120)
    return found


def _at_work(daemon: Daemon) -> bool:
    doing = (daemon.doing() or (0, ""))[1]
    return not doing.startswith(("hands off", "connecting"))


def _brought_up(daemon: Daemon, names: list[str]) -> bool:
    """Whether it is idle, or knows all of every qubit: of many that drift one is always due."""
    known = {name for (name,) in ask(daemon.database, "select name from parameter")}
    return (daemon.doing() or (0, ""))[1].startswith("idle") or known >= {
        f"{qubit}.{each}" for qubit in names for each in ("f01", "t1", "t2_echo", "t2_star")
    }


def _measure(client: Client, qubit: str, calibration: str, seen: Seen) -> None:
    try:
        client.measure(qubit, calibration)
    except OutcomeUnknown as unknown:
        seen.unanswered += 1
        print(unknown, file=sys.stderr)
    except NotMeasured as refusal:  # a parked qubit, or one that waits
        seen.refused += 1
        print(refusal, file=sys.stderr)


def _compare(seen: Seen, ear: Witness, database: Path) -> None:
    """Compare with truth and subscriber, and say what is so far."""
    seen.truth.look()
    took, differs = ear.behind(database, BEHIND)
    seen.lost += differs
    print(
        f"{seen.truth.checked} values, wrong {len(seen.truth.wrong)}, lost {len(seen.lost)},"
        f" subscriber behind {took:.2f} s, unanswered {seen.unanswered}, refused {seen.refused}",
        file=sys.stderr,
    )
