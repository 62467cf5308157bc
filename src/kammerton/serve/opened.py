"""The database of a computer, opened, and the audit log of its outputs, until both are closed."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager

from kammerton.bench.tasks import unbroken
from kammerton.lab import Lab
from kammerton.model import StoreInUse
from kammerton.model.alarm import Tell, unheard
from kammerton.serve.background import Background
from kammerton.serve.outputs import Outputs
from kammerton.serve.unrecorded import off_without_store
from kammerton.store import Store
from kammerton.verify import library_warning

log = logging.getLogger(__name__)

HALF_OPEN = 1.0  # s that an opening under way is waited for when told to end
ORPHAN = 10.0  # s that a process whose supervisor was killed gets to switch off and end
ANOTHERS = "the instruments are of that process, and none was touched; see kammerton status"
NOT_TOUCHED = "no instrument was touched: outputs are not known to be off"

Doing = Callable[[str], object]
Known = Callable[[bool, str], object]


def quiet(*what: object) -> None:
    """Tell nobody."""


@asynccontextmanager
async def opened_store(
    lab: Lab, *, touch: bool = True, alarm: Tell = unheard, known: Known = quiet
) -> AsyncIterator[tuple[Store, Outputs]]:
    """Open the database, and the audit log of the outputs; say at the end whether they are off.

    The log says first what lab.toml says of the device, beside every result, and of a new database
    what is wrong with the SQLite that keeps it.

    known: hears that too, for the database may be silent by then.

    Where it does not open, outputs are switched off (if `touch`) before that is raised, with a note
    that says what is known of them.
    """
    async with AsyncExitStack() as stack:
        try:
            store = stack.enter_context(await _open(lab))
        except StoreInUse as in_use:
            in_use.add_note(ANOTHERS)
            raise
        except Exception as problem:
            words = NOT_TOUCHED
            if touch:
                known(False, "")  # until it is: what nobody foresaw may come between
                off, words = await off_without_store(lab)
                known(off, "")
            problem.add_note(words)
            raise
        if lab.note:
            log.info("%s", lab.note)
        new = store.place.file is not None and store.current_activity() is None
        if new and (warning := library_warning()):
            log.warning("%s", warning)  # once
        audit = Background("audit log")
        outputs = Outputs(store, audit.add, alarm, touch=touch)
        stack.callback(outputs.close)
        stack.push_async_callback(lambda: unbroken(asyncio.to_thread(audit.close)))
        stack.callback(
            lambda: known(outputs.known_off, outputs.tried)
        )  # before those, which may fail or wait
        yield store, outputs


async def _open(lab: Lab) -> Store:
    """Open the database; wait a little for a process whose supervisor was killed to let it go."""
    until = time.monotonic() + ORPHAN
    while True:
        opening = asyncio.ensure_future(
            asyncio.to_thread(Store.open, lab.database, lab.computer, data=lab.data, note=lab.note)
        )
        try:
            return await asyncio.shield(opening)
        except asyncio.CancelledError:
            await _given_up(opening)
            raise
        except StoreInUse:
            if time.monotonic() > until:
                raise
            await asyncio.sleep(0.1)


async def _given_up(opening: asyncio.Future[Store]) -> None:
    """Close what is opened soon; what takes longer (a check, a server) is left to the end.

    Half open it would still be locked by us where it is asked for last words.
    """
    await asyncio.wait({opening}, timeout=HALF_OPEN)
    if not opening.done():
        log.warning("told to end while the database is being opened: that is not waited for")
        opening.add_done_callback(lambda done: done.cancelled() or done.exception())
    elif opening.exception() is None:
        opening.result().close()
