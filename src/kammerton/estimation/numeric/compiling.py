"""How kernels are compiled, and the functions that only kernels call: as a part of each, once.

numba optimises every function on its own, and anew in each that calls it, and makes machine code
of all: half of the time that a first start takes. With a version of numba that was tried a part is
left as it was written down for LLVM until a kernel takes it in (unfinished.py); with any other it
is compiled as numba does. Python calls it as the plain function that it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import get_ident
from typing import Any, TypeVar, cast

import numba
from numba import njit
from numba.core.event import Event, Listener, install_listener
from numba.extending import register_jitable

F = TypeVar("F", bound=Callable[..., Any])

TRIED = ("0.68.",)
"""Versions of numba whose last steps may be left out."""

PLAIN: dict[str, Any] = {"nogil": True, "error_model": "numpy", "no_cfunc_wrapper": True}


def how_to_make_parts(numba_version: str) -> dict[str, Any]:
    """Return the options for parts: nothing special where a version of numba is not known."""
    if numba_version.startswith(TRIED):
        from kammerton.estimation.numeric.unfinished import Unfinished

        return {"pipeline_class": Unfinished}
    return {}


def how_to_count(parts: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the options of what makes arrays, and of parts that are only lent some.

    Whether arrays are counted is an option that numba keeps to itself: alike where it is not known.
    """
    return ({**PLAIN, "_nrt": True}, {**PLAIN, "_nrt": False}) if parts else (PLAIN, PLAIN)


PARTS = how_to_make_parts(numba.__version__)
HOW, LENT = how_to_count(PARTS)


def part_of_kernels(function: F, **options: Any) -> F:
    """Compile with the kernels that call it, and only with them. options: as of numba.njit."""
    return register_jitable(**PARTS, **options)(function)


def kernel(function: F) -> F:
    """Compile for the CPU; the binary is kept on disk. Division by 0 is no exception."""
    return kept(function, fastmath=True)


def careful_kernel(function: F) -> F:
    """Compile in the same way what meets NaN and infinity, which a quick kernel may not."""
    return kept(function)


_folders = set[str]()


def where_kept() -> frozenset[str]:
    """Return the folders in which the kernels that are loaded so far are kept."""
    return frozenset(_folders)


def kept(function: F, **options: Any) -> F:
    """Compile, and keep the binary on disk; where numba may write nowhere, for this process."""
    try:
        found = njit(cache=True, **HOW, **options)(function)
        _folders.add(found.stats.cache_path)
        return cast(F, found)
    except RuntimeError:  # numba's word where neither its folders nor ours can be written
        return cast(F, njit(**HOW, **options)(function))


def piece(function: F) -> F:
    """Compile as a part of each kernel that calls it; Python calls it uncompiled.

    It makes no arrays: those that it is given are not counted on the way in and out, which costs
    more than a short row takes.
    """
    return part_of_kernels(function, fastmath=True, **LENT)


def careful_piece(function: F) -> F:
    """Compile as a part of careful kernels; it makes no arrays either."""
    return part_of_kernels(function, **LENT)


def making_piece(function: F) -> F:
    """Compile as a part of each kernel that calls it, where it makes arrays or asks numpy."""
    return part_of_kernels(function, fastmath=True, **HOW)


def careful_making_piece(function: F) -> F:
    """Compile as a part of careful kernels, where it makes arrays or asks numpy of one."""
    return part_of_kernels(function, **HOW)


@contextmanager
def told_before(say: Callable[[], object]) -> Iterator[None]:
    """Call `say` before the first kernel that is compiled here, if one is: it takes seconds."""
    with install_listener("numba:compile", _First(say)):
        yield


class _First(Listener):
    """Hears of the first function that this thread compiles; of what is on disk, nothing."""

    def __init__(self, say: Callable[[], object]) -> None:
        self._say, self._thread, self._said = say, get_ident(), False

    def on_start(self, event: Event) -> None:
        """Tell it once."""
        del event
        if not self._said and get_ident() == self._thread:
            self._said = True
            self._say()

    def on_end(self, event: Event) -> None:
        """Tell nothing."""
