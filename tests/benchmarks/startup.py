"""How long `kammerton --help` takes."""

from __future__ import annotations

import subprocess
import sys
import time

import numpy as np


def seconds(*arguments: str, repeats: int = 7) -> list[float]:
    """Return the wall times of a command, s."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        subprocess.run(
            [sys.executable, "-m", "kammerton", *arguments], check=True, capture_output=True
        )
        times.append(time.perf_counter() - start)
    return times


def main() -> None:
    """Print the table."""
    times = seconds("--help")
    print("## Start\n\n| command | min s | median s | goal |\n|---|---|---|---|")
    print(f"| kammerton --help | {min(times):.2f} | {np.median(times):.2f} | < 0.4 |")


if __name__ == "__main__":
    main()
