"""How every kernel of the world is compiled: once, to disk, without the interpreter lock."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar, cast

import numba

F = TypeVar("F", bound=Callable[..., object])


def kernel(function: F) -> F:
    """Compile at first call, keep on disk, release the interpreter lock while running."""
    return cast("F", numba.njit(cache=True, nogil=True, fastmath=True)(function))


def inline(function: F) -> F:
    """Compile as a part of the kernels that call it."""
    return cast("F", numba.njit(inline="always")(function))
