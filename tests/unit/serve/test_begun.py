"""What cannot be begun is an OSError, whatever was short."""

from __future__ import annotations

import asyncio

import pytest

from kammerton.serve.begun import begun


def test_r1_a_process_that_no_thread_can_wait_for_is_one_that_cannot_be_begun(monkeypatch):
    """Threads count as processes do, where their number is limited; Python 3.11 needs one."""

    async def no_thread(*_: object, **__: object) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(asyncio, "create_subprocess_exec", no_thread)
    with pytest.raises(OSError, match="new thread"):
        asyncio.run(begun("true"))
