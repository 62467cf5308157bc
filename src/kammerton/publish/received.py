"""Payloads on the other side: bytes from a broker, believed only after they were checked.

Whatever the bytes, a parser returns or raises BrokerError. A number that is not finite is refused
also where nobody reads it: no JSON holds one, and we publish none.
"""

from __future__ import annotations

import json
import math
from collections.abc import Collection
from typing import Annotated, Any, Literal, NoReturn, TypeVar

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    FiniteFloat,
    StringConstraints,
    ValidationError,
)

from kammerton.model import BrokerError, Estimate
from kammerton.model.parameter import ELEMENT
from kammerton.model.said import spelt
from kammerton.publish.payloads import digest

LARGEST = 4 * 2**20
"""Bytes; a payload that is larger is refused unread: to read it takes a second, in which nothing
else turns. A computer of 20,000 parameters has so much."""

SMALL = 2**16
"""Bytes of a status, alike."""

LONGEST = 300
"""Letters of what others call themselves, or their database."""

_NAME = rf"^{ELEMENT.pattern}\.{ELEMENT.pattern}$"
Kind = TypeVar("Kind", bound=BaseModel)
Name = Annotated[str, StringConstraints(pattern=_NAME)]
Number = Annotated[int, Field(ge=0)]
SchemaOne = Annotated[int, Field(ge=1, le=1)]
"""A Literal of 1 would be true and 1.0, too."""


def _shown(words: str) -> str:
    """Return what others call themselves as a log may show it: on one line, and not for ever."""
    return " ".join(spelt(words[:LONGEST]).split())


Shown = Annotated[str, AfterValidator(_shown)]


class _Checked(BaseModel):
    # Fields that a later version adds are ignored; a later schema is refused.
    model_config = ConfigDict(frozen=True, strict=True, extra="ignore")


class Received(_Checked):
    """One value as it was published."""

    revision: Number
    value: FiniteFloat
    stderr: Annotated[FiniteFloat, Field(ge=0)]
    unit: str
    time: AwareDatetime
    valid_until: AwareDatetime | None
    quality: str
    run: str

    def estimate(self, note: str = "") -> Estimate:
        """Return it as an estimate. note: what the document that it came in says beside it."""
        told = self.value, self.stderr, self.unit, self.time, self.run, self.valid_until
        return Estimate(*told, note)


class ParameterSet(_Checked):
    """A snapshot or a delta."""

    schema_: SchemaOne = Field(alias="schema")
    epoch: str
    revision: Number
    parameters: dict[Name, Received]
    ahead: FiniteFloat | None = None
    note: str = ""


class Seal(_Checked):
    """What tells one snapshot from another."""

    epoch: Shown
    revision: Number
    sha256: Shown = ""


class Status(_Checked):
    """Whether the daemon is there."""

    schema_: SchemaOne = Field(alias="schema")
    epoch: str
    revision: Number | None = None
    status: Literal["online", "safe mode", "offline"]
    time: AwareDatetime
    instance: Shown = ""
    note: str = ""
    ahead: FiniteFloat | None = None
    boxes: tuple[Shown, ...] = ()


class Told(_Checked):
    """An alarm, as far as it tells what is on."""

    kind: str
    on: bool
    subjects: tuple[str, ...]
    texts: tuple[str, ...]


def parameter_set(payload: bytes) -> ParameterSet:
    """Return a snapshot or delta that is as its publisher made it.

    Raises
    ------
    BrokerError
        The payload is not what we publish, or its hash is not that of its content: something on the
        way has changed or cut it, or another program made it.
    """
    found, document = _read(ParameterSet, payload)
    said = document.pop("sha256", None)
    if said is None:
        raise BrokerError(f"{_called(found)} has no sha256")
    if said != digest(document):
        raise BrokerError(f"the sha256 of {_called(found)} is not that of its content")
    return found


def names(payload: bytes, epochs: Collection[str]) -> frozenset[str]:
    """Return the parameters of a snapshot of one of these epochs.

    None of another's, who may publish them still, and of one that is not as its publisher made it.
    """
    try:
        found = parameter_set(payload)
    except BrokerError:
        return frozenset()
    return frozenset(found.parameters) if found.epoch in epochs else frozenset()


def _called(found: ParameterSet) -> str:
    return f"revision {found.revision} of epoch {found.epoch[:20]!r}"


def seal(payload: bytes) -> Seal:
    """Return which snapshot this is.

    Raises
    ------
    BrokerError
        The payload is no snapshot of ours.
    """
    return _checked(Seal, payload)


def seal_if_any(payload: bytes) -> Seal | None:
    """Return which snapshot this is; None where it is none of ours."""
    try:
        return seal(payload)
    except BrokerError:
        return None


def status(payload: bytes) -> Status:
    """Return a status.

    Raises
    ------
    BrokerError
        The payload is not what we publish.
    """
    return _read(Status, payload, SMALL)[0]


def alarm(payload: bytes) -> Told:
    """Return an alarm.

    Raises
    ------
    BrokerError
        The payload is not what we publish.
    """
    return _checked(Told, payload)


def _checked(kind: type[Kind], payload: bytes) -> Kind:
    return _read(kind, payload)[0]


def _read(
    kind: type[Kind], payload: bytes, largest: int | None = None
) -> tuple[Kind, dict[str, Any]]:
    """Return what was read and the whole document, in which are fields that are ignored, too."""
    if len(payload) > (LARGEST if largest is None else largest):
        raise BrokerError(f"a payload of {len(payload)} bytes is refused unread")
    try:
        found = kind.model_validate_json(payload)  # first: it refuses the deep and the malformed
        return found, json.loads(payload, parse_constant=_no_number, parse_float=_finite)
    except ValidationError as problem:
        first = problem.errors(include_url=False, include_input=False)[0]
        place = _shown(".".join(str(step) for step in first["loc"]))
        raise BrokerError(f"unreadable payload: {place}: {first['msg']}") from problem
    except (ValueError, RecursionError) as problem:  # also what another reader of JSON would refuse
        raise BrokerError(f"unreadable payload: {problem}") from problem


def _finite(digits: str) -> float:
    number = float(digits)
    return number if math.isfinite(number) else _no_number(digits)


def _no_number(word: str) -> NoReturn:
    raise ValueError(f"{word[:20]} is no finite number")
