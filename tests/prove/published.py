"""A broker beside a daemon that is killed: what a subscriber hears, and the relay's own stages."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from kammerton.lab import load
from tests.brokers import BrokerProcess
from tests.prove.killing import Daemon, Harm, ask, kill, wait_for
from tests.prove.witness import Witness, witness
from tests.proxy import Blackhole, Latency, Proxy
from tests.system.laboratory import Laboratory

BEHIND = 30.0  # s that a subscriber may need once the next process works
SOON = 20.0  # s within which a result must come, or the stage is missed
ANSWER = 0.1  # s that the broker's answers take while a stage is waited for
SETTLED = 0.5  # s in which an acknowledgement surely arrives on a line that is whole
UNSENT = "select revision from outbox where sent is null and revision is not null"


@dataclass
class Line:
    """A subscriber, the line from the daemon to the broker, and the broker."""

    ear: Witness
    proxy: Proxy
    process: BrokerProcess

    def look(self, database: Path, harm: Harm) -> None:
        """Wait until the subscriber holds what the database holds; what it then lacks is lost."""
        took, differs = self.ear.behind(database, BEHIND)
        harm.behind.append(took)
        harm.lost += len(differs)

    def end(self, database: Path, harm: Harm) -> None:
        """Count what went back, came twice or was never committed; all of that is lost."""
        assert self.ear.updates, "the subscriber heard nothing"
        self.look(database, harm)
        harm.lost += len(self.ear.gone_back()) + len(self.ear.made_up(database))


@contextmanager
def published(lab: Laboratory, folder: Path) -> Iterator[Line]:
    """Give a laboratory's lab.toml, which has none yet, a broker of its own behind a proxy."""
    with ExitStack() as stack:
        process = BrokerProcess(folder)
        process.start()
        stack.callback(process.kill)
        proxy = stack.enter_context(Proxy(process.port))
        text = lab.lab.read_text(encoding="utf-8")
        assert "[broker]" not in text
        lab.lab.write_text(
            f'{text}\n[broker]\nurl = "mqtt://127.0.0.1:{proxy.port}"\n', encoding="utf-8"
        )
        ear = stack.enter_context(witness(process.port, load(lab.lab).computer))
        yield Line(ear, proxy, process)


Reached = Callable[[Line, Path, ExitStack], bool]


def _outbox_written(line: Line, database: Path, stack: ExitStack) -> bool:
    """A revision is in the outbox, and the broker hears nothing of it."""
    line.proxy.put(Blackhole(ways=("up",)))
    return _soon(lambda: ask(database, UNSENT))


def _publish_sent(line: Line, database: Path, stack: ExitStack) -> bool:
    """Others have heard a revision, and its acknowledgement is on its way."""
    line.proxy.put(Latency(ways=("down",), seconds=ANSWER, jitter=0.0))

    def heard() -> bool:
        unsent = {number for (number,) in ask(database, UNSENT)}
        return any(update.revision in unsent for update in line.ear.updates[-20:])

    return _soon(heard)


def _acknowledged(line: Line, database: Path, stack: ExitStack) -> bool:
    """The broker has acknowledged a revision, which is not noted: somebody has the write lock."""
    if not _publish_sent(line, database, stack):
        return False
    lock = stack.enter_context(closing(sqlite3.connect(database, 10, isolation_level=None)))
    lock.execute("begin immediate")
    waits = bool(ask(database, UNSENT))
    line.proxy.clear()
    time.sleep(SETTLED)
    return waits


RELAY: dict[str, Reached] = {
    "outbox written": _outbox_written,
    "publish sent": _publish_sent,
    "acknowledged": _acknowledged,
}


def kill_the_relay(stage: str, daemon: Daemon, lab: Laboratory, line: Line, harm: Harm) -> bool:
    """SIGKILL the computer's process in a stage of its relay; False where no result came soon."""
    with ExitStack() as stack:
        reached = RELAY[stage](line, daemon.database, stack)

        def free() -> None:
            line.proxy.clear()
            stack.close()

        if reached:
            kill(daemon, lab, harm, then=free)
            line.look(daemon.database, harm)
        free()
    return reached


def _soon(condition: Callable[[], object]) -> bool:
    try:
        return bool(wait_for(lambda: condition() or None, "a result", SOON))
    except AssertionError:
        return False
