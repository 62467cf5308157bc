"""The log of the daemon: one line each on stderr, of all its processes."""

from __future__ import annotations

import logging
import sys

TALKATIVE = ("qcodes", "pyvisa", "numba", "mqtt", "matplotlib", "asyncio")


def log_to_stderr(label: str = "") -> None:
    """Log with time and level, and with the label of the computer where there are several."""
    prefix = f"{label}: ".replace("%", "%%") if label else ""
    form = f"%(asctime)s %(levelname).1s {prefix}%(message)s"
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format=form, force=True)
    for name in TALKATIVE:
        logging.getLogger(name).setLevel(logging.ERROR)


def tell(*lines: str) -> None:
    """Tell the person who started the daemon, without time and level."""
    sys.stderr.writelines(f"{line}\n" for line in lines)
    sys.stderr.flush()
