"""Answers at the terminal of `kammerton run --supervised`: each line is what another would type."""

from __future__ import annotations

import os
import select
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

VERBS = ("approve", "refuse")
LOOK = 1.0  # s between two looks whether the terminal is ours


def answering(lab: Path) -> None:
    """Take answers from the terminal, where there is one, until the process ends."""
    if sys.stdin.isatty():
        threading.Thread(target=_answer, args=(lab,), name="terminal", daemon=True).start()


def _answer(lab: Path) -> None:
    for line in _lines(sys.stdin.fileno()):
        if not (words := line.split()):
            continue
        if words[0] not in VERBS:
            sys.stderr.write("answer with: approve NUMBER, approve all of q0, refuse NUMBER\n")
            continue
        command = [sys.executable, "-m", "kammerton", *words, "--lab", str(lab)]
        subprocess.run(command, stdin=subprocess.DEVNULL, check=False)


def _lines(terminal: int) -> Iterator[str]:
    """Yield lines; read by the descriptor, since a thread that waits in a file keeps its lock."""
    left = b""
    with suppress(OSError):
        while read := (os.read(terminal, 4096) if _ready(terminal) else b"\0"):
            left += read.replace(b"\0", b"")
            *lines, left = left.split(b"\n")
            yield from (line.decode(errors="replace") for line in lines)


def _ready(terminal: int) -> bool:
    """Say whether there is something to read; in the background a read would stop the process."""
    if sys.platform == "win32":
        return True
    there = bool(select.select([terminal], [], [], LOOK)[0])
    mine = os.tcgetpgrp(terminal) == os.getpgrp()
    if there and not mine:
        threading.Event().wait(LOOK)
    return there and mine
