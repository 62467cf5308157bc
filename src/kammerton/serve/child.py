"""The process of one computer, started by the supervisor."""

from __future__ import annotations

import asyncio
import contextlib
import faulthandler
import logging
import os
import time
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn, TypeVar

from kammerton.bench.deadline import Deadline, live_under
from kammerton.keeping import beside
from kammerton.lab import Lab, load
from kammerton.model.errors import KammertonError, LabError, NotApproved, PlugInError, StoreInUse
from kammerton.serve import heaps, last
from kammerton.serve.events import run_until_signal
from kammerton.serve.logs import log_to_stderr, say_all, tell
from kammerton.serve.outlet import for_a_crash, last_lines
from kammerton.serve.pool import full_pool
from kammerton.serve.repeats import Repeats
from kammerton.serve.rules import Rules
from kammerton.serve.wire import ORPHANED, Wire
from kammerton.serve.words import SPARED, Code, Mode, Order

log = logging.getLogger(__name__)

T = TypeVar("T")

LAG = 2.0
"""s by which a heartbeat may be late before the log says that the loop was blocked."""

ALONE = 60.0
"""s without a heartbeat after which the process ends itself; the supervisor, if alive, is sooner.

C code does it, that needs no interpreter: a driver that hangs with the interpreter in a process
whose supervisor is gone would keep instruments and database for ever.
"""


NO_THREAD = "can't start new thread"
"""Python's word where the system has none left. It may have some again, so that it is no crash:
five of those lead to safe mode, and one more there to a process that switches nothing off."""


class Life:
    """What a computer's process is doing, told with every heartbeat."""

    def __init__(self, wire: Wire, beat: float, alone: float = ALONE) -> None:
        self._wire, self._beat, self._alone = wire, beat, alone
        self._doing, self.is_up = "starting", False
        self._crash = for_a_crash()
        self.off: bool | None = None
        """Whether the work left all outputs verified off; None where it did not come so far."""
        self.tried = ""
        """What it could not switch off on its way out."""
        self.anothers = False
        """Whether another process has the computer: how its outputs are is for that one to say."""

    def known(self, off: bool, tried: str) -> None:
        """Tell whether all outputs were verified off at the end of the work.

        What follows may hang; where they are off, nobody needs to switch off in its place.
        """
        self.off, self.tried = off, tried
        self._wire.say(off=off)

    def doing(self, what: str) -> None:
        """Take note of what is done now."""
        self._doing = what

    def up(self) -> None:
        """Tell that the instruments are connected and their outputs were off."""
        self._wire.say(up=True)
        if not self.is_up:
            self.is_up = True
            if say_all():
                log.info("it is up; from here on all is said again")

    def news(self, order: Order, reason: str) -> bool:
        """Say whether a reason to end is to be said: not where the last start had the same."""
        return self.is_up or _repeats(order, self._wire).news(reason)

    def warm(self) -> None:
        """Tell that all is loaded and compiled, so that others may use the machine."""
        self._wire.say(warm=True)

    @asynccontextmanager
    async def beating(self) -> AsyncIterator[None]:
        """Send heartbeats from the event loop that turns here, and from nowhere else."""
        task = asyncio.create_task(self._beats(), name="heartbeat")
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait([task])

    async def _beats(self) -> None:
        while True:
            self._wire.say(beat=self._doing)
            with contextlib.suppress(RuntimeError):  # no thread for it: it is well all the same
                faulthandler.dump_traceback_later(self._alone, exit=True, file=self._crash)
            before = time.monotonic()
            await asyncio.sleep(self._beat)
            lag = time.monotonic() - before - self._beat
            if lag > LAG:
                log.warning("the event loop was blocked for %.1f s", lag)


def main() -> int:
    """Live as ordered; the exit code is a Code."""
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    wire = Wire.take()
    first = wire.next()
    return obey(wire, first) if first else Code.DONE  # the supervisor was gone before it spoke


def obey(wire: Wire, first: bytes) -> int:
    """Live as the first line says; the exit code is a Code."""
    order = Order.read(first)
    try:
        lab = load(order.lab, text=order.text)
    except LabError as error:
        tell(*error.problems)
        wire.say(ended=Code.BAD_INPUT, why=error.problems[0])
        return Code.BAD_INPUT
    log_to_stderr(lab.computer if order.named else "", _repeats(order, wire))
    ramps = last.ramps(lab)
    wire.patience = Rules.ramp if ramps else ORPHANED
    wire.say(loaded=lab.computer, ramps=ramps, database=_file(lab), keeping=_keeping(lab))
    ends = Deadline(Rules.ramp if ramps else 0.0)
    try:
        return run_until_signal(
            _leaving(_live(lab, order, wire, ends)), lambda: ends.tell(Rules.stop - SPARED)
        )
    except KeyboardInterrupt:
        return Code.FAILED


async def _leaving(live: Coroutine[Any, Any, Code]) -> Code:
    """Live, and be gone: a thread that still compiles, or hangs in a driver, keeps nobody."""
    leave(await live)


