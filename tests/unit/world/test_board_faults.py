"""Which records arrive when triggers are lost."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kammerton_sim.instruments.board_faults import BoardFaults, delivered


@given(
    lost=st.sets(st.integers(0, 60), max_size=40),
    first=st.integers(0, 20),
    count=st.integers(1, 20),
)
def test_what_arrives_are_the_others_in_order(lost, first, count):
    arriving = [n for n in range(200) if n not in lost]
    runs = delivered(first, count, np.array(sorted(lost), np.int64))
    places = [place for _, start, stop in runs for place in range(start, stop)]
    numbers = [number + n for number, start, stop in runs for n in range(stop - start)]
    assert places == list(range(count))
    assert numbers == arriving[first : first + count]


def test_without_loss_it_is_one_run():
    assert delivered(7, 5, None) == [(7, 0, 5)]
    assert delivered(7, 5, np.array([], np.int64)) == [(7, 0, 5)]


def test_the_share_is_lost_on_average_and_enough_is_drawn():
    faults = BoardFaults()
    assert faults.missed(1000) is None
    faults.lose(0.3, 8)
    missed = faults.missed(7000)
    assert missed.size / (missed[-1] + 1) == pytest.approx(0.3, abs=0.02)
    last = delivered(6999, 1, missed)[0][0]
    assert last < missed[-1]  # the draw reaches beyond the last record that arrives
