"""Commands from the broker: checked before they are believed, and never done twice.

Off unless `[broker] commands` in lab.toml names a file of keys. A command is a JSON object on
cmd/<verb>; its `mac` is the HMAC-SHA256, with the user's key, of the same object without `mac`, as
JSON with sorted keys and no blanks. What is retained, too long, too deep, unknown, not signed,
expired, older than this process or seen before is refused; what was done before a restart is known
to the inbox.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import math
import re
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    model_validator,
)
from pydantic_core import PydanticCustomError

from kammerton.model import BrokerError
from kammerton.model.said import flaw
from kammerton.publish.connection import Message
from kammerton.publish.received import SchemaOne
from kammerton.publish.topics import Topics

LARGEST = 4096
"""Bytes; more is refused unread."""

DEEPEST = 4
LIFE = timedelta(minutes=5)
SKEW = timedelta(seconds=30)
RATE, MINUTE = 10, timedelta(minutes=1)
"""So many commands a user and minute."""

KEPT = (LIFE + SKEW).total_seconds()
"""s after which a command that was taken has expired, and every copy of it."""

SHORTEST_KEY = 32

_TEXT = re.compile(rb'"(?:[^"\\]|\\.?)*+("?)', re.DOTALL)
"""A text, or one that nothing closes. It never looks back: time grows as the payload does."""

_SCOPE = r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$"
Scope = Annotated[str, StringConstraints(pattern=_SCOPE)]


def _readable(words: str) -> str:
    if wrong := flaw(words):
        raise PydanticCustomError("not_readable", "{wrong}", {"wrong": wrong})
    return words


Words = Annotated[str, StringConstraints(max_length=200), AfterValidator(_readable)]
User = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,31}$")]


class Refused(BrokerError):
    """A command that is not done, and why. user: who signed it; None where that is not known."""

    user: str | None = None


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")


class _Held(_Strict):
    """What is held or released: `scope`, or all `targets`, which may be groups of lab.toml."""

    scope: Scope | None = None
    targets: Annotated[list[Scope], Field(min_length=1, max_length=100)] | None = None

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if (self.scope is None) == (self.targets is None):
            raise PydanticCustomError("scope_or_targets", "needs scope or targets")
        return self


class Hold(_Held):
    """Take elements, instruments or the computer out of the loop's hands."""

    why: Words
    until: AwareDatetime | None = None


class Release(_Held):
    """Give it back."""


class Revert(_Strict):
    """Set parameters back to an earlier revision, as a new one."""

    to: Annotated[int, Field(ge=0)]
    names: Annotated[list[Scope], Field(max_length=100)]
    why: Words


class Measure(_Strict):
    """Run one calibration of one qubit next."""

    target: Scope
    calibration: Scope
    shots: Annotated[int, Field(ge=1, le=1_000_000)] | None = None


VERBS: Mapping[str, type[_Strict]] = {
    "hold": Hold,
    "release": Release,
    "revert": Revert,
    "measure": Measure,
}


class Envelope(_Strict):
    """What every command says."""

    schema_: SchemaOne = Field(alias="schema")
    computer: str
    verb: str
    user: User
    arguments: dict[str, Any]
    nonce: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$")]
    issued: AwareDatetime
    expires: AwareDatetime
    mac: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


@dataclass(frozen=True)
class Command:
    """A command to be done. waits_until: monotonic s when it expires, whatever the wall says."""

    verb: str
    arguments: Mapping[str, Any]
    user: str
    nonce: str
    issued: datetime
    expires: datetime
    waits_until: float = math.inf

    def expired(self) -> bool:
        """Whether it is too late to do it: by now its user may have done something else."""
        return datetime.now(UTC) > self.expires or time.monotonic() > self.waits_until


def signature(document: Mapping[str, Any], key: bytes) -> str:
    """Return the `mac` of a command without one."""
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()


def keys(file: Path) -> dict[str, bytes]:
    """Return the keys of a file: lines of a user's name and at least 32 characters.

    Raises
    ------
    BrokerError
        The file cannot be read or has another shape; no key is in the message.
    """
    try:
        lines = file.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError):
        raise BrokerError(f"{file}: the keys of commands cannot be read") from None
    found: dict[str, bytes] = {}
    for number, line in enumerate(lines, 1):
        words = line.split()
        if not words or line.startswith("#"):
            continue
        if len(words) != 2 or len(words[1]) < SHORTEST_KEY:
            raise BrokerError(
                f"{file}:{number}: this is no user and a key of {SHORTEST_KEY} characters or more"
            )
        found[words[0]] = words[1].encode()
    return found


