"""The last thing that a computer's process does: no output is left on, or that is said."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from importlib import import_module
from pathlib import Path
from typing import Protocol

from kammerton.bench.deadline import end_of_process
from kammerton.lab import Lab
from kammerton.model.errors import KammertonError, StoreUnavailable
from kammerton.serve.words import SPARED, Code, Mode

log = logging.getLogger(__name__)

LAST = 5.0
"""s for switching off what an earlier process left on, where this one is told to end."""

LOADED = 4.0
"""s of that it gets though to load its drivers took longer than was left."""

KNOW = 2.5
"""s that the database gets then to say whether anything can be on."""

KNOW_AT_ONCE = 1.0
"""s that it gets where the work took some of the time of an end already."""

ENDS = "the process ends"
"""Whoever told it, or nobody: the last one begins only to switch off."""

DOUBT = "outputs are not known to be off"


class Saw(Protocol):
    """What a process saw of its outputs itself: all verified off, or tried in vain."""

    off: bool | None
    tried: str


def ramps(lab: Lab) -> bool:
    """Say whether a bias may ramp at the end, which takes long and must not be cut off.

    What is used otherwise is none, and may say that it goes off, as it does at once.
    """
    lines = [*(q.drive for q in lab.qubits.values()), *(f.line for f in lab.feedlines.values())]
    used = {lab.sync.master, *lab.sync.followers, lab.interlock.fridge, lab.interlock.second}
    used |= {line.source for line in lines} | {f.digitizer for f in lab.feedlines.values()}
    others = (entry for name, entry in lab.instruments.items() if name not in used)
    return any(entry.safe in ("zero", "off") for entry in others)


async def told_to_end(lab: Lab, mode: Mode, life: Saw | None = None) -> tuple[Code, str, bool]:
    """End a process that was told to: well only if no output can have been left on; say that, too.

    life: what the process saw of its outputs itself.
    """
    why = ENDS
    await asyncio.to_thread(import_module, "kammerton.store")
    off, left, told = await _left_on(lab, mode, life)
    if left is None:
        return Code.DONE, why, off
    log.error("%s; %s", why, DOUBT if told else left)
    return Code.FAILED, f"{why}; {left}", off


async def _left_on(lab: Lab, mode: Mode, life: Saw | None) -> tuple[bool, str | None, bool]:
    """Return whether all outputs are off, and what is to be said of them; None: nothing.

    Beside them, whether an alarm has just said which, and why.

    What the process tried to switch off in vain is not tried again: all of its time was for that.
    Else the database knows: a process takes back what it does when its outputs are verified off.
    What one before this left on is switched off now, but for Mode.IDLE, that touches nothing. A
    database that does not answer is not waited for.
    """
    if life is not None and life.tried:
        return False, life.tried, False
    left, answers = await _known(lab)
    if left is None:
        return True, None, False
    if life is not None and life.off:
        words = f"all outputs were verified off, but the database does not say so: {left}"
        return True, words, False
    if mode is Mode.IDLE:
        return False, f"{DOUBT}: {left}", False
    return await _switched_off(lab) if answers else (*await _unrecorded(lab), False)


async def _switched_off(lab: Lab) -> tuple[bool, str | None, bool]:
    """Switch off what may be on, within LAST s where nothing ramps; return what came of it."""
    ends, told = end_of_process(), False
    try:
        safe = await asyncio.to_thread(import_module, "kammerton.serve.safe")
        connecting = import_module("kammerton.bench.connect")
        await connecting.load_drivers(lab)  # seconds, on a busy machine
        ends.no_sooner(LOADED)
        within = None if ramps(lab) else ends.share(LAST, keep=SPARED)
        async with asyncio.timeout(within):
            told = await safe.left_safe(lab)
    except (KammertonError, TimeoutError) as problem:
        log.error("before the end: %s", str(problem) or "not done in time")  # noqa: TRY400 - it says all
    left, _ = await _known(lab)
    return left is None, left and f"{DOUBT}: {left}", told


async def _unrecorded(lab: Lab) -> tuple[bool, str]:
    """Switch off, within LAST s, what may be on without the database; return what came of it."""
    try:
        safe = await asyncio.to_thread(import_module, "kammerton.serve.unrecorded")
        ends = end_of_process()
        ends.no_sooner(LOADED)
        async with asyncio.timeout(within := ends.share(LAST, keep=SPARED)):
            off, words = await safe.off_without_store(lab)
    except TimeoutError:
        words = f"outputs are not known to be off within {within:.2g} s, and the database is silent"
        return False, words
    return off, f"the database does not answer; {words}"


async def _known(lab: Lab) -> tuple[str | None, bool]:
    """Return None where no output can be on, else why one may be; and whether that was answered."""
    try:
        async with asyncio.timeout(within := end_of_process().share(KNOW, 0.5)):
            left = await asyncio.to_thread(_left, lab)
    except KammertonError as problem:
        return str(problem), not isinstance(problem, StoreUnavailable)
    except TimeoutError:
        return f"the database said nothing for {within:.2g} s", False
    return left, True


async def known_off(lab: Lab, seen: bool | None) -> bool:
    """Say whether no output may be on, as far as the work and the database know.

    seen: what the work saw itself counts whatever the database says, which may have been silent, or
    full, when it was to be told. Where it saw nothing the instruments are another's, or none was
    touched: another process could do no more.
    """
    if seen is not None:
        return seen
    ends = end_of_process()
    patience = KNOW_AT_ONCE if ends.told else KNOW
    with contextlib.suppress(KammertonError, TimeoutError):
        async with asyncio.timeout(ends.share(patience, keep=0.0)):
            return await asyncio.to_thread(_left, lab) is None
    return True


def _left(lab: Lab) -> str | None:
    """Return which outputs may be on, else what the last process did as it ended without a word.

    None where it did not: then none can be on.
    """
    if isinstance(lab.database, Path) and not lab.database.exists():
        return None  # nothing was ever switched on
    from kammerton.store import Store
    from kammerton.store.caution import doubtful

    with Store.read(lab.database) as store:
        end = store.current_activity()
        if end is None or not end.doubtful or store.place.writer_there() is not None:
            return None  # it is at work in another process, whose outputs they are
        return doubtful(store) or end.what
