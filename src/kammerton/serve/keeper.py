"""One computer, kept up: what follows when its process ends."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from kammerton.serve.begun import COMMAND
from kammerton.serve.in_the_way import InTheWay
from kammerton.serve.logs import tell
from kammerton.serve.only import Only
from kammerton.serve.process import Ending, Process
from kammerton.serve.rules import Rules
from kammerton.serve.spare import Spare
from kammerton.serve.successor import Successor
from kammerton.serve.words import Code, Mode, Order

log = logging.getLogger(__name__)

FINAL = (Code.DONE, Code.NOT_ACCEPTED)
DOUBT = "not known to be off"
LONG = 30.0  # s; a pause in which a process that is to be kept ready loads, and is in nobody's way


@dataclass
class Record:
    """How the processes of a computer have ended so far, and what follows from it.

    alone: no other computer depends on this daemon, so that one that never came up may end it.
    supervised: a person is asked before the first write of each kind, and a refusal ends it.
    """

    mode: Mode
    rules: Rules
    alone: bool = True
    supervised: bool = False
    failures: int = 0  # in a row, each soon after its start
    crashes: int = 0  # of these, those that nothing known explains
    was_up: bool = False
    why: str = ""

    def take(self, ending: Ending) -> Code | None:
        """Take note of an ending; return the daemon's code for this computer, or None: go on."""
        self.was_up |= ending.was_up
        self.why = ending.why
        if ending.told:
            return Code.DONE if ending.orderly and ending.code == Code.DONE else Code.FAILED
        if ending.code == Code.BAD_INPUT:
            return Code.BAD_INPUT
        if ending.switched_off:
            return None  # what told it to end did not mean the computer, whose next start follows
        if self.supervised and ending.code == Code.NOT_ACCEPTED:
            return Code.NOT_ACCEPTED
        if self.mode is Mode.ONCE and ending.code in FINAL:
            return Code(ending.code)
        if ending.code == Code.FAILED and self._may_give_up:
            return Code.FAILED
        return self._failed(ending)

    @property
    def _may_give_up(self) -> bool:
        first = self.alone and not self.was_up and self.mode is Mode.TUNE
        return first or self.mode is Mode.ONCE

    def _failed(self, ending: Ending) -> Code | None:
        quick = ending.lived < self.rules.quick
        crashed = ending.code not in (*FINAL, Code.FAILED)
        self.failures = self.failures + 1 if quick else 1
        self.crashes = (self.crashes if quick else 0) + crashed
        if crashed and self.mode is Mode.SAFE:
            self.mode = Mode.IDLE
        if self.crashes < self.rules.tries or self.mode in (Mode.SAFE, Mode.IDLE):
            return None
        if self.mode is Mode.ONCE:
            return Code.FAILED
        self.mode, self.failures, self.crashes = Mode.SAFE, 0, 0
        return None


