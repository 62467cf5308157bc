"""The public table of fits: `make bench-fits`, or `python -m tests.benchmarks.fits_table`.

Prints one Markdown document. --quick takes about a minute and proves little; --kind does one
kind. Peers that are not installed beside Kammerton are looked for in the interpreters that
KAMMERTON_PEERS names (python -m pip install ".[bench-peers]"; qibocal may need its own).
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before numpy: CPU time of one thread

import platform
import time
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

from kammerton.estimation import FIT_KINDS, warm
from tests.benchmarks import adaptive, fits_empty, fits_honesty, fits_speed, fits_verdicts
from tests.benchmarks.fits_common import FULL, QUICK, Effort
from tests.catalogue.registry import every_truth, truths
from tests.real_data import table as real_data

PACKAGES = ("kammerton", "numpy", "scipy", "numba")


def effort() -> Effort:
    """Return what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a minute, and few traces")
    parser.add_argument("--kind", choices=sorted(FIT_KINDS), help="only this kind of fit")
    parser.add_argument("--seed", type=int, default=7)
    asked = parser.parse_args()
    whole = not asked.quick and asked.kind is None
    return Effort(
        **(QUICK if asked.quick else FULL), kind=asked.kind, seed=asked.seed, adaptive=whole
    )


def head(asked: Effort) -> Iterator[str]:
    """Yield what was measured, and on what."""
    cpu = platform.processor() or platform.machine()
    versions = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    yield "# Every kind of fit: speed, success, honesty, verdicts\n"
    yield (
        "Printed by `make bench-fits`. All traces are computed from laws with known parameters "
        "and seeded noise (tests/catalogue); only the last section is of measured traces. A goal "
        "that a figure misses is marked **missed**, and a line that a peer wins says so.\n"
    )
    yield (
        f"{_model() or cpu}, {os.cpu_count()} CPUs, {platform.system()}, Python "
        f"{platform.python_version()}; {versions}. Seed {asked.seed}.\n"
    )
    without = sorted({t.kind for t in every_truth().values()} - set(FIT_KINDS))
    if without:
        yield f"In the catalogue, but not yet fitted: {', '.join(without)}.\n"
    silent = sorted(set(FIT_KINDS) - {t.kind for t in truths().values()})
    if silent:
        yield f"Fitted, but without a truth in the catalogue: {', '.join(silent)}.\n"


def _model() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return ""
    names = [line.split(":", 1)[1].strip() for line in text.splitlines() if "model name" in line]
    return names[0] if names else ""


def document(asked: Effort) -> Iterator[str]:
    """Yield the whole document, line by line."""
    yield from head(asked)
    yield from fits_speed.lines(asked)
    yield from fits_honesty.success_lines(asked)
    yield from fits_honesty.honesty_lines(asked)
    yield from fits_verdicts.lines(asked)
    yield from fits_empty.lines(asked)
    yield from fits_verdicts.worst_lines(asked)
    yield "## 6. Measured traces of other laboratories\n"
    yield from real_data.table()
    if asked.adaptive:
        yield ""
        yield designs()


def designs() -> str:
    """Return the section on adaptive acquisition."""
    text = io.StringIO()
    with contextlib.redirect_stdout(text):
        adaptive.main()
    return text.getvalue().replace("## Adaptive", "## 7. Adaptive")


def main() -> None:
    """Print the document."""
    asked, start = effort(), time.process_time()
    warm()
    for line in document(asked):
        print(line, flush=True)
    minutes = (time.process_time() - start) / 60
    print(f"\nTook {minutes:.1f} minutes of CPU, besides what peers took.")


if __name__ == "__main__":
    main()
