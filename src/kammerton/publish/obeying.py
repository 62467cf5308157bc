"""Commands that arrived, done one after the other, each with an answer."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from kammerton.lab import Broker
from kammerton.model import BrokerError
from kammerton.model.alarm import Alarm, Tell
from kammerton.publish import payloads
from kammerton.publish.commands import Command, Desk, Refused, keys
from kammerton.publish.connection import Connection, Message
from kammerton.publish.topics import Topics

log = logging.getLogger(__name__)

WAITING = 20
"""Commands that may wait; more are refused."""

Obey = Callable[[Command], Awaitable[tuple[bool, str]]]
"""Does a command; returns whether it was done, and what came of it in words."""


class Obeying:
    """The commands of one computer, over all connections to the broker."""

    def __init__(self, topics: Topics, obey: Obey, tell: Tell) -> None:
        self._topics, self._obey, self._tell = topics, obey, tell
        self._desk = Desk(topics, {})
        self._waiting: asyncio.Queue[Command] = asyncio.Queue(WAITING)

    async def begin(self, connection: Connection, broker: Broker) -> None:
        """Read the keys anew and listen; does nothing where lab.toml names no keys.

        Keys that cannot be read are an alarm: then nobody may command, and publishing goes on.
        """
        if broker.commands is None:
            return
        try:
            self._desk.keys = await asyncio.to_thread(keys, broker.commands)
        except BrokerError as problem:
            self._desk.keys = {}
            self._tell(Alarm("command", self._topics.computer, str(problem)))
        await connection.subscribe(self._topics.command("+"))

    def heard(self, message: Message) -> None:
        """Take in a message; what is refused is an alarm and has no answer."""
        if not message.topic.startswith(self._topics.command("")):
            return
        try:
            self._waiting.put_nowait(self._desk.take(message))
        except Refused as refusal:
            self._tell(Alarm("command", self._topics.computer, f"refused: {refusal}"))
        except asyncio.QueueFull:
            text = f"refused: {WAITING} others wait"
            self._tell(Alarm("command", self._topics.computer, text))
        except Exception as error:  # nothing that is sent may end publishing
            log.exception("a command")
            text = f"refused: {type(error).__name__} while it was read"
            self._tell(Alarm("command", self._topics.computer, text))

    async def serve(self, connection: Connection) -> None:
        """Do what waits, for ever, and answer."""
        while True:
            command = await self._waiting.get()
            done, words = await self._done(command)
            log.info("%s over MQTT asks to %s: %s", command.user, command.verb, words)
            answer = {
                "schema": payloads.SCHEMA,
                "nonce": command.nonce,
                "done": done,
                "words": words,
            }
            await connection.publish(self._topics.answer, payloads.encode(answer))

    async def _done(self, command: Command) -> tuple[bool, str]:
        try:
            return await self._obey(command)
        except Exception as error:  # nothing that is sent may end publishing
            log.exception("a command")
            return False, f"failed: {type(error).__name__}"
