"""All figures of the README in one run: `make bench`."""

from __future__ import annotations

import importlib.metadata
import platform
import sys

from tests.benchmarks import demo, startup, wire
from tests.real_data import table

PACKAGES = ("numpy", "scipy", "numba", "qcodes", "pyvisa-py", "aiomqtt")


def header() -> str:
    """Say on what this was measured."""
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in PACKAGES)
    cpu = platform.processor() or platform.machine()
    return f"Python {platform.python_version()}, {platform.system()} {cpu}; {versions}."


def main() -> None:
    """Print every table as Markdown."""
    print("# Benchmarks\n")
    print(header())
    print("Simulated device, hidden truth, seed 1. CPU time where it says CPU; wall time else.\n")
    for part in (startup, wire, demo, table):
        part.main()
        print()
        sys.stdout.flush()


if __name__ == "__main__":
    main()
