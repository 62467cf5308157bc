"""Going back is a new revision with old values."""

from __future__ import annotations

from pathlib import Path

import pytest

from kammerton.model import StoreError
from kammerton.store import Store
from kammerton.store.leases import DAEMON
from tests.stored import estimate, run


@pytest.fixture
def three(store: Store) -> Store:
    """q0 and q1 at revision 1, q0 anew at 2, q2 first known at 3."""
    store.commit(run(), {"q0.t1": estimate(1.0), "q1.t1": estimate(2.0), "q0.f01": estimate(5e9)})
    store.commit(run(), {"q0.t1": estimate(3.0), "q1.t1": estimate(4.0)})
    store.commit(run(), {"q2.t1": estimate(6.0)})
    return store


def _values(store: Store) -> dict[str, float]:
    return {name: each.value for name, each in store.parameters().items()}


def test_one_element_goes_back_and_the_others_stay(three: Store) -> None:
    assert three.revert(1, ["q0"], who="anna", why="the flux moved") == 4
    assert _values(three) == {"q0.t1": 1.0, "q0.f01": 5e9, "q1.t1": 4.0, "q2.t1": 6.0}
    newest = three.revisions()[0]
    assert (newest.number, newest.run, newest.reverts) == (4, None, 1)
    assert (newest.who, newest.why) == ("anna", "the flux moved")
    assert three.snapshot().parameters["q0.f01"].revision == 1, "what was the same is no change"


def test_values_come_back_with_the_run_that_measured_them(three: Store) -> None:
    before = three.parameters_at(1)["q0.t1"].estimate
    three.revert(1, who="anna")
    assert three.parameters()["q0.t1"] == before
    assert _values(three) == {"q0.t1": 1.0, "q0.f01": 5e9, "q1.t1": 2.0, "q2.t1": 6.0}


def test_a_revert_is_published_and_audited(three: Store) -> None:
    heard: list[int] = []
    three.on_commit(lambda: heard.append(three.revision()))
    three.revert(1, ["q1"], who="anna", why="a typo")
    last = three.waiting()[-1]
    assert (last.run, last.revision) == (None, 4)
    assert [each.name for each in last.changes] == ["q1.t1"]
    assert heard == [4]
    row = three.log(1)[0]
    assert (row.who, row.what, row.old, row.new) == ("anna", "revision of q1", "3", "4")


def test_a_revert_can_be_reverted(three: Store) -> None:
    three.revert(1, ["q0"], who="anna")
    assert three.revert(3, ["q0"], who="anna") == 5
    assert _values(three)["q0.t1"] == 3.0


def test_every_revision_can_be_looked_at(three: Store) -> None:
    three.revert(1, who="anna")
    seen = [
        {name: each.estimate.value for name, each in three.parameters_at(n).items()}
        for n in (1, 2, 3, 4)
    ]
    assert seen[0] == {"q0.t1": 1.0, "q0.f01": 5e9, "q1.t1": 2.0}
    assert seen[1] == {"q0.t1": 3.0, "q0.f01": 5e9, "q1.t1": 4.0}
    assert seen[2] == seen[1] | {"q2.t1": 6.0}
    assert seen[3] == _values(three)


@pytest.mark.parametrize("to", [0, 4, -1, 10**6])
def test_a_revision_that_is_not_there_is_refused(three: Store, to: int) -> None:
    with pytest.raises(StoreError, match=f"no revision r{to}; the newest is r3"):
        three.revert(to, who="anna")


def test_what_was_unknown_then_is_refused_whole(three: Store) -> None:
    later = "q2 was not known at revision 1; it is since revision 3"
    with pytest.raises(StoreError, match=f"^{later}; there is no q9; there are q0, q1, q2$"):
        three.revert(1, ["q0", "q2", "q9"], who="anna")
    assert three.revision() == 3


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("q2.t1", "q2.t1 was not known at revision 1; it is since revision 3"),
        ("q9.t1", "there is no q9; there are q0, q1, q2"),
        ("q0.f02", 'there is no q0.f02 (did you mean "q0.f01"?)'),
        ("q1.f01", 'there is no q1.f01 (did you mean "q1.t1"?)'),
    ],
)
def test_of_a_name_that_cannot_be_set_back_the_part_that_is_wrong_is_said(
    three: Store, name: str, said: str
) -> None:
    with pytest.raises(StoreError) as refused:
        three.revert(1, [name], who="anna")
    assert str(refused.value) == said


def test_nothing_to_go_back_to_is_said(three: Store) -> None:
    same = "what was known at revision 2 has not changed since"
    with pytest.raises(StoreError, match=f"of q1, {same}$"):
        three.revert(2, ["q1"], who="anna")
    assert three.log() == []


def test_what_was_first_measured_since_is_said_to_stay(path: Path) -> None:
    with Store.open(path, "two-qubits") as store:
        store.commit(run(), {"q0.f01": estimate()})
        store.commit(run(), {"q0.t1": estimate(), "q1.t1": estimate()})
        with pytest.raises(StoreError, match=r"of q0, .* since, and kept: q0\.t1$"):
            store.revert(1, ["q0"], who="anna")


def test_what_another_person_holds_is_not_set_back_without_force(three: Store) -> None:
    three.hold("q0", "anna", "tuning by hand")
    for names in (["q0"], ["q0.t1"], []):
        with pytest.raises(StoreError, match="q0 is held by anna: tuning by hand; nothing is set"):
            three.revert(1, names, who="bert")
    assert three.revision() == 3
    assert three.revert(1, ["q1"], who="bert") == 4, "nobody holds that"
    assert three.revert(1, ["q0"], who="anna") == 5, "she holds it herself"
    three.hold("computer", "carl", "a cable")
    with pytest.raises(StoreError, match="computer is held by carl"):
        three.revert(3, ["q1"], who="bert")
    assert three.revert(3, who="bert", force=True) == 6


def test_a_hold_of_the_daemon_keeps_no_person_from_setting_back(three: Store) -> None:
    three.hold("q0", DAEMON, "an error")
    assert three.revert(1, ["q0"], who="bert") == 4
