"""Commands that arrived, done one after the other, each with an answer."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

from kammerton.lab import Broker
from kammerton.model import BrokerError, StoreError
from kammerton.model.alarm import Alarm, Tell
from kammerton.publish import payloads
from kammerton.publish.command_log import CommandLog
from kammerton.publish.commands import Command, Desk, Refused, keys
from kammerton.publish.connection import Connection, Message
from kammerton.publish.topics import Topics
from kammerton.store.request import not_left

log = logging.getLogger(__name__)

WAITING = 20
"""Commands that may wait; more are refused."""

LAST = 1.0
"""s that a command under way gets at the end."""

Obey = Callable[[Command], Awaitable[tuple[bool | None, str]]]
"""Does a command; returns whether it was done (None: unknown, it may be yet), and words."""

LATE = "expired while it waited to be done"


class Obeying:
    """The commands of one computer, over all connections to the broker."""

    def __init__(self, topics: Topics, obey: Obey, tell: Tell, log: CommandLog) -> None:
        self._topics, self._obey, self._tell, self._log = topics, obey, tell, log
        self._began = datetime.now(UTC)
        self._desk: Desk | None = None
        self._unreadable = False
        self._waiting: asyncio.Queue[Command] = asyncio.Queue(WAITING)
        self._doing: asyncio.Task[payloads.Document] | None = None

    async def begin(self, connection: Connection, broker: Broker) -> None:
        """Read the keys anew and listen; does nothing where lab.toml names no keys.

        Keys that cannot be read are an alarm: then nobody may command, and publishing goes on.
        """
        if broker.commands is None:
            return
        if self._desk is None:
            self._desk = Desk(self._topics, {}, self._began, await self._log.newest())
        self._desk.keys = await self._keys(broker.commands)
        await connection.subscribe(self._topics.command("+"))

    async def _keys(self, file: Path) -> dict[str, bytes]:
        """Return who may command; nobody, with an alarm, where that cannot be read."""
        try:
            found = await asyncio.to_thread(keys, file)
        except BrokerError as problem:
            self._unreadable = True
            self._tell(Alarm("command keys", self._topics.computer, str(problem)))
            return {}
        if self._unreadable:
            self._unreadable = False
            self._tell(Alarm("command keys", self._topics.computer, "they were read", on=False))
        return found

    def heard(self, message: Message) -> None:
        """Take in a message; what is refused is an alarm and a line of the audit log, no answer."""
        if self._desk is None or not message.topic.startswith(self._topics.command("")):
            return
        try:
            self._waiting.put_nowait(self._desk.take(message))
        except Refused as refusal:
            self._refuse(str(refusal), refusal.user)
        except asyncio.QueueFull:
            self._refuse(f"{WAITING} others wait")
        except Exception as error:  # nothing that is sent may end publishing
            log.exception("a command")
            self._refuse(f"{type(error).__name__} while it was read")

    def _refuse(self, why: str, user: str | None = None) -> None:
        self._tell(Alarm("command", self._topics.computer, f"refused: {why}"))
        self._log.refuse(user, why)

    async def keep_log(self) -> None:
        """Write to the audit log what was refused, for ever."""
        await self._log.keep()

    async def serve(self, connection: Connection) -> None:
        """Do what waits, for ever, and answer.

        What is being done outlives the connection, and is answered on the next: it was accepted.
        """
        while True:
            if self._doing is None or self._doing.cancelled():
                command = await self._waiting.get()
                self._doing = asyncio.create_task(self._answer(command), name=command.nonce)
            answer = await asyncio.shield(self._doing)
            await connection.publish(self._topics.answer, payloads.encode(answer))
            self._doing = None

    async def end(self) -> None:
        """Let what was accepted get to whoever does it, for a moment; nobody waits for more."""
        if self._doing is None:
            return
        _, late = await asyncio.wait([self._doing], timeout=LAST)
        for doing in late:
            doing.cancel()
            await asyncio.wait([doing])

    async def _answer(self, command: Command) -> payloads.Document:
        done, words = await self._done(command)  # whoever does it logs what came of it
        return {"schema": payloads.SCHEMA, "nonce": command.nonce, "done": done, "words": words}

    async def _done(self, command: Command) -> tuple[bool | None, str]:
        if command.expired():  # what waits outlives the connection, which may be away for hours
            self._refuse(LATE, command.user)
            return False, not_left(command.verb, LATE)
        try:
            await self._log.accept(command)
            return await self._obey(command)
        except StoreError as problem:
            said = f"it cannot be recorded, and is not done: {problem}"
            words = not_left(command.verb, said)
            log.warning("%s over MQTT asks to %s: %s", command.user, command.verb, words)
            return False, words
        except Exception as error:  # nothing that is sent may end publishing
            log.exception("a command")
            return False, f"failed: {type(error).__name__}"