@dataclass
class Desk:
    """Looks at every command of one computer.

    started: what is older may have been done. newest: when the newest command was issued that was
    taken so long ago that its nonce is not kept here any more, or before this process; what is not
    newer may be a copy of it, whatever the clock says. By a right clock all of those have expired.
    """

    topics: Topics
    keys: Mapping[str, bytes] = field(repr=False)
    started: datetime = field(default_factory=lambda: datetime.now(UTC))
    newest: datetime | None = None
    monotonic: Callable[[], float] = time.monotonic  # the clock on the wall may be set back
    _seen: dict[str, tuple[float, datetime]] = field(default_factory=dict)  # when, and issued when
    _recent: dict[str, deque[float]] = field(default_factory=dict)

    def take(self, message: Message, now: datetime | None = None) -> Command:
        """Return the command of a message.

        Raises
        ------
        Refused
            It must not be done; the reason holds nothing of what was sent.
        """
        now = now or datetime.now(UTC)
        verb = self._verb(message)
        envelope = _read(message.payload)
        self._authorise(envelope, message.payload)
        try:
            arguments = self._signed(envelope, verb, now)
        except Refused as refusal:
            refusal.user = envelope.user
            raise
        said = arguments.model_dump(mode="json", exclude_none=True)
        until = self.monotonic() + (envelope.expires - now).total_seconds()
        times = envelope.issued, envelope.expires, until
        return Command(verb, said, envelope.user, envelope.nonce, *times)

    def _signed(self, envelope: Envelope, verb: str, now: datetime) -> BaseModel:
        """Return the arguments of a command by somebody who may."""
        self._forget()
        self._fresh(envelope, verb, now)
        try:
            arguments = VERBS[verb].model_validate_json(json.dumps(envelope.arguments))
        except ValidationError as problem:
            raise Refused(f"{verb}: {_first(problem)}") from None
        self._once(envelope)
        return arguments

    def _verb(self, message: Message) -> str:
        if message.retained:
            raise Refused("a retained command")
        for verb in VERBS:
            if message.topic == self.topics.command(verb):
                return verb
        raise Refused(f"none of {', '.join(VERBS)}")

    def _authorise(self, envelope: Envelope, payload: bytes) -> None:
        key = self.keys.get(envelope.user, b"")
        try:
            document = json.loads(payload)
            mac = document.pop("mac")
            right = hmac.compare_digest(signature(document, key or b"nobody"), mac)
        except (ValueError, RecursionError):  # NaN, or what another reader would read otherwise
            raise Refused("not JSON as it should be") from None
        if not (key and right):
            raise Refused("not signed by anybody who may")

    def _fresh(self, envelope: Envelope, verb: str, now: datetime) -> None:
        if envelope.computer != self.topics.computer or envelope.verb != verb:
            raise Refused("meant for another computer or verb")
        if envelope.issued - now > SKEW or now > envelope.expires:  # a sum with year 1 overflows
            raise Refused("expired, or from the future")
        if envelope.expires - envelope.issued > LIFE:
            raise Refused(f"lives longer than {LIFE}")
        if envelope.issued < self.started:
            raise Refused("older than this process, which cannot know whether it was done")
        if self.newest is not None and envelope.issued <= self.newest:
            raise Refused("not newer than one that was accepted long before")

    def _forget(self) -> None:
        """Drop the nonces of what has expired, and keep of them when the newest was issued."""
        now = self.monotonic()
        old = [nonce for nonce, (when, _) in self._seen.items() if now - when > KEPT]
        issued = [self._seen.pop(nonce)[1] for nonce in old]
        self.newest = max((t for t in (self.newest, *issued) if t is not None), default=None)

    def _once(self, envelope: Envelope) -> None:
        now = self.monotonic()
        if envelope.nonce in self._seen:
            raise Refused("seen before")
        recent = self._recent.setdefault(envelope.user, deque(maxlen=RATE))
        if len(recent) == RATE and now - recent[0] < MINUTE.total_seconds():
            raise Refused(f"more than {RATE} in {MINUTE}")
        recent.append(now)
        self._seen[envelope.nonce] = now, envelope.issued


def _read(payload: bytes) -> Envelope:
    if len(payload) > LARGEST:
        raise Refused(f"more than {LARGEST} bytes")
    if _depth(payload) > DEEPEST:
        raise Refused(f"deeper than {DEEPEST}")
    try:
        return Envelope.model_validate_json(payload)
    except ValidationError as problem:
        raise Refused(_first(problem)) from None


def _depth(payload: bytes) -> int:
    """Return how deep brackets nest at most, those in texts that are closed aside."""
    deepest = depth = 0
    for byte in _TEXT.sub(lambda text: b"" if text[1] else text[0], payload):
        depth = max(0, depth + (byte in b"[{") - (byte in b"]}"))
        deepest = max(deepest, depth)
    return deepest


def _first(problem: ValidationError) -> str:
    """Return the first thing wrong, without repeating what was sent."""
    first = problem.errors(include_url=False, include_input=False, include_context=False)[0]
    known = {*Envelope.model_fields, *(n for v in VERBS.values() for n in v.model_fields), "schema"}
    place = ".".join(str(step) for step in first["loc"] if isinstance(step, int) or step in known)
    return f"{place or 'payload'}: {first['type']}"
