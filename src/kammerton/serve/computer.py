"""One computer: its instruments, its loop, its database and its relay, until told to stop."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import datetime

from kammerton.bench import OutputChange, open_bench
from kammerton.estimation import warm
from kammerton.lab import Lab
from kammerton.loop import BeliefBook, Loop, Planner, load_calibrations
from kammerton.model import LabClock, Run, Verdict
from kammerton.publish import Relay
from kammerton.serve.pictures import Pictures
from kammerton.store import Store

log = logging.getLogger(__name__)

FLUSH = 10.0  # s that a clean stop waits for the broker to take what is left


async def run_computer(lab: Lab, *, once: bool = False) -> Mapping[str, str]:
    """Keep a computer in tune until cancelled, or with `once` until nothing is worth measuring.

    Returns the parked targets and why. Outputs are off, and verified off, before this returns or
    raises; the database is consistent at any moment.

    Raises
    ------
    InstrumentError
        Instruments are unreachable (all are named) or fail while running.
    StoreError
        The database cannot be opened or written.
    """
    clock = LabClock()
    store = Store.open(lab.database, lab.computer, data=lab.data)
    pictures = Pictures(lab.data)
    try:
        async with _relayed(lab, store, clock.now):
            return await _tune(lab, store, clock, pictures, once=once)
    finally:
        store.activity(None)
        pictures.close()
        store.close()


async def _tune(
    lab: Lab, store: Store, clock: LabClock, pictures: Pictures, *, once: bool
) -> Mapping[str, str]:
    def committed(run: Run, run_id: str) -> None:
        log.info("%s", _summary(run, run_id))
        if lab.pictures:
            pictures.add(run, run_id)

    kernels = asyncio.create_task(asyncio.to_thread(warm))
    async with open_bench(lab, clock, on_change=_audit(store)) as bench:
        await kernels
        book = BeliefBook(lab, clock.now())
        book.update(store.parameters())
        loop = Loop(lab, store, bench, clock, Planner(load_calibrations()), book, committed)
        if once:
            return await loop.settle()
        await loop.keep()
        return {}


@asynccontextmanager
async def _relayed(lab: Lab, store: Store, now: Callable[[], datetime]) -> AsyncIterator[None]:
    """Publish beside the loop; at the end give the broker a moment to take what is left."""
    if lab.broker is None:
        yield
        return
    relay = Relay(store, lab.broker, now=now)
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(relay.run(), name="relay")
        try:
            yield
            await _flush(store, relay)
        finally:
            task.cancel()


async def _flush(store: Store, relay: Relay) -> None:
    try:
        async with asyncio.timeout(FLUSH):
            await relay.drained()
    except TimeoutError:
        log.warning("%d results wait for the broker; they go out later", store.backlog())


def _summary(run: Run, run_id: str) -> str:
    """Say in one line what a run found."""
    words = [
        f"{name} {fit.verdict}" + ("" if fit.verdict is Verdict.ACCEPTED else f" ({fit.reason})")
        for name, fit in run.fits.items()
    ]
    seconds = f"{run.instrument_seconds:.1f} s of instrument time"
    return f"{run_id} {run.calibration}: {', '.join(words)}; {seconds}"


def _audit(store: Store) -> Callable[[OutputChange], None]:
    """Return what writes the gate's changes and refusals to the audit log."""

    def write(change: OutputChange) -> None:
        store.audit(change.who, change.what, change.old, change.new, change.refused or "allowed")

    return write
