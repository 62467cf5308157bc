"""The process that compiles the fits: `python -m kammerton.serve.compiling`.

One at a time of each user for each folder that keeps them. It ends when who wanted it does, and
what it has finished stays on the disk.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

from kammerton.serve.ready import first_to_go
from kammerton.serve.wire import Wire

log = logging.getLogger(__name__)

NICE = 5
"""By how much others go before: a quarter of a core that is wanted by one of them."""

BELOW_NORMAL = 0x4000  # winbase.h

LOCK = "kammerton-compiling.{}.lock"
"""By the user: one who may not open another's would never compile."""
LOOK = 0.2  # s between two looks whether another has finished


def main() -> None:
    """Compile, and say how that ended."""
    wire = Wire.take()
    threading.Thread(target=_end_with, args=[wire], name="orders", daemon=True).start()
    _stand_back()
    wire.say(ended=_outcome(wire))


def _end_with(wire: Wire) -> NoReturn:
    """End at once when nobody waits for it any more."""
    while wire.next():
        pass
    os._exit(1)


def _stand_back() -> None:
    """Let others go before, for good: for the processor and where memory is short."""
    first_to_go()
    if sys.platform == "win32":
        import ctypes

        ctypes.windll.kernel32.SetPriorityClass(-1, BELOW_NORMAL)  # -1: this process
    else:
        os.nice(NICE)


def _outcome(wire: Wire) -> str:
    """Return why it is not all compiled; "" when it is."""
    from kammerton.estimation import compiled

    folder = compiled.folder()
    if folder is None:
        return "there is no folder that can be written to keep them in"
    try:
        with _alone(folder, wire):
            if not compiled.is_complete():  # another may have done it meanwhile
                _compile_all()
    except OSError as problem:
        return f"they cannot be kept in {folder}: {problem.strerror or problem}"
    return ""


def _compile_all() -> None:
    """Compile; anew where what an earlier process kept cannot be read, as after a power cut."""
    from kammerton.estimation import compiled

    try:
        compiled.compile_all()
    except OSError:
        raise
    except Exception as problem:  # noqa: BLE001 - numba tells of a torn file in many ways
        log.warning("what was compiled cannot be read, and is compiled anew: %r", problem)
        compiled.forget()
        compiled.compile_all()


@contextmanager
def _alone(folder: Path, wire: Wire) -> Iterator[None]:
    """Work while no other process does for this folder; the system lets it go however one ends."""
    from filelock import FileLock, Timeout

    from kammerton.estimation import compiled

    lock = FileLock(folder / LOCK.format(compiled.user()))
    try:
        lock.acquire(timeout=0)
    except Timeout:
        wire.say(waits=True)
        lock.acquire(poll_interval=LOOK)
        wire.say(waits=False)
    try:
        yield
    finally:
        lock.release()


if __name__ == "__main__":
    main()
