"""How kernels are compiled, and the functions that only kernels call: as a part of each, once.

numba optimises every function on its own, and anew in each that calls it, and makes machine code
of all: half of the time that a first start takes. A part is left as it was written down for LLVM
until a kernel takes it in. Python calls it as the plain function that it is.

It leaves out steps of numba's own, which a later one may name otherwise: a test watches them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

from numba import njit
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import Compiler
from numba.extending import register_jitable

F = TypeVar("F", bound=Callable[..., Any])

HOW: dict[str, Any] = {"nogil": True, "error_model": "numpy", "no_cfunc_wrapper": True}


class _Unbound:
    """What would tell machine code of its Python constants: a part has neither."""

    def set_env(self, name: str, env: object) -> None:
        """Tell nobody."""


class _Code(JITCodeLibrary):
    """Code of a part: linked into that of kernels, which is optimised as a whole."""

    codegen = _Unbound()

    def _optimize_final_module(self) -> None:
        """Leave it to the kernel."""

    def _finalize_final_module(self) -> None:
        self._finalized = True

    def get_pointer_to_function(self, name: str) -> int:
        """Return that there is none."""
        return 0


class _Parts(Compiler):
    """numba's compiler, up to machine code."""

    def define_pipelines(self) -> Any:
        """Put the library in place that numba would make."""
        state, library = self.state, cast(Any, _Code)
        state.library = library(state.targetctx.codegen(), state.func_id.func_qualname)
        return cast(Any, super()).define_pipelines()


def part_of_kernels(function: F, **options: Any) -> F:
    """Compile with the kernels that call it, and only with them. options: as of numba.njit."""
    return register_jitable(pipeline_class=_Parts, **options)(function)


def kernel(function: F) -> F:
    """Compile for the CPU; the binary is kept on disk. Division by 0 is no exception."""
    return cast(F, njit(cache=True, fastmath=True, **HOW)(function))


def careful_kernel(function: F) -> F:
    """Compile in the same way what meets NaN and infinity, which a quick kernel may not."""
    return cast(F, njit(cache=True, **HOW)(function))


def piece(function: F) -> F:
    """Compile as a part of each kernel that calls it; Python calls it uncompiled."""
    return part_of_kernels(function, fastmath=True, **HOW)


def careful_piece(function: F) -> F:
    """Compile as a part of careful kernels."""
    return part_of_kernels(function, **HOW)
