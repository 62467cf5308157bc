"""Between which rows a line changes its place."""

from __future__ import annotations

import numpy as np
import pytest

from kammerton.estimation.maps.change import changed_at, length_of_change

B = np.linspace(0.0, 1.0, 11)
PLAIN = np.where(B < 0.45, -400.0, 300.0)


def test_a_plain_change_lies_anywhere_in_one_step():
    at, variance = changed_at(B, PLAIN)
    assert at == pytest.approx(0.45)
    assert variance == pytest.approx(0.1**2 / 12)
    assert length_of_change(B, np.ones(11, dtype=bool), at) == pytest.approx(0.0)


def test_a_stray_row_far_from_the_change_moves_it_not():
    odds = PLAIN.copy()
    odds[1] = 1e6
    assert changed_at(B, odds)[0] == pytest.approx(0.45)


def test_rows_that_say_nothing_leave_their_steps_open():
    odds = PLAIN.copy()
    odds[4:6] = 0.0
    at, variance = changed_at(B, odds)
    assert at == pytest.approx(0.45)
    assert variance == pytest.approx(0.3**2 / 12)


def test_a_longer_step_holds_the_change_more_often():
    b = np.array([0.0, 0.1, 0.2, 0.8, 0.9, 1.0])
    at, variance = changed_at(b, np.array([-9e2, -9e2, 0.0, 9e2, 9e2, 9e2]))
    assert at == pytest.approx((0.1 * 0.15 + 0.6 * 0.5) / 0.7), "two steps that may be it"
    assert variance == pytest.approx(0.7**2 / 12)


def test_a_soft_change_has_the_length_of_the_rows_that_are_not_plain():
    plain = (B < 0.25) | (B > 0.65)
    assert length_of_change(B, plain, 0.45) == pytest.approx(0.4), "from 0.2 to 0.7, less a step"
    plain[1] = plain[9] = False  # elsewhere
    assert length_of_change(B, plain, 0.45) == pytest.approx(0.4)


def test_where_no_row_is_plain_the_change_is_as_long_as_the_map():
    assert length_of_change(B, np.zeros(11, dtype=bool), 0.45) == pytest.approx(0.9)
