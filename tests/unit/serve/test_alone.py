"""Heartbeats: one that hangs with the interpreter ends itself, one that is well is heard."""

from __future__ import annotations

import asyncio
import faulthandler
import json
import os
import subprocess
import sys
from types import SimpleNamespace

import pytest

from kammerton.serve.child import Life
from kammerton.serve.wire import Wire

HANGING = """
import asyncio, ctypes
from kammerton.serve.child import Life

class Wire:
    def say(self, **message):
        pass

async def main():
    async with Life(Wire(), 0.05, alone=1.0).beating():
        await asyncio.sleep(1.5)
        print("it lives", flush=True)
        ctypes.PyDLL(None).sleep(60)  # keeps the interpreter

asyncio.run(main())
"""


@pytest.mark.skipif(sys.platform == "win32", reason="sleep of the C library is POSIX here")
def test_r5_a_process_that_hangs_with_the_interpreter_ends_without_a_supervisor():
    done = subprocess.run(
        [sys.executable, "-c", HANGING], capture_output=True, text=True, timeout=30, check=False
    )
    assert done.stdout == "it lives\n"
    assert done.returncode == 1
    assert "Timeout" in done.stderr, "it says where it hung"


@pytest.mark.skipif(sys.platform == "win32", reason="there a pipe is written as it is")
@pytest.mark.parametrize("letter", ["ä", "\N{GRINNING FACE}"])
def test_however_much_there_is_to_say_a_heartbeat_arrives_as_a_whole(letter):
    """127 qubits that are parked, each with its reason, or a plug-in that shows its arrays."""
    down, up = os.pipe()
    os.set_blocking(up, False)
    wire = Wire(down, up)
    wire.say(why="ä" * 1000)
    for _ in range(60):
        wire.say(beat=letter * 100_000)
    os.close(up)
    with os.fdopen(down, "rb") as heard:
        beats = [json.loads(text) for text in heard]
    assert len(beats) > 3, "what is held may have any reason"
    assert all(beat == beats[1] for beat in beats[1:])


@pytest.mark.skipif(sys.platform == "win32", reason="there a pipe is written as it is")
def test_why_it_ended_arrives_with_the_cure_at_its_end():
    down, up = os.pipe()
    os.set_blocking(up, False)
    reason = "x" * 1000 + "start it anew"
    Wire(down, up).say(ended=1, why=reason, off=False)
    os.close(up)
    with os.fdopen(down, "rb") as heard:
        assert json.loads(heard.read())["why"] == reason


def test_without_a_thread_for_the_watch_it_beats_on(monkeypatch):
    """Where the system has none left: whoever is well is not taken for one that hangs."""

    def none_left(*_: object, **__: object) -> None:
        raise RuntimeError("unable to start watchdog thread")

    monkeypatch.setattr(faulthandler, "dump_traceback_later", none_left)
    beats = []

    async def main() -> None:
        async with Life(SimpleNamespace(say=lambda beat: beats.append(beat)), 0.001).beating():
            async with asyncio.timeout(10):
                while len(beats) < 3:  # noqa: ASYNC110 - it is the heart that beats
                    await asyncio.sleep(0.001)

    asyncio.run(main())
    assert len(beats) >= 3
