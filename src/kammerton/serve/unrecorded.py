"""Where the database does not open: outputs go off all the same, and only the log tells of it."""

from __future__ import annotations

import logging
from dataclasses import replace

from kammerton.bench import open_bench
from kammerton.lab import Lab
from kammerton.model import InstrumentError, LabClock
from kammerton.model.alarm import Alarm, left_on
from kammerton.publish.unrecorded import tell_once

log = logging.getLogger(__name__)


async def off_without_store(lab: Lab) -> tuple[bool, str]:
    """Switch everything off but biases, verify it; return whether all is off, and that in words.

    The last process may have died with outputs on; without the database nobody knows, nor who
    holds what. Off is harmless; a bias that moves is not, so all hold. An alarm says what is not
    known to be off.
    """
    log.error("the database does not open: whatever may be on is switched off first")
    entries = {name: replace(entry, safe=None) for name, entry in lab.instruments.items()}
    try:
        async with open_bench(replace(lab, instruments=entries), LabClock(), configure=False):
            pass
    except InstrumentError as problem:
        await _told(lab, left_on(lab.computer, str(problem)))
        return False, f"outputs are not known to be off: {problem}"
    return True, "all outputs are known to be off; biases are as they were"


async def _told(lab: Lab, words: str) -> None:
    if lab.broker is not None:
        alarm = Alarm("outputs", lab.computer, words)
        await tell_once(lab.broker, lab.computer, alarm, LabClock().now())
