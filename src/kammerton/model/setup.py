"""What a driver sets while it configures its instrument, named so that it can be listed before."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from kammerton.model.quantity import show

F = TypeVar("F", bound=Callable[..., object])


@dataclass(frozen=True)
class Setting:
    """One write of a setup: the upstream driver's parameter, its value in `unit`.

    "channels.offset" is the offset of every channel.
    """

    quantity: str
    value: float | str
    unit: str = ""

    def __str__(self) -> str:
        return self.value if isinstance(self.value, str) else show(self.value, self.unit)


Setup = Callable[[float], Sequence[Setting]]
"""Sample rate in Hz -> all settings that `configure` makes, in its order."""


def sets_up(setup: Setup) -> Callable[[F], F]:
    """Mark a driver's `connect` with what its instrument's `configure` will set."""

    def marked(connect: F) -> F:
        connect.__dict__["setup"] = setup
        return connect

    return marked


def setup_of(connect: Callable[..., object]) -> Setup | None:
    """Return what was marked by `sets_up`; None where a driver does not say what it sets."""
    found: Setup | None = getattr(connect, "setup", None)
    return found
