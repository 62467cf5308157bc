"""R6: half an hour of laboratory time, on an ideal bench: nothing grows."""

from __future__ import annotations

import asyncio
import gc
import tracemalloc
from concurrent.futures import ThreadPoolExecutor

import psutil
import pytest

from kammerton.estimation.numeric.seeds import grid
from kammerton.loop.beliefs import BeliefBook
from kammerton.loop.catalogue import load_calibrations
from kammerton.loop.loop import Loop
from kammerton.loop.planner import Planner
from kammerton.model import LabClock
from kammerton.store import Store
from tests.unit.loop.laboratory import Chip, ScriptedBench, two_qubits

MINUTES, EVERY = 30, 5


@pytest.fixture
def traced():
    tracemalloc.start()
    yield
    tracemalloc.stop()


def held():
    """Return file descriptors, threads, live objects and bytes (arrays too) of this process.

    Without the grids of the last sixteen axes: half an hour does not fill that cache.
    """
    grid.cache_clear()
    gc.collect()
    process = psutil.Process()
    files = process.num_fds() if hasattr(process, "num_fds") else process.num_handles()
    memory, _ = tracemalloc.get_traced_memory()
    return files, process.num_threads(), len(gc.get_objects()), memory


@pytest.mark.usefixtures("traced")
def test_r6_thirty_simulated_minutes_leave_no_files_threads_objects_or_memory_behind(tmp_path):
    lab, clock = two_qubits(tmp_path), LabClock()
    looks = []

    async def main(store):
        # The usual pool starts a thread whenever none of it is idle: when it is full is chance.
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(1))
        bench, book = ScriptedBench(Chip().answer), BeliefBook(lab, clock.now())
        loop = Loop(lab, store, bench, clock, Planner(load_calibrations()), book)
        for minute in range(MINUTES):
            if minute % EVERY == 0:
                loop.book.back_to_design("q0")  # so that there is something to do
                looks.append(held())
            while await loop.step():
                pass
            clock.played(60.0, 0.0)
            bench.played.clear()
        looks.append(held())

    with Store.open(tmp_path / "kammerton.sqlite", "two") as store:
        asyncio.run(main(store))
        runs = len(store.runs(limit=1000))
    settled, last = looks[len(looks) // 2], looks[-1]
    assert runs > 30
    assert last[0] <= settled[0], "file descriptors grow"
    assert last[1] <= settled[1], "threads grow"
    assert last[2] - settled[2] < 2000, "objects grow"
    assert last[3] - settled[3] < 100e3, "memory grows"
