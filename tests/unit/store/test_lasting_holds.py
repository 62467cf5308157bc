"""S6: a hold for two hours lasts two hours, whatever the computer's clock is set to."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from kammerton.store import Inbox, Store, attend, clock
from kammerton.store.kept import asked_leases
from kammerton.store.older import leases_now
from kammerton.store.restore import restore
from kammerton.store.verbs import do
from tests.clocks import Clocks
from tests.older import make_old
from tests.stored import estimate, run

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def clocks(monkeypatch: pytest.MonkeyPatch) -> Clocks:
    return Clocks(monkeypatch)


def hold(store: Store, lasts: timedelta = 2 * HOUR) -> str:
    until = (clock.wall() + lasts).isoformat()
    return do(store, "hold", {"scope": "lo", "why": "a cable", "until": until}, "anna")


def held(store: Store) -> list[str]:
    return [each.scope for each in store.leases()]


@pytest.mark.parametrize("by", [DAY, -DAY, timedelta(days=365)])
def test_s6_a_clock_that_is_set_ends_no_hold_and_makes_none_longer(
    place: Path | str, clocks: Clocks, by: timedelta
) -> None:
    with Store.open(place, "two-qubits") as store:
        hold(store)
        clocks.passes(HOUR)
        clocks.is_set(by)
        assert held(store) == ["lo"]
        assert leases_now(place) == {"lo": 1}
        assert store.leases()[0].until == clocks.wall + HOUR, (
            "what is shown is by the wall as it is"
        )
        clocks.passes(HOUR - timedelta(seconds=1))
    with Store.open(place, "two-qubits") as store:
        assert held(store) == ["lo"]
        with pytest.raises(Exception, match="lo is held by anna"):
            store.hold("lo", "berta", "mine")
        clocks.passes(timedelta(seconds=1))
        assert held(store) == []
        assert leases_now(place) == {}


def test_s6_what_a_clock_is_slewed_by_moves_no_end(place: Path | str, clocks: Clocks) -> None:
    """What is shown would else change at every look."""
    with Store.open(place, "two-qubits") as store:
        hold(store)
        until = store.leases()[0].until
        clocks.is_set(timedelta(seconds=2))
        assert store.leases()[0].until == until


def test_s6_after_a_start_of_the_computer_what_is_left_by_the_wall_is_what_passes(
    place: Path | str, clocks: Clocks
) -> None:
    with Store.open(place, "two-qubits") as store:
        hold(store)
    clocks.restarts("the second boot", HOUR)
    with Store.open(place, "two-qubits") as store:
        clocks.is_set(DAY)
        assert held(store) == ["lo"]
        clocks.passes(HOUR)
        assert held(store) == []


def test_s6_a_computer_that_begins_a_year_behind_holds_no_longer_than_was_asked(
    place: Path | str, clocks: Clocks
) -> None:
    with Store.open(place, "two-qubits") as store:
        hold(store)
    clocks.restarts("the second boot", timedelta(days=-365))
    with Store.open(place, "two-qubits") as store:
        clocks.is_set(timedelta(days=365) + 3 * HOUR)
        assert held(store) == ["lo"], "nobody knows how long it was off"
        clocks.passes(2 * HOUR)
        assert held(store) == []


def test_s6_what_another_computer_held_goes_by_the_wall_until_the_daemons_own_clock_has_it(
    place: Path | str, clocks: Clocks
) -> None:
    with Store.open(place, "two-qubits") as store:
        hold(store)
    clocks.restarts("another computer")
    with Store.read(place) as reader:
        assert held(reader) == ["lo"]
        clocks.is_set(DAY)
        assert held(reader) == []
        clocks.is_set(-DAY)
        with Store.open(place, "two-qubits"):
            clocks.is_set(DAY)
            assert held(reader) == ["lo"]


def test_s6_a_boot_without_a_name_is_known_by_a_clock_that_has_not_come_so_far(
    place: Path | str, clocks: Clocks
) -> None:
    with Store.open(place, "two-qubits") as store:
        hold(store)
    clocks.restarts(clocks.boot, 3 * HOUR)
    with Store.open(place, "two-qubits") as store:
        assert held(store) == []


def test_s6_a_hold_of_an_older_schema_is_taken_over(path: Path, clocks: Clocks) -> None:
    with Store.open(path, "two-qubits") as store:
        hold(store)
    make_old(path, 4)
    assert leases_now(path) == {"lo": 1}
    with Store.open(path, "two-qubits") as store:
        clocks.is_set(DAY)
        assert held(store) == ["lo"]


def test_s6_a_hold_that_a_restore_carries_over_ends_when_it_was_to(
    path: Path, clocks: Clocks
) -> None:
    from kammerton.store import backup

    with Store.open(path, "two-qubits") as store:
        store.commit(run(), {"q0.t1": estimate()})
        saved = backup.keep(path)
        hold(store)
    clocks.is_set(DAY)
    restore(saved, "anna")
    clocks.is_set(-DAY)
    with Store.open(path, "two-qubits") as store:
        clocks.passes(2 * HOUR - timedelta(seconds=1))
        assert held(store) == ["lo"]
        clocks.passes(timedelta(seconds=1))
        assert held(store) == []


@pytest.mark.parametrize("by", [DAY, -DAY])
def test_s6_a_hold_that_waits_to_be_recorded_lasts_as_it_was_asked_for(
    place: Path | str, clocks: Clocks, by: timedelta
) -> None:
    """The clock was set while the database was locked."""
    with Store.open(place, "two-qubits") as store, Inbox(store.place) as box:
        until = (clocks.wall + 2 * HOUR).isoformat()
        box.ask("hold", {"scope": "lo", "why": "a cable", "until": until}, "anna")
        box.waiting()
        clocks.passes(HOUR)
        clocks.is_set(by)
        (request,) = box.waiting()
        (asked,) = asked_leases(request)
        assert asked.until == clocks.wall + HOUR
        attend(store, box)
        assert [each.until for each in store.leases()] == [clocks.wall + HOUR]


def test_one_clock_is_shared_by_all_processes_of_a_boot() -> None:
    import subprocess
    import sys

    code = "from kammerton.store import clock; print(clock.boot(), clock.ticks(), sep='|')"
    before = clock.ticks()
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    boot, _, ticks = said.stdout.strip().rpartition("|")
    assert boot == clock.boot()
    assert before < int(ticks) < clock.ticks()
