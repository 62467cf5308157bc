"""R6: no thread begins late."""

from __future__ import annotations

import asyncio
import threading
import time

from kammerton.serve.pool import THREADS, full_pool


def test_r6_all_threads_of_the_pool_are_there_from_the_start():
    async def main() -> tuple[int, int]:
        asyncio.get_running_loop().set_default_executor(full_pool())
        before = threading.active_count()
        await asyncio.gather(*(asyncio.to_thread(time.sleep, 0.01) for _ in range(3 * THREADS)))
        return before, threading.active_count()

    others = threading.active_count()
    before, after = asyncio.run(main())
    assert before == after == others + THREADS


def test_r6_where_no_more_threads_can_begin_those_that_are_there_will_do(monkeypatch):
    begin, others = threading.Thread.start, threading.active_count()

    def start(thread):
        if threading.active_count() >= others + 2:
            raise RuntimeError("can't start new thread")
        begin(thread)

    monkeypatch.setattr(threading.Thread, "start", start)
    with full_pool() as pool:
        assert [*pool.map(lambda n: n + 1, range(9))] == [*range(1, 10)]
