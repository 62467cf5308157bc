"""The error queue of a SCPI instrument: codes of SCPI-99, vol. 2, ch. 21; above 0 the vendor's."""

from __future__ import annotations

import re
from collections import deque

MESSAGES = {
    0: "No error",
    -101: "Invalid character",
    -102: "Syntax error",
    -104: "Data type error",
    -108: "Parameter not allowed",
    -109: "Missing parameter",
    -113: "Undefined header",
    -114: "Header suffix out of range",
    -131: "Invalid suffix",
    -151: "Invalid string data",
    -161: "Invalid block data",
    -200: "Execution error",
    -211: "Trigger ignored",
    -213: "Init ignored",
    -220: "Parameter error",
    -221: "Settings conflict",
    -222: "Data out of range",
    -223: "Too much data",
    -224: "Illegal parameter value",
    -225: "Out of memory",
    -253: "Corrupt media",
    -254: "Media full",
    -256: "File name not found",
    -257: "File name error",
    -300: "Device-specific error",
    -350: "Queue overflow",
    -363: "Input buffer overrun",
    50: "External reference out of range or disconnected",  # R&S
}

_BESIDE_ASCII = re.compile(r"[^ -~]")


class ScpiError(Exception):
    """A message could not be obeyed; goes into the error queue, never to the client directly."""

    def __init__(self, code: int, detail: str = "") -> None:
        super().__init__(f"{code} {MESSAGES[code]} {detail}".rstrip())
        self.code, self.detail = code, detail


class ClippedError(ScpiError):
    """A value beyond a limit, of which a box takes the nearest that it has, and says so."""

    def __init__(self, asked: float, taken: float) -> None:
        super().__init__(-222, f"value clipped to {'upper' if asked > taken else 'lower'} limit")
        self.asked, self.taken = asked, taken


class ErrorQueue:
    """Errors in the order they happened; when full, the newest entry becomes -350."""

    def __init__(self, length: int = 32) -> None:
        self._entries: deque[tuple[int, str]] = deque()
        self._length = length

    def __len__(self) -> int:
        return len(self._entries)

    def push(self, error: ScpiError) -> None:
        """Append an error, or mark the overflow."""
        if len(self._entries) == self._length:
            self._entries[-1] = (-350, "")
        else:
            self._entries.append((error.code, error.detail))

    def pop(self, *, detailed: bool = True) -> tuple[int, str]:
        """Return and remove the oldest entry as (code, text); (0, "No error") when empty.

        The text is printable ASCII, as SCPI-99 has it, whatever a client sent.
        """
        code, detail = self._entries.popleft() if self._entries else (0, "")
        text = MESSAGES[code] + (f"; {detail}" if detail and detailed else "")
        return code, _BESIDE_ASCII.sub("?", text.replace('"', "'"))

    def clear(self) -> None:
        """Forget all errors."""
        self._entries.clear()
