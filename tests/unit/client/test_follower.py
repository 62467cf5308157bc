"""The consumer's rules: over losses, doubles, delays the copy ends right, and never goes back."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from kammerton.client import Follower
from kammerton.client.follower import KEPT
from kammerton.publish.received import ParameterSet, Received

NAMES = ("q0.f01", "q1.f01", "q2.f01")
NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


def value(number: float, revision: int) -> Received:
    return Received(
        revision=revision, value=number, stderr=1.0, unit="Hz", time=NOON,
        valid_until=None, quality="good", run=f"r{revision:06d}",
    )  # fmt: skip


def document(epoch: str, revision: int, **values: float) -> ParameterSet:
    parameters = {f"{name}.f01": value(number, revision) for name, number in values.items()}
    return ParameterSet(schema=1, epoch=epoch, revision=revision, parameters=parameters)


def held(follower: Follower) -> dict[str, float]:
    return {name.split(".")[0]: each.value for name, each in follower.parameters.items()}


def test_a_snapshot_then_deltas() -> None:
    follower = Follower()
    assert follower.snapshot(document("a", 3, q0=1, q1=1))[0].name == "q0.f01"
    (update,) = follower.delta(document("a", 4, q1=2))
    assert (update.name, update.estimate.value, update.epoch, update.revision) == (
        "q1.f01", 2, "a", 4,
    )  # fmt: skip
    assert held(follower) == {"q0": 1, "q1": 2}


def test_what_is_not_newer_is_ignored() -> None:
    follower = Follower()
    follower.snapshot(document("a", 3, q0=1))
    assert follower.delta(document("a", 3, q0=9)) == []
    assert follower.delta(document("a", 2, q0=9)) == []
    assert follower.snapshot(document("a", 2, q0=9)) == []
    assert held(follower) == {"q0": 1}


def test_a_gap_is_kept_until_a_snapshot_fills_it() -> None:
    follower = Follower()
    follower.snapshot(document("a", 3, q0=1))
    assert follower.delta(document("a", 5, q0=5)) == []
    assert follower.delta(document("a", 6, q1=6)) == []
    assert held(follower) == {"q0": 1}
    updates = follower.snapshot(document("a", 4, q0=4))
    assert [each.estimate.value for each in updates] == [4, 5, 6]
    assert (follower.revision, held(follower)) == (6, {"q0": 5, "q1": 6})


def test_a_late_delta_fills_the_gap_too() -> None:
    follower = Follower()
    follower.snapshot(document("a", 3))
    follower.delta(document("a", 5, q0=5))
    assert [each.revision for each in follower.delta(document("a", 4, q0=4))] == [4, 5]


def test_another_epoch_replaces_everything() -> None:
    follower = Follower()
    follower.snapshot(document("a", 30, q0=1, q1=1))
    follower.delta(document("a", 32, q0=9))
    assert follower.delta(document("b", 31, q0=7)) == []
    follower.snapshot(document("b", 2, q0=3))
    assert (follower.epoch, follower.revision, held(follower)) == ("b", 2, {"q0": 3})


def test_a_parameter_that_is_gone_is_gone() -> None:
    follower = Follower()
    follower.snapshot(document("a", 1, q0=1, q1=1))
    follower.snapshot(document("a", 2, q0=1))
    assert held(follower) == {"q0": 1}


def test_a_flood_behind_a_gap_is_bounded() -> None:
    follower = Follower()
    follower.snapshot(document("a", 0))
    for revision in range(2, KEPT + 100):
        follower.delta(document("a", revision, q0=revision))
    assert len(follower._kept) == KEPT
    follower.snapshot(document("a", KEPT + 98, q0=1))
    assert held(follower) == {"q0": KEPT + 99}


@given(st.data())
def test_any_order_any_loss_any_repetition_ends_at_the_head(data: st.DataObject) -> None:
    sets = st.dictionaries(st.sampled_from(["q0", "q1", "q2"]), st.integers(0, 9), min_size=1)
    history = data.draw(st.lists(sets, min_size=1, max_size=8))
    states: list[dict[str, int]] = [{}]
    for changed in history:
        states.append(states[-1] | changed)
    heard = data.draw(st.lists(st.tuples(st.booleans(), st.integers(1, len(history))), max_size=20))
    follower = Follower()
    last = -1
    for whole, revision in heard:
        if whole:
            follower.snapshot(document("a", revision, **states[revision]))
        else:
            follower.delta(document("a", revision, **history[revision - 1]))
        assert follower.revision >= last, "never back"
        last = follower.revision
        if last >= 0:
            assert held(follower) == states[last], "always a state that once was"
    follower.snapshot(document("a", len(history), **states[-1]))
    assert held(follower) == states[-1]
