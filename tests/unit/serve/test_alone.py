"""A process that hangs with the interpreter ends itself, also where no supervisor is left."""

from __future__ import annotations

import subprocess
import sys

import pytest

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
