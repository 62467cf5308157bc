"""What was published, beside the database and the laboratory's truth.

A subscriber with its own times in a thread of its own, so that a proof that waits delays nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
import threading
import time
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from kammerton.client import Subscriber
from kammerton.client.follower import Update
from kammerton.lab import Broker, Lab, load
from kammerton.model import Pulse, StoreError
from kammerton.program.shapes import pulse_samples
from kammerton.store import Store
from tests.prove.killing import ask
from tests.system.laboratory import Laboratory
from tests.system.test_publish import as_heard, as_published

SIGMAS = 5.0
LOOK = 0.05  # s between two looks at the database


@dataclass
class Witness:
    """A subscriber, all that it told and when (unix s), and the loop in which it lives."""

    subscriber: Subscriber
    updates: list[Update] = field(default_factory=list)
    moments: list[float] = field(default_factory=list)
    loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.new_event_loop)

    async def follow(self) -> None:
        async with contextlib.aclosing(self.subscriber.updates()) as news:
            async for update in news:
                self.moments.append(time.time())
                self.updates.append(update)

    async def _held(self) -> dict[str, tuple[float, float, str, str]]:
        return as_heard(self.subscriber)

    def differs(self, database: Path) -> list[str]:
        """Return the parameters of which the subscriber holds something else than the database."""
        try:
            with Store.read(database) as store:
                stored = as_published(store)
        except StoreError:  # it is just being made
            stored = {}
        held = asyncio.run_coroutine_threadsafe(self._held(), self.loop).result(10)
        return sorted(n for n in stored | held if stored.get(n) != held.get(n))

    def behind(self, database: Path, patience: float) -> tuple[float, list[str]]:
        """Wait until it holds what the database holds; return s that it took, and what differs."""
        began = time.monotonic()
        while (differs := self.differs(database)) and time.monotonic() - began < patience:
            time.sleep(LOOK)
        return time.monotonic() - began, differs

    def gone_back(self) -> list[str]:
        """Return the updates that were older than one before, or came twice."""
        return gone_back(self.updates)

    def made_up(self, database: Path) -> list[str]:
        """Return what was published and never committed."""
        rows = set(ask(database, "select revision, name, value, stderr from change"))
        told = {(u.revision, u.name, u.estimate.value, u.estimate.stderr) for u in self.updates}
        return [str(each) for each in sorted(told - rows)]


def gone_back(updates: list[Update]) -> list[str]:
    """Return which updates of a value went back, or came twice; "stale" only says what is over."""
    newest, found = dict[str, Update](), list[str]()
    for update in updates:
        before = newest.setdefault(update.name, update)
        again = update.revision == before.revision and update is not before
        if update.revision < before.revision or (again and update.quality != "stale"):
            found.append(f"{update.name}: {update.revision} after {before.revision}")
        elif update.epoch != before.epoch:
            found.append(f"{update.name}: epoch {update.epoch} after {before.epoch}")
        newest[update.name] = update
    return found


@contextlib.contextmanager
def witness(port: int, computer: str) -> Iterator[Witness]:
    """Follow a computer meanwhile."""
    seen = Witness(Subscriber(Broker("127.0.0.1", port), computer))
    thread = threading.Thread(target=seen.loop.run_forever, name="witness", daemon=True)
    thread.start()
    following = asyncio.run_coroutine_threadsafe(seen.follow(), seen.loop)
    try:
        yield seen
        assert not following.done(), following
    finally:
        following.cancel()
        asyncio.run_coroutine_threadsafe(asyncio.sleep(0.1), seen.loop).result(10)
        seen.loop.call_soon_threadsafe(seen.loop.stop)
        thread.join(10)
        seen.loop.close()


CHANGES = """
select name, value, stderr, time, revision, run, started, ended
from change join run on run.number = change.run order by revision"""
MOMENTS = 21
"""In a run, at which a value that is off at its own time is held against the truth again."""


@dataclass
class Truth:
    """Everything that was committed, and so published, beside the laboratory's hidden truth.

    A value is wrong when it is off at its own time, and for more than half of its run as well: of
    what a defect does for three seconds a minute of measuring tells nothing.
    """

    lab: Laboratory
    checked: int = 0
    wrong: list[dict[str, Any]] = field(default_factory=list)
    upto: int = 0

    def look(self) -> list[dict[str, Any]]:
        """Check what was committed since the last look; return what the truth contradicts."""
        rows = ask(self.lab.lab.with_name("kammerton.sqlite"), CHANGES)
        published = [v for v in _values(rows, load(self.lab.lab)) if v["revision"] > self.upto]
        if not published:
            return []
        answer = self.lab.ask(op="contradicted", published=published, sigmas=SIGMAS)
        self.upto = max(each["revision"] for each in published)
        self.checked += answer["checked"]
        off = [each for each in answer["found"] if self._off_for_most_of_its_run(each)]
        found = [{k: v for k, v in each.items() if k != "extra"} for each in off]
        self.wrong += found
        for each in found:
            print(each, file=sys.stderr)
        return found

    def _off_for_most_of_its_run(self, value: dict[str, Any]) -> bool:
        moments = np.linspace(value["started"], value["ended"], MOMENTS)
        again = [value | {"time": float(moment)} for moment in moments]
        off = len(self.lab.ask(op="contradicted", published=again, sigmas=SIGMAS)["found"])
        print(f"{value['name']} is off at {off} of {MOMENTS} moments of its run", file=sys.stderr)
        return 2 * off > MOMENTS


class _Believed:
    """What was believed of each parameter, by revision."""

    def __init__(self, rows: list[tuple[Any, ...]]) -> None:
        self._rows = dict[str, tuple[list[int], list[float]]]()
        for name, value, _, _, revision, *_ in rows:
            revisions, values = self._rows.setdefault(name, ([], []))
            revisions.append(revision)
            values.append(value)

    def at(self, name: str, revision: int, otherwise: float) -> float:
        revisions, values = self._rows.get(name, ([], []))
        number = bisect_right(revisions, revision)
        return values[number - 1] if number else otherwise


def _values(rows: list[tuple[Any, ...]], lab: Lab) -> Iterator[dict[str, Any]]:
    """Yield measured values as the laboratory wants them, a pi pulse with its samples."""
    believed = _Believed(rows)
    for name, value, stderr, moment, revision, run, started, ended in rows:
        if stderr > 0:
            told = {"name": name, "value": value, "stderr": stderr, "time": moment / 1e6}
            told |= {"started": started / 1e6, "ended": ended / 1e6}
            qubit, _, what = name.partition(".")
            if what == "pi_amplitude":
                design = lab.qubits[qubit].design
                f01, gap = (
                    believed.at(f"{qubit}.{key}", revision, design[key].value)
                    for key in ("f01", "anharmonicity")
                )
                told["extra"] = _pulse(lab, qubit, f01, gap)
            yield told | {"revision": revision, "run": run}


def _pulse(lab: Lab, qubit: str, f01: float, anharmonicity: float) -> dict[str, Any]:
    """Return the declared pi pulse of 1 V as the generator plays it."""
    length, sigma, carrier = (
        lab.pi_pulse.length,
        lab.pi_pulse.sigma,
        lab.qubits[qubit].drive.carrier,
    )
    pulse = Pulse("drag", 1.0, length, f01, sigma=sigma, anharmonicity=anharmonicity)
    samples = pulse_samples(pulse, carrier, lab.sample_rate)
    return {
        "re": samples.real.tolist(), "im": samples.imag.tolist(),
        "sample_rate": lab.sample_rate, "carrier": carrier,
    }  # fmt: skip
