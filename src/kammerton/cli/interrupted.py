"""Ctrl-C while a command waits: what was asked for is taken back where it can be, and said."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import typer

from kammerton.cli.loading import refuse

INTERRUPTED = 130
UNKNOWN = "interrupted; kammerton log --audit says what was done"


@contextmanager
def interruptible(otherwise: str = UNKNOWN) -> Iterator[None]:
    """Take Ctrl-C over while a command waits: say what is so then, and leave with code 130.

    otherwise: what is said where whoever was interrupted has no words.
    """
    try:
        with _an_exception():
            yield
    except KeyboardInterrupt as end:
        if sys.stderr.isatty():  # the terminal has written ^C there
            typer.echo(err=True)
        refuse([str(end) or otherwise])
        raise typer.Exit(INTERRUPTED) from None


@contextmanager
def _an_exception() -> Iterator[None]:
    """Make an exception of Ctrl-C, which ends the process at once before and after."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
