"""Run a program that ends when whoever started it is gone, however that came.

A script of its own, without the package: `python leash.py SECONDS program arguments ...`. A word on
stdin ends the program at once. The end of stdin without one means that the other side was killed:
then it is ended after SECONDS, so that a daemon can switch off while its instruments are there.
"""

import contextlib
import os
import signal
import subprocess
import sys
import threading

INSIST = 15.0
"""s that the program gets to end by itself."""


def main(delay: float, command: list[str]) -> int:
    """Run the program; return its exit code, 128 + n where signal n ended it."""
    program = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    signal.signal(signal.SIGTERM, lambda *_: program.terminate())
    threading.Thread(target=_hold, args=(program, delay), daemon=True).start()
    code = program.wait()
    return code if code >= 0 else 128 - code


def _hold(program: "subprocess.Popen[bytes]", delay: float) -> None:
    told = os.read(0, 4)  # not sys.stdin, whose lock would hinder the end
    with contextlib.suppress(subprocess.TimeoutExpired):
        program.wait(0 if told else delay)
    program.terminate()
    try:
        program.wait(INSIST)
    except subprocess.TimeoutExpired:
        program.kill()


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1]), sys.argv[2:]))
