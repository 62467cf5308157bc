"""How warm the mixing chamber was: remembered sparsely at rest, closely while it moves."""

from __future__ import annotations

import pytest

from kammerton_sim.fridge import PULSE_TUBE, Refrigerator
from kammerton_sim.fridge.history import History


def test_a_long_rest_is_two_moments_and_what_follows_is_a_line():
    history = History()
    for second in range(1000):
        history.tell(float(second), 0.012 * (1 + 1e-4 * (second % 2)))
    assert len(history._times) == 2
    history.tell(999.0, 0.1)  # a step
    history.tell(1009.0, 0.2)
    told = [history.at(t) for t in (-5.0, 500.0, 998.9, 999.0, 1004.0, 1e6)]
    assert told == pytest.approx([0.012, 0.012, 0.012, 0.1, 0.15, 0.2], rel=1e-3)


def test_what_passed_at_once_is_remembered_to_the_minute():
    now = [0.0]
    jumped, watched = (Refrigerator(lambda: now[0]) for _ in range(2))
    for each in (jumped, watched):
        each.switch(PULSE_TUBE, on=False)
    seen = {}
    for minute in range(1, 11):
        now[0] = 60.0 * minute
        seen[now[0]] = watched.temperature
    assert seen[600.0] > 0.1
    assert [jumped.temperature_at(t) for t in seen] == pytest.approx([*seen.values()], rel=0.02)
