"""A stream for the log that never waits for whoever takes it.

A terminal that is stopped by Ctrl-S, a pager, a full pipe: a line that waits there would stop the
event loop that reads the refrigerator, and with it all that switches outputs off.
"""

from __future__ import annotations

import atexit
import io
import os
import stat
import sys
import threading
import time
from collections import deque

MOST = 4000
"""Pieces that are kept while nobody takes them; what comes then is lost, and counted."""

LAST = 1.0
"""s that the end of a process waits for its last lines to be taken."""


ROOM = 0.05
"""s until the next try where who takes it has no room, and does not keep a write waiting."""


class Outlet(io.TextIOBase):
    """Text for a file descriptor, written by a thread of its own."""

    def __init__(self, descriptor: int, most: int = MOST) -> None:
        self._descriptor, self._most = descriptor, most
        self._waiting: deque[bytes] = deque()
        self._news = threading.Condition()
        self._lost, self._busy, self._process = 0, False, 0
        self._unwritten, self._why, self._torn = 0, "", False

    def write(self, text: str) -> int:
        """Hand over text; it is written as soon as it is taken."""
        with self._news:
            if self._process != os.getpid():  # the first text, or that of a forked process
                self._begin()
            if len(self._waiting) < self._most:
                self._waiting.append(text.encode("utf-8", "backslashreplace"))
            else:
                self._lost += 1
            self._news.notify_all()
        return len(text)

    def flush(self) -> None:
        """Do nothing: nobody may wait here."""

    def drain(self, within: float = LAST) -> bool:
        """Wait for all to be taken, so many s at most; say whether it was, and no line is lost."""
        end = time.monotonic() + within
        with self._news:
            while self._waiting or self._busy:
                left = end - time.monotonic()
                if left <= 0 or self._process != os.getpid():
                    return False
                self._news.wait(left)
            return not self._unwritten

    def fileno(self) -> int:
        """Return the file descriptor."""
        return self._descriptor

    def isatty(self) -> bool:
        """Say whether a terminal takes it."""
        return os.isatty(self._descriptor)

    def writable(self) -> bool:
        """Say yes."""
        return True

    @property
    def encoding(self) -> str:  # type: ignore[override]
        """Return the encoding."""
        return "utf-8"

    def _begin(self) -> None:
        self._process, self._busy = os.getpid(), False
        threading.Thread(target=self._run, name="log", daemon=True).start()

    def _run(self) -> None:
        while True:
            with self._news:
                self._busy = False
                self._news.notify_all()
                while not self._waiting:
                    self._news.wait()
                data, lost = b"".join(self._waiting), self._lost
                self._waiting.clear()
                self._lost, self._busy = 0, True
            self._put(data, lost)

    def _put(self, data: bytes, lost: int) -> None:
        """Write what came, between what is said of lines before it and after it that are lost."""
        head, tail = b"\n" * self._torn, b""
        if self._unwritten:
            head += b"%d lines of the log are lost: %s\n" % (self._unwritten, self._why.encode())
        if lost:
            tail = b"%d lines of the log are lost: nobody took them\n" % lost
        whole = head + data + tail
        done = self._all(whole)
        if done:
            self._torn = whole[done - 1 : done] != b"\n" and done < len(whole)
        if done >= len(head):
            self._unwritten = 0
        if done < len(whole):
            self._unwritten += data[max(0, done - len(head)) :].count(b"\n") + lost

    def _all(self, data: bytes) -> int:
        """Write bytes; return how many of them, or all where nobody is there any more."""
        view = memoryview(data)
        while view:
            try:
                view = view[os.write(self._descriptor, view) :]
            except BlockingIOError:
                time.sleep(ROOM)
            except ConnectionError:  # nobody is there any more, and nobody can be told
                break
            except OSError as problem:  # a full disk, say: it is told once there is room
                self._why = problem.strerror or str(problem)
                return len(data) - len(view)
        return len(data)


def patient_stderr() -> None:
    """Have everything that goes to stderr from now on wait for nobody."""
    own = sys.__stderr__
    if own is None or sys.stderr is not own:
        return  # it is an outlet already, or somebody else's, as of a test
    own.flush()
    outlet = Outlet(own.fileno())
    sys.stderr = outlet
    atexit.register(outlet.drain)


def last_lines() -> None:
    """Let the last lines be taken before the process is gone, as far as anybody takes them."""
    if isinstance(sys.stderr, Outlet):
        sys.stderr.drain()
    elif sys.stderr is not None:
        sys.stderr.flush()


def for_a_crash() -> int:
    """Return a descriptor for stderr whose writes fail where they would wait.

    C code that ends a process that hangs writes there first. Of a socket, and where the system
    shows no descriptors as files, it is stderr itself.
    """
    descriptor = 2
    kind = os.fstat(descriptor).st_mode
    if stat.S_ISCHR(kind) or stat.S_ISFIFO(kind):
        flags = os.O_WRONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0)
        try:
            return os.open(f"/proc/self/fd/{descriptor}", flags)
        except OSError:
            return descriptor
    return descriptor
