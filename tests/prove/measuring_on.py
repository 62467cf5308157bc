"""B1, B3, B4 while a computer's whole process measures: its loop never waits for the broker.

A step of the loop ends with a run that is stored. Stuck: times between two of them, while the
broker is away, that are two seconds longer than the longest of an equal time just before; the relay
waits 2.5 s for each answer. T_rec: s from the broker's return until a subscriber equals the
database. Lost: what it did not hold 30 s later, what went back, and what nobody committed.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

from tests.prove.frame import Row
from tests.prove.killing import ask, unsafe_spans, wait_for
from tests.prove.published import BEHIND, Line, published
from tests.prove.witness import Truth
from tests.proxy import Bandwidth, Blackhole
from tests.system.laboratory import laboratory

ROOT = Path(__file__).parents[2]
LONGER = 2.0  # s
BROUGHT_UP = "select * from parameter where name like '%.t2_echo'"

FAULTS: dict[str, tuple[Callable[[Line], object], Callable[[Line], object]]] = {
    "B3 broker stands still": (
        lambda line: line.process.signal(signal.SIGSTOP),
        lambda line: line.process.signal(signal.SIGCONT),
    ),
    "B4 broker killed with what it retained": (
        lambda line: line.process.kill(),
        lambda line: line.process.start(),
    ),
    "B3 black hole": (
        lambda line: line.proxy.put(Blackhole()),
        lambda line: line.proxy.clear(),
    ),
    "B3 1 kB/s": (
        lambda line: line.proxy.put(Bandwidth(rate=1e3)),
        lambda line: line.proxy.clear(),
    ),
}


def measuring_on(folder: Path, lasts: float) -> Iterator[Row]:
    """Yield a row for each fault of so many s, put on while a process measures without rest."""
    with laboratory(folder) as lab, published(lab, folder) as line, restless(lab.lab):
        database, truth = lab.lab.with_name("kammerton.sqlite"), Truth(lab)
        wait_for(lambda: ask(database, BROUGHT_UP) or None, "the end of the bring-up", 300)
        for title, (begins, ends) in FAULTS.items():
            known = len(_harm(line, database))
            calm = gaps(database, *_meanwhile(lasts))
            begins(line)
            struck = gaps(database, *_meanwhile(lasts))
            ends(line)
            took, differs = line.ear.behind(database, BEHIND)
            lost = differs + _harm(line, database)[known:]
            wrong, spans = truth.look(), unsafe_spans(lab)
            print(*lost, *spans, file=sys.stderr)
            said = f"largest step {max(struck):.2f} s, without {max(calm):.2f} s"
            yield Row(
                f"{title}, {lasts:.0f} s, a whole process measures, {len(struck)} steps, {said}",
                1, t_rec=took, lost=len(lost), wrong=len(wrong), unsafe=len(spans),
                stuck=sum(gap > max(calm) + LONGER for gap in struck),
            )  # fmt: skip
        assert truth.checked > 0


def _harm(line: Line, database: Path) -> list[str]:
    return line.ear.gone_back() + line.ear.made_up(database)


def _meanwhile(lasts: float) -> tuple[float, float]:
    """Wait; return from when to when, unix s."""
    began = time.time()
    time.sleep(lasts)
    return began, time.time()


def gaps(database: Path, since: float, until: float) -> list[float]:
    """Return the s between runs that were stored; of those that reach into a time, all.

    Waits for the first run after it.
    """

    def stored() -> list[float] | None:
        rows = ask(database, "select committed from run order by number")
        times = [moment / 1e6 for (moment,) in rows]
        return times if times[-1] > until else None

    times: list[float] = wait_for(stored, "a run")
    return [b - a for a, b in pairwise(times) if b > since and a < until]


@contextmanager
def restless(lab: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run a computer's process that measures without rest meanwhile; it ends in order."""
    words = [sys.executable, "-m", "tests.system.restless", str(lab)]
    with lab.with_name("daemon.log").open("wb") as log:
        process = subprocess.Popen(words, stderr=log, cwd=ROOT)
        try:
            yield process
            assert process.poll() is None, "it has ended"
        finally:
            process.terminate()
            process.wait(30)
