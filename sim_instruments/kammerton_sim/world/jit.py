"""How every kernel of the world is compiled: once, to disk, without the interpreter lock."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar, cast

import numba
import numpy as np
from numba.extending import intrinsic

F = TypeVar("F", bound=Callable[..., object])


def _forget_older(folder: Path) -> None:
    """A kernel on disk holds those it calls from other files; numba looks at its own file alone."""
    newest = max(path.stat().st_mtime for path in folder.rglob("*.py"))
    for index in folder.rglob("*.nbi"):
        with suppress(OSError):
            if index.stat().st_mtime < newest:
                index.unlink()


_forget_older(Path(__file__).parent)


def compiled() -> bool:
    """Whether kernels are on the disk, beside their sources."""
    return any(Path(__file__).parent.rglob("*.nbi"))


def kernel(function: F) -> F:
    """Compile at first call, keep on disk, release the interpreter lock while running."""
    return cast("F", numba.njit(cache=True, nogil=True, fastmath=True)(function))


def inline(function: F) -> F:
    """Compile as a part of the kernels that call it."""
    return cast("F", numba.njit(inline="always")(function))


def _count_ones(_context: Any, word: Any) -> Any:
    def build(_context: Any, builder: Any, _signature: Any, words: Any) -> Any:
        return builder.ctpop(*words)

    return word(word), build


ones = cast("Callable[[np.uint64], np.uint64]", intrinsic(_count_ones))
"""Number of ones among the bits of a word: one instruction where the processor has it."""
