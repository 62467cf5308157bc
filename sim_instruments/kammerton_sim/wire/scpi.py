"""Program messages of IEEE 488.2: split into units, units into parameters. Blocks go by length."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass

from kammerton_sim.wire.errors import ScpiError

_OVERRUN = -363
_GAP = re.compile(rb"[\s;]*")
_HEADER = re.compile(rb"([^\s?;]*)(\??)[ \t]*")
# Everything up to a separator, an unclosed quote, or '#digit', which begins a block. Possessive:
# a megabyte of garbage must not cost more than one pass.
# No possessive repeat of a group: Python 3.11.0 to 3.11.4 match those wrongly.
_TEXT = re.compile(rb"""(?:[^;\n"'#]++|"[^"]*+"|'[^']*+'|\#+(?![0-9]))*""")
LONGEST = 1 << 20
"""Bytes of one unit beside its block. A megabyte of pairs of quotes takes 100 MB to match."""

_PART = re.compile(r"""(?:[^,"']++|"[^"]*+"|'[^']*+'|["'])*""")


@dataclass(frozen=True)
class Unit:
    """One command or query of a program message, e.g. `SOURce2:VOLTage 0.5`.

    first: it begins a message, so its header starts at the root of the command tree.
    fault: SCPI code of what is already wrong with it, or 0.
    """

    header: str
    query: bool
    text: str
    block: memoryview | None = None
    first: bool = False
    fault: int = 0


def units(message: bytes | bytearray) -> Iterator[Unit]:
    """Split a program message; never fails, whatever the bytes are."""
    position, end, first = 0, len(message), True
    while True:
        gap = _match(_GAP, message, position)
        first = first or b"\n" in gap.group()
        if gap.end() >= end:
            return
        head = _match(_HEADER, message, gap.end())
        text = _match(_TEXT, message, head.end(), LONGEST)
        block, position, fault = _tail(message, text.end())
        if text.end() - head.end() == LONGEST < end - head.end():
            block, position, fault = None, end, _OVERRUN
        yield Unit(
            _latin(head.group(1)), bool(head.group(2)), _latin(text.group()), block, first, fault
        )
        first = False


def _match(
    pattern: re.Pattern[bytes],
    message: bytes | bytearray,
    position: int,
    most: int = sys.maxsize,
) -> re.Match[bytes]:
    found = pattern.match(message, position, min(position + most, len(message)))
    assert found is not None  # every pattern here matches the empty string
    return found


def _latin(text: bytes) -> str:
    return text.decode("latin-1").strip()


def _tail(message: bytes | bytearray, position: int) -> tuple[memoryview | None, int, int]:
    """Return the block that begins here (if any), where the next unit begins, and a fault."""
    if position >= len(message) or message[position] in b";\n":
        return None, position, 0
    if message[position] in b"\"'":
        return None, len(message), -151
    return _block(message, position)


def _block(message: bytes | bytearray, position: int) -> tuple[memoryview | None, int, int]:
    digits = message[position + 1] - ord("0")
    start = position + 2 + digits
    if digits == 0:  # indefinite: up to the end of the message, without its terminator
        end = len(message) - message.endswith(b"\n")
    else:
        length = bytes(message[position + 2 : start])
        end = start + int(length) if length.isdigit() and len(length) == digits else -1
    if not start <= end <= len(message):
        return None, len(message), -161
    block = memoryview(message)[start:end]
    rest = _match(_TEXT, message, end, LONGEST)
    return block, rest.end(), -161 if rest.group().strip() else 0


def parts(text: str, most: int) -> list[str]:
    """Split parameters at commas outside quotes, and look no further than so many; "" has none."""
    if not text:
        return []
    out, position = list[str](), 0
    while position <= len(text) and len(out) < most:
        found = _PART.match(text, position)
        assert found is not None
        out.append(found.group().strip())
        position = found.end() + 1
    return out


def string(text: str) -> str:
    """Return the content of a quoted parameter."""
    if len(text) < 2 or text[0] not in "\"'" or text[-1] != text[0]:
        raise ScpiError(-104, f"a quoted string is needed, not {text[:40]}")
    return text[1:-1]


def integer(text: str) -> int:
    """Return a whole number; `2.0E3` counts as one."""
    value = number(text)
    if value != int(value):
        raise ScpiError(-104, f"a whole number is needed, not {text[:40]}")
    return int(value)


def number(text: str) -> float:
    """Return a finite number without unit."""
    try:
        value = float(text.replace("_", "x"))  # to Python 1_0 is a number
    except ValueError:
        raise ScpiError(-104, f"a number is needed, not {text[:40]}") from None
    if not abs(value) < 1e300:
        raise ScpiError(-222, text[:40])
    return value


def block_of(data: bytes) -> bytes:
    """Return data as a definite-length block."""
    length = str(len(data)).encode()
    return b"#" + str(len(length)).encode() + length + data
