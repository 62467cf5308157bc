"""S4: who commits and publishes is killed at random moments, and who follows loses nothing."""

from __future__ import annotations

import asyncio
import random
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from kammerton.client.follower import Update
from kammerton.store import Store
from tests.brokers import BrokerProcess
from tests.system.test_broker_faults import counting
from tests.system.test_publish import (
    CHILD,
    as_heard,
    as_published,
    at,
    needs_mosquitto,
    relaying,
    until,
)

KILLS = 8


@asynccontextmanager
async def publishing(database: Path, port: int) -> AsyncIterator[asyncio.subprocess.Process]:
    command = [sys.executable, "-c", CHILD, str(database), str(port), "commit"]
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def killed(process: asyncio.subprocess.Process, after: float) -> int:
    """Kill it so long after its first commit; return the last revision that it acknowledged."""
    assert process.stdout is not None
    assert await asyncio.wait_for(process.stdout.readline(), 60) == b"ready\n"
    lines = [await asyncio.wait_for(process.stdout.readline(), 60)]
    await asyncio.sleep(after)
    process.send_signal(signal.SIGKILL)
    lines += (await process.stdout.read()).splitlines(keepends=True)
    await process.wait()
    return max(int(line) for line in lines if line.endswith(b"\n"))


@needs_mosquitto
@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL is POSIX")
def test_s4_a_process_killed_while_it_publishes_leaves_every_subscriber_with_the_database(
    tmp_path: Path,
) -> None:
    database, moments = tmp_path / "k.sqlite", random.Random(7)
    broker = BrokerProcess(tmp_path)

    async def scenario() -> list[Update]:
        async with counting(at(broker)) as (consumer, updates):
            for _ in range(KILLS):
                async with publishing(database, broker.port) as process:
                    acknowledged = await killed(process, moments.uniform(0.0, 0.5))
                with Store.read(database) as store:
                    assert store.revision() >= acknowledged, "lost"
            with Store.open(database, "two-qubits") as store:
                async with relaying(store, at(broker)) as relay:
                    await relay.drained()
                    await until(lambda: as_heard(consumer) == as_published(store), "the head")
            return list(updates)

    broker.start()
    try:
        heard = asyncio.run(scenario())
    finally:
        broker.kill()
    with Store.read(database) as store:
        history = [each for name in store.parameters() for each in store.history(name, 100_000)]
    committed = {(each.name, each.revision, each.estimate.value) for each in history}
    told = [(each.name, each.revision, each.estimate.value) for each in heard]
    assert len(told) >= 2 * KILLS, "each has published"
    assert set(told) <= committed, "what was never committed is never published"
    for name in ("q0.t1", "q1.t1"):
        revisions = [revision for each, revision, _ in told if each == name]
        assert revisions == sorted(revisions), "no value goes back"
