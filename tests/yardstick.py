"""Time that says something on a busy machine: beside what scipy takes in the same moment."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import pytest

from tests.benchmarks.fits_common import USUAL as IDLE
from tests.benchmarks.fits_speed import yardstick

TRIES, REPEATS = 6, 40


def spent(work: Callable[[], object]) -> float:
    """Return the CPU s of this process that a call takes."""
    start = time.process_time()
    work()
    return time.process_time() - start


def least(work: Callable[[], float], enough: float, tries: int = TRIES) -> float:
    """Return the least of some measurements, in s of an idle machine.

    work: measures once and returns CPU s; the first that is below `enough` ends it. The
    yardstick is taken before and after each; the slower of both counts, since a machine may
    become busy in between.
    """
    best, before = float("inf"), yardstick()
    for _ in range(tries):
        took, after = work(), yardstick()
        best = min(best, took * IDLE / max(before, after))
        if best < enough:
            break
        before = after
    return best


def stretch() -> float:
    """Return how many times longer than on that machine work takes now, by the wall; at least 1."""
    start = time.monotonic()
    yardstick(REPEATS)
    return max(1.0, (time.monotonic() - start) / (REPEATS * IDLE))


async def within(seconds: float, true: Callable[[], object], what: str) -> None:
    """Wait until something is true; fail after so many s, and more where the machine is slow.

    Time in which this process could not run does not count.
    """
    began, slow, lost = time.monotonic(), 1.0, 0.0
    while not true():  # what is waited for has no event
        late = time.monotonic() - began - lost
        if late > seconds * slow and late > seconds * (slow := max(slow, stretch())):
            pytest.fail(f"{what} was not there within {seconds:g} s; it is {slow:.1f} times slower")
        asleep = time.monotonic()
        await asyncio.sleep(0.01)
        lost += max(0.0, time.monotonic() - asleep - 0.05)
