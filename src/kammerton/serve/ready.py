"""A process that is kept ready: it has loaded everything, and waits for its order.

Until then it opens no instrument, no database, no lock and no socket, and writes nothing. Imported
before anything heavy, so that it hears at once when its supervisor is gone.
"""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import threading
from importlib import import_module
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path
from typing import NoReturn

from kammerton import early
from kammerton.serve import heaps
from kammerton.serve.logs import log_to_stderr
from kammerton.serve.outlet import last_lines
from kammerton.serve.wire import Wire
from kammerton.serve.words import READY, Code

log = logging.getLogger(__name__)

NICE = 10
"""By how much others go before while it loads: a tenth of a core that is wanted by one of them."""

OURS = "kammerton"
"""The distribution whose drivers are loaded. What a plug-in does when it is imported nobody knows:
that is left to the process that needs it."""

NEEDED = (
    "kammerton.serve.child", "kammerton.serve.safe", "kammerton.lab.reading", "pyvisa_py",
)  # fmt: skip
"""For what switches off."""

MORE = "kammerton.serve.computer", "kammerton.bench.coadd"
"""For what calibrates."""


FIRST = 500
"""Of 1000: by how much sooner than others it is killed where memory is short (Linux). It serves
nobody yet; what the kernel would take else is a process with outputs on."""

OOM = Path("/proc/self/oom_score_adj")
PROGRAM = Path(__file__).parents[1]
BESIDE = [
    Path(place)
    for name in ("kammerton_drivers", "kammerton_calibrations")
    if (spec := find_spec(name)) is not None
    for place in spec.submodule_search_locations or ()
]
"""What is installed with it, and changes with it."""


def main(*, at_once: bool = False) -> NoReturn:
    """Load, say as often as asked that it is there, and live as ordered.

    at_once: load no more than what switches off, and go before others: it is needed soon.

    What was installed anew since it loaded ends it at the next question: the rest would be of other
    code. Another is begun then, and where it was to be taken a usual start follows.
    """
    code, before = _code(), first_to_go()
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before numpy
    wire = Wire.take()
    loading = threading.Thread(target=_load, args=[wire, at_once], name="loading", daemon=True)
    loading.start()
    while (text := wire.next()) == READY:
        if _code() != code:
            log.warning("it was installed anew since this process loaded, which ends: restart it")
            last_lines()
            os._exit(Code.DONE)
        wire.say(ready=True, told=early.came())
    if not text:
        os._exit(Code.DONE)  # the supervisor is gone or wants nothing; what loads is not waited for
    loading.join()
    _as_ever(before)
    from kammerton.serve import child

    child.leave(child.obey(wire, text))


def _code() -> frozenset[tuple[str, int, int]]:
    """Return what tells whether a file of the program was changed: its size and its time."""
    found = set[tuple[str, int, int]]()
    for folder in (PROGRAM, *BESIDE):
        for path in folder.rglob("*.py"):
            with contextlib.suppress(OSError):  # one goes just now, or is a link to nothing
                file = path.stat()
                found.add((str(path), file.st_size, file.st_mtime_ns))
    return frozenset(found)


def first_to_go() -> int | None:
    """Offer this process where memory is short; return what was asked for before."""
    with contextlib.suppress(OSError, ValueError):  # no Linux, or none that lets us
        before = int(OOM.read_text())
        OOM.write_text(str(min(before + FIRST, 1000)))
        return before
    return None


def _as_ever(before: int | None) -> None:
    """Take that offer back: a computer's process shall live as long as any."""
    if before is not None:
        try:
            OOM.write_text(str(before))
        except OSError as problem:
            log.warning("it stays the first to be killed where memory is short: %s", problem)


def _load(wire: Wire, at_once: bool) -> None:
    """Import what a process needs until its outputs are off, and the kernels of the first run."""
    try:
        if not at_once:
            _stand_back()
        log_to_stderr("kept ready")
        with heaps.loading():
            _load_what_switches_off()
            if not at_once:
                _load_what_calibrates()
    except BaseException:  # half loaded it is of no use, and the log says why
        log.exception("what a process needs cannot be loaded")
        last_lines()
        os._exit(Code.CRASHED)
    wire.say(ready=True, told=early.came())


def _load_what_switches_off() -> None:
    for name in NEEDED:
        import_module(name)
    for point in entry_points(group="kammerton.drivers"):
        if point.dist is not None and point.dist.name == OURS:
            point.load()


def _load_what_calibrates() -> None:
    for name in MORE:
        import_module(name)
    import_module("kammerton.serve.kernels").load_what_is_compiled()


def _stand_back() -> None:
    """Lower the priority, where it is of this thread alone and ends with it.

    What is of the process could not be taken back by an ordinary user. A thread that a library
    begins when it is imported keeps it.
    """
    if sys.platform == "linux":
        os.nice(NICE)
