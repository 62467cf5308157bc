"""Stretches of equal values."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kammerton_sim.world.stretches import stretches


@given(st.lists(st.integers(0, 2), max_size=30))
def test_each_value_is_that_of_its_stretch_and_the_next_stretch_differs(values):
    array = np.array(values, np.int64)
    begin, stretch = stretches(array)
    assert np.array_equal(array[begin][stretch], array)
    assert (np.diff(array[begin]) != 0).all()


@pytest.mark.parametrize(
    ("rows", "begin"), [([(0, 1), (0, 1), (0, 2)], [0, 2]), ([(0, 1), (1, 1), (0, 1)], [0, 1, 2])]
)
def test_rows_are_equal_in_every_column(rows, begin):
    assert stretches(np.array(rows))[0].tolist() == begin
