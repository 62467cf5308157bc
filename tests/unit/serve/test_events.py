"""A signal asks the work to end; one that comes while the loop is closed ends the process."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX here")

TOLD = """
import asyncio, signal, sys
from kammerton import early
early.remember()
from kammerton.serve.events import asked_to_end, run_until_signal

number, late, supervised = int(sys.argv[1]), sys.argv[2] == "late", sys.argv[3] == "supervised"
closing = asyncio.SelectorEventLoop._close_self_pipe

def close(loop):
    closing(loop)
    print("closing", flush=True)
    if late:
        signal.raise_signal(number)

asyncio.SelectorEventLoop._close_self_pipe = close

async def work():
    asyncio.get_running_loop().call_later(0.01, signal.raise_signal, number)
    await asyncio.sleep(20)

async def watched():
    stop = asyncio.Event()
    with asked_to_end(stop.set):
        asyncio.get_running_loop().call_later(0.01, signal.raise_signal, number)
        await asyncio.wait_for(stop.wait(), 20)

try:
    asyncio.run(watched()) if supervised else run_until_signal(work())
except KeyboardInterrupt:
    print("cancelled", flush=True)
"""


def told(number: int, *how: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", TOLD, str(int(number)), *how]
    return subprocess.run(command, timeout=30, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("how", ["alone", "supervised"])
def test_a_signal_ends_the_work_in_order(how: str) -> None:
    done = told(signal.SIGTERM, "once", how)
    assert done.returncode == 0
    assert done.stdout.split() == ["closing"] + ["cancelled"] * (how == "alone")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("how", ["alone", "supervised"])
def test_a_signal_while_the_loop_is_closed_ends_the_process_without_a_word(
    number: signal.Signals, how: str
) -> None:
    done = told(number, "late", how)
    assert done.returncode == -number
    assert (done.stdout.split(), done.stderr) == (["closing"], "")


BEHIND_NOHUP = """
import asyncio, signal
signal.signal(signal.SIGHUP, signal.SIG_IGN)
from kammerton import early
early.remember()
from kammerton.serve.events import asked_to_end

async def watched():
    told = []
    with asked_to_end(lambda: told.append(True)):
        for number in (signal.SIGHUP, signal.SIGTERM):
            signal.raise_signal(number)
            await asyncio.sleep(0.01)
            print(len(told), flush=True)

asyncio.run(watched())
"""


def test_who_was_begun_with_nohup_outlives_its_terminal() -> None:
    command = [sys.executable, "-c", BEHIND_NOHUP]
    done = subprocess.run(command, timeout=30, capture_output=True, text=True, check=False)
    assert (done.stdout.split(), done.stderr) == (["0", "1"], "")
