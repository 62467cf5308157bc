"""The demonstration as a newcomer runs it, with the daemon's memory."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import psutil

CHILD = "kammerton.serve.begin"


class Memory:
    """Watches the resident memory of the daemon's working process below a process."""

    def __init__(self, pid: int) -> None:
        self.peak = 0
        self._root = psutil.Process(pid)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()

    def _watch(self) -> None:
        while not self._stop.wait(0.1):
            for child in self._children():
                try:
                    if CHILD in child.cmdline():
                        self.peak = max(self.peak, child.memory_info().rss)
                except psutil.NoSuchProcess:
                    pass

    def _children(self) -> list[psutil.Process]:
        try:
            return self._root.children(recursive=True)
        except psutil.NoSuchProcess:
            return []

    def stop(self) -> int:
        """Return the largest memory seen, bytes."""
        self._stop.set()
        self._thread.join()
        return self.peak


def show(seed: int) -> tuple[dict[str, object], float, int]:
    """Run the demonstration once; return its JSON, wall seconds and the daemon's memory."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "kammerton", "demo", "--once", "--json"]
        command += ["--seed", str(seed), "--keep", str(Path(folder) / "demo")]
        start = time.perf_counter()
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        memory = Memory(process.pid)
        output, _ = process.communicate(timeout=300)
        wall = time.perf_counter() - start
        return json.loads(output), wall, memory.stop()


def main() -> None:
    """Print the table."""
    print("## Demonstration, 5 qubits, cold start to published parameters\n")
    print("| seed | first published s | complete s | instrument s | failed | daemon MB |")
    print("|---|---|---|---|---|---|\n| goals | < 10 | < 60 | | 0 | < 600 |")
    for seed in (1, 2):
        outcome, wall, memory = show(seed)
        print(
            f"| {seed} | {outcome['first_published_seconds']:.1f} | {wall:.1f} | "
            f"{outcome['instrument_seconds']:.0f} | {len(outcome['failed'])} of 40 | "
            f"{memory / 1e6:.0f} |"
        )


if __name__ == "__main__":
    main()