@dataclass
class Keeper:
    """Starts the process of a computer again and again, as often as its record allows.

    spare: has a process ready, for when one has died and may have left outputs on. distinct: asked
    once lab.toml was read: whether this is the only one of its computer and of its database. only:
    keeps other daemons from it; refused: one of them has it.
    """

    lab: Path
    text: str | None
    record: Record
    named: bool = False
    command: Sequence[str] = COMMAND
    spare: Spare | None = None
    distinct: Callable[[], bool] = lambda: True
    process: Process | None = None
    read: asyncio.Event = field(default_factory=asyncio.Event)
    computer: str = ""  # of lab.toml, once it has been read; and the file of its database
    database: str = ""
    refused: bool = False
    only: Only = field(init=False)
    successor: Successor = field(init=False)
    in_the_way: InTheWay = field(default_factory=InTheWay)
    _resting: str = ""
    _pause: float = 0.0
    _safe: str = ""
    _name: str = ""
    _told_at: float | None = None  # monotonic s, when the daemon was told to end

    def __post_init__(self) -> None:
        self.successor = Successor(self._needs_none, self.command)
        self.only = Only(supervised=self.record.supervised)

    @property
    def rules(self) -> Rules:
        """The patience of this daemon."""
        return self.record.rules

    @property
    def turning(self) -> bool:
        """Whether the process beats, or none is wanted just now."""
        return self.process is None or not self.process.silence

    @property
    def settled(self) -> bool:
        """Whether nothing is starting here, nor about to."""
        return self._pause >= LONG if self.process is None else self.process.settled

    @property
    def doing(self) -> str:
        """What the process does, or why there is none."""
        return self._resting if self.process is None else self.process.doing

    @property
    def name(self) -> str:
        """The computer's name, or its file's until that is read."""
        return self._name or str(self.lab) if self.process is None else self.process.name

    def _needs_none(self) -> bool:
        """Whether one is ready, or none may load a driver."""
        ready = self.spare is not None and self.spare.ready
        return ready or self.record.mode is Mode.IDLE

    async def keep(self, go: asyncio.Event, stop: asyncio.Event) -> Code:
        """Keep the computer up until told to stop, or until there is no point."""
        try:
            return await self._kept(go, stop)
        finally:
            await self.successor.end()
            self.only.release()

    async def alone(self, stop: asyncio.Event) -> bool:
        """Keep other daemons from this computer; where one has it, say which, and leave it alone.

        The process is killed that was to wait for its word, and has touched nothing: told to end,
        it would switch off what the other one's has left on.
        """
        process = self.process
        if process is None or self.refused:
            return not self.refused
        if other := await self.only.become(process.keeping, stop):
            self.refused = True
            tell(
                f"{process.name} is kept in tune by another daemon already, {other}; see "
                "kammerton status"
            )
            process.kill()
        return not self.refused

    async def _kept(self, go: asyncio.Event, stop: asyncio.Event) -> Code:
        spare = None
        while True:
            ending = await self._life(go, stop, spare)
            if self.refused:
                return Code.FAILED
            code = self.record.take(ending)
            idle = self.record.mode is Mode.IDLE  # switches nothing off: a spare has drivers loaded
            spare = None if ending.off or idle else self.spare
            if code is not None:
                if code is Code.FAILED and not (ending.off or ending.told):
                    ending = await self._life(asyncio.Event(), stop, spare, last=True)
                elif ending.told and not (ending.orderly or ending.off or idle):  # it was killed
                    ending = await self._life(go, stop, spare)
                return self._said(code, ending)
            if not await self._rest(ending, stop):
                if not ending.off:  # it may have left outputs on: one more, that switches off
                    ending = await self._life(go, stop, spare)
                return Code.DONE if ending.orderly and ending.code == Code.DONE else Code.FAILED

    async def _life(
        self, go: asyncio.Event, stop: asyncio.Event, spare: Spare | None, *, last: bool = False
    ) -> Ending:
        """Let one process live.

        last: it is told to end once it has loaded, if not before, so that it only switches off.
        """
        rules, mode, instead = self.rules, self.record.mode, self._told_at is not None
        order = Order(
            self.lab, self.text, mode, self._safe, rules.beat, self.named, instead,
            said=tuple(sorted(self.in_the_way.said)), supervised=self.record.supervised,
        )  # fmt: skip
        self.process = process = Process(
            order, rules, self.name, self.command, spare, self._told_at, self.successor
        )
        mine, ends = asyncio.Event(), asyncio.Event() if last else stop
        self.only.say()
        beside = [asyncio.create_task(self._was_read(process, go, mine, stop))]
        if last:
            beside += [asyncio.create_task(_passed_on(e, ends)) for e in (stop, process.loaded)]
        try:
            return await process.live(mine, ends)
        finally:
            for task in beside:
                task.cancel()
            await asyncio.wait(beside)
            self.read.set()
            self._name, self._told_at = process.name, process.told_at

    async def _was_read(
        self, process: Process, go: asyncio.Event, mine: asyncio.Event, stop: asyncio.Event
    ) -> None:
        """Take note of what lab.toml says; let go what may, which may come late.

        Where a process could not be begun, or died at once, the others were not kept waiting.
        """
        await process.loaded.wait()
        self.computer, self.database = process.name, process.database
        self.read.set()
        await go.wait()
        if self.distinct() and await self.alone(stop):
            mine.set()

    async def _rest(self, ending: Ending, stop: asyncio.Event) -> bool:
        """Wait before the next life; False when told to stop meanwhile."""
        if self.record.mode is Mode.SAFE and not self._safe:
            self._safe = ending.why
            log.critical(
                "%s: safe mode after %d quick failures, the last: %s; nothing is calibrated until "
                "a person restarts the daemon", self.name, self.rules.tries, ending.why,
            )  # fmt: skip
        pause = self.rules.pause(self.record.failures)
        when = f"in {pause:g} s" if pause else "now"
        if words := self.in_the_way.words(ending, when):
            log.error("%s: %s", self.name, words)
        self._resting, self.process = f"starts again {when}: {ending.why}", None
        self._pause = pause
        self.only.say(time.time() + pause, self.record.failures, ending.why)
        waiting = asyncio.create_task(stop.wait())
        await asyncio.wait([waiting], timeout=pause)
        waiting.cancel()
        if stop.is_set():
            self._told_at = time.monotonic()
        return not stop.is_set()

    def _said(self, code: Code, ending: Ending) -> Code:
        if code is Code.FAILED and not ending.off:
            doubt = "" if DOUBT in ending.why else f"outputs are {DOUBT}"  # else it says which
            why = "" if ending.explained else ending.why
            if words := ": ".join(filter(None, (why, doubt))):
                log.error("%s: %s", self.name, words)
        return code


async def _passed_on(told: asyncio.Event, to: asyncio.Event) -> None:
    await told.wait()
    to.set()
