"""An ordinary MQTT subscriber: it knows the topics and nothing else."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import aiomqtt

from kammerton.model import Estimate

TOPIC = "kammerton/v1/+/param/+/+"


@dataclass
class Received:
    """What has come over MQTT so far."""

    parameters: dict[str, Estimate] = field(default_factory=dict)
    first: float | None = None
    latest: float = 0.0

    def take(self, topic: str, payload: bytes) -> None:
        """Take one message; `first` remembers when the first one came (monotonic)."""
        *_, element, name = topic.split("/")
        if not payload:  # it is taken back
            self.parameters.pop(f"{element}.{name}", None)
            return
        data = json.loads(payload)
        until = data.get("valid_until")
        self.parameters[f"{element}.{name}"] = Estimate(
            data["value"], data["stderr"], data["unit"], datetime.fromisoformat(data["time"]),
            data["run"], datetime.fromisoformat(until) if until else None,
        )  # fmt: skip
        self.latest = time.monotonic()
        if self.first is None:
            self.first = self.latest

    def now(self) -> datetime:
        """Return laboratory time as far as a subscriber can know it.

        The simulated laboratory runs ahead of the wall; the newest value tells how far.
        """
        newest = max((e.time for e in self.parameters.values()), default=datetime.now(UTC))
        return newest + timedelta(seconds=time.monotonic() - self.latest)


@asynccontextmanager
async def subscribed(port: int) -> AsyncIterator[Received]:
    """Subscribe on loopback; yields what has been received."""
    received = Received()
    client = aiomqtt.Client("127.0.0.1", port)
    # stopped while it connects, nobody would ask for what it fails with then
    client._disconnected.add_done_callback(lambda end: end.cancelled() or end.exception())  # noqa: SLF001
    async with client:
        await client.subscribe(TOPIC, qos=1)
        task = asyncio.create_task(_listen(client, received))
        try:
            yield received
        finally:
            task.cancel()
            await asyncio.wait([task])


async def _listen(client: aiomqtt.Client, received: Received) -> None:
    async for message in client.messages:
        if isinstance(message.payload, bytes):
            received.take(message.topic.value, message.payload)
