"""Kammerton keeps quantum computers in tune and publishes what it knows about them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kammerton.client import Client, Subscriber
    from kammerton.lab import Broker
    from kammerton.model.errors import NotMeasured

__version__ = "0.1.0"
__all__ = ["Broker", "Client", "NotMeasured", "Subscriber", "__version__"]


def __getattr__(name: str) -> Any:
    """Import the client only when it is asked for: the command line starts without it."""
    if name in ("Client", "Subscriber"):
        from kammerton import client

        return getattr(client, name)
    if name == "Broker":
        from kammerton.lab import Broker

        return Broker
    if name == "NotMeasured":
        from kammerton.model.errors import NotMeasured

        return NotMeasured
    raise AttributeError(f"module 'kammerton' has no attribute {name!r}")


def __dir__() -> list[str]:
    """Name what is imported when it is asked for, too: notebooks complete by it."""
    return sorted(__all__)
