"""The end of the pipes that a computer's process holds: orders come in, heartbeats go out."""

from __future__ import annotations

import contextlib
import json
import os
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

from kammerton.serve.words import GO, SPARED, STOP, line, seconds_of

ORPHANED = 20.0
"""s that a process gets to switch off when its supervisor is gone; then it ends at once."""

WORDS = 300
"""Characters of what is done."""

BYTES = 3600
"""Bytes of what is done, or of why it ended: with the rest of its line less than the 4096 that are
written to a pipe as a whole or not at all (PIPE_BUF on Linux). The log has all of it."""

_CHUNK = 65536


class Wire:
    """Reads lines and sends messages; what libraries print goes to stderr instead.

    patience: s to switch off in when the supervisor is gone.
    """

    def __init__(self, down: int, up: int) -> None:
        self.patience = ORPHANED
        self._down, self._up = down, up
        self._rest = b""

    @classmethod
    def take(cls) -> Wire:
        """Take stdin and stdout over, so that nobody else reads or writes there."""
        down, up = os.dup(0), os.dup(1)
        os.dup2(2, 1)
        null = os.open(os.devnull, os.O_RDONLY)
        os.dup2(null, 0)
        os.close(null)
        if sys.platform != "win32":
            os.set_blocking(up, False)  # a supervisor that stands still must not stop the loop
        return cls(down, up)

    def say(self, **message: Any) -> None:
        """Send a message; where nobody can take it, it is lost. Long words are cut.

        What is longer than a pipe takes at once may arrive in part, and no heartbeat is heard
        behind that: a process that is well would be killed.
        """
        longest = {"beat": WORDS, "why": BYTES}
        short = {k: cut(v, longest[k]) if k in longest else v for k, v in message.items()}
        with contextlib.suppress(BlockingIOError, BrokenPipeError):
            os.write(self._up, line(short))

    def next(self) -> bytes:
        """Return the next line, or nothing when the supervisor is gone; blocks."""
        while b"\n" not in self._rest:
            try:
                chunk = os.read(self._down, _CHUNK)
            except OSError:  # Windows says so when the other end is gone
                chunk = b""
            if not chunk:
                return b""
            self._rest += chunk
        text, self._rest = self._rest.split(b"\n", 1)
        return text + b"\n"

    def listen(self, go: Callable[[], object], stop: Callable[[str, float], object]) -> None:
        """Call `go` and `stop(why, seconds)` when they are told, in a thread of its own.

        When the supervisor is gone it stops too, and ends the process for good a while later.
        """
        thread = threading.Thread(target=self._listen, args=(go, stop), name="orders", daemon=True)
        thread.start()

    def _listen(self, go: Callable[[], object], stop: Callable[[str, float], object]) -> None:
        while text := self.next():
            if text == GO:
                go()
            elif text.startswith(STOP):
                stop("the daemon ends", seconds_of(text))
        stop("the supervisor is gone", self.patience - SPARED)
        time.sleep(self.patience)
        os._exit(1)


def cut(words: str, longest: int = BYTES) -> str:
    """Return as much of words as fits: a letter takes up to twelve bytes."""
    words = words[:longest]
    while len(json.dumps(words)) > BYTES:
        words = words[: -max(1, len(words) // 8)]
    return words
