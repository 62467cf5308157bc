"""The log of the daemon: one line each on stderr, of all its processes."""

from __future__ import annotations

import logging
import sys

from kammerton.serve.outlet import patient_stderr
from kammerton.serve.repeats import AS, Repeats

TALKATIVE = ("qcodes", "pyvisa", "numba", "mqtt", "matplotlib", "asyncio")


class _News(logging.Filter):
    """Lets no warning pass that the start before gave; all else."""

    def __init__(self, repeats: Repeats) -> None:
        super().__init__()
        self._repeats = repeats

    def filter(self, record: logging.LogRecord) -> bool:
        """Say whether a line is news; one that cannot be put into words is, for who handles that.

        Nobody guards a filter: what it raised would be raised in whoever logs, a driver about to
        switch off among them.
        """
        if record.levelno < logging.WARNING:
            return True
        try:
            text: str = getattr(record, AS, "") or record.getMessage()
        except Exception:  # noqa: BLE001 - any object may be in its arguments
            return True
        return self._repeats.news(text)


def log_to_stderr(label: str = "", repeats: Repeats | None = None) -> None:
    """Log with time and level, and with the label of the computer where there are several.

    From now on nothing that goes to stderr waits for who takes it.

    repeats: what the last start said, which was not up; if anything, only warnings that say
    something else, until `say_all`.
    """
    prefix = f"{label}: ".replace("%", "%%") if label else ""
    form = f"%(asctime)s %(levelname).1s {prefix}%(message)s"
    level = logging.WARNING if repeats is not None and repeats.before else logging.INFO
    patient_stderr()
    logging.basicConfig(level=level, stream=sys.stderr, format=form, force=True)
    if repeats is not None:
        for handler in logging.getLogger().handlers:
            handler.addFilter(_News(repeats))
    for name in TALKATIVE:
        logging.getLogger(name).setLevel(logging.ERROR)


def say_all() -> bool:
    """Log as usual from now on; return whether it was not so."""
    root = logging.getLogger()
    quiet = root.level > logging.INFO
    root.setLevel(logging.INFO)
    for handler in root.handlers:
        for each in handler.filters[:]:
            if isinstance(each, _News):
                handler.removeFilter(each)
    return quiet


def tell(*lines: str) -> None:
    """Tell the person who started the daemon, without time and level."""
    sys.stderr.writelines(f"{line}\n" for line in lines)
    sys.stderr.flush()
