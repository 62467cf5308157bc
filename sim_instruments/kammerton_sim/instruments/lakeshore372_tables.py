"""The settings of a Lake Shore 372, command by command: fields, limits, factory values.

Fields and limits: the upstream driver, which quotes the manual. Factory values: from memory.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from kammerton_sim.wire.errors import ScpiError
from kammerton_sim.wire.scpi import parts
from kammerton_sim.wire.settings import Number, Value


@dataclass(frozen=True)
class Group:
    """What one command sets for each of the inputs or outputs first ... last.

    heats: it decides what a heater puts out; goes into the ledger.
    """

    first: int
    last: int
    fields: tuple[Number, ...]
    heats: bool = False

    def default(self) -> tuple[Value, ...]:
        """Return the factory values."""
        return tuple(field.default for field in self.fields)

    def parse(self, texts: list[str]) -> tuple[Value, ...]:
        """Return the values; every field must be there."""
        if len(texts) != len(self.fields):
            raise ScpiError(-109 if len(texts) < len(self.fields) else -108)
        return tuple(f.parse(text) for f, text in zip(self.fields, texts, strict=True))

    def show(self, values: tuple[Value, ...]) -> str:
        """Return the answer to the query."""
        return ",".join(f.show(v) for f, v in zip(self.fields, values, strict=True))


def _whole(default: int, least: int, most: int) -> Number:
    return Number(default, least, most, whole=True)


def _real(default: float, least: float, most: float) -> Number:
    return Number(default, least, most, form="+.5E")


_OUTPUTS, _INPUTS = (0, 2), (1, 16)

GROUPS: Mapping[str, Group] = {
    "INSET": Group(
        *_INPUTS,
        (_whole(1, 0, 1), _whole(2, 1, 200), _whole(3, 3, 200), _whole(0, 0, 59), _whole(1, 1, 2)),
    ),
    "INTYPE": Group(
        *_INPUTS,
        (_whole(0, 0, 1), _whole(2, 1, 22), _whole(1, 0, 2), _whole(15, 1, 22), _whole(0, 0, 1),
         _whole(1, 1, 2)),
    ),
    "TLIMIT": Group(*_INPUTS, (_real(0.0, 0.0, 400.0),)),
    "OUTMODE": Group(
        *_OUTPUTS,
        (_whole(0, 0, 6), _whole(6, 1, 16), _whole(0, 0, 1), _whole(0, 0, 1), _whole(0, 0, 1),
         _whole(5, 0, 255)),
        heats=True,
    ),
    "PID": Group(
        *_OUTPUTS, (_real(10.0, 0.0, 1000.0), _real(20.0, 0.0, 10_000.0), _real(0.0, 0.0, 2500.0))
    ),
    "HTRSET": Group(
        *_OUTPUTS,
        (_whole(0, 0, 1), _whole(1, 1, 2), _whole(1, 0, 4), _real(0.0, 0.0, 1.732),
         _whole(1, 1, 2)),
    ),
    "RANGE": Group(*_OUTPUTS, (_whole(0, 0, 8),), heats=True),
    "SETP": Group(*_OUTPUTS, (_real(0.0, -273.15, 400.0),), heats=True),
    "RAMP": Group(*_OUTPUTS, (_whole(0, 0, 1), _real(0.0, 0.0, 100.0))),
}  # fmt: skip


@dataclass(frozen=True)
class Declared:
    """A group as one setting: its fields with commas between them."""

    group: Group

    @property
    def kind(self) -> Declared:
        """How it is read and shown."""
        return self

    @property
    def default(self) -> tuple[Value, ...]:
        """The factory values."""
        return self.group.default()

    def parse(self, text: str) -> tuple[Value, ...]:
        """Return the fields, or raise ScpiError."""
        return self.group.parse(arguments(text))

    def show(self, values: tuple[Value, ...]) -> str:
        """Return the answer to the query."""
        return self.group.show(values)


SETTINGS: Mapping[str, Declared] = {word.lower(): Declared(group) for word, group in GROUPS.items()}


_MOST = 64
"""Parameters that are looked at; no command has so many."""


def arguments(text: str) -> list[str]:
    """Return the parameters of a command, without blanks."""
    return [part.strip() for part in parts(text.strip(), _MOST)]
