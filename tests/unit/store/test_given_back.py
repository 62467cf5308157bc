"""Which values were stored before a person's hold was over, on both databases."""

from __future__ import annotations

from datetime import timedelta

import pytest

from kammerton.store import Store, clock
from kammerton.store.leases import DAEMON, GIVEN_BACK
from tests.clocks import Clocks
from tests.stored import estimate, run

BACK = timedelta(minutes=-2)


def given(store: Store, *, by_time: bool = False) -> list[tuple[str, set[str]]]:
    return [(each.scope, set(each.older)) for each in store.given_back(by_time=by_time)]


def note(store: Store) -> None:
    for each in store.given_back():
        store.audit(DAEMON, each.note, "over", GIVEN_BACK, "")


def clock_set(monkeypatch: pytest.MonkeyPatch, by: timedelta) -> None:
    wall = clock.wall
    monkeypatch.setattr(clock, "wall", lambda: wall() + by)


@pytest.mark.parametrize("by", [BACK, -BACK])
def test_whatever_the_clock_is_set_to_what_was_given_back_is_once(
    store: Store, monkeypatch: pytest.MonkeyPatch, by: timedelta
) -> None:
    store.commit(run(), {"q0.t1": estimate(), "q1.t1": estimate()})
    store.hold("lo", "anna", "new cable")
    clock_set(monkeypatch, by)
    store.release("lo", "anna")
    store.move_times(by, "the clock was set", store.revision())
    clock_set(monkeypatch, -2 * by)
    for by_time in (False, True):
        store.audit(DAEMON, "clock", "", "", "it was set")
        assert given(store, by_time=by_time) == [("lo", {"q0.t1", "q1.t1"})]
    note(store)
    assert given(store) == given(store, by_time=True) == []
    store.hold("q0", "anna", "two-tone")
    store.release("q0", "anna")
    assert given(store) == given(store, by_time=True) == [("q0", {"q0.t1", "q1.t1"})]


def test_of_a_database_in_which_no_hold_was_noted_wall_times_are_compared(store: Store) -> None:
    store.commit(run(), {"q0.t1": estimate(), "q1.t1": estimate()})
    assert given(store) == []
    store.hold("lo", "anna", "new cable")
    assert given(store) == [], "it is still held"
    store.release("lo", "anna")
    assert given(store, by_time=True) == [("lo", {"q0.t1", "q1.t1"})]
    store.commit(run(), {"q0.t1": estimate()})
    assert given(store, by_time=True) == [("lo", {"q1.t1"})]
    store.hold("lo", "berta", "another cable")
    assert given(store) == [], "it is held again"


def test_a_hold_that_ended_by_itself_is_over(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    store.commit(run(), {"q0.t1": estimate()})
    clocks = Clocks(monkeypatch)
    store.hold("q0", "anna", "two-tone", clocks.wall + timedelta(minutes=1))
    assert given(store) == []
    clocks.passes(timedelta(minutes=2))
    assert given(store) == given(store, by_time=True) == [("q0", {"q0.t1"})]


def test_what_the_daemon_held_is_no_persons(store: Store) -> None:
    store.commit(run(), {"q0.t1": estimate()})
    store.hold("lo", DAEMON, "a lost reference")
    store.release("lo", "anna")
    assert given(store) == []


def test_a_hold_that_replaced_another_is_the_one_that_was_given_back(store: Store) -> None:
    """Its reason is what is quoted, not that of the hold which no longer stood."""
    store.commit(run(("q0",)), {"q0.t1": estimate()})
    for why in ("first reason", "second reason"):
        store.hold("q0", "anna", why)
    store.release("q0", "anna")
    assert [(each.scope, each.why) for each in store.given_back()] == [("q0", "second reason")]
