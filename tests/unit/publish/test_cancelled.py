"""A cancellation is never swallowed by the MQTT client."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from kammerton.lab import Broker
from kammerton.publish.mqtt import AiomqttConnection
from kammerton.publish.patience import Patience


class Library:
    """Waits for an answer as the library does: by `asyncio.wait_for`."""

    def __init__(self, answer: asyncio.Future[None]) -> None:
        self.answer = answer

    async def publish(self, *arguments: Any, **more: Any) -> None:
        await asyncio.wait_for(self.answer, 10)

    async def subscribe(self, *arguments: Any, **more: Any) -> None:
        await asyncio.wait_for(self.answer, 10)


@pytest.mark.parametrize("what", ["publish", "subscribe"])
def test_one_that_comes_together_with_the_answer_still_ends_it(what: str) -> None:
    async def scenario() -> None:
        answer: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        connection = AiomqttConnection(Library(answer), Broker("nowhere", 1), Patience())  # type: ignore[arg-type]
        word = connection.publish("topic", b"") if what == "publish" else connection.subscribe("t")
        task = asyncio.create_task(word)
        await asyncio.sleep(0.01)
        answer.set_result(None)
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()

    asyncio.run(scenario())


def test_what_a_cancelled_task_says_as_its_farewell_is_said() -> None:
    async def scenario() -> None:
        answer: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        answer.set_result(None)
        connection = AiomqttConnection(Library(answer), Broker("nowhere", 1), Patience())  # type: ignore[arg-type]
        said = []

        async def work() -> None:
            try:
                await asyncio.sleep(10)
            except asyncio.CancelledError:
                for n in range(2):
                    await connection.publish("topic", b"")
                    said.append(n)
                raise

        task = asyncio.create_task(work())
        await asyncio.sleep(0.01)
        task.cancel()
        await asyncio.wait([task])
        assert said == [0, 1]

    asyncio.run(scenario())
