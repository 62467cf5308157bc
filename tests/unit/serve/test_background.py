"""What is done beside the loop never stops it, and ends with it."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable

import pytest

from kammerton.model import StoreUnavailable
from kammerton.serve import background
from kammerton.serve.background import Background, beside_the_loop


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


def locked_until(opened: threading.Event, done: list[int], number: int) -> None:
    if not opened.is_set():
        raise StoreUnavailable("another program holds the database locked")
    done.append(number)


def until(true: Callable[[], object]) -> None:
    end = time.monotonic() + 20
    while not true():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_s2_what_the_database_cannot_take_now_is_written_later_in_order(monkeypatch, caplog):
    monkeypatch.setattr(background, "PAUSE", 0.02)
    opened, done = threading.Event(), []
    with Background("audit log") as work:
        for number in range(3):
            work.add(locked_until, opened, done, number)
        until(lambda: "audit log waits" in caplog.text)
        assert done == []
        opened.set()
    assert done == [0, 1, 2]
    assert caplog.text.count("audit log waits: another program") == 1


def test_s2_what_cannot_be_written_to_the_very_end_stands_in_the_log(monkeypatch, caplog):
    monkeypatch.setattr(background, "PAUSE", 0.02)
    monkeypatch.setattr(background, "LAST", 0.1)
    with Background("audit log") as work:
        for number in range(2):
            work.add(locked_until, threading.Event(), [], number)
    lost = [each.getMessage() for each in caplog.records if each.levelname == "ERROR"]
    assert [text[-1] for text in lost] == ["0", "1"]
    assert all("lost: " in text for text in lost)


def test_what_waits_is_bounded_and_what_is_too_much_stands_in_the_log(monkeypatch, caplog):
    monkeypatch.setattr(background, "WAITING", 2)
    go, done = threading.Event(), []
    with Background("audit log") as work:
        work.add(go.wait, 5)
        work.add(done.append, 1)
        work.add(done.append, 2)
        assert "audit log: too much waits; not done: 2" in caplog.text
        go.set()
    assert done == [1]


def test_r5_the_loop_turns_while_the_last_pictures_are_drawn():
    turned = threading.Event()

    async def main():
        turns = 0

        async def turn():
            nonlocal turns
            while True:
                turns += 1
                if turns > 5:
                    turned.set()
                await asyncio.sleep(0.01)

        turning = asyncio.create_task(turn())
        async with beside_the_loop("picture") as pictures:
            pictures.add(turned.wait, 20)
            await asyncio.sleep(0)
        turning.cancel()
        return turns

    assert asyncio.run(main()) > 5


def test_r1_told_to_end_pictures_that_were_not_begun_are_not_drawn():
    go, drawn = threading.Event(), []

    async def main():
        async with beside_the_loop("picture") as pictures:
            pictures.add(go.wait, 5)
            pictures.add(drawn.append, 1)
            asyncio.get_running_loop().call_later(0.05, go.set)
            raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(main())
    assert drawn == []
