"""The watch over leftovers sees them."""

import asyncio
import threading

import pytest

from tests.leftovers import leftover_threads, pending_tasks


async def forever():
    await asyncio.Event().wait()


async def forget_a_task():
    tasks = [asyncio.create_task(forever(), name="forgotten")]
    await asyncio.sleep(0)
    return len(tasks)


async def end_a_task():
    task = asyncio.create_task(forever())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


def test_a_forgotten_task_is_seen(left_pending):
    with pending_tasks() as found:
        assert asyncio.run(forget_a_task()) == 1
    assert len(found) == 1
    assert left_pending == found
    left_pending.clear()  # the watch over this very test has seen it too
    assert found[0].startswith("forgotten: ")


def test_a_task_that_was_ended_is_not():
    with pending_tasks() as found:
        asyncio.run(end_a_task())
    assert found == []


def test_the_runner_still_closes_its_loop():
    with pending_tasks(), asyncio.Runner() as runner:
        loop = runner.get_loop()
    assert loop.is_closed()


@pytest.mark.parametrize(("daemon", "seen"), [(False, ["stays"]), (True, [])])
def test_a_thread_that_stays_is_seen(daemon, seen):
    end = threading.Event()
    with leftover_threads(patience=0.05) as found:
        thread = threading.Thread(target=end.wait, name="stays", daemon=daemon)
        thread.start()
    end.set()
    thread.join()
    assert found == seen


def test_a_thread_that_is_just_ending_is_not():
    with leftover_threads() as found:
        threading.Thread(target=threading.Event().wait, args=(0.01,)).start()
    assert found == []
