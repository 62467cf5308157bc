"""Boxes that daemons on other computers have, as their status says: one box has one daemon.

Locks of the operating system do not reach from one control PC to another. What is retained as a
daemon's status does, where both publish to one broker.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta

from kammerton.lab import Broker
from kammerton.model import BrokerError
from kammerton.publish import mqtt, received
from kammerton.publish.connection import Connect, Connection
from kammerton.publish.received import Status
from kammerton.publish.session import STATUS_EVERY
from kammerton.publish.topics import EVERY_STATUS, computer_of

log = logging.getLogger(__name__)

PATIENCE = 2.5
"""s that the broker gets for all."""

FIRST, QUIET = 0.5, 0.15
"""s in which the first status comes, of those that the broker retains, and each further one."""

FRESH = timedelta(seconds=3 * STATUS_EVERY)
"""Age of a status from which it is not believed: its daemon and its last will are gone."""


async def claimed(broker: Broker, connect: Connect = mqtt.connect) -> Mapping[str, str]:
    """Return each box that a daemon on another computer has, and in words whose it is.

    Daemons on this one are left out: the locks of the operating system tell them.

    Raises
    ------
    BrokerError
        The broker is away, or says nothing: nobody knows.
    """
    found = dict[str, str]()
    try:
        async with asyncio.timeout(PATIENCE), connect(broker) as connection:
            await connection.subscribe(EVERY_STATUS)
            async for computer, said in _retained(connection):
                words = f"the daemon of {computer} on {said.instance} (host/process)"
                found |= dict.fromkeys(said.boxes, words)
    except TimeoutError:
        if not found:
            raise BrokerError(f"{broker.host}:{broker.port} says nothing") from None
    return found


async def _retained(connection: Connection) -> AsyncIterator[tuple[str, Status]]:
    """Yield what daemons on other computers say, as far as it is of now."""
    messages, patience = aiter(connection.messages()), FIRST
    while True:
        try:
            message = await asyncio.wait_for(anext(messages), patience)
        except (TimeoutError, StopAsyncIteration):
            return
        patience = QUIET
        with suppress(BrokerError):  # another program's
            said = received.status(message.payload)
            if _elsewhere(said, datetime.now(UTC)):
                yield computer_of(message.topic), said


def _elsewhere(said: Status, now: datetime) -> bool:
    host = said.instance.partition("/")[0]
    if said.status == "offline" or not said.boxes or host in ("", socket.gethostname()):
        return False
    age = abs(now + timedelta(seconds=said.ahead or 0.0) - said.time)
    if age > FRESH:
        log.warning(
            "the status of %s is of %s: it is not believed that its instruments are in use",
            said.instance, said.time,
        )  # fmt: skip
    return age <= FRESH
