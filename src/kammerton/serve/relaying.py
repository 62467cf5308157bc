"""Publishing beside the loop, and what is left for the broker at the end."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager

from kammerton.bench.beside import beside
from kammerton.bench.deadline import end_of_process
from kammerton.bench.tasks import unbroken
from kammerton.lab import Lab
from kammerton.model import InstrumentError, LabClock
from kammerton.publish import Alarms, Relay
from kammerton.serve.obedience import obedient
from kammerton.serve.outputs import Outputs
from kammerton.store import Store

log = logging.getLogger(__name__)

FLUSH = 10.0  # s that an end by itself waits for the broker to take what is left
LAST_FLUSH = 2.0  # s of that when told to end
KEPT = 0.5  # s of what is left then that are for the end of the database


@asynccontextmanager
async def relayed(
    lab: Lab,
    store: Store,
    clock: LabClock,
    alarms: Alarms,
    outputs: Outputs,
    word: str = "online",
    patience: float = FLUSH,
    speaks: asyncio.Event | None = None,
    boxes: Callable[[], Collection[str]] = tuple,
) -> AsyncIterator[None]:
    """Publish beside the loop; at the end give the broker a moment to take what is left.

    Without a broker alarms are in the log only. patience: s that an end by itself waits. speaks:
    nothing is published until it is set, and nothing at all where it never is. boxes: are ours.
    """
    async with beside(alarms.followed(), "alarms"):
        if lab.broker is None:
            yield
            return
        relay = Relay(
            store, lab.broker, now=clock.now, ahead=lambda: clock.ahead, alarms=alarms,
            obey=obedient(store.place, lab.groups), word=word,
            outputs=lambda: outputs.words, speaks=speaks, boxes=boxes,
        )  # fmt: skip
        async with _flushed(store, relay, outputs, patience):
            yield


@asynccontextmanager
async def _flushed(
    store: Store, relay: Relay, outputs: Outputs, patience: float
) -> AsyncIterator[None]:
    task = asyncio.create_task(relay.run(), name="relay")
    task.add_done_callback(_complain)
    try:
        yield
        await _flush(store, relay, patience)
    except (asyncio.CancelledError, InstrumentError) as end:
        told = isinstance(end, asyncio.CancelledError) or not outputs.known_off
        if told and relay.may_take:
            last = end_of_process().share(LAST_FLUSH, keep=KEPT)
            await unbroken(_flush(store, relay, last))
        raise
    finally:
        task.cancel()
        await asyncio.wait([task])


def _complain(relay: asyncio.Task[None]) -> None:
    """Say at once when publishing ends for good; results stay in the outbox."""
    if not relay.cancelled() and (error := relay.exception()) is not None:
        log.critical("publishing has ended: %s: %s", type(error).__name__, error)


async def _flush(store: Store, relay: Relay, patience: float) -> None:
    relay.alarms.hurry()
    try:
        async with asyncio.timeout(patience):
            await relay.drained()
    except TimeoutError:
        if waiting := store.backlog():
            log.warning("%d results wait for the broker; the next run sends them", waiting)
