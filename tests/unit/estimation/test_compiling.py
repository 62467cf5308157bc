"""Parts of kernels: compiled into what calls them, plain functions for Python."""

from __future__ import annotations

import pytest
from numba import njit
from numba.core.codegen import JITCodeLibrary

from kammerton.estimation.numeric import compiling
from kammerton.estimation.numeric.compiling import HOW, how_to_make_parts, piece


@piece
def third(x: float) -> float:
    return x / 3.0


@njit(**HOW)
def ninth(x: float) -> float:
    return third(third(x))


def test_a_part_is_taken_in_by_the_kernel(monkeypatch):
    made, finish = [], JITCodeLibrary._finalize_specific
    monkeypatch.setattr(
        JITCodeLibrary, "_finalize_specific", lambda self: (made.append(self.name), finish(self))
    )
    assert ninth(9.0) == pytest.approx(1.0)
    assert [name for name in made if "third" in name] == []
    assert [name for name in made if "ninth" in name] == ["ninth"]


def test_python_calls_it_uncompiled():
    assert third(9.0) == 3.0
    assert not hasattr(third, "overloads")


@pytest.mark.parametrize(
    "step", ["_optimize_final_module", "_finalize_final_module", "get_pointer_to_function"]
)
def test_numba_has_the_steps_that_are_left_out(step):
    assert callable(getattr(JITCodeLibrary, step))


def test_with_a_numba_that_was_never_tried_parts_are_compiled_as_it_does(monkeypatch):
    assert how_to_make_parts("0.68.1")
    assert how_to_make_parts("0.61.0") == how_to_make_parts("1.0.0") == {}
    monkeypatch.setattr(compiling, "PARTS", how_to_make_parts("1.0.0"))

    @piece
    def fourth(x):
        return x / 4.0

    @njit(**HOW)
    def sixteenth(x):
        return fourth(fourth(x))

    assert sixteenth(16.0) == 1.0
    assert fourth(16.0) == 4.0
