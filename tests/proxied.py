"""A simulated laboratory whose every link has a proxy on it, and a loop that never rests."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from itertools import cycle
from pathlib import Path
from random import Random
from typing import Any

from kammerton.bench import Bench, open_bench
from kammerton.lab import Lab, load
from kammerton.loop import BeliefBook, Loop, Planner, load_calibrations
from kammerton.loop.planner import Plan
from kammerton.model import LabClock
from kammerton.model.backoff import Backoff
from kammerton.store import Store
from kammerton_sim.chip import Chip, random_chip
from kammerton_sim.chip.further import MODELS, FurtherInstrument
from kammerton_sim.evidence.audit import unsafe
from kammerton_sim.evidence.contradicted import contradicted
from kammerton_sim.laboratory import Laboratory
from kammerton_sim.write_lab import write_lab
from tests.proxy import Proxy

STUCK = 60.0  # s without a run after a fault has gone


@dataclass
class Site:
    """The laboratory, its proxies by the name in lab.toml, and what the daemon made of it."""

    laboratory: Laboratory
    proxies: dict[str, Proxy]
    lab: Lab
    store: Store
    loop: Loop
    bench: Bench
    said: list[str] = field(default_factory=list)
    chance: Random = field(default_factory=lambda: Random(7))

    def index(self) -> int:
        """Return the index of the ledger's next change."""
        return 1 + max((c["index"] for c in self.laboratory.ledger.since(0)), default=-1)

    def lost(self, since: int) -> set[str]:
        """Return the instruments whose session ended, and another began, since an index.

        A refrigerator's second line that is tried again some time later ends none.
        """
        ledger = self.laboratory.ledger.since(since)
        came = [c for c in ledger if c["what"] == "connection" and c["instrument"] in self.proxies]
        ended = {c["instrument"] for c in came if c["new"] is None}
        return ended & {c["instrument"] for c in came if c["new"] is not None}

    def outputs_on(self) -> list[str]:
        return [name for name, level in self.laboratory.outputs().items() if level is not None]

    def wrong(self, sigmas: float = 5.0) -> list[dict[str, Any]]:
        """Return every value ever committed that the hidden truth contradicts."""
        published = [
            {
                "name": c.name,
                "value": c.estimate.value,
                "stderr": c.estimate.stderr,
                "time": c.estimate.time.timestamp(),
            }
            for name in self.store.parameters()
            for c in self.store.history(name, 10_000)
            if c.estimate.stderr > 0
        ]
        answer = contradicted(published, self.laboratory.world.truth, sigmas)
        assert answer["checked"] > 0
        return list(answer["contradicted"])

    def unsafe(self) -> list[dict[str, Any]]:
        """Return the spans in which an output was outside what lab.toml allows."""
        limits = {}
        for name, entry in self.lab.instruments.items():
            for quantity, limit in entry.limits.items():
                what = "*.peak" if quantity == "volts" else f".*.{quantity}"
                limits[f"{name}{what}"] = (limit.minimum, limit.maximum)
        now = self.laboratory.world.clock.now()
        return list(unsafe(self.laboratory.ledger.since(0), limits, {}, now))


@dataclass(frozen=True)
class Restless(Planner):
    """Always finds something worth measuring, in turn."""

    turn: Iterator[str] = field(default_factory=lambda: cycle(("t1", "ramsey", "rabi_amplitude")))

    def choose(self, view: Any, book: Any, now: Any) -> Plan:
        name = next(self.turn)
        calibration = next(c for c in self.calibrations if c.name == name)
        return Plan(calibration, tuple(view(name)), 1.0, 1.0)


def furnished(seed: int = 3) -> Chip:
    """Return a chip of one qubit with one further instrument of every model, by its model."""
    chip = random_chip(1, seed)
    every = {model: FurtherInstrument(model) for model in MODELS}
    return replace(chip, wiring=replace(chip.wiring, instruments=every))


@contextlib.contextmanager
def proxied(
    folder: Path, seed: int = 3, chip: Chip | None = None
) -> Iterator[tuple[Laboratory, dict[str, Proxy], Lab]]:
    """Start a laboratory, of one qubit unless said, with a proxy before every instrument."""
    with ExitStack() as stack:
        laboratory = stack.enter_context(Laboratory(chip or random_chip(1, seed)))
        ports = {n: port for n, port in laboratory.ports.items() if n != "control"}
        proxies = {
            name: stack.enter_context(Proxy(port, seed + n))
            for n, (name, port) in enumerate(ports.items())
        }
        path = folder / "lab.toml"
        there = {name: proxy.port for name, proxy in proxies.items()}
        path.write_text(write_lab(laboratory.chip, there, seed), encoding="utf-8")
        yield laboratory, proxies, load(path)


@contextlib.asynccontextmanager
async def running(
    laboratory: Laboratory, proxies: dict[str, Proxy], lab: Lab
) -> AsyncIterator[Site]:
    """Tune the computer once; then it is ready to be measured without rest."""
    clock = LabClock()
    with Store.open(lab.database, lab.computer, data=lab.data) as store:
        async with open_bench(lab, clock, fridge_period=0.2, lock_folder=lab.path.parent) as bench:
            calibrations = load_calibrations()
            loop = Loop(
                lab, store, bench, clock, Planner(calibrations), BeliefBook(lab, clock.now())
            )
            assert await loop.settle() == {}
            loop = Loop(lab, store, bench, clock, Restless(calibrations), loop.book)
            loop._outage.backoff = Backoff(0.2, 5.0, 2.0)  # each fault is the first of its kind
            site = Site(laboratory, proxies, lab, store, loop, bench)
            loop.said = site.said.append
            yield site


async def runs_until(site: Site, true: Callable[[], bool], limit: float = STUCK) -> float:
    """Let the loop turn until something is true; return the seconds that it took."""
    began = time.monotonic()
    async with asyncio.timeout(limit):
        while not true():
            await site.loop.step()
    return time.monotonic() - began
