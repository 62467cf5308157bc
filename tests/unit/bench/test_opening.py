"""What is said where opening a bench is stopped."""

import asyncio
import logging
import threading

import pytest

from kammerton.bench import open_bench


def test_who_stops_it_while_it_connects_hears_what_is_known_of_the_outputs(
    fake, make, tmp_path, caplog
):
    """They were off, read back, when a person gave the instruments back a second before."""
    began, go = threading.Event(), threading.Event()

    def slow(name: str, address: str):
        began.set()
        go.wait(10)
        return fake.instruments[name]

    async def main() -> None:
        async def opened() -> None:
            async with open_bench(
                make.lab(), fake.clock, drivers={**fake.drivers, "source": lambda: slow},
                lock_folder=tmp_path, known=lambda: "outputs were off at noon",
            ):  # fmt: skip
                pass

        task = asyncio.create_task(opened())
        await asyncio.to_thread(began.wait, 10)
        task.cancel()
        go.set()
        with pytest.raises(asyncio.CancelledError):
            await task

    with caplog.at_level(logging.INFO, "kammerton.bench.opening"):
        asyncio.run(main())
    assert "stopped while connecting: outputs were off at noon" in caplog.messages
