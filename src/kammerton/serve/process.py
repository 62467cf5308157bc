"""A computer's process as the supervisor sees it: started, listened to, ended."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from kammerton.serve.begun import COMMAND, begun, ending
from kammerton.serve.repeats import MOST
from kammerton.serve.rules import Rules
from kammerton.serve.spare import Spare
from kammerton.serve.successor import Successor
from kammerton.serve.words import GO, Code, Order, stop

log = logging.getLogger(__name__)

LOOKS = 2
"""In a row that see no sign of life before it hangs: what came while this process itself stood
still is read by then."""

IN_KERNEL = 30.0  # s after SIGKILL before the log says that the process cannot die


@dataclass(frozen=True)
class Ending:
    """How a process ended. told: because the daemon ends; orderly: it said so itself.

    switched_off: it did no more, since it had been told to end while it was kept ready. off: it
    left no output that is not known to be off. said: marks of what it said before it was up.
    """

    code: int
    why: str
    lived: float
    was_up: bool
    told: bool
    orderly: bool
    switched_off: bool = False
    off: bool = False
    said: frozenset[str] = frozenset()

    @property
    def explained(self) -> bool:
        """Whether the process has said itself, to a person too, what stood in its way."""
        return self.orderly and self.code == Code.FAILED


class Process:
    """One life of a computer's process. The first line it gets is its order.

    told_at: when the daemon was told to end, monotonic s; the one that was there then gets `stop` s
    from then, and one that switches off in its place what is left of the whole. successor: begins
    to load where this one hangs on its way out, and is this one where another did.
    """

    def __init__(
        self,
        order: Order,
        rules: Rules,
        name: str,
        command: Sequence[str] = COMMAND,
        spare: Spare | None = None,
        told_at: float | None = None,
        successor: Successor | None = None,
    ) -> None:
        self.order, self.name, self.database, self.keeping = order, name, "", ""
        self.told_at, self._instead = told_at, told_at is not None
        self.doing = "starting"
        self.loaded = asyncio.Event()
        self._rules, self._command, self._spare = rules, command, spare
        self._successor = successor or Successor(command=command)
        self._up = self._warm = self._told = self._was_ready = self._ends = False
        self._hung, self._stop = "", rules.stop
        self._said: tuple[int, str, bool] | None = None
        self._off, self._marks = False, set[str]()
        self._started = self._heard = time.monotonic()
        self._beats = 0

    @property
    def silence(self) -> float:
        """Seconds since the last sign of life, as far as it was expected earlier."""
        first = self._rules.taken if self._was_ready else self._rules.start
        late = self._rules.hang if self._beats else first
        silent = time.monotonic() - self._heard
        return silent if silent > late else 0.0

    @property
    def settled(self) -> bool:
        """Whether it has started; what is not up by far waits for something, and loads nothing."""
        late = self._rules.load if self._up else self._rules.quick  # what is up compiles for long
        return (self._up and self._warm) or time.monotonic() - self._started > late

    async def live(self, go: asyncio.Event, stop: asyncio.Event) -> Ending:
        """Start the process, let it work from `go` on, and return when it is gone."""
        try:
            self._process = await self._begun()
        except OSError as problem:  # memory, say: other computers and their outputs live on
            why = f"it cannot be begun: {problem}"
            return Ending(Code.FAILED, why, 0.0, self._up, stop.is_set(), orderly=False)
        self._started = self._heard = time.monotonic()
        tasks = [asyncio.create_task(work) for work in (self._listen(), self._go(go))]
        gone = asyncio.create_task(self._process.wait())
        self._send(self.order.line())
        try:
            await self._attend(gone, stop)
        finally:
            await asyncio.wait(tasks[:1], timeout=self._rules.beat)  # the last words
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
        return self._ending()

    async def _begun(self) -> asyncio.subprocess.Process:
        """Return the process that was kept ready, if one is wanted and there; else a new one."""
        ready = None if self._spare is None else await self._spare.take()
        if ready is None:
            loading = self._successor.take() if self._instead else None
            return loading or await begun(*self._command, str(self.order.lab))
        self._was_ready, self._ends = True, ready.told
        does = "was told to end, and switches off before" if ready.told else "takes over"
        log.info("%s: process %d, which was kept ready, %s", self.name, ready.process.pid, does)
        return ready.process

    async def _attend(self, gone: asyncio.Task[int], stop: asyncio.Event) -> None:
        """Return when the process is gone; end it when told to, or when it hangs."""
        told, looks = asyncio.create_task(stop.wait()), 0
        try:
            while not gone.done():
                await asyncio.wait(
                    {gone, told}, timeout=self._rules.beat, return_when=asyncio.FIRST_COMPLETED
                )
                looks = looks + 1 if self.silence else 0
                if stop.is_set():
                    self._told = True
                    await self._end(gone, self._left())
                elif self._said is not None:
                    await self._end(gone, self._rules.leave)
                elif looks >= LOOKS:
                    self._hung = f"it hangs: no heartbeat for {self.silence:.0f} s"
                    log.error("%s: %s", self.name, self._hung)
                    await self._end(gone, self._rules.ask)
        finally:
            told.cancel()

    def kill(self) -> None:
        """End it at once, which has touched nothing yet."""
        _attempt(self._process.kill)

    def _left(self) -> float:
        """Return how long it gets from now on, since the daemon was told to end."""
        now, rules = time.monotonic(), self._rules
        self.told_at = now if self.told_at is None else self.told_at
        if not self._instead or self._stop == rules.ramp:
            return self._stop
        return max(rules.least, rules.whole - 2 * rules.urge - (now - self.told_at))

    async def _end(self, gone: asyncio.Task[int], patience: float) -> None:
        """Ask, SIGTERM, SIGKILL; return when it is gone."""
        self._send(stop(patience))
        await self._wait(gone, patience)
        insist = self._rules.urge if self._told else self._rules.insist
        for word, act in (("SIGTERM", self._process.terminate), ("SIGKILL", self._process.kill)):
            if not gone.done():
                log.warning("%s: process %d does not end: %s", self.name, self._process.pid, word)
                _attempt(act)
                await asyncio.wait([gone], timeout=insist)
        while not gone.done():
            log.error("%s: process %d waits in the kernel", self.name, self._process.pid)
            await asyncio.wait([gone], timeout=IN_KERNEL)

    async def _wait(self, gone: asyncio.Task[int], patience: float) -> None:
        """Wait until it is gone, for so many s; for one that hangs, though it may ramp, `ask` s.

        One that still loads, and beats, gets what another would take in its place, too: it may be
        about to switch off what an earlier one left on. Its first beat may come meanwhile.
        """
        began, looks = time.monotonic(), 0
        while not gone.done():
            if self._silent(self._rules.lull):
                await self._successor.begin(self.name)
            waited, loads = time.monotonic() - began, self._told and self._beats and not self._up
            left = patience + (self._rules.another if loads else 0.0) - waited
            if left <= 0 or (looks >= LOOKS and waited >= self._rules.ask):
                break
            await asyncio.wait([gone], timeout=min(self._rules.beat, left))
            looks = looks + 1 if self.silence or self._silent(self._rules.mute) else 0

    def _silent(self, seconds: float) -> bool:
        """Whether one told to end, that may have outputs on, gave no sign of life for so long."""
        silent = time.monotonic() - self._heard
        return self._told and self._up and not self._off and silent > seconds

    async def _go(self, go: asyncio.Event) -> None:
        await self.loaded.wait()
        await go.wait()
        self._send(GO)

    async def _listen(self) -> None:
        reader = self._process.stdout
        while reader is not None and (text := await reader.readline()):
            self._hear(json.loads(text))

    def _hear(self, message: dict[str, Any]) -> None:
        self._heard = time.monotonic()
        match message:
            case {"beat": str(doing)}:
                self._beats += 1
                self.doing = doing
            case {"loaded": str(computer), **more}:
                self.name = computer
                self.database = str(more.get("database", ""))
                self.keeping = str(more.get("keeping", ""))
                if more.get("ramps"):
                    self._stop = self._rules.ramp
                self.loaded.set()
            case {"up": True}:
                self._up = True
            case {"warm": True}:
                self._warm = True
            case {"ended": int(code), "why": str(why), **more}:
                self._said = code, why, bool(more.get("off"))
            case {"off": bool(off)}:
                self._off = off
            case {"said": str(mark)} if len(self._marks) < MOST:
                self._marks.add(mark)

    def _send(self, text: bytes) -> None:
        if self._process.stdin is not None:
            with contextlib.suppress(OSError, RuntimeError):  # it is gone: that is seen elsewhere
                self._process.stdin.write(text)

    def _ending(self) -> Ending:
        real = self._process.returncode
        orderly = self._said is not None
        code, why, off = self._said or (Code.CRASHED, self._hung or ending(real), self._off)
        lived, switched_off = time.monotonic() - self._started, orderly and self._ends
        said = frozenset(self._marks)
        return Ending(code, why, lived, self._up, self._told, orderly, switched_off, off, said)


def _attempt(act: Callable[[], None]) -> None:
    with contextlib.suppress(ProcessLookupError):
        act()
