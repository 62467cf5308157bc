"""Several names in one hold or release: all of them or none, a row and a line of each."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from kammerton.model import StoreError
from kammerton.store import Inbox, Store, attend, change, leases
from kammerton.store.asking import _kept
from kammerton.store.kept import asked_leases
from kammerton.store.leases import DAEMON
from kammerton.store.older import leases_now
from kammerton.store.verbs import do

RELEASED = "q0, q1 and lo are released; the daemon measures again what rests on them"
NAMES = ["q0", "q1", "lo"]
LEFT = {"targets": NAMES, "why": "a cable"}
KNOWN = frozenset({"computer", "q0", "q1", "lo", "awg1"})


def held(store: Store) -> list[tuple[str, str]]:
    return [(each.scope, each.owner) for each in store.leases()]


def audited(store: Store) -> list[tuple[str, str, str]]:
    lines = (each for each in store.log() if each.what.startswith("lease of"))
    return sorted((each.what, each.who, each.new) for each in lines)


def test_one_moment_owner_reason_and_end_and_a_row_and_a_line_each(store: Store) -> None:
    until = datetime.now(UTC) + timedelta(hours=2)
    said = do(store, "hold", {**LEFT, "until": until.isoformat()}, "anna")
    assert said == f"q0, q1 and lo are held by anna until {until:%Y-%m-%d %H:%M:%S} UTC"
    leases = store.leases()
    assert [each.scope for each in leases] == NAMES
    assert len({(each.owner, each.why, each.since, each.until) for each in leases}) == 1
    assert [what for what, _, _ in audited(store)] == ["lease of lo", "lease of q0", "lease of q1"]
    assert do(store, "release", {"targets": NAMES}, "anna") == RELEASED
    assert store.leases() == ()
    assert [new for _, _, new in audited(store)].count("released") == 3


def test_what_is_named_twice_is_held_once(store: Store) -> None:
    assert do(store, "hold", {"targets": ["q0", "q0"], "why": "x"}, "anna").startswith("q0 is held")
    assert len(store.leases()) == 1


def test_where_another_person_holds_one_nothing_is_held_and_it_is_said_who_holds_which(
    store: Store,
) -> None:
    store.hold("lo", "berta", "wiring")
    store.hold("q1", "carl", "two-tone")
    before = held(store), audited(store)
    words = "lo is held by berta: wiring; q1 is held by carl: two-tone; nothing is held"
    with pytest.raises(StoreError, match=f"^{words}$"):
        do(store, "hold", LEFT, "anna")
    assert (held(store), audited(store)) == before


def test_ones_own_and_the_daemons_are_taken_over_and_named(store: Store) -> None:
    store.hold("lo", DAEMON, "no reference")
    store.hold("q1", "anna", "two-tone")
    said = do(store, "hold", LEFT, "anna")
    assert 'this replaces the hold of lo until released, "no reference"' in said
    assert 'this replaces the hold of q1 until released, "two-tone"' in said
    assert held(store) == [(name, "anna") for name in NAMES]


@pytest.mark.parametrize(
    ("others", "words"),
    [
        ({"q0": "anna", "q1": "anna"}, "nobody holds lo; held: q0, q1; nothing is released"),
        ({"q0": "anna", "q1": "anna", "lo": "berta"},
         "lo is held by berta: x; `kammerton release --force` takes it; nothing is released"),
    ],
)  # fmt: skip
def test_where_one_cannot_be_released_none_is(store: Store, others, words) -> None:
    for name, owner in others.items():
        store.hold(name, owner, "x")
    before = held(store), audited(store)
    with pytest.raises(StoreError, match=f"^{words}$"):
        do(store, "release", {"targets": NAMES}, "anna")
    assert (held(store), audited(store)) == before
    if "lo" in others:
        do(store, "release", {"targets": NAMES, "force": True}, "anna")
        assert store.leases() == ()


def test_a_later_hold_of_one_is_not_released_with_the_others(place: Path | str) -> None:
    with Store.open(place, "two-qubits") as store:
        do(store, "hold", LEFT, "anna")
        seen = leases_now(place)
        assert sorted(seen) == sorted(NAMES)
        store.hold("q1", "anna", "something else")
        asked = {"targets": NAMES, "leases": [seen[name] for name in NAMES]}
        with pytest.raises(StoreError, match="q1 is held anew by anna: something else; nothing is"):
            do(store, "release", asked, "anna")
        assert len(store.leases()) == 3


@pytest.mark.parametrize(
    "arguments", [{}, {"targets": []}, {"targets": [3]}, {"scope": "q0", "targets": ["q1"]}]
)
@pytest.mark.parametrize("verb", ["hold", "release"])
def test_what_names_nothing_or_in_two_ways_is_refused(store: Store, verb: str, arguments) -> None:
    store.hold("q0", "anna", "x")
    with pytest.raises(StoreError, match=f"{verb}: "):
        do(store, verb, arguments, "anna")
    assert held(store) == [("q0", "anna")]


def test_a_name_that_is_not_there_lets_nothing_be_held(place: Path | str) -> None:
    with Store.open(place, "two-qubits") as store, Inbox(store.place) as box:
        number = box.ask("hold", {"targets": ["q0", "left"], "why": "x"}, "anna")
        attend(store, box, KNOWN)
        answer = box.request(number).answer
        assert answer == "there is nothing called 'left' to be held; nothing is held"
        assert store.leases() == ()


def test_each_is_given_back_by_itself(store: Store) -> None:
    do(store, "hold", LEFT, "anna")
    do(store, "release", {"targets": NAMES}, "anna")
    assert [each.scope for each in store.given_back()] == NAMES


@contextmanager
def locked(path: Path) -> Iterator[None]:
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield


def asked(box: Inbox, who: str, verb: str, **arguments: object) -> int:
    return box.ask(verb, arguments, who)


def test_while_it_cannot_be_recorded_all_of_it_counts_and_all_is_recorded_later(
    store: Store, path: Path
) -> None:
    with Inbox(path) as box:
        number = asked(box, "anna", "hold", **LEFT)
        with locked(path):
            attend(store, box, KNOWN)
            (request,) = box.waiting()
            assert request.kept
            assert [each.scope for each in asked_leases(request)] == NAMES
            other = asked(box, "berta", "hold", targets=["awg1", "lo"], why="mine")
            attend(store, box, KNOWN)
            words = "lo is held by anna: a cable; nothing is held"
            assert box.request(other).answer == words
        attend(store, box, KNOWN)
        assert box.request(number).done
        assert held(store) == [(name, "anna") for name in NAMES]


def test_whoever_asked_hears_that_all_of_it_is_held(store: Store, path: Path) -> None:
    with Inbox(path) as box, locked(path):
        number = asked(box, "anna", "hold", **LEFT)
        attend(store, box, KNOWN)
        said = _kept(box.request(number))
        assert said.startswith("q0, q1 and lo are held by anna; that is recorded as soon as")


def test_what_is_not_recorded_yet_is_withdrawn_as_a_whole(store: Store, path: Path) -> None:
    with Inbox(path) as box, locked(path):
        number = asked(box, "anna", "hold", **LEFT)
        attend(store, box, KNOWN)
        part = asked(box, "anna", "release", scope="lo")
        attend(store, box, KNOWN)
        assert "held in one command with q0, q1, which is not" in (box.request(part).answer or "")
        assert box.request(number).answer is None
        more = asked(box, "anna", "release", targets=[*NAMES, "awg1"])
        attend(store, box, KNOWN)
        assert "nobody holds awg1: release the others" in (box.request(more).answer or "")
        assert box.request(number).answer is None
        theirs = asked(box, "berta", "release", targets=NAMES)
        attend(store, box, KNOWN)
        assert "q0 is held by anna: a cable; `kammerton" in (box.request(theirs).answer or "")
        whole = asked(box, "anna", "release", targets=NAMES)
        attend(store, box, KNOWN)
        assert box.request(whole).done
        assert box.request(number).answer == "released by anna before it was recorded"
        assert box.waiting() == []


def test_a_part_that_is_recorded_is_not_released_without_one_that_is_not(
    store: Store, path: Path
) -> None:
    store.hold("q0", "anna", "a cable")
    with Inbox(path) as box, locked(path):
        number = asked(box, "anna", "hold", scope="lo", why="a cable")
        attend(store, box, KNOWN)
        both = asked(box, "anna", "release", targets=["q0", "lo"])
        attend(store, box, KNOWN)
        assert "lo is not recorded as held yet" in (box.request(both).answer or "")
        assert box.request(number).answer is None
    assert held(store) == [("q0", "anna")]


def test_a_full_disk_between_two_of_them_leaves_none(store: Store, monkeypatch) -> None:
    real, done = leases.insert_lease, []

    def fails_later(*what: object) -> object:
        done.append(what)
        if len(done) == 3:
            raise StoreError("disk I/O error")
        return real(*what)

    monkeypatch.setattr(leases, "insert_lease", fails_later)
    with pytest.raises(StoreError, match="disk I/O error"):
        do(store, "hold", LEFT, "anna")
    assert (held(store), audited(store)) == ([], [])


def test_without_a_daemon_it_is_done_here(place: Path | str) -> None:
    Store.open(place, "two-qubits").close()
    assert change(place, "hold", LEFT, "anna").startswith("q0, q1 and lo are held by anna")
    with pytest.raises(StoreError, match="q0 is held by anna: a cable; q1 is held by anna"):
        change(place, "hold", LEFT, "bert")
    assert change(place, "release", {"targets": NAMES}, "anna") == RELEASED
