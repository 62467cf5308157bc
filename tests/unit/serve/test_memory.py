"""Memory that the allocator keeps is given back, and nothing stops for it."""

from __future__ import annotations

import asyncio
import gc
import weakref

import psutil
import pytest

from kammerton.serve import heaps
from kammerton.serve.memory import giving_back


class Held:
    """Something that tells whether it still lives."""


PIECE, PIECES = 2000, 50_000  # bytes; together 100 MB


@pytest.mark.skipif(heaps.give_back() is None, reason="not glibc: its allocator takes no help")
def test_what_is_freed_between_pieces_in_use_goes_back_to_the_system():
    give_back = heaps.give_back()
    assert give_back is not None
    pieces = [bytearray(PIECE) for _ in range(PIECES)]
    kept = pieces[:: PIECES // 100] + pieces[-1:]  # no end of the heap is free
    del pieces
    before = psutil.Process().memory_info().rss
    give_back()
    assert psutil.Process().memory_info().rss < before - PIECE * PIECES / 2
    assert len(kept) == 101


@pytest.mark.skipif(heaps.give_back() is None, reason="not glibc: its allocator takes no help")
def test_what_holds_itself_in_a_circle_goes_back_too():
    give_back = heaps.give_back()
    assert give_back is not None
    circle = [Held()]
    circle.append(circle)
    gone = weakref.ref(circle[0])
    gc.disable()  # so that Python does not find it by chance
    try:
        del circle
        assert gone() is not None
        give_back()
        assert gone() is None
    finally:
        gc.enable()


def test_it_is_given_back_again_and_again():
    async def three() -> int:
        times, third = 0, asyncio.Event()
        loop = asyncio.get_running_loop()

        def give_back() -> None:
            nonlocal times
            times += 1
            if times == 3:
                loop.call_soon_threadsafe(third.set)

        async with giving_back(0.0, give_back):
            await asyncio.wait_for(third.wait(), 10)
        return times

    assert asyncio.run(three()) >= 3


def test_a_failure_is_not_silent():
    def fails() -> None:
        raise OSError("no heap")

    async def work() -> None:
        async with giving_back(0.0, fails):
            await asyncio.sleep(10)

    with pytest.raises(OSError, match="no heap"):
        asyncio.run(work())


def test_where_the_allocator_cannot_nothing_is_done(monkeypatch):
    monkeypatch.setattr("kammerton.serve.heaps.give_back", lambda: None)

    async def tasks() -> int:
        async with giving_back(0.0):
            return len(asyncio.all_tasks())

    assert asyncio.run(tasks()) == 1
