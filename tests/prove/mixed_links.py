"""I1 to I5 with the whole daemon as it is shipped: seeded mixes of faults on one to three links.

Its own back-off, deadlines and circuit breaker; it is asked for measurements without rest. Each
life of the daemon meets three mixes in a row, so that its pauses grow as they would in a bad night.
T_det: s from the first hit until it said that it waits. T_rec: s from when every line was sound
until the second run was stored, since one that began before may end first. Lost: what a subscriber
did not hold 30 s later, that went back, or that nobody committed. Wrong: committed values that the
hidden truth contradicts by more than five sigma. Unsafe: spans of the ledger outside the limits
that did not begin before the daemon was first started (a network analyzer that is switched on has
its output on), outputs left on at the end, and sessions that an instrument lost whose link was
sound. Stuck: mixes with no run within two minutes, and attempts without an outcome at the end.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import numpy as np

from kammerton import Client
from kammerton.lab import load
from kammerton.model import NotMeasured, OutcomeUnknown
from kammerton_sim.chip import write_chip
from tests.prove.frame import Row, proof
from tests.prove.kill_loop import OPEN
from tests.prove.killing import Daemon, ask, on, running, unsafe_spans, wait_for
from tests.prove.published import BEHIND, Line, published
from tests.prove.witness import Truth
from tests.proxied import furnished
from tests.proxy import Proxy, faults
from tests.system.laboratory import Laboratory, laboratory

MIX: Sequence[faults.Fault] = (
    faults.Swallow(), faults.HalfOpen(), faults.Blackhole(), faults.Late(seconds=8.0),
    faults.Duplicate(), faults.CutAfter(), faults.Slices(), faults.Flip(),
    faults.Flip(ways=("up",)), faults.Reset(),
)  # fmt: skip
MANY = 3  # links at once, at most
EACH_LIFE = 3  # mixes in one life of the daemon
LONGEST = 6.0  # s that a mix stays, at most
STUCK = 120.0  # s
WITHIN = 30.0  # s that recovery may take in 99 of 100
MIXES = int(os.environ.get("KAMMERTON_MIXES", "60"))
ASKED = ("t1", "ramsey", "rabi_amplitude")
STORED = "select committed from run where committed > {} order by number"
BROUGHT_UP = "select * from parameter where name like '%.t2_echo'"


class Shipped(Daemon):
    """The daemon that a laboratory starts, nothing changed."""

    program = "import sys; sys.argv[1:1] = ['run']; from kammerton.__main__ import main; main()"


@dataclass
class Seen:
    """What became of the mixes."""

    mixes: int = 0
    hits: int = 0
    detected: list[float] = field(default_factory=list)
    recovered: list[float] = field(default_factory=list)
    disturbed: list[str] = field(default_factory=list)
    unsafe: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    wrong: int = 0
    stuck: int = 0

    def row(self, links: int) -> Row:
        """Return the line of the table; T_rec is judged where 99 of 100 lie, and told in full."""
        percentile = float(np.percentile(self.recovered, 99)) if self.recovered else None
        longest = max(self.recovered, default=float("nan"))
        return Row(
            f"I1 to I5 mixed at random on one to three of {links} links, the whole daemon as it is"
            f" shipped; {self.hits} pieces hit; T_rec is the 99th percentile, the longest"
            f" {longest:.2f}",
            self.mixes, max(self.detected, default=None), percentile,
            lost=len(self.lost), wrong=self.wrong,
            unsafe=len(self.unsafe) + len(self.disturbed), stuck=self.stuck, within=WITHIN,
        )  # fmt: skip

    def so_far(self) -> str:
        """Return the same in words."""
        return f"{self.row(0)} {self.disturbed} {self.unsafe} {self.lost}"


@proof("links-mixed")
def links_mixed(quick: bool) -> Iterator[Row]:
    """Strike 60 times (KAMMERTON_MIXES), three times when quick."""
    seen, chance, count = Seen(), Random(11), 0
    with TemporaryDirectory() as folder, _site(Path(folder)) as (lab, proxies, line):
        truth, count, before = Truth(lab), len(proxies), begun(unsafe_spans(lab))
        while seen.mixes + seen.stuck < (EACH_LIFE if quick else MIXES):
            _one_life(lab, proxies, line, chance, seen)
            truth.look()
            seen.wrong = len(truth.wrong)
            print(seen.so_far(), file=sys.stderr)
        assert truth.checked > 0
        database = lab.lab.with_name("kammerton.sqlite")
        seen.lost += line.ear.gone_back() + line.ear.made_up(database)
        seen.unsafe += sorted(begun(unsafe_spans(lab)) - before)
        seen.stuck += len(ask(database, OPEN))
        print(*seen.lost, *seen.disturbed, *seen.unsafe, sep="\n", file=sys.stderr)
    yield seen.row(count)


@contextmanager
def _site(folder: Path) -> Iterator[tuple[Laboratory, dict[str, Proxy], Line]]:
    """A laboratory with every kind of instrument, a proxy on each link, a broker, a subscriber."""
    with ExitStack() as stack:
        write_chip(furnished(), folder / "chip.toml")
        lab = stack.enter_context(laboratory(folder, chip=folder / "chip.toml"))
        line = stack.enter_context(published(lab, folder))
        proxies, text = dict[str, Proxy](), lab.lab.read_text(encoding="utf-8")
        for name, entry in load(lab.lab).instruments.items():
            port = next(p for p in _numbers(entry.address) if p > 1024)
            proxies[name] = stack.enter_context(Proxy(port, seed=len(proxies)))
            there = entry.address.replace(str(port), str(proxies[name].port))
            assert text.count(entry.address) == 1
            text = text.replace(entry.address, there)
        lab.lab.write_text(text, encoding="utf-8")
        yield lab, proxies, line


def _numbers(address: str) -> Iterator[int]:
    words = "".join(c if c.isdigit() else " " for c in address).split()
    return (int(word) for word in words)


def _one_life(
    lab: Laboratory, proxies: Mapping[str, Proxy], line: Line, chance: Random, seen: Seen
) -> None:
    """Start the daemon, put some mixes on, and end it in order."""
    over = threading.Event()
    with running(lab.lab, Shipped) as daemon:
        wait_for(lambda: ask(daemon.database, BROUGHT_UP) or None, "the bring-up", 1200)
        wait_for(daemon.up, "a process")
        asking = threading.Thread(target=_ask, args=(lab.lab, over), name="asking")
        asking.start()
        try:
            for _ in range(EACH_LIFE):
                wait_for(lambda: _stored_since(daemon, time.time() - 10), "a run", STUCK)
                _strike(daemon, lab, proxies, chance, seen)
        finally:
            over.set()
            asking.join(STUCK)
        assert daemon.stop() == 0
    seen.lost += line.ear.behind(daemon.database, BEHIND)[1]
    seen.unsafe += sorted(on(lab))


def _ask(lab: Path, over: threading.Event) -> None:
    """Ask for one measurement after the other."""
    number, qubit = 0, next(iter(load(lab).qubits))
    with closing(Client(lab)) as client:
        while not over.is_set():
            try:
                client.measure(qubit, ASKED[number % len(ASKED)])
            except (NotMeasured, OutcomeUnknown) as refusal:  # it waits: the truth is in the runs
                print(refusal, file=sys.stderr)
                over.wait(0.5)
            number += 1


def _strike(
    daemon: Daemon, lab: Laboratory, proxies: Mapping[str, Proxy], chance: Random, seen: Seen
) -> None:
    """Put one mix on, wait until it is over and the loop turns again."""
    names = chance.sample(sorted(proxies), chance.randint(1, MANY))
    since = _last(lab) + 1
    before = {name: proxies[name].hits for name in names}
    said: list[float] = []
    watching, over = _watch(daemon, said), time.monotonic() + chance.uniform(2.0, LONGEST)
    struck = None
    for name in names:
        proxies[name].put(chance.choice(MIX))
        time.sleep(chance.uniform(0.0, 0.5))
    while time.monotonic() < over:
        if struck is None and any(proxies[name].hits > before[name] for name in names):
            struck = time.time()
        time.sleep(0.01)
    for name in names:
        proxies[name].clear()
    gone = time.time()
    stored = _stored_since(daemon, gone, 2, STUCK)
    watching.set()
    hits = sum(proxies[name].hits - before[name] for name in names)
    seen.hits += hits
    if stored is None:
        seen.stuck += 1
        print(f"stuck after {names}: {daemon.doing()}", file=sys.stderr)
        return
    seen.mixes += hits > 0
    seen.recovered.append(stored - gone)
    seen.detected += [t - struck for t in said if struck is not None and t > struck][:1]
    seen.disturbed += sorted(_lost(lab, since) & proxies.keys() - set(names))


def _watch(daemon: Daemon, said: list[float]) -> threading.Event:
    """Note, in a thread, when the daemon says that it waits."""
    over = threading.Event()

    def look() -> None:
        while not over.wait(0.02):
            if (daemon.doing() or (0, ""))[1].startswith("waiting"):
                said.append(time.time())

    threading.Thread(target=look, name="watching", daemon=True).start()
    return over


def _stored_since(
    daemon: Daemon, since: float, nth: int = 1, patience: float = 0.0
) -> float | None:
    """Return when the n-th run after a moment was stored, unix s; None: not in time."""
    until = time.monotonic() + patience
    while True:
        rows = ask(daemon.database, STORED.format(round(since * 1e6)))
        if len(rows) >= nth:
            return float(rows[nth - 1][0]) / 1e6
        if time.monotonic() >= until:
            return None
        time.sleep(0.05)


def begun(spans: Sequence[str]) -> set[str]:
    """Return spans without their ends: one that goes on has another at each look."""
    return {span.rpartition(", 'to'")[0] for span in spans}


def _last(lab: Laboratory) -> int:
    ledger = lab.ask(op="ledger", since=0)
    return int(ledger[-1]["index"]) if ledger else -1


def _lost(lab: Laboratory, since: int) -> set[str]:
    """Return the instruments whose session ended, and another began, since an index."""
    came = [c for c in lab.ask(op="ledger", since=since) if c["what"] == "connection"]
    ended = {c["instrument"] for c in came if c["new"] is None}
    return ended & {c["instrument"] for c in came if c["new"] is not None}
