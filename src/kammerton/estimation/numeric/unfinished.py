"""numba's compiler without its last steps, for functions that are only parts of others.

It takes the place of internal steps of numba, so it is used with versions of which that has been
tried (compiling.py), and a test watches the steps.
"""

from __future__ import annotations

from typing import Any, cast

from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import Compiler


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


class Unfinished(Compiler):
    """numba's compiler, up to machine code."""

    def define_pipelines(self) -> Any:
        """Put the library in place that numba would make."""
        state, library = self.state, cast(Any, _Code)
        state.library = library(state.targetctx.codegen(), state.func_id.func_qualname)
        return cast(Any, super()).define_pipelines()
