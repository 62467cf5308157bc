"""Whether what the daemon fits with is compiled, on the disk, and compiling it.

A file beside what numba keeps says so, and of what it holds: this code, this numba, this Python,
this processor. Reading it takes a millisecond; loading every kernel to see would take seconds.
"""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any, cast

import llvmlite.binding
import numba
import numpy as np
from numpy.typing import NDArray

from kammerton.estimation.batch import fit_batch
from kammerton.estimation.numeric.arrays import Array
from kammerton.estimation.numeric.compiling import where_kept
from kammerton.estimation.numeric.kernels import solve

POINTS, NOISE = 51, 0.01
SHOT_KIND, SHOTS = "single_shot_readout", 300


def folder() -> Path | None:
    """Return where numba keeps the kernels; None where it found no folder that it may write."""
    path = cast(Any, solve).stats.cache_path
    return None if path is None else Path(path)


def is_complete() -> bool:
    """Say whether compile_all has done its work with this code, here."""
    where = folder()
    try:
        marks = [] if where is None else [*where.glob(f"{_here()}.*compiled")]
        return any(mark.read_text() == _this() for mark in marks)
    except OSError:
        return False


def compile_all() -> None:
    """Compile the kernels of all that our own calibrations fit, as far as the disk has them not.

    Raises
    ------
    OSError
        What was compiled cannot be written.
    """
    rng = np.random.default_rng(1)
    x = np.linspace(0.0, 1.0, POINTS)
    sigma = np.full((3, POINTS), NOISE)
    for kind, y in _examples(x):
        noise = rng.normal(0.0, NOISE, (2, 3, POINTS))
        noisy = noise[0] + 1j * noise[1] if np.iscomplexobj(y) else noise[0]
        laws = np.array([y, 0 * x, x])  # a good one, none, a drift: refusals have kernels too
        fit_batch(kind, np.tile(x, (3, 1)), laws + noisy, sigma, interleaved=True)
    prepared = np.tile([0, 1], SHOTS)
    clouds = 4.0 * prepared + rng.normal(size=(2, 2 * SHOTS)).T @ (1, 1j)
    leaked = np.arange(2 * SHOTS) % 10 == 1  # a third cloud has kernels too
    fit_batch(SHOT_KIND, prepared, np.array([clouds, clouds + 6j * leaked]))
    if (where := folder()) is not None:
        for file in _kept():
            _onto_disk(file)  # numba does not wait for it
        for each in where_kept():
            with suppress(OSError):  # not every file system can; what is lost is compiled anew
                _onto_disk(Path(each))
        _mark(where).write_text(_this())


def forget() -> None:
    """Remove what is kept of all kernels: it cannot be read, as after a power cut."""
    for file in _kept():
        file.unlink(missing_ok=True)


def _kept() -> list[Path]:
    return [file for each in where_kept() for file in Path(each).glob("*.nb[ic]*")]


def _onto_disk(place: Path) -> None:
    """Wait until a file, or the names in a folder, are on their disk, and on no other.

    One of a network may be away for hours. What another user keeps there is that user's.
    """
    with suppress(FileNotFoundError, PermissionError):
        handle = os.open(place, os.O_RDWR if os.name == "nt" else os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _examples(x: Array) -> Iterator[tuple[str, NDArray[Any]]]:
    """Yield a trace of each kind, over x from 0 to 1."""
    yield "t1", np.exp(-3.0 * x)
    yield "t2_echo", np.exp(-3.0 * x)
    yield "ramsey", 0.5 + 0.5 * np.exp(-2.0 * x) * np.cos(25.0 * x)
    yield "ramsey", 0.5 + 0.25 * np.exp(-x) * (np.cos(25.0 * x) + np.cos(45.0 * x))
    yield "rabi_amplitude", 0.5 - 0.5 * np.cos(6.0 * x)
    detuning = (x - 0.5) / 0.08
    yield "qubit_spectroscopy", 1.0 / (1.0 + detuning**2)
    yield "resonator_spectroscopy", 1.0 - 0.6 / (1.0 + 1j * detuning)


def user() -> str:
    """Return who compiles: what one user writes beside what is kept another may not write over."""
    return str(os.getuid()) if hasattr(os, "getuid") else "user"


def _mark(where: Path) -> Path:
    return where / f"{_here()}.{user()}.compiled"


def _here() -> str:
    python = "{}{}".format(*sys.version_info)
    return f"kammerton-{python}-{llvmlite.binding.get_host_cpu_name()}"


@cache
def _this() -> str:
    """Return what tells this code from any other: each file's size and time, and who compiles."""
    here = Path(__file__).parent
    files = [(path, path.stat()) for path in sorted(here.rglob("*.py"))]
    code = [(str(path), file.st_size, file.st_mtime_ns) for path, file in files]
    return hashlib.sha256(repr((numba.__version__, code)).encode()).hexdigest()
