"""What is said when a fault cannot be put on."""

from __future__ import annotations

from collections.abc import Iterable

from kammerton_sim.names import stranger


class FaultError(ValueError):
    """A fault that cannot be put on: what is wrong, and what was perhaps meant."""


def one_of(what: str, name: str, known: Iterable[str]) -> str:
    """Return `name` if it is known; FaultError with the nearest and with all names."""
    if said := stranger(what, name, known):
        raise FaultError(said)
    return name


def require(holds: bool, message: str) -> None:
    """FaultError unless it holds."""
    if not holds:
        raise FaultError(message)
