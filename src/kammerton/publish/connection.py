"""What relay and subscriber ask of an MQTT client, so that no other file knows the library."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol

from kammerton.lab import Broker
from kammerton.publish.patience import Patience


@dataclass(frozen=True)
class Message:
    """One message that arrived."""

    topic: str
    payload: bytes
    retained: bool = False
    """Whether it was said before this subscription."""


@dataclass(frozen=True)
class Will:
    """What the broker publishes, retained, when the connection dies without a farewell."""

    topic: str
    payload: bytes


class Connection(Protocol):
    """One connection to a broker, from its start to its end. Never used again after an error."""

    async def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        """Publish at QoS 1; return when the broker has acknowledged.

        Raises
        ------
        BrokerError
            No acknowledgement came. The message may have been delivered all the same.
        """

    async def subscribe(self, *topics: str) -> None:
        """Subscribe at QoS 1.

        Raises
        ------
        BrokerError
            The broker did not grant it.
        """

    def messages(self) -> AsyncIterator[Message]:
        """Yield what arrives; raise BrokerError when the connection is lost."""


class Connect(Protocol):
    """How to make a connection: a new client each time, for `async with`.

    Entering raises BrokerError when the broker is unreachable or refuses. Left by an error, it
    breaks off without a farewell, and the broker says the last will. patience: how long to
    wait for an answer of a broker that has taken the connection; looked at for every answer.
    """

    def __call__(
        self, broker: Broker, will: Will | None = None, patience: Patience | None = None
    ) -> AbstractAsyncContextManager[Connection]:
        """Return a connection to be entered."""
