"""A daemon in a simulated laboratory that is killed, and what its database and the ledger say."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from kammerton.serve.words import KEPT_READY
from kammerton_sim.evidence.limits import limits_of
from tests.prove.frame import Row
from tests.system.laboratory import Laboratory

CHILD = "kammerton.serve.begin"
PATIENCE = 120.0  # s for anything to happen
LOOK = 0.005  # s: on a fast machine a whole calibration takes a few hundredths
TICKS = 0.05  # s: more than one of the clock by which files are dated
SHARE = 0.03  # of a core that whoever waits may take from what is waited for
STARTING = ("starting", "connecting")


@dataclass
class Harm:
    """What was found after kills; everything must stay 0."""

    kills: int = 0
    lost: int = 0
    stuck: int = 0
    torn: list[str] = field(default_factory=list)
    unsafe: list[str] = field(default_factory=list)
    t_off: list[float] = field(default_factory=list)
    t_rec: list[float] = field(default_factory=list)
    wrong: int | None = None  # nobody has looked
    behind: list[float] = field(default_factory=list)  # s more until a subscriber had everything

    def row(self, fault: str) -> Row:
        """Return the line of the table; what is torn counts as lost."""
        return Row(
            fault, self.kills, t_det=max(self.t_off), t_rec=max(self.t_rec),
            lost=self.lost + len(self.torn), wrong=self.wrong,
            unsafe=len(self.unsafe), stuck=self.stuck,
        )  # fmt: skip

    def so_far(self) -> str:
        """Return the same in words: it takes an hour and more."""
        times = f"off {max(self.t_off, default=0):.2f} s, back {max(self.t_rec, default=0):.2f} s"
        harm = f"lost {self.lost}, torn {len(self.torn)}, unsafe {len(self.unsafe)}"
        heard = f"subscriber {max(self.behind, default=0):.2f} s later, wrong {self.wrong}"
        return f"{self.kills} kills, {times}, {harm}, stuck {self.stuck}, {heard}"


def wait_for(condition: Callable[[], Any], what: str, seconds: float = PATIENCE) -> Any:
    """Return what the condition returned as soon as it holds."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        before = time.thread_time()
        if (value := condition()) is not None and value is not False:
            return value
        time.sleep(max(LOOK, (time.thread_time() - before) / SHARE))
    raise AssertionError(f"{what} did not happen within {seconds} s")


PATIENT = """
import asyncio, sys
from pathlib import Path
from kammerton.serve.logs import log_to_stderr
from kammerton.serve.rules import Rules
from kammerton.serve.supervisor import supervise

log_to_stderr()
rules = Rules(tries=10**9, longest_pause=0.0)
sys.exit(asyncio.run(supervise([Path(sys.argv[1])], rules=rules, spare=True)))
"""
"""The daemon, but five kills in a row do not lead to safe mode."""


NURSERY = """
import os, signal, sys
from importlib.metadata import entry_points
from pathlib import Path
import pyvisa_py
import kammerton_sim.board
from kammerton.lab import load
from kammerton.loop import load_calibrations
from kammerton.serve import computer, kernels
from kammerton.serve.events import run_until_signal
from kammerton.serve.logs import log_to_stderr

kernels.load_kernels()
used = {entry.driver for entry in load(Path(sys.argv[1])).instruments.values()}
drivers = [point.load() for point in entry_points(group="kammerton.drivers") if point.name in used]
load_calibrations()
child, told = 0, []

def end(*_):
    told.append(True)
    if child:
        os.kill(child, signal.SIGTERM)

signal.signal(signal.SIGTERM, end)
while True:
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    child = os.fork()
    if child == 0:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
        code = 1
        try:
            lab = load(Path(sys.argv[1]))
            log_to_stderr()
            run_until_signal(computer.run_computer(lab))
        except KeyboardInterrupt:
            code = 0
        finally:
            os._exit(code)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
    Path(sys.argv[1]).with_name("born").write_text(str(child))
    if told:
        os.kill(child, signal.SIGTERM)
    _, status = os.waitpid(child, 0)
    if told or os.waitstatus_to_exitcode(status) > 0:
        sys.exit(os.waitstatus_to_exitcode(status))
"""
"""A computer's process without the daemon, born anew of one that has loaded everything already.

A start costs a tenth of the daemon's, so that many can be killed, or told to end in order.
"""


