"""What cannot be begun is an OSError, whatever was short."""

from __future__ import annotations

import asyncio
import errno
import os
import sys
import threading

import psutil
import pytest

from kammerton.serve.begun import begun


def test_r1_a_process_that_no_thread_can_wait_for_is_one_that_cannot_be_begun(monkeypatch):
    """Threads count as processes do, where their number is limited; Python 3.11 needs one."""

    async def no_thread(*_: object, **__: object) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(asyncio, "create_subprocess_exec", no_thread)
    with pytest.raises(OSError, match="new thread"):
        asyncio.run(begun("true"))


@pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="only Linux tells without a thread")
def test_r1_where_threads_are_short_a_process_is_begun_and_none_is_left_unknown(monkeypatch):
    """Python 3.11 begins the process first, then a thread that waits for it."""

    def none(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    async def main() -> int:
        monkeypatch.setattr(threading.Thread, "start", none)
        process = await begun(sys.executable, "-c", "import sys; sys.exit(len(sys.stdin.read()))")
        assert process.stdin is not None
        process.stdin.write_eof()
        return await process.wait()

    assert asyncio.run(main()) == 0


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="asyncio itself watches there")
@pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="only Linux tells without a thread")
def test_r1_a_process_that_cannot_be_watched_is_ended(monkeypatch):
    """Descriptors are short just then: it would wait for its order as long as the daemon lives."""
    real, begun_ones = os.pidfd_open, list[int]()

    def short(pid: int, flags: int = 0) -> int:
        if pid == os.getpid():
            return real(pid, flags)
        begun_ones.append(pid)
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr(os, "pidfd_open", short)
    with pytest.raises(OSError, match="Too many open files"):
        asyncio.run(begun(sys.executable, "-c", "import sys; sys.stdin.read()"))
    assert [psutil.pid_exists(pid) for pid in begun_ones] == [False]
