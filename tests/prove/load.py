"""The load of a hall: ten daemons with 2,000 parameters each on one broker, killed twice.

Of each daemon only store and relay, in a process of its own, which commits 14 values now and then.
Every subscriber is one of a consumer's, with its own times. T_rec: s until all ten held the newest
revision of their databases; of who joins: until it held all 2,000. Lost: values that one of them
did not hold within a minute, that went back, or that nobody committed. Stuck: processes that were
busy for more than 5 % of the time in which nothing was committed.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import psutil

from tests.brokers import MOSQUITTO, BrokerProcess
from tests.prove.frame import Row, proof
from tests.prove.killing import ask, wait_for
from tests.prove.witness import Witness, witness

PATIENCE = 60.0
PERIOD = 5.0  # s between two commits of a daemon
IDLE = 0.05
JOINED = 1.0  # s within which 99 of 100 that join hold everything
AWAY = 5.0  # s that the broker is away
BOUND = 5.0  # s from its return

RELAY = """
import asyncio, sys, time
from pathlib import Path
from kammerton.lab import Broker
from kammerton.model.parameter import QUBIT, RESONATOR
from kammerton.publish import Relay
from kammerton.store import Store
from tests.stored import estimate, run

path, port, computer, qubits, period = Path(sys.argv[1]), *map(str, sys.argv[2:])

def values(qubit, number):
    kinds = [(f"q{qubit}", k) for k in QUBIT.values()]
    kinds += [(f"r{qubit}", k) for k in RESONATOR.values()]
    return {f"{e}.{k.name}": estimate(number, 1e-3, k.unit) for e, k in kinds}

async def main():
    with Store.open(path, computer) as store:
        every = [values(n, 1.0) for n in range(int(qubits))]
        store.commit(run(points=2), {k: v for each in every for k, v in each.items()})
        relay = Relay(store, Broker("127.0.0.1", int(port)))
        publishing = asyncio.create_task(relay.run())
        await relay.drained()
        path.with_suffix(".ready").touch()
        number = 0
        while not publishing.done():
            await asyncio.sleep(float(period))
            if path.with_suffix(".go").exists():
                number += 1
                new = values(number % int(qubits), 1.0 + number)
                await asyncio.to_thread(store.commit, run(points=2), new)
        await publishing

