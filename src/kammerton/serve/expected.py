"""Which boxes shall answer: asked of the database, which is waited for only a moment.

What an earlier process left on goes off soon, also where the database is silent or has much to look
through. Then the first box that answers is taken for the right one.
"""

from __future__ import annotations

import asyncio
import logging

from kammerton.bench.deadline import QUARTER, end_of_process
from kammerton.lab import Lab
from kammerton.model import StoreError
from kammerton.store.plates import Plates

log = logging.getLogger(__name__)

PATIENCE = 1.0
"""s that the database gets to say which boxes answered before."""

UNKNOWN = "which boxes answered at earlier starts is not known"


async def expected(plates: Plates) -> Lab:
    """Return a lab whose instruments must be those that answered before, as far as it is known."""
    asking = asyncio.get_running_loop().run_in_executor(None, plates.expecting)
    asking.add_done_callback(lambda done: done.cancelled() or done.exception())
    within = end_of_process().share(PATIENCE, QUARTER)
    await asyncio.wait({asking}, timeout=within)
    if not asking.done():
        log.warning("%s: the database has not said so within %.2g s", UNKNOWN, within)
        return plates.lab
    try:
        return asking.result()
    except StoreError as problem:
        log.warning("%s: %s", UNKNOWN, problem)
        return plates.lab
