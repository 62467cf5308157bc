"""What can be wrong with a line, as values; what is random in them comes from the proxy's seed.

A fault turns each piece of bytes that passes into steps: bytes to send, a pause in s, or an end
of the connection. `down` is the way from the instrument to the driver, `up` the other one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from random import Random
from typing import Literal

Way = Literal["down", "up"]


class End(Enum):
    """How a connection ends, or that it dies without a word."""

    FIN = "fin"
    RST = "rst"
    DEAD = "dead"


Step = bytes | float | End


@dataclass(frozen=True)
class Fault:
    """A sound line. `count`: so many pieces are hit, then the fault is over; None: for good."""

    count: int | None = None
    ways: tuple[Way, ...] = ("down",)

    def steps(self, piece: bytes, rng: Random) -> Iterator[Step]:
        """Return what becomes of a piece."""
        yield piece

    def at_connect(self, rng: Random) -> End | None:
        """Return how a new connection ends at once, if it does."""
        return None


@dataclass(frozen=True)
class Late(Fault):
    """The answer comes, but long after."""

    count: int | None = 1
    seconds: float = 1.0

    def steps(self, piece: bytes, rng: Random) -> Iterator[Step]:
        yield self.seconds
        yield piece


@dataclass(frozen=True)
class Swallow(Fault):
    """The answer never comes."""

    count: int | None = 1

    def steps(self, piece: bytes, rng: Random) -> Iterator[Step]:
        yield b""


@dataclass(frozen=True)
class HalfOpen(Fault):
    """The connection is dead for ever and nobody says so; new connections are sound."""

    count: int | None = 1

    def steps(self, piece: bytes, rng: Random) -> Iterator[Step]:
        yield End.DEAD


@dataclass(frozen=True)
class Blackhole(Fault):
    """Nothing passes in either direction, on new connections neither; nobody hangs up."""

    ways: tuple[Way, ...] = ("down", "up")

    def steps(self, piece: bytes, rng: Random) -> Iterator[Step]:
        yield End.DEAD


@dataclass(frozen=True)
class CutAfter(Fault):
    """The next piece ends after some bytes (None: at random), and the connection with it."""

    count: int | None = 1
    keep: int | None = None

    def steps(self, piece: bytes, rng: Random) -> Iterator[Step]:
        yield piece[: rng.randrange(len(piece)) if self.keep is None else self.keep]
        yield End.FIN


@dataclass(frozen=True)
class Reset(Fault):
    """The connection is reset in place of an answer."""

    count: int | None = 1

    def steps(self, piece: bytes, rng: Random) -> Iterator[Step]:
        yield End.RST


@dataclass(frozen=True)
class Flip(Fault):
    """One bit of the next piece is another."""

    count: int | None = 1

    def steps(self, piece: bytes, rng: Random) -> Iterator[Step]:
        spoilt = bytearray(piece)
        spoilt[rng.randrange(len(spoilt))] ^= 1 << rng.randrange(8)
        yield bytes(spoilt)


@dataclass(frozen=True)
class Slices(Fault):
    """The next pieces come byte by byte, of a long one the first part."""

    count: int | None = 20
    longest: int = 300

    def steps(self, piece: bytes, rng: Random) -> Iterator[Step]:
        for n in range(min(len(piece), self.longest)):
            yield piece[n : n + 1]
            yield 0.0005
        yield piece[self.longest :]


@dataclass(frozen=True)
class Duplicate(Fault):
    """The next piece comes twice."""

    count: int | None = 1

    def steps(self, piece: bytes, rng: Random) -> Iterator[Step]:
        yield piece
        yield piece


@dataclass(frozen=True)
class Latency(Fault):
    """Every piece takes longer: `seconds`, and up to `jitter` more."""

    ways: tuple[Way, ...] = ("down", "up")
    seconds: float = 0.02
    jitter: float = 0.02

    def steps(self, piece: bytes, rng: Random) -> Iterator[Step]:
        yield self.seconds + rng.random() * self.jitter
        yield piece


@dataclass(frozen=True)
class Bandwidth(Fault):
    """So many bytes a second pass, in small pieces."""

    ways: tuple[Way, ...] = ("down", "up")
    rate: float = 10_000.0

    def steps(self, piece: bytes, rng: Random) -> Iterator[Step]:
        size = max(1, round(self.rate / 50))
        for start in range(0, len(piece), size):
            part = piece[start : start + size]
            yield len(part) / self.rate
            yield part


@dataclass(frozen=True)
class FlakyConnect(Fault):
    """Connections that exist end, and this share of the new ones ends at once."""

    ways: tuple[Way, ...] = ("down", "up")
    share: float = 0.7

    def steps(self, piece: bytes, rng: Random) -> Iterator[Step]:
        yield End.RST

    def at_connect(self, rng: Random) -> End | None:
        return End.RST if rng.random() < self.share else None
