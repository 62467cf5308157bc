"""Opening a bench: locks, sessions, outputs off, clocks, watch; and closing it safely."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping
from contextlib import ExitStack, asynccontextmanager, contextmanager
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

from kammerton.bench.approval import Approve
from kammerton.bench.bench import Bench, Compiler
from kammerton.bench.beside import beside
from kammerton.bench.boxes import named
from kammerton.bench.connect import (
    CONNECT_DEADLINE,
    Doubt,
    Factory,
    Hold,
    close_all,
    connect,
    safe_all,
)
from kammerton.bench.gate import Gate
from kammerton.bench.guard import Holds, nobody
from kammerton.bench.hangs import look_for_hangs
from kammerton.bench.locks import NOBODY, held_boxes, held_locks, numbers_of
from kammerton.bench.readback import OnRestart, untold
from kammerton.bench.switching import ALL, OnChange, OutputChange
from kammerton.bench.taken import Locks
from kammerton.bench.tasks import unbroken
from kammerton.bench.warmth import Warmth
from kammerton.lab import Lab
from kammerton.model import InstrumentError, LabClock, StoreError
from kammerton.model.alarm import Tell, unheard
from kammerton.model.roles import FridgeMonitor, Instrument

log = logging.getLogger(__name__)

AGAIN = 2.0
"""s between two tries to make a lock for which the disk has no room."""


@asynccontextmanager
async def open_bench(
    lab: Lab,
    clock: LabClock,
    *,
    drivers: Mapping[str, Callable[[], Factory]] | None = None,
    compiler: Compiler | None = None,
    on_change: OnChange | None = None,
    holds: Holds = nobody,
    who: str = "daemon",
    fridge_period: float = 2.0,
    lock_folder: Path | None = None,
    configure: bool = True,
    alarm: Tell = unheard,
    within: float | None = None,
    on_restart: OnRestart = untold,
    ask: Approve | None = None,
    warmth: Warmth | None = None,
    claimed: Mapping[str, str] = NOBODY,
    known: Callable[[], str] = lambda: "outputs are as they were",
) -> AsyncIterator[Bench]:
    """Connect the instruments of a lab, switch every output off, and keep watch on the fridge.

    On the way out every output is switched off and verified, then the sessions are closed.
    configure: False leaves clocks and references as they are. alarm: hears of the interlock.
    within: s that each instrument gets to connect; None: the usual. on_restart: hears who was
    switched off and on since any process last asked, before anything else can fail. ask: asks a
    person before the first write of each kind. warmth: hears of all readings; None: one of its own.
    claimed: whose a box is that another computer's daemon has; looked at before any is written to.
    known: says what is known of the outputs where this is stopped before it has touched any.

    Raises
    ------
    InstrumentInUse
        Another process has instruments; names all of them.
    InstrumentError
        Instruments are unreachable or not known to be off; names all of them.
    Held
        A person holds one of them: they are off and closed again, and nothing else was written.
    """
    addresses = [entry.address for entry in lab.instruments.values()]
    numbers = await asyncio.to_thread(numbers_of, addresses)  # a resolver may hang
    with held_locks(lab, lock_folder, numbers) as locks:
        hold = partial(held_boxes, lab, folder=lock_folder, numbers=numbers, claimed=claimed)
        doubt = partial(_doubted, on_change)
        with _saying(known):
            instruments = await connect(lab, drivers, within, hold, doubt)
        gate = Gate(lab, instruments, clock, who=who, on_change=on_change, holds=holds, alarm=alarm)
        gate.guard.ask = ask
        gate.cold.goes_on(warmth or gate.cold.warmth)
        bench = Bench(lab, clock, instruments, gate, compiler)
        async with (
            _leaving(partial(_close, instruments)),
            _leaving(bench.end),
            _boxes_held(gate, instruments, hold, doubt) as boxes,  # not ours: not even off
            _leaving(gate.cold.end),
            _leaving(partial(_safe, gate)),
        ):
            await gate.guard.boxes.as_declared(instruments)
            await unbroken(gate.safe("opening"))
            await gate.guard.require_free(*instruments)  # a person may have come while we connected
            if configure:  # numba's cache may be of no use, or the disk full: outputs are off
                await _locked(gate, instruments, locks, boxes)
                await asyncio.to_thread(import_module, "kammerton.bench.coadd")  # 0.5 s
                await bench.configure(on_restart)
            async with _watched(gate, fridge_period):
                yield bench


@asynccontextmanager
async def _watched(gate: Gate, period: float) -> AsyncIterator[None]:
    async with (
        beside(gate.watch(period), "fridge watch"),
        beside(look_for_hangs(), "look for hangs"),
    ):
        yield


@contextmanager
def _saying(known: Callable[[], str]) -> Iterator[None]:
    """Say what is known of the outputs where connecting is stopped."""
    try:
        yield
    except asyncio.CancelledError:
        try:
            words = known()
        except StoreError as problem:
            words = f"what is known of the outputs cannot be read: {problem}"
        log.info("stopped while connecting: %s", words)
        raise


@asynccontextmanager
async def _boxes_held(
    gate: Gate, instruments: Mapping[str, Instrument], hold: Hold, doubt: Doubt
) -> AsyncIterator[Locks]:
    """Hold the boxes that answer to be written to, by what they say they are.

    Where another process has one, the rest is switched off before that is raised.
    """
    written = {n: i for n, i in instruments.items() if not isinstance(i, FridgeMonitor)}
    found = await named(written, CONNECT_DEADLINE)  # one that others upload to answers late
    gate.guard.boxes.met(found)
    with ExitStack() as stack:
        try:
            locks = stack.enter_context(hold(found))
        except InstrumentError as refusal:
            foreign, left = await unbroken(safe_all(gate.lab, instruments, hold))
            lines = "\n".join(dict.fromkeys([*str(refusal).splitlines(), *foreign, *left]))
            if left:
                doubt(lines)
            raise type(refusal)(lines) from None
        yield locks


async def _locked(gate: Gate, instruments: Mapping[str, Instrument], *locks: Locks) -> None:
    """Wait, with outputs off, until all locks can be made: nothing is driven without."""
    said = False
    while why := [line for each in locks for line in each.missing()]:
        if not said:
            log.warning("outputs are off, and nothing is driven before this is over: %s", why[0])
        said = True
        await asyncio.sleep(AGAIN)
        await gate.guard.require_free(*instruments)
    if said:
        log.info("all instruments are locked against other daemons")


def _doubted(on_change: OnChange | None, why: str) -> None:
    """Note that not every output is known to be off, though the gate could not try."""
    if on_change is not None:
        on_change(OutputChange(ALL, None, "off", "opening", why))


@asynccontextmanager
async def _leaving(act: Callable[[], Coroutine[Any, Any, None]]) -> AsyncIterator[None]:
    """Act on the way out, whatever happened inside and however often it is cancelled.

    What went wrong first is what is raised, a cancellation, too; a failure to act is then a note on
    it, and in the log unless it has the same cause. A cancellation that comes later passes, and
    what went wrong is in the log.
    """
    try:
        yield
    except BaseException as failure:
        try:
            await unbroken(act())
        except InstrumentError as second:
            if not _same(second, failure):
                log.error("on the way out: %s", second)  # noqa: TRY400 - it says all
            failure.add_note(str(second))
        except asyncio.CancelledError:
            if isinstance(failure, Exception):
                log.error("told to end meanwhile: %s", str(failure) or repr(failure))  # noqa: TRY400
            raise
        raise
    await unbroken(act())


def _same(second: InstrumentError, first: BaseException) -> bool:
    """Say whether each that failed on the way out has failed before, for the same reason."""
    before = str(first).splitlines()

    def known(line: str) -> bool:
        name, cause = line.split(maxsplit=1)[0].rstrip(":"), line.partition(": ")[2] or line
        return any(each.startswith((f"{name}:", f"{name} ")) and cause in each for each in before)

    return all(known(line) for line in str(second).splitlines() if line.strip())


async def _safe(gate: Gate) -> None:
    await gate.safe("closing")
    log.info("all outputs are off: read back from every instrument")


async def _close(instruments: Mapping[str, Instrument]) -> None:
    failures = await close_all(instruments)
    if failures:
        raise InstrumentError("\n".join(failures))