asyncio.run(main())
"""


@dataclass
class Daemon:
    """One relay with its database, and who follows it."""

    database: Path
    process: psutil.Process
    ear: Witness

    def caught_up(self) -> bool:
        newest = ask(self.database, "select max(number) from revision")[0][0]
        return bool(self.ear.subscriber.revision >= newest)

    def went_wrong(self) -> list[str]:
        return self.ear.gone_back() + self.ear.made_up(self.database)


@dataclass
class Hall:
    """The broker and all daemons."""

    folder: Path
    broker: BrokerProcess
    daemons: list[Daemon] = field(default_factory=list)

    def commits(self, *, on: bool) -> None:
        """Let all of them commit, or none."""
        for each in self.daemons:
            go = each.database.with_suffix(".go")
            go.touch() if on else go.unlink(missing_ok=True)

    def caught_up(self) -> float:
        """Return the s until every subscriber holds its database's newest revision.

        To compare all values of ten costs two to four seconds of these same cores.
        """
        began = time.monotonic()
        for each in self.daemons:
            wait_for(each.caught_up, "the newest revision", PATIENCE)
        return time.monotonic() - began

    def differs(self) -> int:
        """Wait until every subscriber holds what its database holds; return what differs still."""
        found = [each.ear.behind(each.database, PATIENCE) for each in self.daemons]
        return sum(len(differs) for _, differs in found)

    def busy(self, seconds: float) -> list[float]:
        """Return the share of a core that each relay needs while nothing is committed."""
        before = [_cpu(each.process) for each in self.daemons]
        began = time.monotonic()
        time.sleep(seconds)
        lasted = time.monotonic() - began
        pairs = zip(self.daemons, before, strict=True)
        return [(_cpu(each.process) - earlier) / lasted for each, earlier in pairs]

    def joined(self, times: int) -> list[float]:
        """Let subscribers join one after the other; return the s until each had everything."""
        took = []
        for number in range(times):
            each = self.daemons[number % len(self.daemons)]
            began, all_of_it = time.monotonic(), len(each.ear.subscriber.parameters)
            with witness(self.broker.port, each.database.parent.name) as late:
                wait_for(lambda w=late, n=all_of_it: len(w.updates) >= n, "the whole set")
                took.append(time.monotonic() - began)
        return took

    def late(self) -> list[float]:
        """Return the s from each commit until a subscriber told the first of its values."""
        late = []
        for each in self.daemons:
            stored = dict(ask(each.database, "select number, committed from revision"))
            seen = set[int]()
            for update, moment in zip(each.ear.updates, each.ear.moments, strict=True):
                if update.revision > 1 and update.revision not in seen:
                    seen.add(update.revision)
                    late.append(moment - stored[update.revision] / 1e6)
        return late


def _cpu(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


@contextmanager
def hall(folder: Path, count: int, qubits: int) -> Iterator[Hall]:
    """Run so many relays meanwhile, on a broker with the settings it is shipped with."""
    with ExitStack() as stack:
        broker = BrokerProcess(folder)
        broker.start()
        stack.callback(broker.kill)
        found = Hall(folder, broker)
        for number in range(count):
            name = f"computer-{number}"
            database = folder / name / "kammerton.sqlite"
            database.parent.mkdir()
            words = [database, str(broker.port), name, str(qubits), str(PERIOD)]
            process = subprocess.Popen([sys.executable, "-c", RELAY, *words])
            stack.callback(process.wait, 30)
            stack.callback(process.terminate)
            ear = stack.enter_context(witness(broker.port, name))
            found.daemons.append(Daemon(database, psutil.Process(process.pid), ear))
        for each in found.daemons:
            wait_for(each.database.with_suffix(".ready").exists, "all was published", 300)
        yield found


@proof("load")
def load(quick: bool) -> Iterator[Row]:
    """Ten relays of 143 qubits with 14 parameters each; two of them when quick.

    Raises
    ------
    RuntimeError
        There is no Mosquitto.
    """
    if MOSQUITTO is None:
        raise RuntimeError("this proof needs Mosquitto")
    count, qubits, calm = (2, 143, 10.0) if quick else (10, 143, 60.0)
    said = f"{count} relays x {14 * qubits} parameters"
    with TemporaryDirectory() as folder, hall(Path(folder), count, qubits) as found:
        found.differs()
        busy = found.busy(calm)
        yield Row(
            f"{said}, nothing is committed: {100 * max(busy):.1f} % of a core at most", 1,
            stuck=sum(each > IDLE for each in busy),
        )  # fmt: skip
        found.commits(on=True)
        time.sleep(calm)
        late = found.late()
        yield Row(
            f"{said}, 14 values each {PERIOD:.0f} s: s from commit to subscriber, median"
            f" {np.median(late):.3f}, 99 % {np.quantile(late, 0.99):.3f}",
            len(late),
        )  # fmt: skip
        joined = float(np.quantile(found.joined(20 if quick else 100), 0.99))
        yield Row(
            f"{said}, 14 values each {PERIOD:.0f} s: who joins holds all, 99 %",
            20 if quick else 100, t_rec=joined, within=JOINED,
        )  # fmt: skip
        yield _killed(found, said, 1 if quick else 2)


def _killed(found: Hall, said: str, times: int) -> Row:
    """Kill the broker with all that it retained, while results come."""
    longest, lost = 0.0, 0
    for _ in range(times):
        found.broker.kill()
        time.sleep(AWAY)
        found.broker.start()
        longest = max(longest, found.caught_up())
        lost += found.differs()
        time.sleep(PERIOD)
    found.commits(on=False)
    time.sleep(1.0)
    lost += found.differs()
    wrong = [each for daemon in found.daemons for each in daemon.went_wrong()]
    print(*wrong[:10], sep="\n", file=sys.stderr)
    return Row(
        f"B4 {said}, broker killed", times, t_rec=longest, lost=lost + len(wrong), within=BOUND
    )
