"""R6: a daemon that is left alone, but for what it is asked to measure.

Memory, threads and file descriptors stay flat. Values hold for a quarter of an hour and longer, so
a measurement is asked for every few seconds: an hour has as many runs as some days.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psutil

from kammerton import Client
from tests.prove.frame import Row, proof
from tests.prove.killing import ask, running, unsafe_spans, wait_for
from tests.system.laboratory import laboratory

HOURS = float(os.environ.get("KAMMERTON_SOAK_HOURS", "1"))
QUICK = 60.0 / 3600
PERIOD = 5.0  # s between two looks, and two measurements
ASKED = ("t1", "ramsey", "rabi_amplitude", "qubit_spectroscopy")
SPARE_FILES = 1  # SQLite keeps one whose closing would drop a lock, after the first hourly backup
STEEPEST = 1.0  # MB/h that is still called flat, beside what the noise of the slope allows


@dataclass(frozen=True)
class Look:
    """What a process holds: hours since the start, MB, file descriptors, threads."""

    hours: float
    megabytes: float
    files: int
    threads: int


def look(process: psutil.Process, began: float) -> Look:
    """Look at a process."""
    with process.oneshot():
        return Look(
            (time.monotonic() - began) / 3600, process.memory_info().rss / 1e6,
            process.num_fds(), process.num_threads(),
        )  # fmt: skip


def slope(looks: list[Look]) -> tuple[float, float]:
    """Return the slope of the memory over the second half, MB/h, and its standard error."""
    late = looks[len(looks) // 2 :]
    if len(late) < 4:
        return 0.0, np.inf
    fit, covariance = np.polyfit([x.hours for x in late], [x.megabytes for x in late], 1, cov=True)
    return float(fit[0]), float(np.sqrt(covariance[0, 0]))


@proof("soak")
def soak(quick: bool) -> Iterator[Row]:
    """Leave a daemon alone for KAMMERTON_SOAK_HOURS (1), or for a minute when quick.

    Raises
    ------
    AssertionError
        It does not stay flat.
    """
    hours = QUICK if quick else HOURS
    with tempfile.TemporaryDirectory() as folder, laboratory(Path(folder)) as lab:
        lab.lab.write_text(lab.lab.read_text().replace("pictures = false", "pictures = true"))
        with running(lab.lab) as daemon:
            wait_for(lambda: (daemon.doing() or (0, ""))[1].startswith("idle"), "idle", 300)
            child, looks = daemon.child(), []
            process, began = psutil.Process(child), time.monotonic()
            with closing(Client(lab.lab)) as client:
                while time.monotonic() - began < hours * 3600:
                    time.sleep(PERIOD)
                    client.measure("q0", ASKED[len(looks) % len(ASKED)])
                    looks.append(look(process, began))
                    print(looks[-1], file=sys.stderr)  # hours: whoever ends it knows so far
            assert daemon.child() == child, "its process was replaced"
            runs = ask(daemon.database, "select count(*) from run")[0][0]
            assert daemon.stop() == 0
        spans = unsafe_spans(lab)
    steep, error = slope(looks)
    files, threads = (_grown([getattr(x, name) for x in looks]) for name in ("files", "threads"))
    words = f"R6 {hours * 60:.0f} min, {runs} runs: memory {steep:+.1f} ± {error:.1f} MB/h"
    yield Row(f"{words}, files {files:+d}, threads {threads:+d}", 1, unsafe=len(spans))
    assert files <= SPARE_FILES, "file descriptors grow"
    assert threads <= 0, "threads grow"
    assert steep - 3 * error < STEEPEST, f"memory grows by {steep:.1f} ± {error:.1f} MB/h"


def _grown(counts: list[int]) -> int:
    """Return by how much the least of the last quarter exceeds the most of the second."""
    quarter = max(1, len(counts) // 4)
    return min(counts[-quarter:]) - max(counts[quarter : 2 * quarter] or counts[:1])
