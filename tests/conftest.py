"""Fixtures for every test: nothing may be left behind."""

from __future__ import annotations

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before numpy, as the command line does

import gc
import signal
from collections.abc import Iterator
from functools import cache

import pytest
import typer.main
from hypothesis import settings

from tests.leftovers import leftover_threads, pending_tasks

# A busy machine is no failure: examples have no deadline, the test itself has (pytest-timeout).
# Examples are the same in every run, so that what fails is what was changed; `make fuzz` draws
# others, and more (--hypothesis-profile=wide).
settings.register_profile("house", settings(deadline=None, derandomize=True))
settings.register_profile("wide", settings(deadline=None, max_examples=1000))
settings.load_profile("house")

# Asked for the command line, typer builds all commands anew; hundreds of tests ask for it.
vars(typer.main)["get_command"] = cache(typer.main.get_command)


# Whatever starts tests in the background may have them ignore Ctrl-C; some press it.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

gc.disable()  # twelve thousand tests are collected, and none of them is garbage


def pytest_collection_finish() -> None:
    """Look for garbage from now on, but never among the tests and the modules: they stay."""
    gc.enable()
    gc.freeze()


@pytest.fixture(autouse=True)
def left_pending() -> Iterator[list[str]]:
    """Fail a test whose event loop ended while a task was still pending."""
    with pending_tasks() as found:
        yield found
    if found:
        pytest.fail("left pending: " + "; ".join(found))


@pytest.fixture(autouse=True)
def left_running() -> Iterator[list[str]]:
    """Fail a test that leaves a thread which would keep the process alive."""
    with leftover_threads() as found:
        yield found
    if found:
        pytest.fail("left running: " + ", ".join(found))
