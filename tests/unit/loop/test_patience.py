"""How often something is tried again."""

from __future__ import annotations

from datetime import timedelta

import pytest

from kammerton.loop.patience import HOUR, HOURLY, MOST_SHOTS, PAUSE, TRIES, WIDEST, Patience
from kammerton.model import Advice, Fit, Verdict
from tests.unit.loop.laboratory import START


def fit(verdict, advice=None):
    return Fit("t1", "q0", {}, verdict, "s", "no decay is seen", 1.0, advice or Advice())


def test_an_accepted_fit_clears_failures_and_effort():
    patience = Patience()
    patience.note("t1", fit(Verdict.INSUFFICIENT, Advice(shots_times=4.0)), START)
    assert patience.effort("t1", "q0").shots == 4.0
    patience.note("t1", fit(Verdict.ACCEPTED), START)
    assert patience.effort("t1", "q0").shots == 1.0


def test_advice_of_the_fit_is_followed_and_bounded():
    patience = Patience()
    for _ in range(3):
        patience.note(
            "t1", fit(Verdict.INSUFFICIENT, Advice(window_times=10.0, shots_times=9.0)), START
        )
    effort = patience.effort("t1", "q0")
    assert (effort.window, effort.shots) == (WIDEST, MOST_SHOTS)


def test_the_centre_of_the_advice_is_kept():
    patience = Patience()
    patience.note("t1", fit(Verdict.INSUFFICIENT, Advice(centre_on=5.0)), START)
    assert patience.effort("t1", "q0").centre == 5.0


def test_what_is_forgotten_is_parked_no_longer_and_no_alarm_stays():
    told = []
    patience = Patience(alarm=told.append)
    patience.park("q0", "no decay is seen", START)
    patience.forget()
    assert patience.allows("t1", "q0")
    assert [(a.subject, a.on) for a in told] == [("q0", True), ("q0", False)]


def test_what_works_again_where_it_failed_ends_the_parking():
    told = []
    patience = Patience(alarm=told.append)
    for _ in range(TRIES):
        patience.note("t1", fit(Verdict.REJECTED), START)
    patience.note("ramsey", fit(Verdict.ACCEPTED), START)
    assert "q0" in patience.parked, "another one says nothing of it"
    patience.note("t1", fit(Verdict.ACCEPTED), START)
    assert patience.left_alone() == {}
    assert [(a.subject, a.on) for a in told] == [("q0", True), ("q0", False)]
    assert patience.note("t1", fit(Verdict.REJECTED), START) == 1, "with a clean slate"


def test_it_is_said_how_soon_it_is_tried_again():
    patience = Patience()
    patience.park("q0", "no line is seen", START)
    patience.set_aside("t1", ["q1"], "its code fails", START)
    later = START + PAUSE - timedelta(minutes=3, seconds=30)
    assert patience.words(later) == [
        "q0 is parked: no line is seen (tried again in 4 min)",
        "t1 of q1 is parked: its code fails (tried again in 4 min)",
    ]
    assert patience.words(START + PAUSE)[0].endswith("(tried again next)")


def test_without_advice_more_shots_are_taken():
    patience = Patience()
    patience.note("t1", fit(Verdict.REJECTED), START)
    assert patience.effort("t1", "q0").shots == 2.0


def test_a_target_is_parked_after_so_many_tries_and_the_reason_is_kept():
    patience = Patience()
    for k in range(TRIES):
        assert patience.parked == {}, k
        patience.note("t1", fit(Verdict.REJECTED), START)
    assert patience.parked["q0"].reason == "t1: no decay is seen"


@pytest.mark.parametrize("other", ["t2_echo"])
def test_calibrations_are_counted_apart(other):
    patience = Patience()
    for _ in range(TRIES - 1):
        patience.note("t1", fit(Verdict.REJECTED), START)
        patience.note(other, fit(Verdict.REJECTED), START)
    assert patience.parked == {}


def test_a_parked_target_gets_another_chance_later_each_time():
    patience, now = Patience(), START
    for times in (1, 2, 4):
        for _ in range(TRIES):
            patience.note("t1", fit(Verdict.REJECTED), now)
        assert patience.release(now + times * PAUSE * 0.99) == []
        now += times * PAUSE
        assert patience.release(now) == ["q0"]
        assert patience.effort("t1", "q0").shots == 1.0
    assert patience.parked == {}


def failed_hourly(patience, spacing):
    """Let all tries of an hour fail, with a pause ended and another line begun between them."""
    for number in range(HOURLY):
        now = START + number * spacing
        patience.note("t1", fit(Verdict.REJECTED), now)
        patience.anew("t1", "q0")
        patience.release(now)
    return now


def test_what_failed_too_often_within_an_hour_waits_until_the_hour_is_over():
    patience = Patience()
    spacing = timedelta(minutes=9)
    now = failed_hourly(patience, spacing)
    assert not patience.allows("t1", "q0")
    assert patience.allows("ramsey", "q0"), "its others go on"
    assert patience.allows("t1", "q1")
    assert patience.words(now) == [
        "t1 of q0 is parked: tried 6 times within the hour, last: no decay is seen "
        "(tried again in 15 min)"
    ]
    patience.release(START + HOUR - timedelta(seconds=1))
    assert not patience.allows("t1", "q0")
    patience.release(START + HOUR)
    assert patience.allows("t1", "q0")
    patience.note("t1", fit(Verdict.REJECTED), START + HOUR)
    assert not patience.allows("t1", "q0"), "the five since are of this hour still"


def test_tries_that_failed_longer_ago_do_not_count():
    patience = Patience()
    failed_hourly(patience, timedelta(minutes=13))
    assert patience.allows("t1", "q0")


def test_one_that_succeeds_takes_back_the_tries_before_it():
    patience = Patience()
    for number in range(2 * HOURLY):
        verdict = Verdict.ACCEPTED if number % 3 == 2 else Verdict.REJECTED
        patience.note("t1", fit(verdict), START + number * timedelta(minutes=1))
    assert patience.allows("t1", "q0")


def test_tries_of_the_hour_follow_a_clock_that_was_set():
    patience, by = Patience(), timedelta(days=1)
    failed_hourly(patience, timedelta(minutes=1))
    patience.moved(by)
    patience.release(START + by + timedelta(minutes=30))
    assert not patience.allows("t1", "q0")
    patience.release(START + by + HOUR)
    assert patience.allows("t1", "q0")
    patience.note("t1", fit(Verdict.REJECTED), START + by + HOUR - timedelta(minutes=1))
    assert not patience.allows("t1", "q0"), "they are as old as before"


def test_what_works_on_request_is_left_alone_no_longer():
    patience = Patience()
    now = failed_hourly(patience, timedelta(minutes=1))
    patience.note("t1", fit(Verdict.ACCEPTED), now)
    assert patience.allows("t1", "q0")
    assert patience.left_alone() == {}
