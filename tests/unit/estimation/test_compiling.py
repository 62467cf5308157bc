"""Parts of kernels: compiled into what calls them, plain functions for Python."""

from __future__ import annotations

from importlib import import_module
from inspect import getsource, isfunction
from pkgutil import walk_packages

import numpy as np
import pytest
from numba import njit
from numba.core.codegen import JITCodeLibrary
from numba.core.errors import TypingError
from numba.core.runtime import _nrt_python, rtsys

from kammerton import estimation
from kammerton.estimation.numeric import compiling
from kammerton.estimation.numeric.compiling import (
    HOW,
    how_to_count,
    how_to_make_parts,
    making_piece,
    piece,
)


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


@piece
def put(rows, i, value):
    for k in range(rows.shape[1]):
        rows[i, k] = value


@making_piece
def ramp(size):
    rows = np.empty((2, size))
    for k in range(size):
        rows[0, k], rows[1, k] = k, -k
    return rows


@njit(**HOW)
def filled(size):
    rows = ramp(size)
    put(rows, 1, 7.0)
    put(rows, 0, rows[0, size - 1])
    return rows


def test_arrays_are_lent_to_a_part_and_made_by_another():
    assert (filled(3) == [[2.0] * 3, [7.0] * 3]).all()


@pytest.mark.skipif(not compiling.PARTS, reason="a numba of which nothing is left out")
def test_a_part_that_counts_no_arrays_cannot_make_one():
    @piece
    def room(size):
        return np.empty(size)[0]

    @njit(**HOW)
    def asks(size):
        return room(size)

    with pytest.raises(TypingError, match="empty"):
        asks(3)


def parts(*words):
    """Yield the functions of the package that are decorated so."""
    begin = tuple(f"@{word}\n" for word in words)
    for found in walk_packages(estimation.__path__, "kammerton.estimation."):
        own = [
            each
            for each in vars(import_module(found.name)).values()
            if isfunction(each) and each.__module__ == found.name
        ]
        yield from (each for each in own if getsource(each).startswith(begin))


def test_no_part_that_counts_no_arrays_takes_one_that_another_made():
    """It compiles, and gives the array back to nobody: each call would leave one behind."""
    made = [
        each
        for each in parts("making_piece", "careful_making_piece")
        if "Array" in str(each.__annotations__["return"])
    ]
    assert len(made) > 3
    lent = list(parts("piece", "careful_piece"))
    assert len(lent) > 100
    for each in lent:
        called = [each.__globals__.get(name) for name in each.__code__.co_names]
        assert not {id(one) for one in called} & {id(one) for one in made}, each.__name__


def test_what_a_part_makes_is_given_back():
    _nrt_python.memsys_enable_stats()
    try:
        before = rtsys.get_allocation_stats()
        for _ in range(100):
            filled(50)
        after = rtsys.get_allocation_stats()
    finally:
        _nrt_python.memsys_disable_stats()
    assert after.mi_alloc - before.mi_alloc == after.mi_free - before.mi_free >= 100


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


def test_a_numba_that_was_never_tried_is_asked_for_no_option_of_its_own():
    for options in how_to_count(how_to_make_parts("1.0.0")):
        assert not [name for name in options if name.startswith("_")]
    made, lent = how_to_count(how_to_make_parts("0.68.1"))
    assert (made["_nrt"], lent["_nrt"]) == (True, False)