def leave(code: int) -> NoReturn:
    """Be gone, whatever other threads do."""
    logging.shutdown()
    last_lines()
    os._exit(code)


def _file(lab: Lab) -> str:
    """Return the file of the database; "" on a server, which keeps computers apart by name."""
    return str(lab.database.resolve()) if isinstance(lab.database, Path) else ""


def _keeping(lab: Lab) -> str:
    """Return where the supervisor has its lock: beside the file, or for a server in our own folder.

    "" where the database cannot be used at all, which opening it will say.
    """
    if isinstance(lab.database, Path):
        return str(beside(lab.database.resolve()))
    from kammerton.store.place import named, place_of

    try:
        return str(place_of(named(lab.database, lab.computer)).keeping)
    except KammertonError:
        return ""


async def _live(lab: Lab, order: Order, wire: Wire, ends: Deadline) -> Code:
    """Wait for the word to go, do the work, and say how it ended before anything can hang."""
    live_under(ends)
    go = asyncio.Event()
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    loop.set_default_executor(full_pool())

    def cancel(why: str, seconds: float) -> None:
        say_all()  # how it ends is news
        if go.is_set():  # else there was no work: whoever ends it then has said why
            log.info("%s", why)
        ends.tell(seconds)
        if task is not None:
            task.cancel()

    def stop(why: str, seconds: float) -> None:
        with contextlib.suppress(RuntimeError):  # the loop has ended already
            loop.call_soon_threadsafe(cancel, why, seconds)

    try:
        wire.listen(lambda: loop.call_soon_threadsafe(go.set), stop)
    except RuntimeError as problem:  # no thread for it
        log.error("%s", problem)  # noqa: TRY400 - it says all
        wire.say(ended=Code.FAILED, why=str(problem), off=False)  # what was before it nobody knows
        return Code.FAILED
    life = Life(wire, order.beat)
    async with life.beating():
        try:
            if not order.ends:
                await asyncio.to_thread(_load)
            await go.wait()
            code, why = await _work(lab, order, life)
            off = life.anothers or await last.known_off(lab, life.off)
        except asyncio.CancelledError:  # here it has come to where it was meant to
            code, why, off = await _to_its_end(last.told_to_end(lab, order.mode, life))
    wire.say(ended=code, why=why, off=off)
    return code


def _load() -> None:
    """Import what the work needs, which takes seconds."""
    with heaps.loading():
        import_module("kammerton.serve.computer")


async def _to_its_end(last: Coroutine[Any, Any, T]) -> T:
    """Await the last thing that is done, however often this is cancelled meanwhile."""
    task = asyncio.ensure_future(last)
    while not task.done():
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.wait({task})
    return task.result()


def _repeats(order: Order, wire: Wire) -> Repeats:
    return Repeats(frozenset(order.said), lambda mark: wire.say(said=mark))


async def _work(lab: Lab, order: Order, life: Life) -> tuple[Code, str]:
    from kammerton.serve.computer import run_computer
    from kammerton.serve.safe import stay_safe
    from kammerton.serve.supervised import SUPERVISED

    try:
        if order.mode in (Mode.SAFE, Mode.IDLE):
            touch = order.mode is Mode.SAFE
            await stay_safe(
                lab, order.why, life.doing, touch=touch, up=life.up, warm=life.warm,
                known=life.known,
            )  # fmt: skip
        if order.supervised:
            log.info("supervised: %s", SUPERVISED)
        parked = await run_computer(
            lab, once=order.mode is Mode.ONCE, doing=life.doing, up=life.up, warm=life.warm,
            known=life.known, supervised=order.supervised,
        )  # fmt: skip
    except NotApproved as refusal:
        tell(f"kammerton run: {refusal}")
        return Code.NOT_ACCEPTED, str(refusal)
    except PlugInError as problem:  # as anything that anybody's code raises: safe mode in the end
        for line in problem.problems:
            log.error("%s", line)  # noqa: TRY400 - it says all
        if failure := problem.failure:
            log.exception("a plug-in failed while it was imported", exc_info=failure)
        return Code.CRASHED, str(problem)
    except KammertonError as problem:
        life.anothers = isinstance(problem, StoreInUse)
        words = "\n".join((str(problem), *getattr(problem, "__notes__", ())))
        lines = list(dict.fromkeys(words.splitlines()))  # opening and closing may fail alike
        who = f"{lab.computer}: " if order.named else ""
        untold = [line for line in lines if line not in life.tried]  # what an alarm has not said
        tell(*(f"kammerton run: {who}{line}" for line in untold if life.news(order, line)))
        return Code.FAILED, "\n".join(lines)
    except Exception as error:  # whatever it was: the supervisor must hear why
        if NO_THREAD in str(error):
            log.error("%s", error)  # noqa: TRY400 - it says all
            return Code.FAILED, str(error)
        log.exception("an error that nobody foresaw")
        return Code.CRASHED, f"{type(error).__name__}: {error}"
    tell(*(f"{target} is parked: {reason}" for target, reason in parked.items()))
    return (Code.NOT_ACCEPTED if parked else Code.DONE), ""
