"""Safe mode: outputs off, nothing calibrated, what is known still published and readable."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from importlib import import_module
from typing import NoReturn

from kammerton.bench import open_bench
from kammerton.bench.deadline import end_of_process
from kammerton.bench.guard import said
from kammerton.lab import Lab, holdable
from kammerton.model import InstrumentError, InstrumentInUse, LabClock, StoreLost
from kammerton.model.alarm import Tell
from kammerton.publish import Alarms
from kammerton.serve.attending import attending
from kammerton.serve.expected import expected
from kammerton.serve.holding import Holds
from kammerton.serve.opened import Doing, Known, opened_store, quiet
from kammerton.serve.outputs import Outputs
from kammerton.serve.relaying import relayed
from kammerton.serve.set_clock import SetClock
from kammerton.store import Store
from kammerton.store.leases import DAEMON
from kammerton.store.plates import Plates
from kammerton.store.rows import ALL_OFF, NONE_LEFT_ON, SAFE, Lease

log = logging.getLogger(__name__)

REMIND = 10.0  # s between two signs of life in the database
LAST_CONNECT = 2.5  # s that an instrument gets to connect where the daemon is about to end
NOT_OFF = "not every output is known to be off"
IN_USE = f"{NOT_OFF}: another process has instruments"
LAST_WORDS = 1.0  # s that a broker gets then to take an alarm


async def stay_safe(
    lab: Lab,
    why: str,
    doing: Doing,
    *,
    touch: bool,
    up: Callable[[], object] = quiet,
    warm: Callable[[], object] = quiet,
    known: Known = quiet,
) -> NoReturn:
    """Switch everything off that answers, verify it, and then stay, until cancelled.

    touch: False when even that has failed before; then no driver is loaded. up, warm: called once
    that is over, since nothing loads any more. known: called at the end with whether all outputs
    were verified off, and with what it tried to switch off in vain.

    Raises
    ------
    StoreError
        The database cannot be opened or written.
    """
    alarms = Alarms()
    async with opened_store(lab, touch=touch, alarm=alarms.tell, known=known) as (store, outputs):
        clock = LabClock.not_before(store.now())
        await asyncio.to_thread(_begun, outputs, doing, touch=touch)
        if touch:
            meant = await expected(Plates(lab, store))
            held, kept = _held(lab, store, outputs), _kept(lab, store)
            state = held or await _switched_off(meant, clock, outputs, kept)
        else:
            state = _untouched(outputs)
        up()
        warm()
        set_back = await _made_up(lab, store, clock, alarms.tell)
        holds = Holds(lab, store, doing, alarms.tell)  # nothing is driven: for their alarms
        async with (
            SetClock(store, clock, alarms.tell, outputs.audit).watched(told=set_back),
            attending(store, scopes=holdable(lab), unread=holds.unread),
            holds.followed(),
            relayed(lab, store, clock, alarms, outputs, word="safe mode"),
            _unseen(lab, store, clock, outputs),
        ):
            await _stay(store, f"{SAFE}{state}; {why}; a person must restart it", doing)


async def _made_up(lab: Lab, store: Store, clock: LabClock, tell: Tell) -> bool:
    """Make up for a clock that was set back, which needs what only a loop has loaded."""
    if not await asyncio.to_thread(store.clock_set_back):
        return False
    made_up = await asyncio.to_thread(import_module, "kammerton.serve.made_up")
    return bool(await asyncio.to_thread(made_up.made_up, lab, store, clock, tell))


@asynccontextmanager
async def _unseen(lab: Lab, store: Store, clock: LabClock, outputs: Outputs) -> AsyncIterator[None]:
    """Meanwhile nobody reads the refrigerator: when that is so for long, nothing holds any more."""

    async def say(what: str) -> None:
        log.warning("%s", what)

    warmed = await asyncio.to_thread(import_module, "kammerton.serve.warmed")
    async with warmed.Warmed(warmed.Record(store, say), lab, clock).watched(outputs.audit):
        yield


def _begun(outputs: Outputs, doing: Doing, *, touch: bool) -> None:
    """Say what is done first; in the database, too, where the last words are of work that died."""
    does = "switching all outputs off" if touch else "no instrument is touched"
    words = f"for {SAFE}{does}{outputs.caution}"
    doing(words)
    if outputs.unclean is not None:
        outputs.at_work(words)


async def left_safe(lab: Lab) -> bool:
    """Switch off, before the end, what an earlier process may have left on; log what is not.

    Return whether an alarm has said which is not known to be off, and why.

    For a process that was told to end before it had come to that. Whether all is off is in the
    database afterwards: no activity is left. Where it is not, an alarm goes out: nobody lives
    after this who could tell.

    Raises
    ------
    StoreError
        The database cannot be opened; what can be switched off without it is off.
    """
    alarms = Alarms()
    async with opened_store(lab, alarm=alarms.tell) as (store, outputs):
        if outputs.unclean is None:
            return False
        log.info("before the end: what an unclean end left on is switched off")
        clock = LabClock.not_before(store.now())
        speaks = asyncio.Event()
        async with relayed(
            _deaf(lab), store, clock, alarms, outputs, patience=LAST_WORDS, speaks=speaks
        ):
            try:
                if held := _held(lab, store, outputs):
                    log.warning("%s", held)
                    speaks.set()
                    return False
                meant = await expected(Plates(lab, store))
                within = end_of_process().share(LAST_CONNECT, 0.5)
                state = await _switched_off(meant, clock, outputs, _kept(lab, store), within)
                if state == IN_USE:
                    return False  # which is for the daemon that has them to say
            except asyncio.CancelledError as late:
                outputs.left_on(late)
                speaks.set()
                raise
            speaks.set()
            return state == NOT_OFF


def _deaf(lab: Lab) -> Lab:
    """Return a lab whose broker may command nothing."""
    return replace(lab, broker=lab.broker and replace(lab.broker, commands=None))


def _held(lab: Lab, store: Store, outputs: Outputs) -> str | None:
    """Say whose the instruments are, if they are a person's: safe mode takes them from nobody."""
    holds = Holds(lab, store, lambda _: None)
    holds.leases = store.leases()
    lease = holds.on_bench()
    persons = lease is not None and lease.owner != DAEMON
    if lease is None or not persons:
        return None
    return f"no instrument was touched, {said(lease)}; {outputs.left_alone()}"


