"""One text of lab.toml -> one value: quantities with plausible sizes, channels, names, the broker.

Each function raises ValueError with a message for the person who wrote the text.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, unquote, urlsplit

from kammerton.lab.nearest import hint
from kammerton.lab.words import STAGES, Attenuation, Channel
from kammerton.model.parameter import ELEMENT
from kammerton.model.quantity import bare, parse, show, usual_unit
from kammerton.model.said import misleads

CHANNELS = range(1, 9)
NOTE = 80
"""Letters of a note."""
COMPUTER = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")
PORTS = {"mqtt": 1883, "mqtts": 8883}
PORT_WRONG = "the port is no number from 1 to 65535"
PREFIXES = ("", "m", "u", "n", "k", "M", "G")
_CHANNEL = re.compile(rf"({ELEMENT.pattern})\.(\d{{1,3}})", re.ASCII)


def quoted(value: Any) -> str:
    """Return a value as it may be shown in a message: short, on one line."""
    try:
        text = repr(value)
    except ValueError:  # Python writes no integer of more than 4300 digits
        return "a number too long to show"
    return text if len(text) <= 60 else f"{text[:57]}..."


def text(value: Any) -> str:
    """Return a text that is not empty."""
    if not isinstance(value, str):
        raise ValueError(f"needs a text in quotes, not {quoted(value)}")  # noqa: TRY004 - for pydantic
    if not value.strip():
        raise ValueError("must not be empty")
    return value


def quantity(
    unit: str,
    low: float = -math.inf,
    high: float = math.inf,
    *,
    magnitude: bool = False,
    usual: str = "",
) -> Callable[[Any], float]:
    """Return a reader of quantities in `unit` that lie between `low` and `high` (SI).

    With `magnitude` the limits are those of the absolute value. usual: what it is usually written
    in, where that is not what others of its unit are.
    """

    def read(value: Any) -> float:
        if isinstance(value, int | float) and not isinstance(value, bool) and not unit:
            value = str(value)
        if not isinstance(value, str):
            raise ValueError(  # noqa: TRY004 - ValueError is what pydantic collects
                f"needs a quantity with its unit in quotes, such as {_example(unit, low, high)}, "
                f"not {quoted(value)}"
            )
        if unit and bare(value):
            whole = f"{value.strip()} {_unit_for(value, unit, usual, low, high)}"
            raise ValueError(f'{value!r} has no unit; write "{whole}"')
        number = parse(value, unit)
        if not low <= (abs(number) if magnitude else number) <= high:
            raise ValueError(
                f"{quoted(value)} is not plausible: expected {_range(unit, low, high, magnitude)}"
            )
        return number

    return read


def attenuation(value: Any) -> Attenuation:
    """Read what a line loses: in all, or a table of what it loses at each stage."""
    read = quantity("dB", 0.0, 200.0)
    if not isinstance(value, dict):
        return Attenuation(read(value))
    if not value:
        raise ValueError(f"names no stage; stages are {', '.join(STAGES)}")
    for name in value:
        if name not in STAGES:
            raise ValueError(
                f"unknown stage {quoted(name)}{hint(name, STAGES)}; stages are {', '.join(STAGES)}"
            )
    stages = tuple((stage, _at(stage, read, value[stage])) for stage in STAGES if stage in value)
    return Attenuation(sum(loss for _, loss in stages), stages)


def _at(stage: str, read: Callable[[Any], float], value: Any) -> float:
    try:
        return read(value)
    except ValueError as error:
        raise ValueError(f"{stage}: {error}") from None


def count(low: int, high: int) -> Callable[[Any], int]:
    """Return a reader of whole numbers from `low` to `high`."""

    def read(value: Any) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            raise ValueError(f"needs a whole number from {low} to {high}, not {quoted(value)}")
        return value

    return read


def names(value: Any) -> tuple[str, ...]:
    """Read a list of names."""
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise ValueError(f"needs a list of names, not {quoted(value)}")
    return tuple(value)


def one_of(*words: str) -> Callable[[Any], str]:
    """Return a reader of one of some words."""

    def read(value: Any) -> str:
        if value not in words:
            known = ", ".join(f'"{word}"' for word in words)
            raise ValueError(f"needs one of {known}, not {quoted(value)}")
        return str(value)

    return read


def _range(unit: str, low: float, high: float, magnitude: bool) -> str:
    size = "a magnitude of " if magnitude else ""
    if math.isinf(high):
        return f"{size}at least {show(low, unit)}"
    return f"{size}{show(low, unit)} to {show(high, unit)}"


def _example(unit: str, low: float, high: float) -> str:
    size = {"Hz": 5e9, "s": 1e-6, "V": 0.1, "K": 0.05}.get(unit, 1.0)
    return f'"{show(min(max(size, low), high), unit)}"'


def _unit_for(number: str, unit: str, usual: str, low: float, high: float) -> str:
    """Return the unit in which a bare number would be plausible; the usual one where none is."""
    usual = usual or usual_unit(unit)
    units = [usual, *(prefix + unit for prefix in PREFIXES)]
    return next((u for u in units if low <= abs(parse(f"{number} {u}", unit)) <= high), usual)


def channel(value: Any) -> Channel:
    """Read "awg1.3"."""
    match = _CHANNEL.fullmatch(text(value))
    if match is None:
        raise ValueError(f'{quoted(value)} is not a channel such as "awg1.3"')
    number = int(match[2])
    if number not in CHANNELS:
        raise ValueError(
            f"{quoted(value)}: a generator has channels {CHANNELS[0]} to {CHANNELS[-1]}"
        )
    return Channel(match[1], number)


def computer(value: Any) -> str:
    """Read the name of a computer, which becomes part of topics."""
    if COMPUTER.fullmatch(text(value)) is None:
        raise ValueError(
            f"{quoted(value)} is not a name for a computer: "
            "a-z, 0-9 and -, at most 32 characters, not beginning with -"
        )
    return str(value)


def shown(value: Any) -> str:
    """Read a text that shows as itself in a log: without control signs and changes of direction.

    Names of files may have other signs that are not printable, such as a space that does not break.
    """
    odd = next((sign for sign in text(value) if misleads(sign)), None)
    if odd is not None:
        raise ValueError(f"holds U+{ord(odd):04X}, which no terminal shows as itself")
    return str(value)


def note(value: Any) -> str:
    """Read what is said beside every result: one short line."""
    if len(text(value)) > NOTE or not value.isprintable():
        raise ValueError(f"{quoted(value)} is no note: one line of at most {NOTE} characters")
    return str(value)


def database(value: Any) -> str:
    """Read a file's name, or the URL of a PostgreSQL server; it must hold no password."""
    if not shown(value).startswith("postgresql"):
        return file_name(value)
    scheme, _, rest = value.partition("://")
    user, at, _ = rest.partition("@")
    if scheme != "postgresql+psycopg":
        raise ValueError('the URL of a server begins with "postgresql+psycopg://"')
    if (at and ":" in user) or "password=" in unquote(rest).lower():
        raise ValueError("a password does not belong here: keep it in ~/.pgpass or PGPASSFILE")
    return str(value)


