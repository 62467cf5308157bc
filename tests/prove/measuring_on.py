"""B1, B3, B4 while a computer's whole process measures: its loop never waits for the broker.

A step of the loop ends with a run that is stored. Stuck: times between two of them, while the
broker is away, that are two seconds longer than the longest of an equal time just before; the relay
waits 2.5 s for each answer. T_det: s until its log says that it does not publish; a line that is
only slow is no such. T_rec: s from the broker's return until a subscriber equals the database,
which may take five. Lost: what it did not hold 30 s later, what went back, and what nobody
committed.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from itertools import pairwise
from pathlib import Path

from tests.prove.frame import Row
from tests.prove.killing import ask, unsafe_spans, wait_for
from tests.prove.published import BEHIND, Line, published
from tests.prove.witness import Truth
from tests.proxy import Bandwidth, Blackhole, Fault, FlakyConnect, HalfOpen
from tests.system.laboratory import Laboratory, laboratory

ROOT = Path(__file__).parents[2]
LONGER, BOUND = 2.0, 5.0  # s
BROUGHT_UP = "select * from parameter where name like '%.t2_echo'"

Strike = tuple[Callable[[Line], object], Callable[[Line], object]]


def _on_the_line(fault: Fault) -> Strike:
    """Return how a fault between daemon and broker begins and ends; it must meet something."""
    hits: list[int] = []

    def begins(line: Line) -> None:
        hits.append(line.proxy.hits)
        line.proxy.put(fault)

    def ends(line: Line) -> None:
        met = line.proxy.hits - hits.pop()
        line.proxy.clear()
        assert met, f"{fault} met nothing"

    return begins, ends


FAULTS: dict[str, Strike] = {
    "B3 broker stands still": (
        lambda line: line.process.signal(signal.SIGSTOP),
        lambda line: line.process.signal(signal.SIGCONT),
    ),
    "B4 broker killed with what it retained": (
        lambda line: line.process.kill(),
        lambda line: line.process.start(),
    ),
    "B1 broker refuses connections": _on_the_line(FlakyConnect(share=1.0)),
    "B3 half-open, each new connection too": _on_the_line(HalfOpen(count=None)),
    "B3 black hole": _on_the_line(Blackhole()),
    "B3 10 kB/s": _on_the_line(Bandwidth(rate=1e4)),
    "B3 1 kB/s": _on_the_line(Bandwidth(rate=1e3)),
}


def measuring_on(folder: Path, lasts: float) -> Iterator[Row]:
    """Yield a row for each fault of so many s, put on while a process measures without rest."""
    with laboratory(folder) as lab, published(lab, folder) as line, restless(lab.lab):
        database, truth = lab.lab.with_name("kammerton.sqlite"), Truth(lab)
        wait_for(lambda: ask(database, BROUGHT_UP) or None, "the end of the bring-up", 300)
        for title, strike in FAULTS.items():
            yield _struck(title, strike, line, lab, truth, lasts)
        assert truth.checked > 0


def _struck(
    title: str, strike: Strike, line: Line, lab: Laboratory, truth: Truth, lasts: float
) -> Row:
    """Put a fault on for so many s, and see what it does to the loop and to the subscriber."""
    database, (begins, ends) = lab.lab.with_name("kammerton.sqlite"), strike
    known, calm = len(_harm(line, database)), gaps(database, *_meanwhile(lasts))
    began, before = time.time(), _newest(database)
    begins(line)
    struck = gaps(database, *_meanwhile(lasts))
    assert _newest(database) > before, "nothing was there to be published meanwhile"
    told = _told(lab.lab.with_name("daemon.log"), began, time.time())
    ends(line)
    took, differs = line.ear.behind(database, BEHIND)
    lost = differs + _harm(line, database)[known:]
    wrong, spans = truth.look(), unsafe_spans(lab)
    print(*lost, *spans, file=sys.stderr)
    said = f"largest step {max(struck):.2f} s, without {max(calm):.2f} s"
    return Row(
        f"{title}, {lasts:.0f} s, a whole process measures, {len(struck)} steps, {said}",
        1, told, took, len(lost), len(wrong), len(spans),
        sum(gap > max(calm) + LONGER for gap in struck), BOUND,
    )  # fmt: skip


def _newest(database: Path) -> int:
    return int(ask(database, "select max(number) from revision")[0][0])


def _told(log: Path, since: float, until: float) -> float | None:
    """Return the s until a process said that it does not publish; None: it did not say so."""
    for line in log.read_text(encoding="utf-8", errors="replace").splitlines():
        if " not publishing: " in line:
            # A log has local time; its milliseconds are cut off.
            moment = datetime.fromisoformat(line[:23].replace(",", ".")).timestamp()
            if since - 0.001 <= moment <= until:
                return max(0.0, moment - since)
    return None


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
