"""What a person had in hand since a backup is not forgotten when that comes back."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from kammerton.store import Doubt, Store, backup, clock
from kammerton.store.following import going_on
from kammerton.store.given_back import GIVEN_BACK
from kammerton.store.leases import DAEMON
from kammerton.store.restore import restore
from kammerton.verify import verify
from tests.stored import estimate, run

DAY = timedelta(days=1)


def given(path: Path) -> list[tuple[str, str, str]]:
    with Store.open(path, "two-qubits") as store:
        return [(each.scope, each.owner, each.why) for each in store.given_back()]


@pytest.mark.parametrize("noted", [False, True])
def test_what_was_given_back_since_the_backup_is_given_back_in_it(path: Path, noted: bool) -> None:
    """Also where what it doubted was measured again: what comes back was measured before."""
    with Store.open(path, "two-qubits") as store:
        store.commit(run(), {"q0.t1": estimate()})
        saved = backup.keep(path)
        store.hold("lo", "anna", "new cable")
        store.release("lo", "anna")
        store.hold("dig", DAEMON, "see to the cable")
        store.release("dig", "berta")
        for each in store.given_back() if noted else []:
            store.audit(DAEMON, each.note, "over", GIVEN_BACK, "")
    restore(saved, "anna")
    assert given(path) == [("lo", "anna", "new cable"), ("dig", "berta", "see to the cable")]
    assert verify(path).findings == ()


def test_what_the_backup_noted_is_not_given_back_once_more(path: Path) -> None:
    with Store.open(path, "two-qubits") as store:
        store.commit(run(), {"q0.t1": estimate()})
        store.hold("lo", "anna", "new cable")
        store.release("lo", "anna")
        (each,) = store.given_back()
        store.audit(DAEMON, each.note, "over", GIVEN_BACK, "")
        saved = backup.keep(path)
    restore(saved, "anna")
    assert given(path) == []


def test_what_is_still_held_is_given_back_when_it_is_released(path: Path) -> None:
    with Store.open(path, "two-qubits") as store:
        store.commit(run(), {"q0.t1": estimate()})
        saved = backup.keep(path)
        for why in ("first", "second"):
            store.hold("lo", "anna", why)
    restore(saved, "berta")
    assert given(path) == []
    with Store.open(path, "two-qubits") as store:
        assert [each.why for each in store.leases()] == ["second"]
        store.release("lo", "anna")
    assert given(path) == [("lo", "anna", "second")]


def test_s6_a_later_value_is_one_whatever_the_clock_was_then(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = clock.wall()
    with Store.open(path, "two-qubits") as store:
        store.commit(run(), {"q0.f01": estimate(5e9, 1e4, "Hz", time=now)})
        saved = backup.keep(path)
        store.commit(run(), {"q0.f01": estimate(5.003e9, 1e4, "Hz", time=now - DAY)})
    restore(saved, "anna")
    with Store.open(path, "two-qubits") as store:
        assert store.doubts() == {"q0.f01": pytest.approx(3e6)}


def test_a_value_that_the_backup_knows_as_older_is_no_reason_to_doubt(path: Path) -> None:
    with Store.open(path, "two-qubits") as store:
        store.commit(run(), {"q0.f01": estimate(5.003e9, 1e4, "Hz")})
        old = backup.keep(path)
        store.commit(run(), {"q0.f01": estimate(5e9, 1e4, "Hz")})
        store.doubt({"q0.f01": Doubt("r000002", 1e5, "a surprise")})
        new = backup.keep(path, why="asked")
    restore(old, "anna")
    restore(new, "anna", path)
    with Store.open(path, "two-qubits") as store:
        assert store.doubts() == {"q0.f01": 1e5}


def test_s6_laboratory_time_does_not_go_back_by_a_restore(path: Path) -> None:
    """The clock of a simulated laboratory, which is ahead, does not."""

    def ahead_of_last_run(by: timedelta) -> None:
        with Store.open(path, "two-qubits") as store:
            end = clock.wall() + by
            store.commit(replace(run(started=end), ended=end), {"q0.t1": estimate(time=end)})

    ahead_of_last_run(timedelta(minutes=1))
    saved = backup.keep(path)
    ahead_of_last_run(timedelta(minutes=13))
    with Store.open(path, "two-qubits") as store:
        before = going_on(store).now()
    for _ in range(2):
        restore(saved, "anna", path)
    assert verify(path).findings == ()
    with Store.open(path, "two-qubits") as store:
        assert timedelta() <= going_on(store).now() - before < timedelta(minutes=1)
