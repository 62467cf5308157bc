"""One computer: its instruments, its loop, its database and its relay, until told to stop."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import ExitStack, asynccontextmanager
from datetime import datetime

from kammerton.bench import OutputChange, open_bench
from kammerton.estimation import warm
from kammerton.lab import Lab
from kammerton.loop import BeliefBook, Loop, Planner, load_calibrations
from kammerton.loop.loop import Committed
from kammerton.model import LabClock, Run, Verdict
from kammerton.publish import Relay
from kammerton.serve.attending import attending
from kammerton.serve.background import Background
from kammerton.serve.pictures import draw_run
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
    with ExitStack() as stack:
        store = Store.open(lab.database, lab.computer, data=lab.data)
        stack.callback(store.close)
        stack.callback(store.activity, None)
        audit, pictures = Background("audit log"), Background("picture")
        stack.callback(audit.close)
        stack.callback(pictures.close)
        clock = LabClock.not_before(store.now())
        async with attending(store), _relayed(lab, store, clock.now):
            return await _tune(
                lab, store, clock, _auditor(store, audit), _reporter(lab, pictures), once=once
            )


async def _tune(
    lab: Lab,
    store: Store,
    clock: LabClock,
    on_change: Callable[[OutputChange], None],
    committed: Committed,
    *,
    once: bool,
) -> Mapping[str, str]:
    ready = asyncio.create_task(asyncio.to_thread(_warm))
    await asyncio.to_thread(
        store.activity, "connecting to the instruments (the first start compiles kernels)"
    )
    async with open_bench(lab, clock, on_change=on_change) as bench:
        await ready
        book = BeliefBook(lab, clock.now())
        book.update(store.parameters())
        loop = Loop(lab, store, bench, clock, Planner(load_calibrations()), book, committed)
        return await (loop.settle() if once else loop.keep())


def _warm() -> None:
    """Load what the first run would otherwise wait for: kernels, and the netCDF writer."""
    import h5netcdf  # noqa: F401
    import xarray  # noqa: F401

    warm()


@asynccontextmanager
async def _relayed(lab: Lab, store: Store, now: Callable[[], datetime]) -> AsyncIterator[None]:
    """Publish beside the loop; at the end give the broker a moment to take what is left."""
    if lab.broker is None:
        yield
        return
    relay = Relay(store, lab.broker, now=now)
    task = asyncio.create_task(relay.run(), name="relay")
    task.add_done_callback(_complain)
    try:
        yield
        await _flush(store, relay)
    finally:
        task.cancel()
        await asyncio.wait([task])


def _complain(relay: asyncio.Task[None]) -> None:
    """Say at once when publishing ends for good; results stay in the outbox."""
    if not relay.cancelled() and (error := relay.exception()) is not None:
        log.critical("publishing has ended: %s: %s", type(error).__name__, error)


async def _flush(store: Store, relay: Relay) -> None:
    try:
        async with asyncio.timeout(FLUSH):
            await relay.drained()
    except TimeoutError:
        log.warning("%d results wait for the broker; they go out later", store.backlog())


def _reporter(lab: Lab, pictures: Background) -> Committed:
    """Return what tells of a committed run: one line in the log, and a picture."""

    def committed(run: Run, run_id: str) -> None:
        log.info("%s", _summary(run, run_id))
        if lab.pictures:
            pictures.add(draw_run, lab.data, run, run_id)

    return committed


def _summary(run: Run, run_id: str) -> str:
    """Say in one line what a run found."""
    good = [name for name, fit in run.fits.items() if fit.verdict is Verdict.ACCEPTED]
    bad = [
        f"{name} {fit.verdict} ({fit.status}: {fit.reason})"
        for name, fit in run.fits.items()
        if fit.verdict is not Verdict.ACCEPTED
    ]
    words = ([f"{', '.join(good)} accepted"] if good else []) + bad
    seconds = f"{run.instrument_seconds:.1f} s of instrument time"
    return f"{run_id} {run.calibration}: {'; '.join(words)}; {seconds}"


def _auditor(store: Store, audit: Background) -> Callable[[OutputChange], None]:
    """Return what writes the gate's changes and refusals to the audit log."""

    def write(change: OutputChange) -> None:
        why = change.refused or "allowed"
        audit.add(store.audit, change.who, change.what, change.old, change.new, why)

    return write