def file_name(value: Any) -> str:
    """Read the path of a file; "~" is the home folder."""
    if "://" in shown(value):
        raise ValueError(f"{_without_secret(value)} must be a path, not a URL")
    try:
        return str(Path(value).expanduser())
    except RuntimeError:
        raise ValueError(f"{quoted(value)}: there is no such home folder") from None


def broker(value: Any) -> SplitResult:
    """Read the URL of a broker; what may be a password is never repeated in a message."""
    try:
        url = urlsplit(text(value))
        port = url.port
    except ValueError as error:
        raise ValueError(f"is not a URL: {_without_value(error)}") from None
    if url.username is not None or url.password is not None:
        raise ValueError("holds a name or password; write them to username and password_file")
    if url.scheme not in PORTS:
        raise ValueError(f"{_without_secret(value)} must begin with mqtt:// or mqtts://")
    if port == 0:
        raise ValueError(f"is not a URL: {PORT_WRONG}")
    if not url.hostname:
        raise ValueError(
            f'{_without_secret(value)} needs a host, such as "{url.scheme}://127.0.0.1"'
        )
    if url.path not in ("", "/") or url.query or url.fragment:
        raise ValueError(f"{_without_secret(value)} must end after the host and port")
    return url


def _without_secret(url: str) -> str:
    """Return what is no URL of ours as it may be shown: a password stands before "@", or in a "?".

    However it is misspelt, and whatever `urlsplit` makes of it then.
    """
    return "this" if "@" in url or "?" in url else quoted(url)


def _without_value(error: ValueError) -> str:
    """Return what urlsplit complained of, but not the text, which may hold a password."""
    return PORT_WRONG if "ort" in str(error) else "its host cannot be read"
