"""For notebooks and other programs: read a computer's database, or follow its broker."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kammerton.client.follower import Follower, Update
    from kammerton.client.measuring import Measured
    from kammerton.client.notebook import Client
    from kammerton.client.subscriber import Subscriber
    from kammerton.client.why import Why

__all__ = ["Client", "Follower", "Measured", "Subscriber", "Update", "Why"]

_FILES = {"Client": "notebook", "Measured": "measuring", "Update": "follower"}


def __getattr__(name: str) -> Any:
    """Import what is asked for only: commands that read a database need nothing of a broker."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_FILES.get(name, name.lower())}"), name)
