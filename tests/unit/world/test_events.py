"""Poisson events on the clock."""

from __future__ import annotations

import numpy as np
import pytest

from kammerton_sim.world.events import Events

NOW = 1.8e9


def test_events_come_at_their_rate_and_independently():
    times, marks = Events(3.0, 7).between(NOW, NOW + 20_000)
    inside = times[(times >= NOW) & (times < NOW + 20_000)]
    assert inside.size == pytest.approx(60_000, abs=5 * np.sqrt(60_000))
    waits = np.diff(inside)
    assert (waits >= 0).all()
    assert waits.mean() == pytest.approx(1 / 3, rel=0.02)
    assert waits.std() == pytest.approx(1 / 3, rel=0.03)
    assert abs(np.corrcoef(waits[1:], waits[:-1])[0, 1]) < 0.02
    assert np.histogram(marks, 10, (0, 1))[0] == pytest.approx(marks.size / 10, rel=0.1)
    assert abs(np.corrcoef(marks[1:], marks[:-1])[0, 1]) < 0.02


def test_every_stretch_of_time_tells_the_same():
    events = Events(0.7, 3, 1)
    whole, marks = events.between(NOW, NOW + 1000)
    part, some = Events(0.7, 3, 1).between(NOW + 400, NOW + 500)
    chosen = np.isin(whole, part)
    assert np.array_equal(whole[chosen], part)
    assert np.array_equal(marks[chosen], some)
    other, _ = Events(0.7, 3, 2).between(NOW, NOW + 1000)
    assert not np.isin(whole, other).any()


def test_the_latest_mark_is_kept_until_the_next_event():
    events = Events(2.0, 5)
    times, marks = events.between(NOW, NOW + 100)
    middle = (times[10:-1] + times[11:]) / 2
    assert np.array_equal(events.latest(middle[::-1])[::-1], marks[10:-1])
    assert events.latest(np.array([])).size == 0


def test_memory_decays_with_the_rate():
    """A fresh mark at every event: covariance exp(-rate t), as of a telegraph signal."""
    lags = np.array([0.0, 0.1, 0.3, 1.0])
    at = NOW + np.arange(20_000) * 3.0
    events = Events(2.0, 11)
    a = np.round(events.latest(at)) - 0.5
    seen = [4 * (a * (np.round(events.latest(at + lag)) - 0.5)).mean() for lag in lags]
    assert seen == pytest.approx(np.exp(-2.0 * lags), abs=0.04)


def test_what_is_kept_of_an_earlier_question_answers_a_later_one_no_differently():
    """In whatever order: onwards, back, and a wider stretch."""
    events = Events(50.0, 9)
    for begin, end in ((0, 1), (0.5, 1.5), (1.9, 2.1), (-3, -2), (-5, 5), (0, 1)):
        at = np.linspace(NOW + begin, NOW + end, 200)
        assert np.array_equal(events.latest(at), Events(50.0, 9).latest(at))


def test_a_mark_lasts_where_no_event_comes_meanwhile():
    events = Events(2.0, 5)
    times, marks = events.between(NOW, NOW + 100)
    before, event = times[20], times[21]
    assert events.lasting(before, np.nextafter(event, 0.0)) == marks[20]
    assert events.lasting(before, event) is None
