"""The log of the daemon: one line each on stderr, of all its processes."""

from __future__ import annotations

import logging
import sys

log = logging.getLogger(__name__)

TALKATIVE = ("qcodes", "pyvisa", "numba", "mqtt", "matplotlib", "asyncio")


def log_to_stderr(label: str = "", *, said: bool = False) -> None:
    """Log with time and level, and with the label of the computer where there are several.

    said: whether what a start says was said by the last one; then warnings only, until `say_all`.
    """
    prefix = f"{label}: ".replace("%", "%%") if label else ""
    form = f"%(asctime)s %(levelname).1s {prefix}%(message)s"
    level = logging.WARNING if said else logging.INFO
    logging.basicConfig(level=level, stream=sys.stderr, format=form, force=True)
    for name in TALKATIVE:
        logging.getLogger(name).setLevel(logging.ERROR)


def say_all() -> None:
    """Log as usual from now on: it is up."""
    root = logging.getLogger()
    if root.level > logging.INFO:
        root.setLevel(logging.INFO)
        log.info("it starts: nothing stands in its way any more")


def tell(*lines: str) -> None:
    """Tell the person who started the daemon, without time and level."""
    sys.stderr.writelines(f"{line}\n" for line in lines)
    sys.stderr.flush()
