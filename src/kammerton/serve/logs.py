"""The log of the daemon: one line each on stderr, of all its processes."""

from __future__ import annotations

import logging
import sys

TALKATIVE = ("qcodes", "pyvisa", "numba", "mqtt", "matplotlib", "asyncio")


class _News(logging.Filter):
    """Lets no line pass that holds all of what was said before."""

    def __init__(self, said: str) -> None:
        super().__init__()
        self._said = said.splitlines()

    def filter(self, record: logging.LogRecord) -> bool:
        """Say whether a line is news."""
        text = record.getMessage()
        return not all(each in text for each in self._said)


def log_to_stderr(label: str = "", *, said: str = "") -> None:
    """Log with time and level, and with the label of the computer where there are several.

    said: what stood in the way of the last start, and was said; then only warnings that say
    something else, until `say_all`.
    """
    prefix = f"{label}: ".replace("%", "%%") if label else ""
    form = f"%(asctime)s %(levelname).1s {prefix}%(message)s"
    level = logging.WARNING if said else logging.INFO
    logging.basicConfig(level=level, stream=sys.stderr, format=form, force=True)
    for handler in logging.getLogger().handlers if said else ():
        handler.addFilter(_News(said))
    for name in TALKATIVE:
        logging.getLogger(name).setLevel(logging.ERROR)


def say_all() -> bool:
    """Log as usual from now on; return whether it was not so."""
    root = logging.getLogger()
    if root.level <= logging.INFO:
        return False
    root.setLevel(logging.INFO)
    for handler in root.handlers:
        for each in handler.filters[:]:
            if isinstance(each, _News):
                handler.removeFilter(each)
    return True


def tell(*lines: str) -> None:
    """Tell the person who started the daemon, without time and level."""
    sys.stderr.writelines(f"{line}\n" for line in lines)
    sys.stderr.flush()
