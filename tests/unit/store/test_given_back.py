"""Which values were stored before a person's hold was over, on both databases."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from kammerton.store import Store, clock
from kammerton.store.given_back import GIVEN_BACK
from kammerton.store.held_again import held_again
from kammerton.store.leases import DAEMON
from tests.clocks import Clocks
from tests.stored import estimate, run

BACK, HOUR = timedelta(minutes=-2), timedelta(hours=1)


def given(store: Store) -> list[tuple[str, set[str]]]:
    return [(each.scope, set(each.older)) for each in store.given_back()]


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
    assert given(store) == [("lo", {"q0.t1", "q1.t1"})]
    note(store)
    assert given(store) == []
    store.hold("q0", "anna", "two-tone")
    store.release("q0", "anna")
    assert given(store) == [("q0", {"q0.t1", "q1.t1"})]


def test_s6_the_first_hold_of_a_database_is_not_forgotten_where_the_clock_was_behind(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.commit(run(), {"q0.t1": estimate()})
    clock_set(monkeypatch, BACK)
    store.hold("lo", "anna", "new cable")
    assert given(store) == [], "it is still held"
    store.release("lo", "anna")
    clock_set(monkeypatch, -BACK)
    assert given(store) == [("lo", {"q0.t1"})]
    store.hold("lo", "berta", "another cable")
    assert given(store) == [], "it is held again"


@pytest.mark.parametrize("released", [True, False])
def test_s6_a_hold_that_holds_again_after_it_was_noted_is_given_back_once_more(
    place: Path | str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, released: bool
) -> None:
    """The computer was started with its clock ahead: the hold counted as over."""
    clocks = Clocks(monkeypatch)
    with Store.open(place, "two-qubits", data=tmp_path / "raw") as store:
        store.commit(run(), {"q0.t1": estimate()})
        store.hold("lo", "anna", "new cable", clocks.wall + HOUR)
    clocks.restarts("the second boot", 24 * HOUR)
    with Store.open(place, "two-qubits") as store:
        note(store)
        assert given(store) == []
        clocks.is_set(-24 * HOUR)
        if released:
            store.release("lo", "anna")
        else:
            held_again(store, store.leases())
            assert given(store) == []
            clocks.passes(2 * HOUR)
        assert given(store) == [("lo", {"q0.t1"})]
        note(store)
        assert given(store) == []


def test_a_hold_that_ended_by_itself_is_over(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    store.commit(run(), {"q0.t1": estimate()})
    clocks = Clocks(monkeypatch)
    store.hold("q0", "anna", "two-tone", clocks.wall + timedelta(minutes=1))
    assert given(store) == []
    clocks.passes(timedelta(minutes=2))
    assert given(store) == [("q0", {"q0.t1"})]


@pytest.mark.parametrize("who", ["anna", DAEMON])
def test_what_the_daemon_held_was_in_hand_where_a_person_released_it(
    store: Store, who: str
) -> None:
    """It had asked for a look at a cable; what it takes back itself nobody touched."""
    store.commit(run(), {"q0.t1": estimate()})
    store.hold("lo", DAEMON, "a lost reference")
    assert given(store) == []
    store.release("lo", who)
    persons = [(each.scope, each.owner, each.why) for each in store.given_back()]
    assert persons == ([("lo", "anna", "a lost reference")] if who == "anna" else [])


def test_a_hold_that_replaced_another_is_the_one_that_was_given_back(store: Store) -> None:
    """Its reason is what is quoted, not that of the hold which no longer stood."""
    store.commit(run(("q0",)), {"q0.t1": estimate()})
    for why in ("first reason", "second reason"):
        store.hold("q0", "anna", why)
    store.release("q0", "anna")
    assert [(each.scope, each.why) for each in store.given_back()] == [("q0", "second reason")]