def _untouched(outputs: Outputs) -> str:
    """Say that nothing was touched, and raise an alarm unless the last end left all off."""
    if outputs.known_off:
        return NONE_LEFT_ON
    return f"no instrument was touched; {outputs.left_alone()}"


def _kept(lab: Lab, store: Store) -> tuple[Lease, ...]:
    """Return the holds of qubits: their biases stay where their persons have them."""
    return tuple(each for each in store.leases() if each.scope in lab.qubits)


async def _switched_off(
    lab: Lab,
    clock: LabClock,
    outputs: Outputs,
    kept: tuple[Lease, ...],
    within: float | None = None,
) -> str:
    try:
        async with open_bench(
            lab, clock, on_change=outputs.changed, holds=lambda: kept, configure=False,
            within=within,
        ):  # fmt: skip
            outputs.found_off()
    except InstrumentError as problem:
        outputs.not_off(str(problem))  # whatever the last end left
        outputs.left_on(problem)
        return IN_USE if isinstance(problem, InstrumentInUse) else NOT_OFF
    return ALL_OFF


async def _stay(store: Store, words: str, doing: Doing) -> NoReturn:
    while True:
        with suppress(StoreLost):  # `status` says so, and this process goes on saying what it knows
            await asyncio.to_thread(store.activity, words)
        doing(words)
        await asyncio.sleep(REMIND)