class Daemon:
    """The daemon on a lab.toml; its log goes to a file beside it."""

    program = PATIENT

    def __init__(self, lab: Path) -> None:
        self.lab = lab
        self.log = lab.with_name("daemon.log")
        self._said = list[tuple[Any, ...]]()
        self._of: Written | None = None
        self.start()

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-c", self.program, str(self.lab)], stderr=log
            )

    def child(self) -> int | None:
        """Return the process of the computer.

        Where another is kept ready it is the one that spoke last, or that was begun for it.
        """
        try:
            children = psutil.Process(self.process.pid).children()
            found = {c.pid: c.cmdline() for c in children if CHILD in c.cmdline()}
        except psutil.NoSuchProcess:
            return None
        if len(found) > 1:
            spoke, _ = self.doing() or (None, "")
            begun = [pid for pid, words in found.items() if KEPT_READY not in words]
            return spoke if spoke in found else begun[0] if begun else None
        return next(iter(found), None)

    def doing(self) -> tuple[int, str] | None:
        """Return the process that spoke last in the database, and what it said."""
        said = "select pid, what from activity where what is not null and pid > 0"
        as_it_is = written(self.database)
        if as_it_is is None or as_it_is != self._of:
            self._said, self._of = ask(self.database, said), as_it_is
        return self._said[0] if self._said else None

    @property
    def database(self) -> Path:
        return self.lab.with_name("kammerton.sqlite")

    def up(self, old: int | None = None) -> bool:
        """Whether another process than `old` has connected and works.

        What a dead one said stays in the database until the next has begun: it does not count.
        """
        pid, what = self.doing() or (None, STARTING[0])
        return pid != old and not what.startswith(STARTING) and _alive(pid)

    def stop(self) -> int:
        """Tell it to end, as a service manager does; return its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(30)


class Nursery(Daemon):
    """Processes of a computer that are cheap to kill."""

    program = NURSERY

    def child(self) -> int | None:
        """Return the process born last; what loads may run other programs that look like it."""
        born = self.lab.with_name("born")
        pid = int((born.read_text() if born.exists() else "") or 0)
        return pid if _alive(pid) else None


def _alive(pid: int | None) -> bool:
    """Whether a process still runs; one that nobody has waited for yet does not."""
    try:
        return bool(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@contextmanager
def running(lab: Path, kind: type[Daemon] = Daemon) -> Iterator[Daemon]:
    daemon = kind(lab)
    try:
        yield daemon
    finally:
        daemon.stop()


Written = tuple[tuple[int, int, int], ...]


def written(database: Path) -> Written | None:
    """Return what tells that nobody has written to a database since; None where that is too fresh.

    To ask it costs a hundred times as much, and whoever waits looks 200 times a second. The clock
    of files ticks every few ms: what is written within one tick looks alike.
    """
    files = (database, database.with_name(f"{database.name}-wal"))
    try:
        stats = [file.stat() for file in files]
    except FileNotFoundError:
        return None
    if time.time() - max(each.st_mtime for each in stats) < TICKS:
        return None
    return tuple((each.st_ino, each.st_mtime_ns, each.st_size) for each in stats)


def ask(database: Path, question: str) -> list[tuple[Any, ...]]:
    """Ask the database as another program would; nothing while there is none, or no table yet.

    It cannot be opened for a moment when its last connection is closed and takes the WAL with it.
    """
    if not database.exists():
        return []
    end = time.monotonic() + PATIENCE
    while True:
        try:
            return _asked(database, question)
        except sqlite3.OperationalError as error:
            if "no such table" in str(error):
                return []
            if time.monotonic() > end:
                raise
            time.sleep(LOOK)


def _asked(database: Path, question: str) -> list[tuple[Any, ...]]:
    connection = sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True, timeout=10)
    try:
        return connection.execute(question).fetchall()
    finally:
        connection.close()


def acknowledged(database: Path) -> set[tuple[Any, ...]]:
    """Return every value of every revision that a reader can see: it must never go."""
    return set(ask(database, "select revision, name, value, stderr, time from change"))


SETTLED = 0.25  # s without a change: instruments have done what was sent to them

TORN = {
    "a foreign key leads nowhere": "select * from pragma_foreign_key_check",
    "a run without a fit": "select number from run where number not in (select run from fit)",
    "a run that was never handed to the outbox": "select number from run where number not in "
    "(select run from outbox where run is not null)",
    "a revision without a value": "select number from revision where number not in "
    "(select revision from change)",
    "a head that is not its newest value": "select p.name from parameter p where p.revision <> "
    "(select max(revision) from change c where c.name = p.name)",
    "revisions are not numbered 1, 2, 3": "select max(number), count(*) from revision "
    "having max(number) <> count(*)",
}


def torn(database: Path) -> list[str]:
    """Return what a transaction that was cut in two would leave."""
    found = [what for what, question in TORN.items() if ask(database, question)]
    if ask(database, "pragma integrity_check") != [("ok",)]:
        found.append("integrity")
    files = [Path(row[0]) for row in ask(database, "select data from run where data is not null")]
    found += [f"{file} is gone" for file in files if not (database.parent / file).exists()]
    return found


def on(lab: Laboratory) -> set[str]:
    """Return the outputs that are on."""
    return {name for name, state in lab.ask(op="outputs").items() if state is not None}


def unsafe_spans(lab: Laboratory) -> list[str]:
    """Return what the ledger shows outside the limits of lab.toml, ever."""
    answer = lab.ask(op="unsafe", limits=limits_of([str(lab.lab)]))
    assert answer["complete"], "the ledger has forgotten its beginning"
    return [str(span) for span in answer["found"]]


def first_acts(changes: list[dict[str, Any]], were_on: set[str]) -> list[str]:
    """Return what was switched on or played before all that was on had been switched off."""
    left, found = set(were_on), []
    for change in changes:
        name = f"{change['instrument']}.{change['output']}"
        if change["what"] == "on" and change["new"] is False:
            left.discard(name)
        elif left and change["what"] in ("on", "run") and change["new"] not in (False, "stopped"):
            found.append(f"{name} {change['what']} {change['new']} while {sorted(left)} were on")
    return found + [f"{name} was never switched off" for name in sorted(left)]


def kill(
    daemon: Daemon, lab: Laboratory, harm: Harm, *, supervisor: bool = False,
    then: Callable[[], object] = lambda: None,
) -> None:  # fmt: skip
    """SIGKILL one of its processes now, `then` at once, wait until it works; look for harm."""
    child = wait_for(daemon.child, "a process of the computer")
    known, began = acknowledged(daemon.database), time.monotonic()
    if supervisor:
        os.kill(daemon.process.pid, signal.SIGKILL)
        daemon.process.wait(10)
        wait_for(lambda: not on(lab), "outputs off", 30)
        last, were_on = _last_of(lab), set()
        daemon.start()
    else:
        last, were_on = _killed(child, lab)
    then()
    wait_for(lambda: not (were_on & on(lab)) or daemon.up(child), "outputs off", 60)
    harm.t_off.append(time.monotonic() - began)
    wait_for(lambda: daemon.up(child), "the next process")
    harm.t_rec.append(time.monotonic() - began)
    harm.kills += 1
    harm.lost += len(known - acknowledged(daemon.database))
    harm.torn += torn(daemon.database)
    harm.unsafe += first_acts(lab.ask(op="ledger", since=last + 1), were_on)


def _killed(child: int, lab: Laboratory) -> tuple[int, set[str]]:
    """Kill a process; return the last change of an output it made, and what it left on.

    It is stopped first, until the instruments have done what it had sent: its own last acts would
    be taken for the first ones of the next process.
    """
    os.kill(child, signal.SIGSTOP)
    last, before = _last_of(lab), None
    while before != last:
        time.sleep(SETTLED)
        before, last = last, _last_of(lab, last)
    were_on = on(lab)
    os.kill(child, signal.SIGKILL)
    return last, were_on


def _last_of(lab: Laboratory, known: int = 0) -> int:
    """Return the index of the newest change in the ledger from a known one on, -1 without any."""
    ledger = lab.ask(op="ledger", since=max(known, 0))
    return int(ledger[-1]["index"]) if ledger else -1
