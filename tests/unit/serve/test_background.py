"""What is done beside the loop never stops it, and ends with it."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest

from kammerton.serve.background import Background
from kammerton.serve.computer import _drawing


def test_everything_is_done_in_order_before_it_closes():
    done = []
    with Background("work") as work:
        for number in range(5):
            work.add(done.append, number)
    assert done == list(range(5))


def test_a_failure_is_logged_and_stops_nothing(caplog):
    done = []
    with Background("picture") as work:
        work.add(lambda: 1 / 0)
        work.add(done.append, 1)
    assert done == [1]
    assert "picture: ZeroDivisionError" in caplog.text


def test_r5_the_loop_turns_while_the_last_pictures_are_drawn():
    async def main():
        turns = 0

        async def turn():
            nonlocal turns
            while True:
                turns += 1
                await asyncio.sleep(0.01)

        turning = asyncio.create_task(turn())
        async with _drawing() as pictures:
            pictures.add(time.sleep, 0.3)
            await asyncio.sleep(0)
        turning.cancel()
        return turns

    assert asyncio.run(main()) > 5


def test_r1_told_to_end_pictures_that_were_not_begun_are_not_drawn():
    go, drawn = threading.Event(), []

    async def main():
        async with _drawing() as pictures:
            pictures.add(go.wait, 5)
            pictures.add(drawn.append, 1)
            asyncio.get_running_loop().call_later(0.05, go.set)
            raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(main())
    assert drawn == []
