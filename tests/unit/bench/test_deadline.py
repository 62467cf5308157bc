"""One deadline from the moment a process is told to end, and everybody's share of it."""

from __future__ import annotations

import asyncio
import math
import time

import pytest

from kammerton.bench.deadline import LEAST, RECORD, Deadline, end_of_process, live_under


def test_as_long_as_nobody_is_told_everything_has_its_usual_time():
    assert not end_of_process().told
    assert end_of_process().share(15.0, 0.25) == 15.0


def test_told_to_end_each_has_a_part_of_what_is_left_and_what_follows_has_some_too():
    async def shares() -> list[float]:
        ends = Deadline()
        ends.tell(6.5)
        ends.tell(100.0)  # told again: the first time counts
        return [ends.share(15.0), ends.share(15.0, 0.25), ends.share(0.5), ends.share(9.0, keep=0)]

    left = 6.5 - RECORD
    assert asyncio.run(shares()) == pytest.approx([left, left / 4, 0.5, 6.5], abs=0.5)


def test_however_late_it_is_what_answers_at_once_is_asked():
    async def late() -> float:
        ends = Deadline()
        ends.tell(-3.0)
        return ends.share(15.0)

    assert asyncio.run(late()) == LEAST


def test_what_loads_and_what_ramps_has_the_time_that_it_takes():
    async def shares() -> list[float]:
        ends, ramps = Deadline(), Deadline(least=3600.0)
        ends.tell(-3.0)
        ends.no_sooner(4.0)
        ramps.tell(6.5)
        return [ends.share(math.inf, keep=0.0), ramps.share(15.0)]

    assert asyncio.run(shares()) == pytest.approx([4.0, 15.0], abs=0.5)


def test_what_is_under_way_when_it_is_told_ends_in_time_too():
    async def scenario() -> float:
        ends, began = Deadline(), time.monotonic()
        live_under(ends)

        async def hangs() -> None:
            async with end_of_process().within(60.0, keep=0.0):
                await asyncio.sleep(60)

        task = asyncio.create_task(hangs())
        await asyncio.sleep(0)
        ends.tell(0.2)
        with pytest.raises(TimeoutError):
            await task
        return time.monotonic() - began

    assert asyncio.run(scenario()) < 20.0
