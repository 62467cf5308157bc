"""What a driver sets while it configures its instrument, named so that it can be listed before."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
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


def _marking(name: str, said: object) -> Callable[[F], F]:
    def marked(connect: F) -> F:
        connect.__dict__[name] = said
        return connect

    return marked


def sets_up(setup: Setup) -> Callable[[F], F]:
    """Mark a driver's `connect` with what its instrument's `configure` will set."""
    return _marking("setup", setup)


def setup_of(connect: Callable[..., object]) -> Setup | None:
    """Return what was marked by `sets_up`; None where a driver does not say what it sets."""
    found: Setup | None = getattr(connect, "setup", None)
    return found


Allowed = Mapping[str, tuple[float, float]]
"""Quantity -> least and most that lab.toml allows at an output, SI or dBm."""

OwnLimits = Callable[[Allowed], Sequence[Setting]]
"""What lab.toml allows -> the limits of its own that an instrument is set to."""


def limits_itself(limits: OwnLimits) -> Callable[[F], F]:
    """Mark a driver's `connect` with the limits that its instrument itself keeps to."""
    return _marking("own_limits", limits)


def own_limits_of(connect: Callable[..., object]) -> OwnLimits | None:
    """Return what was marked by `limits_itself`; None where an instrument has no such limits."""
    found: OwnLimits | None = getattr(connect, "own_limits", None)
    return found
